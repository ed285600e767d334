package route

import (
	"fmt"
	"strings"
)

// Matches reports whether an event pattern matches an event. It knows the
// operators that our patterns use (exact values, prefix, suffix, exists, $or) and
// fails on any other, so that a test never passes on a pattern it cannot read.
// Source: EventBridge user guide, "Creating event patterns" and "Comparison
// operators for use in event patterns".
func Matches(pattern map[string]any, event map[string]any) (bool, error) {
	for key, want := range pattern {
		value, present := event[key]
		var matched bool
		var err error
		switch w := want.(type) {
		case map[string]any:
			matched, err = oneOf([]any{w}, value)
		case []any:
			if key == "$or" {
				matched, err = oneOf(w, event)
			} else {
				matched, err = anyOf(w, value, present)
			}
		default:
			err = fmt.Errorf("%s: %v is neither an object nor a list", key, want)
		}
		if err != nil || !matched {
			return false, err
		}
	}
	return true, nil
}

// oneOf reports whether one of the patterns matches the object, or one of the
// objects if it is a list. What is no object has no fields.
func oneOf(patterns []any, value any) (bool, error) {
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	for _, p := range patterns {
		pattern, ok := p.(map[string]any)
		if !ok {
			return false, fmt.Errorf("%v is not a pattern", p)
		}
		for _, v := range values {
			object, _ := v.(map[string]any)
			if matched, err := Matches(pattern, object); err != nil || matched {
				return matched, err
			}
		}
	}
	return false, nil
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
