package healing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/events"
)

// chooser holds the state of one decision.
type chooser struct {
	*yardstick
	policy   Policy
	doors    []door
	lanes    []lane
	tooOpen  []bool         // whether each lane was, before anything was removed
	removed  map[int]string // index of a door → why it is removed
	buffer   []span
	measured int // spans that were added up so far
}

// choose removes what no choice can avoid, and then the smallest set of the
// rest.
func (c *chooser) choose() {
	c.tooOpen = make([]bool, len(c.lanes))
	for n, l := range c.lanes {
		c.tooOpen[n] = !c.within(l)
		for _, i := range l.doors {
			if _, done := c.removed[i]; done {
				continue
			}
			switch d := &c.doors[i]; {
			case d.sizes[l.family].exceeds(c.limits[l.family]):
				c.removed[i] = c.alone(i, l)
			case d.forbidden[l.family].IsValid():
				c.removed[i] = fmt.Sprintf("admits %s to protected %s; the policy forbids %s", source(d.rule), l.place(), d.forbidden[l.family])
			}
		}
	}
	over := c.over()
	if len(over) == 0 {
		return
	}
	forced := maps.Clone(c.removed)
	greedy := c.reduce(over)
	best, found := c.fewest(over, forced, greedy)
	if found {
		c.removed = forced
		for _, i := range best {
			c.removed[i] = c.together(i, c.first(over, i))
		}
	}
}

// over lists the lanes that are too open still, with their open doors only; of
// two of which one holds all doors of the other, the larger suffices, because
// what brings it within the limit brings the other, too.
func (c *chooser) over() []lane {
	var over []lane
	for n, l := range c.lanes {
		if !c.tooOpen[n] || c.within(l) {
			continue
		}
		l.doors = c.open(l)
		covered := func(by lane) bool { return by.family == l.family && subset(l.doors, by.doors) }
		if slices.ContainsFunc(over, covered) {
			continue
		}
		over = slices.DeleteFunc(over, func(o lane) bool { return o.family == l.family && subset(o.doors, l.doors) })
		over = append(over, l)
	}
	return over
}

// subset reports whether each of the ascending numbers a is in b.
func subset(a, b []int) bool {
	if len(a) > len(b) {
		return false
	}
	j := 0
	for _, x := range a {
		for j < len(b) && b[j] < x {
			j++
		}
		if j == len(b) || b[j] != x {
			return false
		}
	}
	return true
}

// first is the first of the lanes that the door is in.
func (c *chooser) first(over []lane, i int) lane {
	return over[slices.IndexFunc(over, func(l lane) bool { return slices.Contains(l.doors, i) })]
}

// reduce removes the widest doors until each lane is within the limit, and then
// puts back what turns out unneeded: a set of which no rule can be spared, but
// not always the smallest. It returns how many it removed.
func (c *chooser) reduce(over []lane) int {
	var chosen []int
	for _, l := range over {
		for !c.within(l) {
			widest := c.widest(l)
			c.removed[widest] = c.together(widest, l)
			chosen = append(chosen, widest)
		}
	}
	spared := 0
	for _, i := range slices.Backward(chosen) {
		why := c.removed[i]
		delete(c.removed, i)
		for _, l := range over {
			if slices.Contains(l.doors, i) && !c.within(l) {
				c.removed[i] = why
				break
			}
		}
		if _, still := c.removed[i]; !still {
			spared++
		}
	}
	return len(chosen) - spared
}

// open returns the doors of the lane that are not removed.
func (c *chooser) open(l lane) []int {
	return slices.DeleteFunc(slices.Clone(l.doors), func(i int) bool { _, gone := c.removed[i]; return gone })
}

// within reports whether the lane's open doors keep to the limit. Adding the
// sizes is quick and never too small, so the union is rarely needed.
func (c *chooser) within(l lane) bool {
	isOpen := func(i int) bool { _, gone := c.removed[i]; return !gone }
	return !c.admitted(l, isOpen).exceeds(c.limits[l.family])
}

// admitted counts the addresses that get in at the lane through the doors that
// are open. It may be too large as long as it does not exceed the limit.
func (c *chooser) admitted(l lane, isOpen func(int) bool) count {
	sum := count{}
	for _, i := range l.doors {
		if isOpen(i) {
			sum = sum.plus(c.doors[i].sizes[l.family])
		}
	}
	if !sum.exceeds(c.limits[l.family]) {
		return sum
	}
	c.buffer = c.buffer[:0]
	var lists []*reach // of a prefix list that several rules name, one
	for _, i := range l.doors {
		of := c.doors[i].reach
		if !isOpen(i) || len(of.counted[l.family]) > 1 && slices.Contains(lists, of) {
			continue
		}
		lists = append(lists, of)
		c.buffer = append(c.buffer, of.counted[l.family]...)
	}
	c.measured += len(c.buffer)
	return total(merge(c.buffer))
}

// widest is the open door that admits most; among equals the first by rule id.
func (c *chooser) widest(l lane) int {
	return slices.MinFunc(c.open(l), func(a, b int) int {
		return cmp.Or(c.doors[b].sizes[l.family].compare(c.doors[a].sizes[l.family]), a-b)
	})
}

// severity is the worst of the lanes for which the door was removed: those that
// were too open.
func (c *chooser) severity(i int) Severity {
	worst := Severity("")
	for n, l := range c.lanes {
		if (c.tooOpen[n] || c.doors[i].forbidden[l.family].IsValid()) && slices.Contains(l.doors, i) {
			worst = worse(worst, c.policy.severityOf(c.doors[i].rule, l))
		}
	}
	return worst
}

func (c *chooser) alone(i int, l lane) string {
	return fmt.Sprintf("admits %s to protected %s; the policy allows no more than a /%d of %s",
		source(c.doors[i].rule), l.place(), c.prefixLength(l.family), l.family)
}

func (c *chooser) together(i int, l lane) string {
	return fmt.Sprintf("admits %s and, with the other rules of the group, more than a /%d of %s to protected %s",
		source(c.doors[i].rule), c.prefixLength(l.family), l.family, l.place())
}

func (c *chooser) prefixLength(f family) int {
	return [families]int{c.policy.MaxIPv4, c.policy.MaxIPv6}[f]
}

func source(r events.SecurityGroupRule) string {
	if r.PrefixListID != "" {
		return "the entries of " + r.PrefixListID
	}
	return canonicalCIDR(r.CIDRv4 + r.CIDRv6)
}
