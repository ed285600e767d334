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
