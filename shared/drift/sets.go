package drift

import (
	"strconv"
	"strings"
)

// maxPairs is how many items are compared with each other in one comparison,
// once equal ones are taken out, at all levels together: beyond it items are
// the same only if their normal forms are.
const maxPairs = 20_000

// sets compares lists whose order has no meaning, and in which an item counts
// once. Items that are the same are taken out, first by normal form, then by
// comparing each with each, since an item may hold more than is declared. Of
// the rest, those that have the same name are compared, and the last pair if
// at least half of the item is as declared; what only one side has is named by
// its index on that side. In a list of attributes, the template's say nothing of
// the others.
// Source: resource type definition schema, "arrayType".
func (c *comparer) sets(p place, want, have []any) {
	left, right := c.unpaired(p, want, have)
	for _, i := range left {
		at := p.step(strconv.Itoa(i))
		k := namesake(want[i], want, have, left, right)
		if k < 0 && len(left) == 1 && len(right) == 1 && c.alike(at, want[i], have[right[0]]) {
			k = 0
		}
		if k >= 0 {
			c.compare(at, want[i], have[right[k]], true)
			right = append(right[:k:k], right[k+1:]...)
			continue
		}
		c.add(at, DifferenceRemove, want[i], nil)
	}
	if p.shape != nil && p.attributes {
		return
	}
	for _, j := range right {
		c.add(p.step(strconv.Itoa(j)), DifferenceAdd, nil, have[j])
	}
}

// unpaired returns the indexes of the items that have no counterpart.
func (c *comparer) unpaired(p place, want, have []any) (left, right []int) {
	pairs, left, right := c.pairs(p, want, have)
	paired := map[int]bool{}
	for _, j := range pairs {
		paired[j] = true
	}
	left = keep(left, func(i int) bool { _, ok := pairs[i]; return !ok })
	return left, keep(right, func(j int) bool { return !paired[j] })
}

// pairs matches what is left after equal items are taken out: index in want →
// index in have. As many items as possible find a counterpart, whatever their
// order, by augmenting paths.
func (c *comparer) pairs(p place, want, have []any) (pairs map[int]int, left, right []int) {
	wants, haves := c.keys(p, want), c.keys(p, have)
	left, right = without(wants, haves), without(haves, wants)
	pairs = map[int]int{}
	if *c.budget -= len(left) * len(right); len(left)*len(right) == 0 || *c.budget < 0 {
		return pairs, left, right
	}
	fits := make([][]int, len(left))
	for a, i := range left {
		for b, j := range right {
			if c.fits(p.step(strconv.Itoa(i)), want[i], have[j]) {
				fits[a] = append(fits[a], b)
			}
		}
	}
	owner := make([]int, len(right)) // 1 + index in left
	var assign func(a int, seen []bool) bool
	assign = func(a int, seen []bool) bool {
		for _, b := range fits[a] {
			if seen[b] {
				continue
			}
			seen[b] = true
			if owner[b] == 0 || assign(owner[b]-1, seen) {
				owner[b] = a + 1
				return true
			}
		}
		return false
	}
	for a := range left {
		assign(a, make([]bool, len(right)))
	}
	for b, a := range owner {
		if a > 0 {
			pairs[left[a-1]] = right[b]
		}
	}
	return pairs, left, right
}

// fits reports that an item is as declared. What could not be worked out of it
// is remembered if the items are paired by nothing else.
func (c *comparer) fits(p place, want, have any) bool {
	inner := &comparer{normaliser: c.normaliser, expected: c.expected, coerced: c.coerced, observed: c.observed, budget: c.budget}
	inner.compare(p, want, have, true)
	c.coerced = inner.coerced
	if len(inner.found) > 0 {
		return false
	}
	c.unresolved = append(c.unresolved, inner.unresolved...)
	return true
}

// keys returns the key of each item, empty for one that does not count.
func (c *comparer) keys(p place, items []any) []string {
	keys := make([]string, len(items))
	for i, v := range items {
		if p.isAWSTag(v) {
			continue
		}
		if normal := c.value(p.inner(strconv.Itoa(i)), v); normal != nil {
			keys[i] = key(normal)
		}
	}
	return keys
}

// without returns the indexes of the keys that others lacks, each key once.
func without(keys, others []string) []int {
	known := make(map[string]bool, len(others))
	for _, k := range others {
		known[k] = true
	}
	var out []int
	for i, k := range keys {
		if k != "" && !known[k] {
			known[k] = true
			out = append(out, i)
		}
	}
	return out
}

// namesake finds the item of have, by its index in right, that has the name of
// v and is the only one: the item that v became. -1 if there is none.
func namesake(v any, want, have []any, left, right []int) int {
	property, name := identity(v)
	if property == "" || count(want, left, property, name) > 1 || count(have, right, property, name) != 1 {
		return -1
	}
	for k, j := range right {
		if m, ok := have[j].(map[string]any); ok && m[property] == name {
			return k
		}
	}
	return -1
}

// alike reports an item of which at least half is as declared: it was changed
// rather than removed and another one added.
func (c *comparer) alike(p place, want, have any) bool {
	w, isObject := want.(map[string]any)
	h, both := have.(map[string]any)
	if !isObject || !both {
		return false
	}
	equal := 0
	for name, v := range w {
		if c.fits(p.step(name).within(w), v, h[name]) {
			equal++
		}
	}
	return 2*equal >= len(w)
}

func count(items []any, indexes []int, property, name string) int {
	n := 0
	for _, i := range indexes {
		if m, ok := items[i].(map[string]any); ok && m[property] == name {
			n++
		}
	}
	return n
}

// identity is the property that tells an item from its neighbours, and its
// value: Key, Id, Name, or the first whose name ends in one of them.
func identity(v any) (property, name string) {
	m, _ := v.(map[string]any)
	best := ""
	for property, v := range m {
		if _, ok := v.(string); !ok {
			continue
		}
		switch property {
		case "Key", "Id", "ID", "Name":
			name, _ := v.(string)
			return property, name
		}
		if (strings.HasSuffix(property, "Name") || strings.HasSuffix(property, "Id")) && (best == "" || property < best) {
			best = property
		}
	}
	if best == "" {
		return "", ""
	}
	name, _ = m[best].(string)
	return best, name
}

func keep(indexes []int, f func(int) bool) []int {
	var out []int
	for _, i := range indexes {
		if f(i) {
			out = append(out, i)
		}
	}
	return out
}
