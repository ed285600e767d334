package route

import (
	"fmt"
	"strings"
)

// Matches reports whether an event pattern matches an event. It knows the
// operators that our patterns use (exact values, prefix, suffix, exists) and
// fails on any other, so that a test never passes on a pattern it cannot read.
// Source: EventBridge user guide, "Creating event patterns".
func Matches(pattern map[string]any, event map[string]any) (bool, error) {
	for key, want := range pattern {
		value, present := event[key]
		switch w := want.(type) {
		case map[string]any:
			nested, ok := value.(map[string]any)
			if !ok {
				nested = map[string]any{}
			}
			matched, err := Matches(w, nested)
			if err != nil || !matched {
				return false, err
			}
		case []any:
			matched, err := anyOf(w, value, present)
			if err != nil || !matched {
				return false, err
			}
		default:
			return false, fmt.Errorf("%s: %v is neither an object nor a list", key, want)
		}
	}
	return true, nil
}

// anyOf reports whether one of the conditions holds for the value, or for one
// of its elements if it is a list.
func anyOf(conditions []any, value any, present bool) (bool, error) {
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	for _, condition := range conditions {
		for _, v := range values {
			matched, err := one(condition, v, present)
			if err != nil || matched {
				return matched, err
			}
		}
	}
	return false, nil
}

func one(condition, value any, present bool) (bool, error) {
	operator, ok := condition.(map[string]any)
	if !ok {
		return present && condition == value, nil
	}
	text, isText := value.(string)
	for name, operand := range operator {
		switch name {
		case "exists":
			return present == operand, nil
		case "prefix":
			return present && isText && strings.HasPrefix(text, operand.(string)), nil
		case "suffix":
			return present && isText && strings.HasSuffix(text, operand.(string)), nil
		}
	}
	return false, fmt.Errorf("the operator %v is not known", operator)
}
