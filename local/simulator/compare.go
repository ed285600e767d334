package simulator

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// drifted is one place in which the actual state differs from the expected.
type drifted struct {
	path             []string
	expected, actual any
	kind             types.DifferenceType
}

// revert gives the change that would bring the actual value back.
func (d drifted) revert() leaf {
	kind := types.AttributeChangeTypeModify
	switch d.kind {
	case types.DifferenceTypeAdd:
		kind = types.AttributeChangeTypeRemove
	case types.DifferenceTypeRemove:
		kind = types.AttributeChangeTypeAdd
	}
	return leaf{d.path, d.actual, d.expected, kind}
}

// driftBetween compares what the template says with what is there. Only
// properties that the template sets are compared, never write-only or
// read-only ones; lists without an order compare as sets; aws: tags do not
// count (CFN-51).
func driftBetween(t *schema.Type, expected, actual map[string]any) []drifted {
	c := comparison{}
	root := &schema.Schema{}
	if t != nil {
		c.skip = slices.Concat(t.WriteOnly, t.ReadOnly)
		root = t.Root
	}
	for _, name := range sortedKeys(expected) {
		property, _ := root.Step(name)
		c.member([]string{name}, property, expected[name], actual, name)
	}
	return c.found
}

type comparison struct {
	skip  []string
	found []drifted
}

func (c *comparison) add(path []string, expected, actual any, kind types.DifferenceType) {
	c.found = append(c.found, drifted{slices.Clone(path), expected, actual, kind})
}

// member compares one key of an object.
func (c *comparison) member(path []string, s *schema.Schema, expected any, actual map[string]any, name string) {
	if contains(c.skip, path) {
		return
	}
	value, ok := actual[name]
	if !ok {
		if !empty(expected) {
			c.add(path, expected, nil, types.DifferenceTypeRemove)
		}
		return
	}
	c.value(path, s, expected, value)
}

// empty values and absent ones are the same to most services.
func empty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return v == nil
}

func (c *comparison) value(path []string, s *schema.Schema, expected, actual any) {
	if s == nil {
		s = &schema.Schema{Ordered: true}
	}
	switch e := expected.(type) {
	case map[string]any:
		if a, ok := asObject(actual); ok {
			c.object(path, s, e, a)
			return
		}
	case []any:
		if a, ok := actual.([]any); ok {
			c.list(path, s, e, a)
			return
		}
	}
	if isUnknown(expected) || !sameScalar(expected, actual) {
		c.add(path, expected, actual, types.DifferenceTypeNotEqual)
	}
}

// asObject also reads a policy document that the service returns as text.
func asObject(v any) (map[string]any, bool) {
	if text, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "{") {
		var m map[string]any
		return m, json.Unmarshal([]byte(text), &m) == nil
	}
	m, ok := v.(map[string]any)
	return m, ok
}

func sameScalar(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	switch a.(type) {
	case map[string]any, []any, nil:
		return false
	}
	switch b.(type) {
	case map[string]any, []any, nil:
		return false
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

func (c *comparison) object(path []string, s *schema.Schema, expected, actual map[string]any) {
	for _, name := range sortedKeys(expected) {
		property, _ := s.Step(name)
		c.member(append(slices.Clone(path), name), property, expected[name], actual, name)
	}
	for _, name := range sortedKeys(actual) {
		// A declared property that the template leaves out has the service's
		// default; a free-form key is an addition.
		if _, declared := s.Properties[name]; declared || len(s.Properties) > 0 {
			continue
		}
		if _, both := expected[name]; !both {
			c.add(append(slices.Clone(path), name), nil, actual[name], types.DifferenceTypeAdd)
		}
	}
}

func (c *comparison) list(path []string, s *schema.Schema, expected, actual []any) {
	if s.Ordered && !tagList(s) {
		for i := range max(len(expected), len(actual)) {
			at := append(slices.Clone(path), strconv.Itoa(i))
			switch {
			case i >= len(actual):
				c.add(at, expected[i], nil, types.DifferenceTypeRemove)
			case i >= len(expected):
				c.add(at, nil, actual[i], types.DifferenceTypeAdd)
			default:
				c.value(at, s.Items, expected[i], actual[i])
			}
		}
		return
	}
	c.set(path, s, expected, actual)
}

// set matches equal elements first, then those with the same Key.
func (c *comparison) set(path []string, s *schema.Schema, expected, actual []any) {
	used := make([]bool, len(actual))
	match := func(same func(a any) bool) int {
		for i, a := range actual {
			if !used[i] && same(a) {
				used[i] = true
				return i
			}
		}
		return -1
	}
	var left []int
	for i, e := range expected {
		if match(func(a any) bool { return c.equal(path, s.Items, e, a) }) < 0 {
			left = append(left, i)
		}
	}
	for _, i := range left {
		at := append(slices.Clone(path), strconv.Itoa(i))
		key, keyed := tagKey(expected[i])
		found := match(func(a any) bool { k, ok := tagKey(a); return keyed && ok && k == key })
		if found < 0 {
			c.add(at, expected[i], nil, types.DifferenceTypeRemove)
			continue
		}
		c.value(at, s.Items, expected[i], actual[found])
	}
	for i, a := range actual {
		if key, ok := tagKey(a); !used[i] && !(ok && strings.HasPrefix(key, "aws:")) {
			c.add(append(slices.Clone(path), strconv.Itoa(i)), nil, a, types.DifferenceTypeAdd)
		}
	}
}

func (c *comparison) equal(path []string, s *schema.Schema, expected, actual any) bool {
	if template.IsUnknown(expected) {
		return false
	}
	inner := comparison{skip: c.skip}
	inner.value(append(slices.Clone(path), "*"), s, expected, actual)
	return len(inner.found) == 0
}

func tagKey(v any) (string, bool) {
	m, _ := v.(map[string]any)
	key, ok := m["Key"].(string)
	return key, ok
}

func tagList(s *schema.Schema) bool {
	if s.Items == nil {
		return false
	}
	_, key := s.Items.Properties["Key"]
	_, value := s.Items.Properties["Value"]
	return key && value
}

// valueAt follows a path through objects and lists.
func valueAt(v any, path []string) (any, bool) {
	for _, part := range path {
		switch inner := v.(type) {
		case map[string]any:
			next, ok := inner[part]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(inner) {
				return nil, false
			}
			v = inner[i]
		default:
			return nil, false
		}
	}
	return v, true
}
