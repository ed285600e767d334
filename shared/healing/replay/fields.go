package replay

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// get follows keys into a record. A key may begin with a capital or not:
// CloudTrail writes newer EC2 calls in PascalCase.
func get(v any, path ...string) any {
	for _, key := range path {
		fields, _ := v.(map[string]any)
		if v = fields[key]; v == nil {
			v = fields[otherCase(key)]
		}
	}
	return v
}

func otherCase(key string) string {
	first, size := utf8.DecodeRuneInString(key)
	if unicode.IsUpper(first) {
		return string(unicode.ToLower(first)) + key[size:]
	}
	return string(unicode.ToUpper(first)) + key[size:]
}

// elements are the objects of a list in any of CloudTrail's forms: {"items":
// […]}, {"item": …}, a list, one object for a list of one, {} for none.
func elements(v any) []map[string]any {
	switch v := v.(type) {
	case []any:
		var found []map[string]any
		for _, element := range v {
			found = append(found, elements(element)...)
		}
		return found
	case map[string]any:
		for _, key := range []string{"items", "item"} {
			if inner, ok := v[key]; ok {
				return elements(inner)
			}
		}
		if len(v) > 0 {
			return []map[string]any{v}
		}
	}
	return nil
}

// text is the text at the path, "" when there is none.
func text(v any, path ...string) string {
	switch v := get(v, path...).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case map[string]any:
		return text(v["content"]) // {"tag": 1, "content": "…"}, an element that is a bare value
	}
	return ""
}

// texts are the values of one key in each element of a list.
func texts(list any, key string) []string {
	var found []string
	for _, element := range elements(list) {
		if value := text(element, key); value != "" {
			found = append(found, value)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// port is the number at the key, -1 when there is none.
func port(v any, key string) int32 {
	n, err := strconv.ParseInt(text(v, key), 10, 32)
	if err != nil {
		return -1
	}
	return int32(n)
}

// tags reads a tag set into a map; nil when it is empty.
func tags(set any) map[string]string {
	var found map[string]string
	for _, tag := range elements(set) {
		if key := text(tag, "key"); key != "" {
			if found == nil {
				found = map[string]string{}
			}
			found[key] = text(tag, "value")
		}
	}
	return found
}

// merged returns one map with the tags of both; those of more win.
func merged(tags, more map[string]string) map[string]string {
	if len(more) == 0 {
		return tags
	}
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}
