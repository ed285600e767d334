package response

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// MaxDocument is how many bytes a policy document may have.
// Source: Systems Manager user guide, "Managing parameter tiers", advanced.
const MaxDocument = 8 << 10

// maxFaults is how many faults are listed.
const maxFaults = 20

// Fault is something that is wrong with a document.
type Fault struct {
	File         string
	Line, Column int
	Message      string
}

// Faults are the faults of a document, in its order. They are an error.
type Faults []Fault

// Error implements error.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", fault.File, fault.Line, fault.Column, fault.Message)
	}
	return strings.Join(lines, "\n")
}

// Decode reads a policy document, YAML or JSON, strictly. file is its name in
// messages. The error is of type Faults.
func Decode(file string, data []byte) (Policy, error) {
	d := &decoder{file: file}
	var p Policy
	if len(data) > MaxDocument {
		d.at(1, 1, "the document has %d bytes; the limit is %d", len(data), MaxDocument)
	} else if root := d.parse(data); root != nil {
		p = d.policy(root)
	}
	if len(d.faults) == 0 {
		return p, nil
	}
	slices.SortStableFunc(d.faults, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if len(d.faults) > maxFaults {
		d.faults = d.faults[:maxFaults]
		d.faults[maxFaults-1].Message = "there are more faults than these"
	}
	return Policy{}, d.faults
}

type decoder struct {
	file   string
	faults Faults
}

func (d *decoder) at(line, column int, format string, args ...any) {
	d.faults = append(d.faults, Fault{d.file, max(line, 1), max(column, 1), fmt.Sprintf(format, args...)})
}

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	d.at(n.Line, n.Column, format, args...)
}

func (d *decoder) parse(data []byte) *yaml.Node {
	root, fault := yamldoc.Root(data, "it needs at least version: 1")
	if fault != nil {
		d.at(fault.Line, fault.Column, "%s", fault.Message)
	}
	return root
}

func (d *decoder) policy(n *yaml.Node) Policy {
	var p Policy
	keys := d.object(n, "the document", topKeys())
	if v := keys["version"]; v != nil && (v.Kind != yaml.ScalarNode || v.Value != "1") {
		d.fault(v, "version is %s; this program reads version 1", yamldoc.Kind(v))
	}
	for _, item := range d.items(keys["severities"], "severities") {
		k := d.object(item, "a severity", severityKeys())
		p.Severities = append(p.Severities, SeverityRule{
			Type: d.glob(k["type"], "type"), Property: d.property(k["property"]),
			Severity: Severity(d.oneOf(k["severity"], "severity", words(Severities()))), Why: d.text(k["why"], "why"),
		})
	}
	p.Responses = d.responses(keys["responses"])
	for _, item := range d.items(keys["ignore"], "ignore") {
		p.Ignore = append(p.Ignore, d.exception(item))
	}
	return p
}

func (d *decoder) responses(n *yaml.Node) map[string]Row {
	if n == nil {
		return nil
	}
	out := map[string]Row{}
	for _, class := range d.entries(n, "responses", classNames()) {
		row := Row{}
		if class.value.Kind == yaml.ScalarNode {
			word := Response(d.oneOf(class.value, "the response of "+class.name, words(Responses())))
			for _, s := range Severities() {
				row[s] = word
			}
		} else {
			for _, cell := range d.entries(class.value, "the response of "+class.name, words(Severities())) {
				row[Severity(cell.name)] = Response(d.oneOf(cell.value, "the response to "+cell.name, words(Responses())))
			}
		}
		out[class.name] = row
	}
	return out
}

func (d *decoder) exception(n *yaml.Node) Exception {
	k := d.object(n, "an exception", ignoreKeys())
	e := Exception{
		Stack: d.glob(k["stack"], "stack"), Type: d.glob(k["type"], "type"), LogicalID: d.glob(k["logicalId"], "logicalId"),
		Property: d.property(k["property"]), Reason: d.text(k["reason"], "reason"), Until: d.until(k["until"]),
	}
	if v := k["deleted"]; v != nil {
		e.Deleted = d.oneOf(v, "deleted", []string{"true", "false"}) == "true"
		if e.Deleted && e.Property != "" {
			d.fault(v, "a deleted resource has no properties: an exception has deleted or property, not both")
		}
	}
	if n.Kind == yaml.MappingNode && e.Stack+e.Type+e.LogicalID+e.Property == "" {
		d.fault(n, "an exception names at least one of stack, type, logicalId and property")
	}
	return e
}

// entry is a key of a mapping and its value.
type entry struct {
	name  string
	value *yaml.Node
}

// entries lists a mapping in order, refusing what is not allowed and
// duplicates. what names the mapping in messages.
func (d *decoder) entries(n *yaml.Node, what string, allowed []string) []entry {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "%s must be a mapping, not %s", what, yamldoc.Kind(n))
		return nil
	}
	var list []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode:
			d.fault(k, "a key of %s must be plain text", what)
		case !slices.Contains(allowed, k.Value):
			d.fault(k, "unknown key %q in %s; allowed are %s", k.Value, what, strings.Join(allowed, ", "))
		case slices.ContainsFunc(list, func(e entry) bool { return e.name == k.Value }):
			d.fault(k, "duplicate key %q in %s", k.Value, what)
		default:
			list = append(list, entry{k.Value, n.Content[i+1]})
		}
	}
	return list
}

// object reads a mapping with a fixed set of keys.
func (d *decoder) object(n *yaml.Node, what string, keys []key) map[string]*yaml.Node {
	var allowed []string
	for _, k := range keys {
		allowed = append(allowed, k.name)
	}
	found := map[string]*yaml.Node{}
	for _, e := range d.entries(n, what, allowed) {
		found[e.name] = e.value
	}
	for _, k := range keys {
		if k.required && found[k.name] == nil && n.Kind == yaml.MappingNode {
			d.fault(n, "%s lacks the key %q", what, k.name)
		}
	}
	return found
}

func (d *decoder) items(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "%s must be a list, not %s", what, yamldoc.Kind(n))
		return nil
	}
	return n.Content
}

func (d *decoder) text(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		d.fault(n, "%s must be text, not %s", what, yamldoc.Kind(n))
		return ""
	}
	return n.Value
}

func (d *decoder) oneOf(n *yaml.Node, what string, allowed []string) string {
	value := d.text(n, what)
	if value != "" && !slices.Contains(allowed, value) {
		d.fault(n, "%s %q is not one of %s", what, value, strings.Join(allowed, ", "))
	}
	return value
}

func (d *decoder) glob(n *yaml.Node, what string) string {
	value := d.text(n, what)
	if !validGlob(value) {
		d.fault(n, "%s %q is no glob of *, ? and [a-z]", what, value)
	}
	return value
}

func (d *decoder) property(n *yaml.Node) string {
	value := d.glob(n, "property")
	if value != "" && !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "**/") {
		d.fault(n, "property %q is no JSON pointer, such as /Tags/** or **/KmsKeyId", value)
	}
	return value
}

// until is an instant; a day counts to its end in UTC.
func (d *decoder) until(n *yaml.Node) time.Time {
	value := d.text(n, "until")
	if value == "" {
		return time.Time{}
	}
	if day, err := time.Parse(time.DateOnly, value); err == nil {
		return day.AddDate(0, 0, 1)
	}
	instant, err := time.Parse(time.RFC3339, value)
	if err != nil {
		d.fault(n, "until %q is neither a day such as 2027-01-31 nor an instant in RFC 3339", value)
	}
	return instant.UTC()
}
