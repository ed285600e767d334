package simulator

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// pointerPath splits a schema pointer such as "/properties/A/B" into A, B. A
// "*" stands for every element of a list.
func pointerPath(pointer string) []string {
	return schema.Names(pointer)
}

// lookup follows a path of property names.
func lookup(v any, path []string) (any, bool) {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// setPointer sets a nested property, making the objects on its way.
func setPointer(model map[string]any, path []string, value any) {
	for _, name := range path[:len(path)-1] {
		next, ok := model[name].(map[string]any)
		if !ok {
			if _, taken := model[name]; taken || name == "*" {
				return
			}
			next = map[string]any{}
			model[name] = next
		}
		model = next
	}
	model[path[len(path)-1]] = value
}

// removePointer removes a property, in every list element for "*".
func removePointer(v any, path []string) {
	if len(path) == 0 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 {
			delete(v, path[0])
			return
		}
		removePointer(v[path[0]], path[1:])
	case []any:
		rest := path
		if path[0] == "*" {
			rest = path[1:]
		}
		for _, element := range v {
			removePointer(element, rest)
		}
	}
}

// contains tells whether a list of schema pointers names the property path or
// something above it.
func contains(pointers []string, path []string) bool {
	for _, pointer := range pointers {
		if covers(pointerPath(pointer), path) {
			return true
		}
	}
	return false
}

// covers tells whether pattern is path or a prefix of it; "*" in the pattern
// matches a list index, and an index in path may be absent from the pattern.
func covers(pattern, path []string) bool {
	for len(pattern) > 0 {
		if len(path) == 0 {
			return false
		}
		switch {
		case pattern[0] == path[0] || pattern[0] == "*":
			pattern, path = pattern[1:], path[1:]
		case isIndex(path[0]):
			path = path[1:]
		default:
			return false
		}
	}
	return true
}

func isIndex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
