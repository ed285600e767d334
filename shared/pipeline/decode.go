package pipeline

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// Decode reads evenkeel.yaml. file is its name in messages; exists tells
// whether the repository has a file at a path. The error is of type Faults.
func Decode(file string, data []byte, exists func(path string) bool) (*Pipeline, error) {
	d := &decoder{file: file}
	if len(data) > maxFile {
		d.fault(Position{}, "the file has "+strconv.Itoa(len(data)>>10)+" KiB; the limit is "+strconv.Itoa(maxFile>>10))
		return nil, d.faults
	}
	root := d.parse(data)
	if len(d.faults) > 0 {
		return nil, d.faults
	}
	p := d.pipeline(root)
	d.check(p, len(data), exists)
	if len(d.faults) > 0 {
		slices.SortStableFunc(d.faults, func(a, b Fault) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		return nil, d.faults
	}
	return p, nil
}

type decoder struct {
	file   string
	faults Faults
}

// fault notes what is wrong, up to a limit: the last one tells that there are
// more.
func (d *decoder) fault(at Position, message string) {
	switch len(d.faults) {
	case maxFaults:
		return
	case maxFaults - 1:
		message = "there are more faults than these"
	}
	d.faults = append(d.faults, Fault{File: d.file, Line: max(at.Line, 1), Column: max(at.Column, 1), Message: message})
}

func position(n *yaml.Node) Position { return Position{n.Line, n.Column} }

func (d *decoder) parse(data []byte) *yaml.Node {
	root, fault := yamldoc.Root(data, "it needs the keys "+names(topKeys))
	if fault != nil {
		d.fault(Position{fault.Line, fault.Column}, fault.Message)
	}
	return root
}

// entry is a key of a mapping and its value.
type entry struct {
	name  string
	at    Position // of the key
	value *yaml.Node
}

// entries lists a mapping in order, refusing duplicates, anchors and merges.
// what names the mapping in messages.
func (d *decoder) entries(n *yaml.Node, what string) []entry {
	if n.Kind != yaml.MappingNode {
		d.fault(position(n), what+" must be a mapping, not "+yamldoc.Kind(n))
		return nil
	}
	seen := map[string]Position{}
	list := make([]entry, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := position(k)
		if k.Kind != yaml.ScalarNode {
			d.fault(at, "a key of "+what+" must be plain text")
			continue
		}
		if first, twice := seen[k.Value]; twice {
			d.fault(at, "duplicate key "+strconv.Quote(k.Value)+" in "+what+", first on line "+strconv.Itoa(first.Line))
			continue
		}
		seen[k.Value] = at
		list = append(list, entry{k.Value, at, v})
	}
	return list
}

// object reads a mapping with a fixed set of keys.
func (d *decoder) object(n *yaml.Node, what string, allowed []key) map[string]entry {
	before := len(d.faults)
	found := map[string]entry{}
	for _, e := range d.entries(n, what) {
		if !slices.ContainsFunc(allowed, func(k key) bool { return k.name == e.name }) {
			d.fault(e.at, "unknown key "+strconv.Quote(e.name)+" in "+what+"; allowed are "+names(allowed))
			continue
		}
		found[e.name] = e
	}
	if n.Kind != yaml.MappingNode && len(d.faults) > before {
		return found
	}
	for _, k := range allowed {
		if _, ok := found[k.name]; k.required && !ok {
			d.fault(position(n), what+" lacks the key "+strconv.Quote(k.name))
		}
	}
	return found
}

// scalar reads text, a number or a boolean as it was written, so that an
// account number keeps its leading zeros.
func (d *decoder) scalar(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.fault(position(n), what+" must be text, not "+yamldoc.Kind(n))
		return "", false
	}
	return n.Value, true
}

func (d *decoder) matching(n *yaml.Node, what string, allowed pattern, hint string) string {
	value, ok := d.scalar(n, what)
	if ok && !allowed.matches(value) {
		d.fault(position(n), what+" "+strconv.Quote(value)+" is not "+hint)
	}
	return value
}

func (d *decoder) oneOf(n *yaml.Node, what string, allowed []string) string {
	value, ok := d.scalar(n, what)
	if ok && !slices.Contains(allowed, value) {
		d.fault(position(n), what+" "+strconv.Quote(value)+" is not one of "+strings.Join(allowed, ", "))
	}
	return value
}

// items lists a sequence of distinct scalars.
func (d *decoder) items(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		d.fault(position(n), what+" must be a list, not "+yamldoc.Kind(n))
		return nil
	}
	seen := map[string]bool{}
	var list []*yaml.Node
	for _, item := range n.Content {
		value, ok := d.scalar(item, "an item of "+what)
		if !ok {
			continue
		}
		if seen[value] {
			d.fault(position(item), strconv.Quote(value)+" stands twice in "+what)
			continue
		}
		seen[value] = true
		list = append(list, item)
	}
	return list
}

func (d *decoder) templatePath(n *yaml.Node, what string) string {
	value, ok := d.scalar(n, what)
	if ok && (value == "" || path.IsAbs(value) || path.Clean(value) != value || strings.HasPrefix(value, "..") || strings.Contains(value, `\`)) {
		d.fault(position(n), what+" "+strconv.Quote(value)+" is not a path inside the repository, such as templates/network.yaml")
	}
	return value
}

// AsFaults returns the faults in err's chain.
func AsFaults(err error) (Faults, bool) {
	var faults Faults
	ok := errors.As(err, &faults)
	return faults, ok
}
