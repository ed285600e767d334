package healing

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// MaxPolicy is how many bytes a policy document may have.
// Source: Systems Manager user guide, "Managing parameter tiers", advanced.
const MaxPolicy = 8 << 10

// PolicyFault is something that is wrong with a policy document.
type PolicyFault struct {
	Line, Column int
	Field        string // "scopes[1].maxIPv4"; "" for the document
	Message      string
}

// PolicyFaults are the faults of a document, in its order. They are an error.
type PolicyFaults []PolicyFault

// Error implements error.
func (f PolicyFaults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// String is "3:14: scopes[1].maxIPv4: …".
func (f PolicyFault) String() string {
	where := fmt.Sprintf("%d:%d: ", f.Line, f.Column)
	if f.Field != "" {
		where += f.Field + ": "
	}
	return where + f.Message
}

// DecodePolicy reads a policy document, JSON or YAML, strictly, because a
// mistyped policy would protect nothing: what is unknown, out of range or
// without effect is an Invalid error that lists every fault as PolicyFaults. A
// list in the document replaces the default one; what is left out is as in
// DefaultPolicy.
func DecodePolicy(data []byte) (Policy, error) {
	d := &decoder{nodes: map[string]*yaml.Node{}}
	p := DefaultPolicy()
	if len(data) > MaxPolicy {
		d.at(nil, "", "the document has %d bytes; Parameter Store holds %d", len(data), MaxPolicy)
	} else if root := d.parse(data); root != nil {
		mapping(d.value(root, ""), policyFields(), &p)
		d.check(p)
	}
	if len(d.faults) == 0 {
		return p, nil
	}
	slices.SortStableFunc(d.faults, func(a, b PolicyFault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return Policy{}, fault.Invalid("healing policy: %w", d.faults)
}

// decoder collects the faults of one document.
type decoder struct {
	faults PolicyFaults
	nodes  map[string]*yaml.Node // by field, for faults that are found when all is read
}

func (d *decoder) at(n *yaml.Node, field, format string, args ...any) {
	line, column := 1, 1
	if n != nil {
		line, column = max(n.Line, 1), max(n.Column, 1)
	}
	d.faults = append(d.faults, PolicyFault{line, column, field, fmt.Sprintf(format, args...)})
}

// blame is a fault of a field, where it is in the document, or what holds it.
func (d *decoder) blame(field, format string, args ...any) {
	d.at(d.nodes[field], field, format, args...)
}

func (d *decoder) value(n *yaml.Node, field string) value {
	d.nodes[field] = n
	return value{d, n, field}
}

func (d *decoder) parse(data []byte) *yaml.Node {
	root, fault := yamldoc.Root(data, "write {} for the default policy")
	if fault != nil {
		d.at(&yaml.Node{Line: fault.Line, Column: fault.Column}, "", "%s", fault.Message)
	}
	return root
}

// value is a part of the document and the field that it is.
type value struct {
	*decoder
	node  *yaml.Node
	field string
}

func (v value) fail(format string, args ...any) { v.at(v.node, v.field, format, args...) }

// mapping reads the fields of a mapping. Unknown and repeated keys are faults.
func mapping[T any](v value, fields []field[T], into *T) {
	if v.node.Kind != yaml.MappingNode {
		v.fail("want a mapping, not %s", kindOf(v.node))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		at := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == key.Value })
		switch {
		case at < 0:
			v.at(key, v.field, "unknown key %q; the keys are %s", key.Value, strings.Join(names(fields), ", "))
		case seen[key.Value]:
			v.at(key, v.field, "%q is there twice", key.Value)
		default:
			seen[key.Value] = true
			fields[at].read(v.value(v.node.Content[i+1], join(v.field, key.Value)), into)
		}
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			v.fail("lacks the key %q", f.name)
		}
	}
}

func names[T any](fields []field[T]) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return list
}

func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// kindOf names a value; one that is left empty is no default here.
func kindOf(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return "nothing (leave the key out for the default)"
	}
	return yamldoc.Kind(n)
}
