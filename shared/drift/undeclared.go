package drift

import (
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/events"
)

// Undeclared returns the actual values that the template does not set, as
// additions sorted by path: neither read-only, nor the schema's default, nor
// empty, nor set by AWS itself. An item of a list or a key of a map that is not
// declared is drift and not here. The values are in normal form, so that the
// same value is the same text in every scan.
func Undeclared(kind Kind, expected, actual map[string]any) []events.PropertyDifference {
	c := newComparer(kind, expected)
	c.undeclared(c.at(), expected, actual)
	return c.sorted()
}

func (c *comparer) undeclared(p place, want, have any) {
	if len(p.path) >= maxLevels {
		return
	}
	switch have := have.(type) {
	case map[string]any:
		if want, ok := want.(map[string]any); ok && !isPolicy(have) && (len(p.path) == 0 || p.shape != nil && (!p.union || p.attributes)) {
			c.undeclaredIn(p, want, have)
		}
	case []any:
		if want, ok := want.([]any); ok {
			pairs := c.counterparts(p, want, have)
			for i, j := range pairs {
				c.undeclared(p.step(strconv.Itoa(j)), want[i], have[j])
			}
			if p.shape != nil && p.attributes {
				c.attributes(p, pairs, want, have)
			}
		}
	}
}

// attributes adds the items of a list of attributes that have no counterpart.
func (c *comparer) attributes(p place, pairs map[int]int, want, have []any) {
	paired := map[int]bool{}
	for _, j := range pairs {
		paired[j] = true
	}
	for _, j := range without(c.keys(p, have), c.keys(p, want)) {
		if at := p.step(strconv.Itoa(j)); !paired[j] {
			c.addUndeclared(at, have[j])
		}
	}
}

func (c *comparer) undeclaredIn(p place, want, have map[string]any) {
	for name, h := range have {
		at := p.step(name)
		if w, ok := want[name]; ok && !at.declaresNothing(w) {
			c.undeclared(at, w, h)
			continue
		}
		if at.shape != nil && (at.readOnly || at.identifier) || len(p.path) > 0 && !p.declares(name) {
			continue
		}
		c.addUndeclared(at, h)
	}
}

// addUndeclared adds a value in normal form, spelled as the service does.
func (c *comparer) addUndeclared(at place, v any) {
	spelled := *c.normaliser
	spelled.spelled = true
	if normal := spelled.value(at, v); !blank(normal) {
		c.add(at, DifferenceAdd, nil, normal)
	}
}

// declaresNothing reports null, and an empty list of the schema's: CDK and
// people write one for what they leave to the service.
func (p place) declaresNothing(v any) bool {
	list, ok := v.([]any)
	return v == nil || ok && len(list) == 0 && p.shape != nil
}

// counterparts are the indexes of the items that belong together.
func (c *comparer) counterparts(p place, want, have []any) map[int]int {
	if !p.isUnordered() && !(isTagList(want) && isTagList(have)) {
		pairs := map[int]int{}
		for i := range min(len(want), len(have)) {
			pairs[i] = i
		}
		return pairs
	}
	pairs, _, right := c.pairs(p, want, have)
	for i, v := range want {
		if _, ok := pairs[i]; ok {
			continue
		}
		if k := namesake(v, want, have, []int{i}, right); k >= 0 {
			pairs[i] = right[k]
		}
	}
	return pairs
}

// blank reports a normal form that holds nothing.
func blank(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			if !blank(item) {
				return false
			}
		}
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !blank(item) })
	default:
		return empty(v)
	}
}
