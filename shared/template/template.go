package template

import (
	"iter"
	"slices"
	"strings"
	"sync"
)

// Template is a parsed template. Its views are lenient: what has the wrong
// shape is empty here and reported by package validation.
type Template struct {
	File        string
	Root        *Node
	Description string
	Transforms  []string // names of the macros that process the whole template

	Parameters     Section[*Parameter]
	Mappings       Section[*Node]
	ConditionNodes Section[*Node]
	Resources      Section[*Resource]
	Outputs        Section[*Output]

	// Loops is set if a section holds Fn::ForEach or Fn::Transform, so that more
	// entries may exist than the views show.
	Loops bool

	once         sync.Once // guards dependencies
	dependencies map[string][]string
}

// Section is the named entries of one section, in the order of the text.
type Section[T any] struct {
	names  []string
	byName map[string]T
}

// Names returns the names in the order of the text. Do not change the result.
func (s Section[T]) Names() []string { return s.names }

// Len returns the number of entries.
func (s Section[T]) Len() int { return len(s.names) }

// Get returns the entry of a name.
func (s Section[T]) Get(name string) (T, bool) { v, ok := s.byName[name]; return v, ok }

// Has reports whether there is an entry of the name.
func (s Section[T]) Has(name string) bool { _, ok := s.byName[name]; return ok }

// All yields names and entries in the order of the text.
func (s Section[T]) All() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, n := range s.names {
			if !yield(n, s.byName[n]) {
				return
			}
		}
	}
}

// Parameter is one entry of Parameters.
type Parameter struct {
	Name          string
	Line, Column  int // of the name
	Node          *Node
	Type          string
	Default       *Node
	AllowedValues []string
	NoEcho        bool
}

// Resource is one entry of Resources.
type Resource struct {
	LogicalID           string
	Line, Column        int // of the logical id
	Node                *Node
	Type                string
	Properties          *Node // nil if it has none
	Condition           string
	DependsOn           []string
	DeletionPolicy      string // "" is Delete
	UpdateReplacePolicy string
	Metadata            *Node
}

// Output is one entry of Outputs.
type Output struct {
	Name         string
	Line, Column int // of the name
	Node         *Node
	Value        *Node
	Export       *Node // the Name of Export, nil if it exports nothing
	Condition    string
	Description  string
}

func newTemplate(file string, root *Node) *Template {
	t := &Template{File: file, Root: root, Description: root.Get("Description").Str()}
	t.Transforms = transforms(root.Get("Transform"))
	t.Parameters = section(root.Get("Parameters"), newParameter)
	t.Mappings = section(root.Get("Mappings"), func(e Entry) *Node { return e.Value })
	t.ConditionNodes = section(root.Get("Conditions"), func(e Entry) *Node { return e.Value })
	t.Resources = section(root.Get("Resources"), newResource)
	t.Outputs = section(root.Get("Outputs"), newOutput)
	for _, name := range []string{"Parameters", "Mappings", "Conditions", "Resources", "Outputs"} {
		if s := root.Get(name); s.IsMap() {
			t.Loops = t.Loops || slices.ContainsFunc(s.Entries, func(e Entry) bool { return Expands(e.Key) })
		}
	}
	return t
}

// transforms lists names: a string, a list of strings, or of {Name, Parameters}.
func transforms(n *Node) []string {
	if n == nil {
		return nil
	}
	items := n.Items
	if n.Kind != List {
		items = []*Node{n}
	}
	var out []string
	for _, i := range items {
		if i.Kind == Map {
			i = i.Get("Name")
		}
		if s := i.Str(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Expands reports whether a key stands for entries that a transform adds:
// Fn::ForEach::Name or Fn::Transform.
func Expands(key string) bool {
	return key == "Fn::Transform" || strings.HasPrefix(key, "Fn::ForEach::")
}

func section[T any](n *Node, view func(Entry) T) Section[T] {
	s := Section[T]{byName: map[string]T{}}
	if n == nil || n.Kind != Map {
		return s
	}
	for _, e := range n.Entries {
		if Expands(e.Key) {
			continue
		}
		s.names = append(s.names, e.Key)
		s.byName[e.Key] = view(e)
	}
	return s
}

func newParameter(e Entry) *Parameter {
	n := e.Value
	p := &Parameter{Name: e.Key, Line: e.Line, Column: e.Column, Node: n, Type: n.Get("Type").Str(), Default: n.Get("Default")}
	if allowed := n.Get("AllowedValues"); allowed != nil {
		for _, v := range allowed.Items {
			p.AllowedValues = append(p.AllowedValues, v.Text)
		}
	}
	if no := n.Get("NoEcho"); no != nil {
		p.NoEcho = no.True || no.Text == "true"
	}
	return p
}

func newResource(e Entry) *Resource {
	n := e.Value
	r := &Resource{
		LogicalID: e.Key, Line: e.Line, Column: e.Column, Node: n,
		Type:                n.Get("Type").Str(),
		Condition:           n.Get("Condition").Str(),
		DependsOn:           n.Get("DependsOn").Strings(),
		DeletionPolicy:      n.Get("DeletionPolicy").Str(),
		UpdateReplacePolicy: n.Get("UpdateReplacePolicy").Str(),
		Metadata:            n.Get("Metadata"),
	}
	if p := n.Get("Properties"); p.IsMap() {
		r.Properties = p
	}
	return r
}

func newOutput(e Entry) *Output {
	n := e.Value
	return &Output{
		Name: e.Key, Line: e.Line, Column: e.Column, Node: n,
		Value:       n.Get("Value"),
		Export:      n.Get("Export").Get("Name"),
		Condition:   n.Get("Condition").Str(),
		Description: n.Get("Description").Str(),
	}
}
