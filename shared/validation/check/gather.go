package check

import (
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// ValuesAt calls visit with each value at a path of property names below n, in
// each branch of an Fn::If on the way; "*" is every item of a list. The value is
// nil where there is none or AWS::NoValue removes it. The walk stands at the
// value and in the conditions that lead to it.
func (v *Validator) ValuesAt(n *template.Node, names []string, visit func(*template.Node)) {
	k, arg := Function(n)
	switch {
	case k == js.FnIf:
		v.branchesAt(arg, names, visit)
		return
	case k == js.FnRef && arg.Str() == "AWS::NoValue":
		v.Below(Key("Ref"), func() { visit(nil) })
		return
	case k != js.None:
		if len(names) == 0 {
			visit(n)
		}
		return
	}
	if len(names) == 0 {
		visit(n)
		return
	}
	if n.IsList() && names[0] == "*" {
		for i, item := range n.Items {
			v.Below(Index(i), func() { v.ValuesAt(item, names[1:], visit) })
		}
		return
	}
	if !n.IsMap() {
		visit(nil)
		return
	}
	v.Below(Key(names[0]), func() { v.ValuesAt(n.Get(names[0]), names[1:], visit) })
}

func (v *Validator) branchesAt(arg *template.Node, names []string, visit func(*template.Node)) {
	if !arg.IsList() || len(arg.Items) != 3 {
		return
	}
	if c := arg.Items[0]; c.Kind == template.Map || c.Kind == template.List {
		// The rule that asks cannot go on.
		f := v.Fault("the condition of Fn::If is not a name")
		f.Path, f.Keyword = v.ruleAt.With(), js.CfnLint
		return
	}
	for i := 1; i <= 2; i++ {
		status, ok := v.Conditions.Evolve(arg.Items[0].Str(), i == 1)
		if !ok {
			continue
		}
		v.Scoped(func() {
			v.Conditions = status
			v.Below(Key("Fn::If"), func() {
				v.Below(Index(i), func() { v.ValuesAt(arg.Items[i], names, visit) })
			})
		})
	}
}

// cfnGather is the keyword cfnGather: properties of this resource and of one it
// refers to are put side by side and checked against a schema.
func cfnGather(v *Validator, s *js.Schema, n *template.Node) {
	g := &gathering{v: v, spec: s.Gather, instance: n, at: v.path.With()}
	for _, e := range entries(s.Gather.Get("gather")) {
		if e.Value.Get("reference") != nil {
			g.remote = append(g.remote, e)
		} else {
			g.local = append(g.local, e)
		}
	}
	if len(g.remote) == 0 {
		if len(g.local) > 0 {
			g.check(g.locals(), nil)
		}
		return
	}
	v.Scoped(func() {
		v.ValuesAt(n, pathNames(g.remote[0].Value.Get("reference").Str()), func(ref *template.Node) {
			if ref != nil {
				v.Scoped(func() { g.from(ref) })
			}
		})
	})
}

type gathering struct {
	v             *Validator
	spec          *template.Node
	instance      *template.Node
	local, remote []template.Entry
	at            Path // of the instance
}

// from gathers for one value of the reference that leads to the first remote.
func (g *gathering) from(ref *template.Node) {
	name := referenced(ref)
	if name == "" {
		if ref.Kind != template.Map {
			g.check(g.locals(), nil)
		}
		return
	}
	target := g.v.Resources[name]
	if target == nil || !ofType(target, g.remote[0].Value) {
		return
	}
	gathered := g.locals()
	names := map[string]string{}
	for i, e := range g.remote {
		id, r := name, target
		if i > 0 {
			if r = g.follow(e.Value); r == nil {
				continue
			}
			id = r.LogicalID
		}
		names[e.Key] = id
		gathered.Entries = append(gathered.Entries, template.Entry{Key: e.Key, Value: g.collect(r.Node.Get("Properties"), e.Value, r.Type)})
	}
	g.check(gathered, names)
}

// follow finds the resource that another remote refers to.
func (g *gathering) follow(spec *template.Node) (found *Resource) {
	g.v.ValuesAt(g.instance, pathNames(spec.Get("reference").Str()), func(ref *template.Node) {
		if r := g.v.Resources[referenced(ref)]; found == nil && r != nil && ofType(r, spec) {
			found = r
		}
	})
	return found
}

func ofType(r *Resource, spec *template.Node) bool {
	want := spec.Get("filter").Get("type").Str()
	return want == "" || want == r.Type
}

func referenced(ref *template.Node) string {
	switch k, arg := Function(ref); k {
	case js.FnRef:
		return arg.Str()
	case js.FnGetAtt:
		id, _, _ := arg.GetAtt()
		return id
	}
	return ""
}

func pathNames(path string) []string {
	if path == "" || path == "." {
		return nil
	}
	return strings.Split(strings.Trim(path, "/"), "/")
}

func (g *gathering) locals() *template.Node {
	out := &template.Node{Kind: template.Map, Line: g.instance.Line, Column: g.instance.Column}
	for _, e := range g.local {
		out.Entries = append(out.Entries, template.Entry{Key: e.Key, Value: g.collect(g.instance, e.Value, "")})
	}
	return out
}

// collect picks the properties that an entry of gather names from source.
func (g *gathering) collect(source, spec *template.Node, typ string) *template.Node {
	out := &template.Node{Kind: template.Map}
	for _, p := range entries(spec.Get("properties")) {
		if p.Value.Str() == "$type" {
			if typ != "" {
				out.Entries = append(out.Entries, template.Entry{Key: p.Key, Value: Text(typ, nil)})
			}
			continue
		}
		value := g.first(source, pathNames(propertyPath(p.Value)))
		if value == nil {
			value = p.Value.Get("default")
		}
		if value != nil {
			out.Entries = append(out.Entries, template.Entry{Key: p.Key, Value: value})
		}
	}
	return out
}

func (g *gathering) first(source *template.Node, names []string) (value *template.Node) {
	if source == nil {
		return nil
	}
	g.v.ValuesAt(source, names, func(n *template.Node) {
		if value == nil {
			value = n
		}
	})
	return value
}

func propertyPath(spec *template.Node) string {
	if spec.Kind == template.String {
		return spec.Text
	}
	return spec.Get("path").Str()
}

// check tests what was gathered and names the faults by the properties that the
// values come from. base is where the rule was called.
func (g *gathering) check(gathered *template.Node, names map[string]string) {
	s, err := js.Compile(fillData(g.spec.Get("schema"), gathered), "", nil)
	if err != nil {
		return
	}
	v, base := g.v, len(g.at)
	old := v.path
	v.path = g.at
	found := v.Collect(func() { v.Walk(gathered, s) })
	v.path = old
	for i := range found {
		f := &found[i]
		if len(f.Path) <= base {
			v.Add(*f)
			continue
		}
		relative := f.Path[base:]
		real := g.real(relative)
		if id, remote := names[relative[0].Key]; remote {
			f.Override = Keys("Resources", id, "Properties").With(real...)
			f.Path = f.Path[:base]
		} else {
			f.Path = f.Path[:base].With(real...)
		}
		v.Add(*f)
	}
}

// real is the path of the property that a path in the gathered object names.
func (g *gathering) real(relative Path) Path {
	if len(relative) < 2 {
		return relative[1:]
	}
	spec := g.spec.Get("gather").Get(relative[0].Key).Get("properties").Get(relative[1].Key)
	if spec == nil {
		return relative[1:]
	}
	var out Path
	for _, name := range pathNames(propertyPath(spec)) {
		out = append(out, Key(name))
	}
	return append(out, relative[2:]...)
}

// fillData replaces the $data and $lookup references in a schema by the values
// that were gathered. A keyword whose reference has no usable value is left out.
func fillData(n, root *template.Node) *template.Node {
	switch {
	case n == nil:
		return &template.Node{Kind: template.Map}
	case n.Kind == template.List:
		out := *n
		out.Items = make([]*template.Node, len(n.Items))
		for i, item := range n.Items {
			out.Items[i] = fillData(item, root)
		}
		return &out
	case n.Kind != template.Map:
		return n
	}
	out := *n
	out.Entries = nil
	for _, e := range n.Entries {
		value, ok := keywordData(e, root)
		if ok {
			out.Entries = append(out.Entries, template.Entry{Key: e.Key, Value: value})
		}
	}
	return &out
}

func keywordData(e template.Entry, root *template.Node) (*template.Node, bool) {
	switch e.Key {
	case "const", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems":
	default:
		return fillData(e.Value, root), true
	}
	value := resolveData(e.Value, root)
	switch {
	case value == nil:
		return nil, false
	case e.Key == "const" || e.Key == "enum":
		return value, true
	case e.Key == "pattern":
		return value, value.Kind == template.String
	}
	f, ok := number(value)
	return &template.Node{Kind: template.Number, Float: f, Text: value.Text}, ok
}

// resolveData follows a reference to the gathered values; nil means that a
// lookup has nothing for it. A pointer that leads nowhere stays as it is.
func resolveData(n, root *template.Node) *template.Node {
	if lookup := n.Get("$lookup"); lookup.IsMap() {
		key := resolveData(lookup.Get("key"), root)
		return lookup.Get("map").Get(key.Str())
	}
	pointer := n.Get("$data").Str()
	if !strings.HasPrefix(pointer, "/") {
		return n
	}
	at := root
	for _, name := range strings.Split(strings.Trim(pointer, "/"), "/") {
		if at = at.Get(name); at == nil {
			return n
		}
	}
	return at
}
