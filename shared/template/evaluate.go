package template

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Scope is what a template's functions can see. A nil function or a missing
// pseudo parameter gives Unknown; a function may also return Unknown itself.
type Scope struct {
	Parameters map[string]any // typed values, see Template.ParameterValues
	Pseudo     map[string]any // "AWS::Region" → "us-east-1"; AWS::NoValue is built in
	// Resource gives an attribute of a resource, or what Ref returns for it if
	// attribute is "".
	Resource func(logicalID, attribute string) (any, error)
	Import   func(export string) (any, error) // Fn::ImportValue
	// StackOutput gives Fn::GetStackOutput from its evaluated argument.
	StackOutput func(argument any) (any, error)
	Zones       func(region string) ([]string, error) // Fn::GetAZs
	// Conditions are the values of conditions; nil evaluates them when needed.
	Conditions map[string]bool
}

// EvalError is a function call that cannot be evaluated.
type EvalError struct {
	File         string
	Line, Column int
	Message      string
}

// Error implements error in the form "file:line:column: message".
func (e *EvalError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Evaluate resolves every intrinsic function in n and returns plain JSON values:
// map[string]any, []any, string, bool, float64, nil. AWS::NoValue removes its
// property or item; alone it gives nil. Errors are *EvalError.
func (t *Template) Evaluate(n *Node, s *Scope) (any, error) {
	e := &evaluation{t: t, s: s, conditions: map[string]truth{}}
	v, err := e.value(n)
	if err != nil || v == none {
		return nil, err
	}
	return v, nil
}

// evaluation is one call of Evaluate. Conditions are evaluated at most once.
type evaluation struct {
	t          *Template
	s          *Scope
	conditions map[string]truth
}

func (e *evaluation) fail(n *Node, format string, args ...any) error {
	err := &EvalError{File: e.t.File, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		err.Line, err.Column = n.Line, n.Column
	}
	return err
}

func (e *evaluation) value(n *Node) (any, error) {
	if n == nil {
		return nil, nil
	}
	switch n.Kind {
	case List:
		return e.list(n)
	case Map:
		if name, arg, ok := n.Call(); ok {
			return e.call(n, name, arg)
		}
		return e.object(n)
	}
	return n.Value(), nil
}

func (e *evaluation) list(n *Node) (any, error) {
	out := make([]any, 0, len(n.Items))
	for _, item := range n.Items {
		v, err := e.value(item)
		if err != nil {
			return nil, err
		}
		if v != none {
			out = append(out, v)
		}
	}
	return out, nil
}

func (e *evaluation) object(n *Node) (any, error) {
	out := make(map[string]any, len(n.Entries))
	for _, entry := range n.Entries {
		v, err := e.value(entry.Value)
		if err != nil {
			return nil, err
		}
		if v != none {
			out[entry.Key] = v
		}
	}
	return out, nil
}

func (e *evaluation) call(n *Node, name string, arg *Node) (any, error) {
	switch name {
	case "Ref":
		return e.ref(n, arg)
	case "Fn::GetAtt":
		return e.getAtt(n, arg)
	case "Fn::Sub":
		return e.sub(n, arg)
	case "Fn::Join":
		return e.join(n, arg)
	case "Fn::Split":
		return e.split(n, arg)
	case "Fn::Select":
		return e.selectItem(n, arg)
	case "Fn::FindInMap":
		return e.findInMap(n, arg)
	case "Fn::If":
		return e.choose(n, arg)
	case "Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals":
		return e.logic(n)
	case "Fn::Base64":
		return e.base64(n, arg)
	case "Fn::Cidr":
		return e.cidr(n, arg)
	case "Fn::GetAZs":
		return e.zones(n, arg)
	case "Fn::ImportValue":
		return e.importValue(n, arg)
	case "Fn::GetStackOutput":
		return e.stackOutput(arg)
	case "Fn::Length":
		return e.length(n, arg)
	case "Fn::ToJsonString":
		return e.toJSON(arg)
	}
	return nil, e.fail(n, "%s cannot be evaluated here", name)
}

func (e *evaluation) ref(n, arg *Node) (any, error) {
	name := arg.Str()
	if !arg.IsString() {
		return nil, e.fail(n, "Ref takes a string")
	}
	return e.lookup(n, name)
}

// lookup resolves a name as Ref does: pseudo parameter, parameter, resource.
func (e *evaluation) lookup(n *Node, name string) (any, error) {
	if name == "AWS::NoValue" {
		return none, nil
	}
	if strings.HasPrefix(name, "AWS::") {
		if v, ok := e.s.Pseudo[name]; ok {
			return v, nil
		}
		return Unknown, nil
	}
	if v, ok := e.s.Parameters[name]; ok {
		return v, nil
	}
	if e.t.Parameters.Has(name) {
		return nil, e.fail(n, "parameter %q has no value", name)
	}
	return e.attribute(n, name, "")
}

func (e *evaluation) attribute(n *Node, id, attribute string) (any, error) {
	if !e.t.Resources.Has(id) {
		return nil, e.fail(n, "%q is neither a parameter nor a resource of this template", id)
	}
	if e.s.Resource == nil {
		return Unknown, nil
	}
	v, err := e.s.Resource(id, attribute)
	if err != nil {
		return nil, e.fail(n, "%v", err)
	}
	return v, nil
}

func (e *evaluation) getAtt(n, arg *Node) (any, error) {
	if id, attribute, ok := arg.GetAtt(); ok {
		return e.attribute(n, id, attribute)
	}
	// The attribute, not the resource, may come from a function (user guide, Fn::GetAtt).
	if arg.IsList() && len(arg.Items) == 2 && arg.Items[0].IsString() {
		v, err := e.value(arg.Items[1])
		if err != nil {
			return nil, err
		}
		if v == Unknown {
			return Unknown, nil
		}
		if name, ok := v.(string); ok {
			return e.attribute(n, arg.Items[0].Text, name)
		}
	}
	return nil, e.fail(n, "Fn::GetAtt takes a logical id and an attribute name")
}

func (e *evaluation) sub(n, arg *Node) (any, error) {
	text, variables := arg, map[string]any{}
	if arg.IsList() {
		if len(arg.Items) != 2 || !arg.Items[1].IsMap() {
			return nil, e.fail(n, "Fn::Sub takes a string, or a string and a map")
		}
		text = arg.Items[0]
		v, err := e.object(arg.Items[1])
		if err != nil {
			return nil, err
		}
		variables = v.(map[string]any)
	}
	if !text.IsString() {
		return nil, e.fail(n, "Fn::Sub takes a string, or a string and a map")
	}
	var b strings.Builder
	missing := false
	for _, part := range SubParts(text.Text) {
		if part.Name == "" {
			b.WriteString(part.Literal)
			continue
		}
		v, err := e.variable(n, part.Name, variables)
		if err != nil {
			return nil, err
		}
		s, known, err := e.text(n, v)
		if err != nil {
			return nil, err
		}
		missing = missing || !known
		b.WriteString(s)
	}
	if missing {
		return Unknown, nil
	}
	return b.String(), nil
}

func (e *evaluation) variable(n *Node, name string, variables map[string]any) (any, error) {
	if v, ok := variables[name]; ok {
		return v, nil
	}
	if id, attribute, ok := strings.Cut(name, "."); ok && !strings.HasPrefix(name, "AWS::") {
		return e.attribute(n, id, attribute)
	}
	return e.lookup(n, name)
}

// text is the string form in which Fn::Join and Fn::Sub use a scalar.
func (e *evaluation) text(n *Node, v any) (s string, known bool, err error) {
	switch v := v.(type) {
	case unknown:
		return "", false, nil
	case string:
		return v, true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	case float64:
		return FormatNumber(v), true, nil
	case nil, noValue:
		return "", true, nil
	case []any:
		// A list parameter joins with commas, as in its own text form.
		parts := make([]string, len(v))
		for i, item := range v {
			part, ok, err := e.text(n, item)
			if err != nil || !ok {
				return "", ok, err
			}
			parts[i] = part
		}
		return strings.Join(parts, ","), true, nil
	}
	return "", false, e.fail(n, "an object cannot become part of a string")
}

// FormatNumber writes a number without an exponent or needless zeros.
func FormatNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (e *evaluation) toJSON(arg *Node) (any, error) {
	v, err := e.value(arg)
	if err != nil {
		return nil, err
	}
	if IsUnknown(v) {
		return Unknown, nil
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func (e *evaluation) importValue(n, arg *Node) (any, error) {
	v, err := e.value(arg)
	if err != nil || v == Unknown {
		return v, err
	}
	name, ok := v.(string)
	if !ok {
		return nil, e.fail(n, "Fn::ImportValue takes the name of an export")
	}
	if e.s.Import == nil {
		return Unknown, nil
	}
	if v, err = e.s.Import(name); err != nil {
		return nil, e.fail(n, "%v", err)
	}
	return v, nil
}

func (e *evaluation) stackOutput(arg *Node) (any, error) {
	v, err := e.value(arg)
	if err != nil {
		return nil, err
	}
	if e.s.StackOutput == nil || IsUnknown(v) {
		return Unknown, nil
	}
	if v, err = e.s.StackOutput(v); err != nil {
		return nil, e.fail(arg, "%v", err)
	}
	return v, nil
}
