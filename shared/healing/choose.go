package healing

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/events"
)

// chooser holds the state of one decision.
type chooser struct {
	*yardstick
	policy  Policy
	doors   []door
	lanes   []lane
	tooOpen []bool         // whether each lane was, before anything was removed
	removed map[int]string // index of a door → why it is removed
	fresh   map[int]bool   // indexes of the doors that the event made or changed
	drawn   [families]*atlas
	counted []int // by class: the last number of a count that saw it
	counts  int
}

// choose removes what no choice can avoid, and then the smallest set of the
// rest.
func (c *chooser) choose() {
	c.unavoidable()
	over := c.over()
	if len(over) == 0 {
		return
	}
	chosen := c.reduce(over, nil)
	if len(c.fresh) > 0 {
		if other := c.reduce(over, c.fresh); len(other) <= len(chosen) {
			chosen = other
		}
	}
	if best, found := c.fewest(over, len(chosen)); found {
		chosen = best
	}
	for _, i := range chosen {
		c.removed[i] = c.together(i, over[slices.IndexFunc(over, func(v *coverage) bool { return v.has(i) })].lane)
	}
}

// unavoidable removes what is too wide alone, or admits a forbidden source.
func (c *chooser) unavoidable() {
	c.tooOpen = make([]bool, len(c.lanes))
	var known verdicts
	for n, l := range c.lanes {
		c.tooOpen[n] = !known.of(l, c.within)
	}
	for _, l := range c.lanes {
		for _, i := range l.doors {
			if _, done := c.removed[i]; done {
				continue
			}
			switch d := &c.doors[i]; {
			case c.size(i, l).exceeds(c.limits[l.family]):
				c.removed[i] = c.alone(i, l)
			case c.forbids(i, l):
				c.removed[i] = fmt.Sprintf("admits %s to protected %s; the policy forbids %s", source(d.rule), l.place(), d.forbidden[l.family])
			}
		}
	}
}

// verdicts remembers which lanes are within the limit: many have the same doors.
type verdicts []verdict

type verdict struct {
	family          family
	doors, excepted []int
	within          bool
}

func (known *verdicts) of(l lane, within func(lane) bool) bool {
	for _, v := range *known {
		if v.family == l.family && slices.Equal(v.doors, l.doors) && slices.Equal(v.excepted, l.excepted) {
			return v.within
		}
	}
	v := verdict{l.family, l.doors, l.excepted, within(l)}
	*known = append(*known, v)
	return v.within
}

// over lists the lanes that are too open still, with their open doors only; of
// two of which one holds all doors of the other, and no more exceptions, the
// larger suffices, because what brings it within the limit brings the other, too.
func (c *chooser) over() []*coverage {
	var over []lane
	var known verdicts
	for n, l := range c.lanes {
		if !c.tooOpen[n] {
			continue
		}
		if l.doors = c.open(l); known.of(l, c.within) {
			continue
		}
		if slices.ContainsFunc(over, func(by lane) bool { return by.covers(l) }) {
			continue
		}
		over = slices.DeleteFunc(over, l.covers)
		over = append(over, l)
	}
	measured := make([]*coverage, len(over))
	for i, l := range over {
		measured[i] = c.coverage(l)
	}
	return measured
}

func (l lane) covers(o lane) bool {
	return l.family == o.family && subset(o.doors, l.doors) && subset(l.excepted, o.excepted)
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

// reduce closes doors, the preferred ones and then the widest, until each lane is within the limit, and then
// opens again what turns out unneeded: a set of which no rule can be spared, but
// not always the smallest. It leaves the lanes as they were.
func (c *chooser) reduce(over []*coverage, prefer map[int]bool) []int {
	var chosen []int
	set := func(change func(*coverage, int) int, door int) {
		for _, v := range over {
			if v.has(door) {
				change(v, door)
			}
		}
	}
	for _, v := range over {
		order := slices.Clone(v.widest)
		slices.SortStableFunc(order, func(a, b int) int { return first(prefer[a], prefer[b]) })
		for _, door := range order {
			if v.within() {
				break
			}
			if !slices.Contains(chosen, door) {
				set((*coverage).close, door)
				chosen = append(chosen, door)
			}
		}
	}
	needed := []int{}
	for _, door := range slices.Backward(chosen) {
		set((*coverage).reopen, door)
		if slices.ContainsFunc(over, func(v *coverage) bool { return !v.within() }) {
			set((*coverage).close, door)
			needed = append(needed, door)
		}
	}
	for _, door := range needed {
		set((*coverage).reopen, door)
	}
	return needed
}

// open returns the doors of the lane that are not removed.
func (c *chooser) open(l lane) []int {
	return slices.DeleteFunc(slices.Clone(l.doors), func(i int) bool { _, gone := c.removed[i]; return gone })
}

// first puts true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// within reports whether the lane's open doors keep to the limit. Adding the
// sizes is quick and never too small, so the union is rarely needed.
func (c *chooser) within(l lane) bool {
	limit, sum := c.limits[l.family], count{}
	for _, i := range l.doors {
		if _, gone := c.removed[i]; gone {
			continue
		}
		size := c.doors[i].sizes[l.family]
		if size.exceeds(limit) && len(l.excepted) == 0 {
			return false
		}
		sum = sum.plus(size)
	}
	return !sum.exceeds(limit) || !c.union(l, c.open(l)...).exceeds(limit)
}

// severity is the worst of the lanes for which the door was removed: those that
// were too open.
func (c *chooser) severity(i int) Severity {
	worst := Severity("")
	for n, l := range c.lanes {
		if (c.tooOpen[n] || c.forbids(i, l)) && slices.Contains(l.doors, i) {
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
