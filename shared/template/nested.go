package template

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// NestedStack is a resource whose template is a file of the repository, as
// `aws cloudformation package` and `sam package` accept it: any text that is no
// URL, relative to the directory of the template that names it.
type NestedStack struct {
	LogicalID  string
	File       string // the template's name, cleaned
	Where      *Node  // the text that names the template
	Parameters *Node  // what the parent gives, nil if nothing
	Outputs    []OutputUse
}

// OutputUse is a use of an output of a nested stack, by Fn::GetAtt or Fn::Sub.
type OutputUse struct {
	Name string // of the output
	Node *Node  // the argument that names it
	Path []string
}

// templateProperty is the property of a resource that names its template (user
// guides of CloudFormation and SAM), "" if its type has none.
func templateProperty(r *Resource) string {
	switch r.Type {
	case "AWS::CloudFormation::Stack":
		return "TemplateURL"
	case "AWS::Serverless::Application":
		return "Location"
	}
	return ""
}

// NestedStacks lists the nested stacks with a template in the repository, in
// the order of the text. Whether the files exist is not checked.
func NestedStacks(t *Template) []NestedStack {
	var out []NestedStack
	index := map[string]int{}
	for id, r := range t.Resources.All() {
		where := r.Properties.Get(templateProperty(r))
		if !where.IsString() || !isLocalFile(where.Text) {
			continue
		}
		file := where.Text
		if !path.IsAbs(file) {
			file = path.Join(path.Dir(t.File), file)
		}
		index[id] = len(out)
		out = append(out, NestedStack{LogicalID: id, File: path.Clean(file), Where: where, Parameters: r.Properties.Get("Parameters")})
	}
	if len(out) == 0 {
		return nil
	}
	w := &outputWalk{use: func(id, output string, n *Node, way []string) {
		if i, ok := index[id]; ok {
			out[i].Outputs = append(out[i].Outputs, OutputUse{output, n, slices.Clone(way)})
		}
	}}
	w.walk(t.Root)
	return out
}

// isLocalFile reports what is no URL and no dynamic reference.
func isLocalFile(name string) bool {
	return name != "" && !strings.Contains(name, "://") && !strings.Contains(name, "{{resolve:")
}

// outputWalk finds the uses of "Outputs.Name" attributes, with their paths.
type outputWalk struct {
	use func(id, output string, n *Node, way []string)
	way []string
}

func (w *outputWalk) walk(n *Node) {
	if name, arg, ok := n.Call(); ok && (name == "Fn::GetAtt" || name == "Fn::Sub") {
		w.way = append(w.way, name)
		w.uses(name, arg)
		w.way = w.way[:len(w.way)-1]
	}
	for i := range n.Entries {
		w.down(n.Entries[i].Key, n.Entries[i].Value)
	}
	for i, item := range n.Items {
		w.down(strconv.Itoa(i), item)
	}
}

func (w *outputWalk) down(key string, n *Node) {
	if n.Kind < List {
		return
	}
	w.way = append(w.way, key)
	w.walk(n)
	w.way = w.way[:len(w.way)-1]
}

func (w *outputWalk) uses(name string, arg *Node) {
	var refs []Reference
	if name == "Fn::Sub" {
		refs = subReferences(arg)
	} else if id, attribute, ok := arg.GetAtt(); ok {
		refs = append(refs, Reference{name, id, attribute, arg})
	}
	for _, r := range refs {
		if output, ok := strings.CutPrefix(r.Attribute, "Outputs."); ok {
			w.use(r.Name, output, r.Node, w.way)
		}
	}
}

// NestingCycles finds templates that nest each other without end: each cycle
// begins at the first of its templates in the order of names, and the last
// nests the first. load gives a template by its file name, nil if there is
// none; it is asked once for each name.
func NestingCycles(names []string, load func(name string) *Template) [][]string {
	c := &nestingSearch{load: load, state: map[string]truth{}}
	for _, name := range names {
		c.visit(path.Clean(name))
	}
	return c.cycles
}

// maxNesting is the deepest nesting that is followed.
const maxNesting = 100

type nestingSearch struct {
	load   func(string) *Template
	state  map[string]truth // running while on the way, yes when done
	way    []string
	cycles [][]string
}

func (c *nestingSearch) visit(name string) {
	switch c.state[name] {
	case yes:
		return
	case running:
		c.cycles = append(c.cycles, slices.Clone(c.way[slices.Index(c.way, name):]))
		return
	}
	if len(c.way) >= maxNesting {
		return
	}
	c.state[name] = running
	c.way = append(c.way, name)
	if t := c.load(name); t != nil {
		for _, n := range NestedStacks(t) {
			c.visit(n.File)
		}
	}
	c.way = c.way[:len(c.way)-1]
	c.state[name] = yes
}
