package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// LanguageExtensionsTransform is the transform that ForEach and the other
// language extensions need.
const LanguageExtensionsTransform = "AWS::LanguageExtensions"

// Problem is why a template cannot be transformed.
type Problem struct {
	Line, Column int // from 1
	Message      string
}

// The limits of an expansion: loops in loops multiply.
const (
	maxLoopNodes = 100_000  // values visited inside loops
	maxLoopBytes = 16 << 20 // of text that replaces identifiers
	maxMapNames  = 200_000  // names that are looked up in Mappings
)

// LanguageExtensions expands AWS::LanguageExtensions as cfn-lint 1.51 does.
type LanguageExtensions struct {
	Region string // what AWS::Region is; "" is us-east-1
}

// ExpandLanguageExtensions expands with the defaults.
func ExpandLanguageExtensions(root *Node) (*Node, []Problem) {
	return LanguageExtensions{}.Expand(root)
}

// Expand returns the template after AWS::LanguageExtensions: Fn::ForEach
// unrolled, identifiers replaced, Fn::Sub without other variables made text,
// Fn::FindInMap replaced by a value of the mapping, entries of null left out.
// What only a deployment knows is guessed as cfn-lint guesses it: a list
// parameter without a default has two items, an unknown collection two items
// with made-up names, a map is looked up at its longest list. Fn::Length,
// Fn::ToJsonString and functions in DeletionPolicy stay as they are. Expanded
// nodes keep the position of their source. The root stays unchanged; the result
// shares what did not change. With problems, the result is nil.
func (l LanguageExtensions) Expand(root *Node) (*Node, []Problem) {
	if l.Region == "" {
		l.Region = "us-east-1"
	}
	x := &expander{region: l.Region, root: root, cache: map[string][]*Node{}}
	out, err := x.walk(root, nil)
	if err == nil {
		return out, nil
	}
	var fault *expansionError
	if !errors.As(err, &fault) {
		return nil, []Problem{{1, 1, err.Error()}}
	}
	p := Problem{1, 1, fault.message}
	if fault.at != nil && fault.at.Line > 0 {
		p.Line, p.Column = fault.at.Line, fault.at.Column
	}
	return nil, []Problem{p}
}

// expansionError is what ends an expansion; unresolved ones are caught where a
// guess can take the place of the value.
type expansionError struct {
	at         *Node
	message    string
	unresolved bool
}

func (e *expansionError) Error() string { return e.message }

func faultAt(n *Node, format string, args ...any) error {
	return &expansionError{at: n, message: fmt.Sprintf(format, args...)}
}

func unresolvedAt(n *Node, what string) error {
	return &expansionError{at: n, message: what + " cannot be resolved", unresolved: true}
}

func isUnresolved(err error) bool {
	var e *expansionError
	return errors.As(err, &e) && e.unresolved
}

// binding is the value of a loop's identifier. Inner loops come last.
type binding struct {
	name     string
	variable string // "{name}"
	value    *Node
}

func lookup(params []binding, name string) (*Node, bool) {
	for i := range slices.Backward(params) {
		if params[i].name == name {
			return params[i].value, true
		}
	}
	return nil, false
}

// bind adds a binding; one of the same name keeps its place, as in a dict.
func bind(params []binding, name string, value *Node) []binding {
	out := append(make([]binding, 0, len(params)+1), params...)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
			return out
		}
	}
	return append(out, binding{name, "{" + name + "}", value})
}

type expander struct {
	region  string
	root    *Node
	account *Node              // what AWS::AccountId was guessed to be
	cache   map[string][]*Node // guesses for collections, by their text
	guesses int
	nodes   int
	bytes   int
	names   int
}

func (x *expander) walk(n *Node, params []binding) (*Node, error) {
	if len(params) > 0 {
		if x.nodes++; x.nodes > maxLoopNodes {
			return nil, faultAt(n, "Fn::ForEach expands to more than %d values", maxLoopNodes)
		}
	}
	switch n.Kind {
	case Map:
		return x.object(n, params)
	case List:
		return x.list(n, params)
	}
	return n, nil
}

func (x *expander) list(n *Node, params []binding) (*Node, error) {
	var out *Node
	for i, item := range n.Items {
		v, err := x.walk(item, params)
		if err != nil {
			return nil, err
		}
		if v == item {
			continue
		}
		if out == nil {
			out = n.withItems(slices.Clone(n.Items))
		}
		out.Items[i] = v
	}
	if out == nil {
		return n, nil
	}
	return out, nil
}

func (n *Node) withItems(items []*Node) *Node {
	c := *n
	c.Items = items
	return &c
}

func (n *Node) withEntries(entries []Entry) *Node {
	c := *n
	c.Entries, c.Merged = entries, false
	return &c
}

// unrolling is a map while its entries are walked. An entry without a value is
// deleted.
type unrolling struct {
	n       *Node
	entries []Entry
	changed bool
}

func (u *unrolling) set(i int, v *Node) {
	if u.entries[i].Value == v {
		return
	}
	if !u.changed {
		u.entries, u.changed = slices.Clone(u.entries), true
	}
	u.entries[i].Value = v
}

func (u *unrolling) result() *Node {
	if !u.changed && !u.n.Merged {
		return u.n
	}
	kept := make([]Entry, 0, len(u.entries))
	for _, e := range u.entries {
		if e.Value != nil {
			kept = append(kept, e)
		}
	}
	return u.n.withEntries(kept)
}

func (x *expander) object(n *Node, params []binding) (*Node, error) {
	u := &unrolling{n: n, entries: n.Entries}
	if len(params) > 0 {
		if err := x.renameKeys(u, params); err != nil {
			return nil, err
		}
	}
	for i, count := 0, len(u.entries); i < count; i++ {
		e := u.entries[i]
		if e.KeyNode != nil {
			return nil, faultAt(e.KeyNode, "the key %s is not a string", excerpt(e.Key))
		}
		if isLoop(e.Key) {
			if err := x.unroll(u, i, params); err != nil {
				return nil, err
			}
			continue
		}
		v, whole, err := x.entry(e, params)
		switch {
		case err != nil:
			return nil, err
		case whole != nil:
			return whole, nil
		case e.Key == "Fn::ToJsonString": // any value is meant as it is
			return u.result(), nil
		}
		u.set(i, v)
	}
	return u.result(), nil
}

// isLoop reports a key of the form "Fn::ForEach::Name".
func isLoop(key string) bool {
	name, ok := strings.CutPrefix(key, "Fn::ForEach::")
	if !ok || name == "" {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// renameKeys replaces identifiers in keys. A renamed entry moves to the end and
// replaces one that has the name already.
func (x *expander) renameKeys(u *unrolling, params []binding) error {
	var renamed []Entry
	for i, e := range u.entries {
		if e.KeyNode != nil {
			return faultAt(e.KeyNode, "the key %s is not a string", excerpt(e.Key))
		}
		key, _, err := x.replace(e.Value, e.Key, params)
		if err != nil {
			return err
		}
		if key == e.Key {
			continue
		}
		u.set(i, nil)
		e.Key = key
		renamed = append(renamed, e)
	}
	if renamed == nil {
		return nil
	}
	entries := slices.DeleteFunc(u.entries, func(e Entry) bool { return e.Value == nil })
	for _, e := range renamed {
		if i := slices.IndexFunc(entries, func(o Entry) bool { return o.Key == e.Key }); i >= 0 {
			entries[i].Value = e.Value
		} else {
			entries = append(entries, e)
		}
	}
	u.entries = entries
	return nil
}

// unroll adds what the loop at i gives to the end of its map, and takes out the
// loop.
func (x *expander) unroll(u *unrolling, i int, params []binding) error {
	e := u.entries[i]
	loop, err := newLoop(e)
	if err != nil {
		return err
	}
	names := make(map[string]bool, 2*len(u.entries))
	for _, o := range u.entries {
		if o.Value != nil {
			names[o.Key] = true
		}
	}
	var added []Entry
	err = loop.each(x, params, func(value *Node) error {
		if loop.identifier.Kind == Map {
			return faultAt(loop.identifier, "the identifier of %s is a string", e.Key)
		}
		body, err := x.walk(loop.body, bind(params, loop.identifier.Text, value))
		if err != nil {
			return err
		}
		if body.Kind != Map {
			return faultAt(loop.body, "the body of %s is an object", e.Key)
		}
		for _, made := range body.Entries {
			if names[made.Key] {
				return faultAt(loop.body, "%s makes the key %q twice", e.Key, excerpt(made.Key))
			}
			names[made.Key] = true
			added = append(added, made)
		}
		return nil
	})
	if err != nil {
		return err
	}
	u.set(i, nil)
	u.entries = append(u.entries, added...)
	return nil
}
