package check

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

func resolveSub(v *Validator, arg *template.Node, yield Yield) bool {
	text, given := arg, (*template.Node)(nil)
	if arg.Kind == template.List {
		if !pair(arg) || arg.Items[1].Kind != template.Map {
			return true
		}
		text, given = arg.Items[0], arg.Items[1]
	}
	if text.Kind != template.String {
		return true
	}
	variables := append([]template.Entry(nil), entries(given)...)
	names := SubParameters(text.Text)
	if len(names)+len(variables) > maxCalls {
		v.stop()
		return true
	}
	for _, name := range names {
		if has(variables, name) {
			continue
		}
		function := "Ref"
		if strings.Contains(name, ".") {
			function = "Fn::GetAtt"
		}
		variables = append(variables, template.Entry{Key: name, Value: CallNode(function, Text(name, text), text)})
	}
	old := v.state
	defer func() { v.state = old }()
	return v.subVariables(variables, nil, func(values *refs) bool {
		// Only the values count for the text, not how each came about.
		inner := v.state
		defer func() { v.state = inner }()
		v.state = old
		v.refs = values.onto(v.refs)
		filled, ok := v.substitute(text.Text)
		if !ok {
			return true
		}
		for _, e := range entries(given) {
			v.refs = &refs{up: v.refs, name: e.Key}
		}
		return yield(Text(filled, arg), nil)
	})
}

func has(list []template.Entry, name string) bool {
	for _, e := range list {
		if e.Key == name {
			return true
		}
	}
	return false
}

// onto puts the values of r on top of others.
func (r *refs) onto(base *refs) *refs {
	for at := r; at != nil; at = at.up {
		base = &refs{up: base, name: at.name, value: at.value}
	}
	return base
}

// subVariables yields every combination of the values of the variables.
func (v *Validator) subVariables(variables []template.Entry, values *refs, yield func(*refs) bool) bool {
	if len(variables) == 0 {
		return yield(values)
	}
	return v.Resolve(variables[0].Value, func(value *template.Node, fault *Fault) bool {
		if value == nil {
			return true
		}
		old := v.state
		goOn := v.subVariables(variables[1:], &refs{up: values, name: variables[0].Key, value: value}, yield)
		v.state = old
		return goOn
	})
}

// substitute fills the variables of a text with their first value. ok is false
// if one has none or no scalar, or the text would be too long.
func (v *Validator) substitute(text string) (filled string, ok bool) {
	var out strings.Builder
	for {
		start, end := nextVariable(text)
		if start < 0 {
			out.WriteString(text)
			return out.String(), true
		}
		value, found := "", false
		v.refValues(strings.TrimSpace(text[start+2:end]), func(n *template.Node) bool {
			value, found = ScalarText(n)
			return false
		})
		if !found || !v.builds(start+len(value)) {
			return "", false
		}
		out.WriteString(text[:start])
		out.WriteString(value)
		text = text[end+1:]
	}
}
