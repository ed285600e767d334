package drift

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// The types of a property difference, as CloudFormation names them.
const (
	DifferenceAdd      = "ADD"
	DifferenceRemove   = "REMOVE"
	DifferenceNotEqual = "NOT_EQUAL"
)

// Compare returns where the actual properties differ from the expected ones,
// sorted by path. Both are normalised first: a number and its text, a policy in
// another order, a list whose order has no meaning, tags of AWS itself are not
// differences. As with CloudFormation's own detection, a top-level property
// that the template does not set is not compared. Compare(k, x, x) is empty.
func Compare(kind Kind, expected, actual map[string]any) []events.PropertyDifference {
	c := comparison{normaliser: newNormaliser(kind)}
	for name, want := range expected {
		have, ok := actual[name]
		c.compare(c.at(name), want, have, ok)
	}
	return c.sorted()
}

// comparison collects differences.
type comparison struct {
	*normaliser
	found []events.PropertyDifference
}

func (c *comparison) sorted() []events.PropertyDifference {
	slices.SortFunc(c.found, func(a, b events.PropertyDifference) int {
		if d := strings.Compare(a.Path, b.Path); d != 0 {
			return d
		}
		return strings.Compare(a.Type, b.Type)
	})
	return c.found
}

func (c *comparison) add(p place, typ string, want, have any) {
	d := events.PropertyDifference{Path: pointer(p.path), Type: typ}
	if typ != DifferenceAdd {
		d.Expected = scalar(want)
	}
	if typ != DifferenceRemove {
		d.Actual = scalar(have)
	}
	c.found = append(c.found, d)
}

// compare looks at one place. Only where the normal forms differ does it go
// down to name the smallest difference.
func (c *comparison) compare(p place, want, have any, present bool) {
	normalWant, normalHave := c.value(p, want), c.value(p, have)
	if c.same(normalWant, normalHave) {
		return
	}
	if !present {
		c.add(p, DifferenceRemove, want, nil)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		if have, ok := have.(map[string]any); ok && !isPolicy(want) {
			c.objects(p, want, have)
			return
		}
	case []any:
		if have, ok := have.([]any); ok {
			c.lists(p, want, have)
			return
		}
	}
	c.add(p, DifferenceNotEqual, want, have)
}

func (c *comparison) objects(p place, want, have map[string]any) {
	for name, w := range want {
		h, ok := have[name]
		c.compare(p.step(name), w, h, ok)
	}
	for name, h := range have {
		if _, ok := want[name]; !ok && !empty(c.value(p.step(name), h)) {
			c.add(p.step(name), DifferenceAdd, nil, h)
		}
	}
}

func (c *comparison) lists(p place, want, have []any) {
	if p.unordered() || (isTagList(want) && isTagList(have)) {
		c.sets(p, want, have)
		return
	}
	for i := range max(len(want), len(have)) {
		at := p.step(strconv.Itoa(i))
		switch {
		case i >= len(want):
			if c.value(at, have[i]) != nil {
				c.add(at, DifferenceAdd, nil, have[i])
			}
		case i >= len(have):
			if c.value(at, want[i]) != nil {
				c.add(at, DifferenceRemove, want[i], nil)
			}
		default:
			c.compare(at, want[i], have[i], true)
		}
	}
}

// sets compares lists whose order has no meaning: what only one side has is
// named by its index on that side.
func (c *comparison) sets(p place, want, have []any) {
	count := map[string]int{}
	for i, v := range have {
		count[c.element(p, i, v)]++
	}
	for i, v := range want {
		if k := c.element(p, i, v); count[k] > 0 {
			count[k]--
		} else if k != "" {
			c.add(p.step(strconv.Itoa(i)), DifferenceRemove, v, nil)
		}
	}
	for i, v := range slices.Backward(have) {
		if k := c.element(p, i, v); k != "" && count[k] > 0 {
			count[k]--
			c.add(p.step(strconv.Itoa(i)), DifferenceAdd, nil, v)
		}
	}
}

// element is the key of a list item, empty for one that does not count.
func (c *comparison) element(p place, i int, v any) string {
	if isAWSTag(v) {
		return ""
	}
	normal := c.value(p.step(strconv.Itoa(i)), v)
	if normal == nil {
		return ""
	}
	return key(normal)
}

func isTagList(items []any) bool {
	return len(items) > 0 && !slices.ContainsFunc(items, func(v any) bool { return !isTag(v) })
}

// same compares two normal forms; nothing and an empty list or object are the
// same.
func (n *normaliser) same(a, b any) bool {
	if empty(a) && empty(b) || key(a) == key(b) {
		return true
	}
	left, isText := a.(string)
	right, both := b.(string)
	return isText && both && n.names(left, right)
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
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
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return key(v)
	}
}

// pointer writes a path as a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

// parsePointer is the inverse of pointer.
func parsePointer(p string) []string {
	p = strings.TrimPrefix(p, "/")
	if p == "" {
		return nil
	}
	path := strings.Split(p, "/")
	for i, name := range path {
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return path
}
