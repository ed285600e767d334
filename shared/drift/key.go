package drift

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// empty reports what is like nothing at all.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	default:
		return false
	}
}

// scalar is a value as text: JSON for what is not a scalar.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	default:
		b, err := json.Marshal(v) // sorts the keys of maps
		if err != nil {
			return ""
		}
		return string(b)
	}
}

// key is a text that is the same for the same normal form, and for no other.
func key(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(appendKey(make([]byte, 0, 128), v))
}

func appendKey(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendText(b, v)
	case []any:
		b = append(b, '[')
		for _, item := range v {
			b = append(appendKey(b, item), ',')
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			b = append(appendText(b, name), ':')
			b = append(appendKey(b, v[name]), ',')
		}
		return append(b, '}')
	default:
		return append(b, scalar(v)...)
	}
}

// appendText quotes as little as keeps two texts apart.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// distinct sorts values and leaves out repetitions.
func distinct(values []any) []any {
	type keyed struct {
		key   string
		value any
	}
	all := make([]keyed, len(values))
	for i, v := range values {
		all[i] = keyed{key(v), v}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	out := values[:0]
	for i, k := range all {
		if i == 0 || k.key != all[i-1].key {
			out = append(out, k.value)
		}
	}
	return out
}
