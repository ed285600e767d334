// Package template is the model of a CloudFormation template: the parsed tree
// with the position of every node, typed views of its sections, evaluation of
// the intrinsic functions, and the order of its resources. It knows nothing of
// AWS's services and reads nothing but its arguments.
package template

import (
	"strconv"
	"strings"
)

// Kind is the kind of a node.
type Kind uint8

// The kinds of nodes. A short form (!Ref x) is the Map {Ref: x}, as CloudFormation sees it.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// String names the kind in JSON's words.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// Form refines Kind by the types that YAML 1.1 tells apart.
type Form uint8

// The forms of nodes.
const (
	FormNone    Form = iota // nothing to add; a Number is a floating point number
	FormInteger             // a Number that is written as a whole number
	FormDate                // a String without quotes that is a date
	FormTime                // a String without quotes that is a date with a time of day
	FormBinary              // a String of bytes that !!binary gives
	FormSet                 // a Map that !!set gives, its values null
	FormPairs               // a List that !!omap or !!pairs gives, of maps with one entry
)

// Node is one value of a template. Nodes are shared, by aliases and between a
// template and what transforms make of it: do not change a node that the
// parser returned.
type Node struct {
	Kind   Kind
	Form   Form
	True   bool // value of a Bool
	Short  bool // written as a short form, "!Sub …"
	Merged bool // a Map with a merge key, "<<"
	// EndLine and EndColumn are where the value ends: the place after its last
	// character, from 1; 0 if unknown.
	EndLine, EndColumn int32
	Line, Column       int // where the value starts, from 1; an alias counts where its anchor is
	// Text is the value of a String, and the source text of a Bool or Number.
	Text    string
	Float   float64 // value of a Number
	Entries []Entry // of a Map, in the order of the text, merged ones first
	Items   []*Node // of a List
}

// Entry is one key and value of a map.
type Entry struct {
	// Key is the key's text: of a key that is no string, its source text.
	Key          string
	Line, Column int   // of the key
	EndColumn    int32 // where the key ends on its line, as in Node; 0 if unknown
	Value        *Node
	KeyNode      *Node // a key that is no string, such as 1 or true; else nil
}

// Get returns the value of a key, nil if n is nil, no map or lacks the key.
func (n *Node) Get(key string) *Node {
	if e := n.Entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Entry returns the entry of a key, nil as with Get.
func (n *Node) Entry(key string) *Entry {
	if n == nil {
		return nil
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// Str returns the text of a String node and "" for anything else.
func (n *Node) Str() string {
	if n == nil || n.Kind != String {
		return ""
	}
	return n.Text
}

// IsString reports whether n is a String node.
func (n *Node) IsString() bool { return n != nil && n.Kind == String }

// IsMap reports whether n is a Map node.
func (n *Node) IsMap() bool { return n != nil && n.Kind == Map }

// IsList reports whether n is a List node.
func (n *Node) IsList() bool { return n != nil && n.Kind == List }

// Strings returns the texts of a String node or of the strings in a List node.
func (n *Node) Strings() []string {
	switch {
	case n == nil:
		return nil
	case n.Kind == String:
		return []string{n.Text}
	}
	var out []string
	for _, i := range n.Items {
		if i.Kind == String {
			out = append(out, i.Text)
		}
	}
	return out
}

// Call returns the name and argument of an intrinsic function call: a map with
// the single key "Ref" or "Fn::…". Condition is a function only inside
// conditions and is not reported here.
func (n *Node) Call() (name string, arg *Node, ok bool) {
	if n == nil || n.Kind != Map || len(n.Entries) != 1 {
		return "", nil, false
	}
	e := &n.Entries[0]
	if e.Key == "Ref" || strings.HasPrefix(e.Key, "Fn::") {
		return e.Key, e.Value, true
	}
	return "", nil, false
}

// GetAtt returns the logical id and attribute named by the argument of
// Fn::GetAtt, in its string form "Id.Attribute" or its list form. ok is false
// if the parts are not plain strings.
func (n *Node) GetAtt() (logicalID, attribute string, ok bool) {
	switch {
	case n == nil:
		return "", "", false
	case n.Kind == String:
		logicalID, attribute, ok = strings.Cut(n.Text, ".")
		return logicalID, attribute, ok
	case n.Kind != List || len(n.Items) < 2 || n.Items[0].Kind != String:
		return "", "", false
	}
	parts := make([]string, 0, len(n.Items)-1)
	for _, i := range n.Items[1:] {
		if i.Kind != String {
			return "", "", false
		}
		parts = append(parts, i.Text)
	}
	return n.Items[0].Text, strings.Join(parts, "."), true
}

// Walk calls visit for n and everything in it, parents first, in the order of
// the text. visit returns false to leave out what is inside.
func (n *Node) Walk(visit func(*Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	for i := range n.Entries {
		n.Entries[i].Value.Walk(visit)
	}
	for _, i := range n.Items {
		i.Walk(visit)
	}
}

// Value returns the tree as plain JSON values, function calls unevaluated.
func (n *Node) Value() any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Bool:
		return n.True
	case Number:
		return n.Float
	case String:
		return n.Text
	case List:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			out[i] = item.Value()
		}
		return out
	case Map:
		out := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			out[e.Key] = e.Value.Value()
		}
		return out
	}
	return nil
}

// Each calls visit for the values directly in a map or list, with their key or
// index.
func (n *Node) Each(visit func(name string, child *Node)) {
	for i := range n.Entries {
		visit(n.Entries[i].Key, n.Entries[i].Value)
	}
	for i, item := range n.Items {
		visit(strconv.Itoa(i), item)
	}
}
