package risk

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// plain brings a value to a form in which equal JSON means equal to
// CloudFormation: every scalar is text.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = plain(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plain(item)
		}
		return out
	case nil:
		return nil
	}
	return changeset.Scalar(v)
}

// key is a text that is the same for the same value.
func key(v any) string {
	data, err := json.Marshal(plain(v)) // sorts the keys of maps
	if err != nil {
		return ""
	}
	return string(data)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// texts are the scalars of a value: of a list each, else itself.
func texts(v any) []string {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	var out []string
	for _, item := range items {
		if text := changeset.Scalar(item); text != "" {
			out = append(out, text)
		}
	}
	return out
}
