package drift

import (
	"encoding/json"
	"strconv"
)

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
