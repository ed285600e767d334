package workflow

import (
	"fmt"
	"strconv"
	"strings"
)

// Step is one step of a path: a field, or an index when Field is "".
type Step struct {
	Field string
	Index int
}

// ParsePath parses a reference path: "$", or "$$" for the context object, then
// .field, ['field'] and [n]. It names exactly one node, as InputPath, Variable
// and the values of "x.$" in our workflows do; filters, slices and wildcards
// are errors.
func ParsePath(path string) (context bool, steps []Step, err error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return false, nil, fmt.Errorf("path %q does not begin with $", path)
	}
	if after, ok := strings.CutPrefix(rest, "$"); ok {
		context, rest = true, after
	}
	for rest != "" {
		var step Step
		switch {
		case strings.HasPrefix(rest, "['"):
			end := strings.Index(rest, "']")
			if end < 3 {
				return false, nil, fmt.Errorf("path %q: a ['field'] is empty or not closed", path)
			}
			step.Field, rest = rest[2:end], rest[end+2:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return false, nil, fmt.Errorf("path %q: a [ is not closed", path)
			}
			if step.Index, err = strconv.Atoi(rest[1:end]); err != nil || step.Index < 0 {
				return false, nil, fmt.Errorf("path %q: [%s] is no index; filters and wildcards are not used here", path, rest[1:end])
			}
			rest = rest[end+1:]
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			step.Field, rest = rest[1:1+end], rest[1+end:]
			if !isName(step.Field) {
				return false, nil, fmt.Errorf("path %q: %q is no field name", path, step.Field)
			}
		default:
			return false, nil, fmt.Errorf("path %q: %q is neither .field nor [n]", path, rest)
		}
		steps = append(steps, step)
	}
	return context, steps, nil
}

func isName(s string) bool {
	for _, c := range s {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}
