package template

import (
	"maps"
	"reflect"
	"slices"
)

// truth is the value of a condition; the zero value is not evaluated.
type truth uint8

const (
	unset truth = iota
	running
	no
	yes
	maybe // depends on an Unknown
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (v truth) value() any {
	if v == maybe {
		return Unknown
	}
	return v == yes
}

// Conditions evaluates every condition of the template. One that depends on an
// Unknown is left out.
func (t *Template) Conditions(s *Scope) (map[string]bool, error) {
	e := &evaluation{t: t, s: s, conditions: map[string]truth{}}
	out := make(map[string]bool, t.ConditionNodes.Len())
	for name, node := range t.ConditionNodes.All() {
		v, err := e.condition(node, name)
		if err != nil {
			return nil, err
		}
		if v != maybe {
			out[name] = v == yes
		}
	}
	return out, nil
}

// ResourceExists reports whether the resource's condition holds; conditions is
// the result of Conditions. A resource without a condition exists.
func (t *Template) ResourceExists(logicalID string, conditions map[string]bool) bool {
	r, ok := t.Resources.Get(logicalID)
	return ok && (r.Condition == "" || conditions[r.Condition])
}

// condition evaluates a named condition, once.
func (e *evaluation) condition(n *Node, name string) (truth, error) {
	if e.s.Conditions != nil {
		if v, ok := e.s.Conditions[name]; ok {
			return truthOf(v), nil
		}
	}
	switch v := e.conditions[name]; v {
	case unset:
	case running:
		return no, e.fail(n, "condition %q depends on itself", name)
	default:
		return v, nil
	}
	body, ok := e.t.ConditionNodes.Get(name)
	if !ok {
		return no, e.fail(n, "there is no condition %q", name)
	}
	e.conditions[name] = running
	v, err := e.test(body)
	e.conditions[name] = v
	return v, err
}

// test evaluates a condition expression.
func (e *evaluation) test(n *Node) (truth, error) {
	if n.IsMap() && len(n.Entries) == 1 {
		arg := n.Entries[0].Value
		switch n.Entries[0].Key {
		case "Condition":
			return e.condition(n, arg.Str())
		case "Fn::Equals":
			return e.equals(n, arg)
		case "Fn::Not":
			v, err := e.all(n, arg, 1, 1, yes)
			return not(v), err
		case "Fn::And":
			return e.all(n, arg, 2, 10, no)
		case "Fn::Or":
			return e.all(n, arg, 2, 10, yes)
		}
	}
	return no, e.fail(n, "not a condition: use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")
}

func not(v truth) truth {
	switch v {
	case yes:
		return no
	case no:
		return yes
	}
	return v
}

// all evaluates the operands of a function. The result is decided as soon as
// one of them has the value decides; else it is the opposite, or maybe.
func (e *evaluation) all(n, arg *Node, least, most int, decides truth) (truth, error) {
	args, err := e.arguments(n, arg, n.Entries[0].Key, least, most)
	if err != nil {
		return no, err
	}
	result := not(decides)
	for _, a := range args {
		switch v, err := e.test(a); {
		case err != nil:
			return no, err
		case v == decides:
			return decides, nil
		case v == maybe:
			result = maybe
		}
	}
	return result, nil
}

func (e *evaluation) equals(n, arg *Node) (truth, error) {
	args, err := e.arguments(n, arg, "Fn::Equals", 2, 2)
	if err != nil {
		return no, err
	}
	var sides [2]any
	for i := range sides {
		if sides[i], err = e.value(args[i]); err != nil {
			return no, err
		}
		if IsUnknown(sides[i]) {
			return maybe, nil
		}
	}
	return truthOf(equal(sides[0], sides[1])), nil
}

// equal compares as CloudFormation does: scalars by their text, so that the
// number 1 equals the string "1".
func equal(a, b any) bool {
	s, aText, _ := (&evaluation{t: &Template{}}).text(nil, a)
	t, bText, _ := (&evaluation{t: &Template{}}).text(nil, b)
	if aText && bText {
		return s == t
	}
	return reflect.DeepEqual(a, b)
}

// logic is a condition function used as a value.
func (e *evaluation) logic(n *Node) (any, error) {
	v, err := e.test(n)
	if err != nil {
		return nil, err
	}
	return v.value(), nil
}

func (e *evaluation) choose(n, arg *Node) (any, error) {
	args, err := e.arguments(n, arg, "Fn::If", 3, 3)
	if err != nil {
		return nil, err
	}
	if !args[0].IsString() {
		return nil, e.fail(n, "Fn::If takes the name of a condition")
	}
	switch v, err := e.condition(n, args[0].Text); {
	case err != nil:
		return nil, err
	case v == maybe:
		return Unknown, nil
	case v == yes:
		return e.value(args[1])
	}
	return e.value(args[2])
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
