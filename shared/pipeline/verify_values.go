package pipeline

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

func isOutput(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "output"
}

// withOutputs reads a text of a check, or {output: …}, which is the same as
// the text "${output.…}", and notes the outputs that it names.
func (d *decoder) withOutputs(c *Check, n *yaml.Node, what string) string {
	if n.Kind == yaml.MappingNode {
		keys := d.object(n, what, outputKeys)
		k, ok := keys["output"]
		if !ok {
			return ""
		}
		reference := d.matching(k.value, "output", ownOutputPattern, "OutputName or stack.OutputName")
		d.note(c, reference, position(k.value))
		return refBegin + reference + refEnd
	}
	text := d.shortText(n, what)
	d.noteAll(c, text, position(n))
	return text
}

// shortText reads a text that is not empty and not long.
func (d *decoder) shortText(n *yaml.Node, what string) string {
	text, ok := d.scalar(n, what)
	if ok && (text == "" || len(text) > maxCheckText) {
		d.fault(position(n), what+" must have 1 to "+strconv.Itoa(maxCheckText)+" bytes")
	}
	return text
}

func (d *decoder) noteAll(c *Check, text string, at Position) {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, refBegin)
		if !found {
			return
		}
		reference, more, closed := strings.Cut(after, refEnd)
		if !closed || !ownOutputPattern.matches(reference) {
			d.fault(at, strconv.Quote(refBegin+clip(reference))+" is not ${output.OutputName} or ${output.stack.OutputName}")
			return
		}
		d.note(c, reference, at)
		rest = more
	}
}

func clip(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}

func (d *decoder) note(c *Check, reference string, at Position) {
	stack, output := splitReference(reference)
	c.outputs = append(c.outputs, outputRef{stack, output, at})
}

func (d *decoder) statuses(n *yaml.Node) []StatusRange {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		d.fault(position(n), "status names no status code")
	}
	var list []StatusRange
	for _, item := range items {
		value := d.matching(item, "status", statusPattern, "a status code or a range, such as 200 or 200-204")
		first, last, isRange := strings.Cut(value, "-")
		if !isRange {
			last = first
		}
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		if from > to {
			d.fault(position(item), "status "+strconv.Quote(value)+" ends before it begins")
		}
		list = append(list, StatusRange{from, to})
	}
	return list
}

func (d *decoder) paths(n *yaml.Node) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, e := range d.entries(n, "json") {
		if !pathPattern.matches(e.name) {
			d.fault(e.at, "the path "+strconv.Quote(e.name)+" is not like $.items[0].name")
		}
		if e.value.Kind != yaml.ScalarNode {
			d.fault(position(e.value), "the value of "+e.name+" must be text, a number, true, false or null, not "+yamldoc.Kind(e.value))
			continue
		}
		all[e.name] = d.toJSON(e.value, 0)
	}
	return all
}

func (d *decoder) payload(c *Check, n *yaml.Node) json.RawMessage {
	before := len(d.faults)
	data := d.toJSON(n, 0)
	if len(d.faults) > before {
		return nil
	}
	if len(data) > maxPayload {
		d.fault(position(n), "the payload has "+strconv.Itoa(len(data))+" bytes; the limit is "+strconv.Itoa(maxPayload))
	}
	d.payloadOutputs(c, n)
	return data
}

func (d *decoder) payloadOutputs(c *Check, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		d.noteAll(c, n.Value, position(n))
	}
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			d.payloadOutputs(c, child)
		}
	}
}

// toJSON turns a YAML value into JSON. Aliases are refused, so that it cannot
// grow.
func (d *decoder) toJSON(n *yaml.Node, depth int) json.RawMessage {
	if depth > maxDepth {
		d.fault(position(n), "the value is nested deeper than "+strconv.Itoa(maxDepth)+" levels")
		return nil
	}
	var value any
	switch n.Kind {
	case yaml.MappingNode:
		members := map[string]json.RawMessage{}
		for _, e := range d.entries(n, "the value") {
			members[e.name] = d.toJSON(e.value, depth+1)
		}
		value = members
	case yaml.SequenceNode:
		items := make([]json.RawMessage, 0, len(n.Content))
		for _, item := range n.Content {
			items = append(items, d.toJSON(item, depth+1))
		}
		value = items
	case yaml.ScalarNode:
		if n.Decode(&value) != nil || n.Tag == "!!timestamp" || n.Tag == "!!binary" {
			value = n.Value
		}
	default:
		d.fault(position(n), "a value must not be "+yamldoc.Kind(n))
		return nil
	}
	data, err := json.Marshal(value)
	if err != nil { // .nan and .inf, or a part that was refused
		d.fault(position(n), "the value cannot be written as JSON")
		return nil
	}
	return data
}

// verifications checks that outputs come from a stack that is certain to be
// deployed before: the check's own, or one that it depends on.
func (d *decoder) verifications(p *Pipeline, ancestors map[string]map[string]bool) {
	for _, stack := range p.Stacks {
		for _, c := range stack.Verify {
			for _, r := range c.outputs {
				switch {
				case r.stack == "" || r.stack == stack.Name || ancestors[stack.Name][r.stack]:
				case !p.has(r.stack):
					d.fault(r.at, "the check reads an output of "+strconv.Quote(r.stack)+", which is no stack; stacks are "+p.stackNames())
				default:
					d.fault(r.at, "the check reads an output of "+r.stack+", which "+stack.Name+" does not depend on; add it to dependsOn, or move the check to the stage")
				}
			}
		}
	}
	for _, stage := range p.Stages {
		for _, c := range stage.Verify {
			for _, r := range c.outputs {
				switch {
				case r.stack == "":
					d.fault(r.at, "a check of a stage has no stack of its own: write ${output.stack."+r.output+"}")
				case !p.has(r.stack):
					d.fault(r.at, "the check reads an output of "+strconv.Quote(r.stack)+", which is no stack; stacks are "+p.stackNames())
				}
			}
		}
	}
}

// Outputs lists the stacks whose outputs the check reads, sorted; "" is its
// own. It looks at the texts, so that it also works on a check that travelled
// as JSON.
func (c Check) Outputs() []string {
	found := map[string]bool{}
	for _, reference := range referencesIn(c) {
		stack, _ := splitReference(reference)
		found[stack] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// referencesIn lists the output references in the texts of a value, as they
// stand in its JSON form.
func referencesIn(value any) []string {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var list []string
	for rest := string(data); ; {
		_, after, ok := strings.Cut(rest, refBegin)
		if !ok {
			return list
		}
		reference, more, _ := strings.Cut(after, refEnd)
		list = append(list, reference)
		rest = more
	}
}
