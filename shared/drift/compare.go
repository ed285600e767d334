package drift

import (
	"encoding/json"
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

// Comparison is what comparing the properties of a resource gave.
type Comparison struct {
	Differences []events.PropertyDifference // sorted by path
	Unresolved  []Unresolved                // sorted by path
}

// Unresolved is a property whose two values differ as text and for which it
// could not be worked out whether they mean the same.
type Unresolved struct {
	Path   string // JSON pointer into the properties
	Reason string
}

// Compare returns where the actual properties differ from the expected ones,
// sorted by path; see Examine.
func Compare(kind Kind, expected, actual map[string]any) []events.PropertyDifference {
	return Examine(kind, expected, actual).Differences
}

// Examine compares the actual properties with the expected ones. Both are
// normalised first: a number and its text, a policy in another order, a list
// whose order has no meaning, tags of AWS itself are not differences; nor are
// values that the transform of the schema makes the same. As with
// CloudFormation's own detection, a property that the template does not set is
// not compared, at the top or inside an object; what is added to a list, a map
// or a document is. Comparing something with itself finds nothing.
// Source: CloudFormation API reference, StackResourceDrift and PropertyDifference.
func Examine(kind Kind, expected, actual map[string]any) Comparison {
	return newComparer(kind, expected).examine(expected, actual)
}

// Between returns where what is read now differs from what was read then,
// sorted by path. Unlike a template's, an empty list says that there was
// nothing, and what is not there any more was taken away.
func Between(kind Kind, then, now map[string]any) []events.PropertyDifference {
	c := newComparer(kind, then)
	c.observed = true
	return c.examine(then, now).Differences
}

func (c *comparer) examine(expected, actual map[string]any) Comparison {
	for name, want := range expected {
		at := c.at(name).within(expected)
		have, ok := actual[name]
		if !ok && want != nil && at.shape != nil {
			have, ok = c.elsewhere(at, actual)
		}
		c.compare(at, want, have, ok)
	}
	return Comparison{Differences: c.sorted(), Unresolved: c.unsure()}
}

// comparer collects differences.
type comparer struct {
	*normaliser
	expected   map[string]any
	coerced    any // expected with numbers as numbers, made when first needed
	found      []events.PropertyDifference
	unresolved []Unresolved
	observed   bool // expected was read as well: it is all there was
	budget     *int // pairs of items that may still be compared
}

func newComparer(kind Kind, expected map[string]any) *comparer {
	budget := maxPairs
	return &comparer{normaliser: newNormaliser(kind), expected: expected, budget: &budget}
}

func (c *comparer) sorted() []events.PropertyDifference {
	slices.SortFunc(c.found, func(a, b events.PropertyDifference) int {
		if d := strings.Compare(a.Path, b.Path); d != 0 {
			return d
		}
		return strings.Compare(a.Type, b.Type)
	})
	return c.found
}

func (c *comparer) unsure() []Unresolved {
	slices.SortStableFunc(c.unresolved, func(a, b Unresolved) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(c.unresolved, func(a, b Unresolved) bool { return a.Path == b.Path })
}

func (c *comparer) add(p place, typ string, want, have any) {
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
func (c *comparer) compare(p place, want, have any, present bool) {
	if identical(want, have) {
		return
	}
	if c.inside(p, want, have) {
		return
	}
	normalWant, normalHave := c.value(p, want), c.value(p, have)
	if c.same(p, normalWant, normalHave) || written(want, have) || present && c.rewritten(p, want, have) {
		return
	}
	if have == nil {
		present = false
	}
	if !present && (p.silent(want) || !c.observed && c.unread(p, want)) || c.transformed(p, want, have) || c.incomparable(p, want, have) {
		return
	}
	if !present {
		c.add(p, DifferenceRemove, want, nil)
		return
	}
	if len(p.path) >= maxLevels {
		c.add(p, DifferenceNotEqual, want, have)
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
			if p.declaresNothing(want) && !c.observed { // what is there is undeclared
				return
			}
			c.lists(p, want, have)
			return
		}
	}
	c.add(p, DifferenceNotEqual, want, have)
}

// inside compares what two objects, or two lists without an order, hold, where
// nothing else is to be known of them as a whole.
func (c *comparer) inside(p place, want, have any) bool {
	if p.shape == nil || p.transform != nil || p.hasDefault || p.uncounted() || len(p.path) >= maxLevels {
		return false
	}
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok || isPolicy(want) || len(want) == 0 || len(have) == 0 {
			return false
		}
		c.objects(p, want, have)
	case []any:
		have, ok := have.([]any)
		if !ok || !p.isUnordered() || len(want) == 0 || len(have) == 0 {
			return false
		}
		c.sets(p, want, have)
	default:
		return false
	}
	return true
}

// identical reports values that are the same without looking at what they mean.
func identical(a, b any) bool {
	switch a := a.(type) {
	case string, float64, bool, json.Number:
		return a == b
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !identical(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if other, ok := b[name]; !ok || !identical(v, other) {
				return false
			}
		}
		return true
	}
	return a == nil && b == nil
}

// elsewhere is the value of a property that the service returns in another one.
func (c *comparer) elsewhere(p place, actual map[string]any) (any, bool) {
	for _, path := range p.shape.elsewhere {
		if v, ok := lookup(actual, path); ok {
			return v, true
		}
	}
	return nil, false
}

// written reports a number or a boolean of the template that the service keeps
// as text: how it was written there is lost, 8.0 is 8.
func written(want, have any) bool {
	text, isText := have.(string)
	switch want := want.(type) {
	case float64, json.Number:
		return isText && number(text) == number(scalar(want))
	case bool:
		return isText && strings.EqualFold(text, strconv.FormatBool(want))
	default:
		return false
	}
}

// silent reports a value that a service leaves out of what it returns: false,
// which is what a boolean without another default is, an object that holds
// nothing but what need not be returned, and a deprecated property, which is
// read under its new name.
func (p place) silent(want any) bool {
	if p.shape != nil && (p.deprecated || p.readOnly) {
		return true
	}
	switch want := want.(type) {
	case bool:
		return !want && !p.defaultsTo(true)
	case string:
		return want == "" || p.only("boolean") && strings.EqualFold(want, "false") && !p.defaultsTo(true)
	case map[string]any:
		for name, v := range want {
			if at := p.inner(name); !at.uncounted() && !empty(v) && !at.silent(v) {
				return false
			}
		}
		return p.shape != nil && !p.union
	default:
		return empty(want)
	}
}

func (p place) defaultsTo(v any) bool { return p.shape != nil && p.hasDefault && p.fallback == v }

func (c *comparer) objects(p place, want, have map[string]any) {
	renamed := map[string]bool{}
	for name, w := range want {
		if p.isAWSKey(name) || isIdle(want, name) {
			continue
		}
		h, ok := have[name]
		at := p.step(name).within(want)
		if !ok && w != nil {
			other, found := c.foundAs(at, name, w, want, have)
			switch {
			case other != "":
				h, ok = have[other], true
				renamed[other] = true
			case found:
				continue
			}
		}
		if !ok && p.replaced(w, want, have) {
			c.add(at, DifferenceRemove, w, nil)
			continue
		}
		c.compare(at, w, h, ok)
	}
	for name, h := range have {
		if _, ok := want[name]; ok || renamed[name] || p.declares(name) || p.isAWSKey(name) {
			continue
		}
		if at := p.step(name); !empty(c.value(at, h)) {
			c.add(at, DifferenceAdd, nil, h)
		}
	}
}

// replaced reports an object without content that is the choice itself, such
// as {"Allow": {}}: it is gone if another one stands there instead.
func (p place) replaced(w any, want, have map[string]any) bool {
	if m, ok := w.(map[string]any); !ok || len(m) > 0 {
		return false
	}
	for name, h := range have {
		_, declared := want[name]
		if _, ok := h.(map[string]any); ok && !declared && !p.inner(name).uncounted() {
			return true
		}
	}
	return false
}

// declares reports a property of an object, which unlike the key of a map need
// not be in a template to be there. A service may be ahead of its schema.
func (p place) declares(name string) bool {
	if p.shape == nil || p.union && !p.attributes {
		return false
	}
	if p.attributes {
		return true
	}
	s := p.opened()
	_, ok := s.props[name]
	return ok || len(s.props) > 0 && len(s.rest) == 0
}

func (c *comparer) lists(p place, want, have []any) {
	if p.isUnordered() || isTagList(want) && isTagList(have) {
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

// same compares two normal forms; nothing and an empty text, list or object are
// the same.
func (n *normaliser) same(p place, a, b any) bool {
	left, isText := a.(string)
	right, both := b.(string)
	if isText && both {
		return left == right || n.names(p, left, right)
	}
	return empty(a) && empty(b) || key(a) == key(b)
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
