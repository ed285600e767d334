package policy

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// resolve calls visit for every value that n may have. Each branch of an Fn::If
// counts unless its condition is decided; a reference to a parameter gives what
// the scope knows of it. The work is linear in the size of the template: values
// are never multiplied with each other.
func (r *run) resolve(n *template.Node, at place, visit func(Value) bool) bool {
	if r.steps++; r.steps > r.budget {
		r.incomplete = true
		return false
	}
	if n == nil || n.Kind == template.Null {
		return visit(Value{r: r, state: absent, place: at})
	}
	name, arg, ok := n.Call()
	if !ok {
		return visit(Value{r: r, node: n, place: at})
	}
	switch name {
	case "Ref":
		return r.reference(n, arg.Str(), at, visit)
	case "Fn::GetAtt":
		id, _, _ := arg.GetAtt()
		return visit(Value{r: r, state: unknown, refers: id, place: at})
	case "Fn::If":
		return r.branches(arg, at, visit)
	case "Fn::FindInMap":
		return r.mapped(arg, at, visit)
	case "Fn::Sub":
		v := r.text(n, r.sub(arg, at), at)
		if parts := template.SubParts(arg.Str()); len(parts) == 1 {
			v.refers, _, _ = strings.Cut(parts[0].Name, ".")
		}
		return visit(v)
	case "Fn::Join":
		return visit(r.text(n, r.join(arg, at), at))
	}
	return visit(r.evaluate(n, at))
}

func (r *run) unknown(at place) Value { return Value{r: r, state: unknown, place: at} }

// text makes the value of a string that was put together.
func (r *run) text(n *template.Node, text string, at place) Value {
	if text == hole {
		return r.unknown(at)
	}
	v := Value{r: r, node: &template.Node{Kind: template.String, Text: text, Line: n.Line, Column: n.Column}, place: at}
	if strings.Contains(text, hole) {
		v.state = partial
	}
	return v
}

func (r *run) reference(n *template.Node, name string, at place, visit func(Value) bool) bool {
	if name == "AWS::NoValue" {
		return visit(Value{r: r, state: absent, place: at})
	}
	if text, ok := r.pseudo[name]; ok {
		return visit(r.text(n, text, at))
	}
	p := r.parameters[name]
	switch {
	case len(p.values) == 0:
		return visit(Value{r: r, state: unknown, refers: name, place: at})
	case len(p.values) == 1:
		if p.byDefault {
			at.fallback = name
		}
		return visit(Value{r: r, node: p.values[0], place: at})
	case at.choice.of > 0: // two open choices: their combinations are not looked at
		return visit(r.unknown(at))
	}
	at.choice = choice{name, len(p.values)}
	for _, value := range p.values {
		if !visit(Value{r: r, node: value, place: at}) {
			return false
		}
	}
	return true
}

func (r *run) branches(arg *template.Node, at place, visit func(Value) bool) bool {
	if !arg.IsList() || len(arg.Items) != 3 || !arg.Items[0].IsString() {
		return visit(r.unknown(at))
	}
	condition := arg.Items[0].Text
	at.path = &link{at.path, "Fn::If"}
	holds, decided := r.decide(condition, at.when)
	if !decided || holds {
		branch := at.item(1, arg.Items[1])
		if !decided {
			branch.when = r.assume(branch.when, condition, true)
		}
		if !r.resolve(arg.Items[1], branch, visit) {
			return false
		}
	}
	if decided && holds {
		return true
	}
	branch := at.item(2, arg.Items[2])
	if !decided {
		branch.when = r.assume(branch.when, condition, false)
	}
	return r.resolve(arg.Items[2], branch, visit)
}

// one is the text of n if it has exactly one known value.
func (r *run) one(n *template.Node, at place) (text string, ok bool) {
	count := 0
	r.resolve(n, at, func(v Value) bool {
		count++
		text, ok = v.Text()
		return count < 2
	})
	return text, ok && count == 1
}

// mapped looks up a mapping. Where one of the keys is not known, all that it
// could be are a choice.
func (r *run) mapped(arg *template.Node, at place, visit func(Value) bool) bool {
	if !arg.IsList() || len(arg.Items) < 3 {
		return visit(r.unknown(at))
	}
	name, ok := r.one(arg.Items[0], at)
	mapping, found := r.t.Mappings.Get(name)
	if !ok || !found {
		return visit(r.unknown(at))
	}
	first, firstKnown := r.one(arg.Items[1], at)
	second, secondKnown := r.one(arg.Items[2], at)
	switch {
	case firstKnown && secondKnown:
		value := mapping.Get(first).Get(second)
		if value == nil {
			return visit(r.unknown(at))
		}
		return visit(Value{r: r, node: value, place: at})
	case !secondKnown || at.choice.of > 0 || len(mapping.Entries) == 0:
		return visit(r.unknown(at))
	}
	at.choice = choice{"Mappings/" + name, len(mapping.Entries)}
	for i := range mapping.Entries {
		value := mapping.Entries[i].Value.Get(second)
		if value == nil {
			return visit(r.unknown(at))
		}
		if !visit(Value{r: r, node: value, place: at}) {
			return false
		}
	}
	return true
}

func (r *run) sub(arg *template.Node, at place) string {
	text, variables := arg, (*template.Node)(nil)
	if arg.IsList() && len(arg.Items) == 2 {
		text, variables = arg.Items[0], arg.Items[1]
	}
	if !text.IsString() {
		return hole
	}
	var b strings.Builder
	for _, part := range template.SubParts(text.Text) {
		switch own := variables.Get(part.Name); {
		case part.Name == "":
			b.WriteString(part.Literal)
		case own != nil:
			b.WriteString(r.part(own, at))
		default:
			b.WriteString(r.named(part.Name, at))
		}
	}
	return b.String()
}

// part is the text of a part of a string, hole if it is not known.
func (r *run) part(n *template.Node, at place) string {
	result, count := hole, 0
	r.resolve(n, at, func(v Value) bool {
		count++
		if text, ok := v.Pattern(); ok {
			result = text
		}
		return count < 2
	})
	if count != 1 {
		return hole
	}
	return result
}

func (r *run) named(name string, at place) string {
	ref := template.Node{Kind: template.String, Text: name}
	call := template.Node{Kind: template.Map, Entries: []template.Entry{{Key: "Ref", Value: &ref}}}
	return r.part(&call, at)
}

func (r *run) join(arg *template.Node, at place) string {
	if !arg.IsList() || len(arg.Items) != 2 || !arg.Items[0].IsString() || !arg.Items[1].IsList() {
		return hole
	}
	parts := make([]string, len(arg.Items[1].Items))
	for i, item := range arg.Items[1].Items {
		parts[i] = r.part(item, at)
	}
	return strings.Join(parts, arg.Items[0].Text)
}

// evaluate resolves any other function. One that depends on an open condition
// is unknown.
func (r *run) evaluate(n *template.Node, at place) Value {
	open := false
	n.Walk(func(child *template.Node) bool {
		if name, arg, ok := child.Call(); ok && name == "Fn::If" {
			_, decided := r.conditions[firstText(arg)]
			open = open || !decided
		}
		r.steps++
		return !open
	})
	if open {
		return r.unknown(at)
	}
	value, err := r.t.Evaluate(n, &r.scope)
	if err != nil || value == nil || template.IsUnknown(value) {
		return r.unknown(at)
	}
	return Value{r: r, node: nodeOf(value, n), place: at}
}

func firstText(n *template.Node) string {
	if n.IsList() && len(n.Items) > 0 {
		return n.Items[0].Str()
	}
	return ""
}

// nodeOf is the opposite of Node.Value, at the place of the function that gave
// the value.
func nodeOf(value any, at *template.Node) *template.Node {
	n := &template.Node{Line: at.Line, Column: at.Column}
	switch value := value.(type) {
	case string:
		n.Kind, n.Text = template.String, value
	case bool:
		n.Kind, n.True, n.Text = template.Bool, value, "false"
		if value {
			n.Text = "true"
		}
	case float64:
		n.Kind, n.Float, n.Text = template.Number, value, template.FormatNumber(value)
	case []any:
		n.Kind = template.List
		for _, item := range value {
			n.Items = append(n.Items, nodeOf(item, at))
		}
	case map[string]any:
		n.Kind = template.Map
		for _, key := range sortedKeys(value) {
			n.Entries = append(n.Entries, template.Entry{Key: key, Line: at.Line, Column: at.Column, Value: nodeOf(value[key], at)})
		}
	}
	return n
}
