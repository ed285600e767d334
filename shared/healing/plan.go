package healing

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Plan is what must be removed from one group.
type Plan struct {
	Remove []events.Removal // too open, by rule id
	Kept   int              // ingress rules that stay
	Unread []string         // sources that could not be judged, by rule id
}

// Empty reports that nothing has to be removed.
func (p Plan) Empty() bool { return len(p.Remove) == 0 }

// RuleIDs returns the ids of the rules to remove.
func (p Plan) RuleIDs() []string {
	ids := make([]string, len(p.Remove))
	for i, r := range p.Remove {
		ids[i] = r.Rule.RuleID
	}
	return ids
}

// After returns the rules that stay when the plan has been carried out.
func (p Plan) After(rules []events.SecurityGroupRule) []events.SecurityGroupRule {
	ids := p.RuleIDs()
	return slices.DeleteFunc(slices.Clone(rules), func(r events.SecurityGroupRule) bool {
		return !r.Egress && slices.Contains(ids, r.RuleID)
	})
}

// Plan decides which of a group's rules are too open. For every protected port
// and each family it adds up the addresses that all rules together admit, as
// a union: 0.0.0.0/1 and 128.0.0.0/1 are the world as 0.0.0.0/0 is. Where the
// sum exceeds the policy, rules are removed until it does not: first those
// that are too wide alone, which no choice can avoid; then the widest of the
// rest, and what turns out unneeded in the end is put back. So putting any
// one removed rule back would open the group again.
//
// lists gives the entries of prefix lists by id. Exceptions that have not
// expired at now, egress rules and rules that admit another group stay.
func (p Policy) Plan(rules []events.SecurityGroupRule, lists map[string][]string, now time.Time) Plan {
	y := p.yardstick()
	var judged []events.SecurityGroupRule
	var plan Plan
	for _, r := range rules {
		if r.Egress {
			continue
		}
		plan.Kept++
		excepted := slices.ContainsFunc(p.Exceptions, func(e Exception) bool { return e.covers(r, now) })
		if !excepted {
			judged = append(judged, r)
		}
	}
	slices.SortFunc(judged, func(a, b events.SecurityGroupRule) int { return strings.Compare(a.RuleID, b.RuleID) })

	c := chooser{policy: p, yardstick: y, removed: map[int]string{}}
	c.doors, plan.Unread = y.doors(judged, lists)
	c.lanes = p.lanes(c.doors)
	c.choose()
	for i, d := range c.doors {
		if why, ok := c.removed[i]; ok {
			plan.Remove = append(plan.Remove, events.Removal{Rule: d.rule, Reason: why, Severity: string(c.severity(i))})
		}
	}
	plan.Kept -= len(plan.Remove)
	return plan
}

// chooser holds the state of one decision.
type chooser struct {
	policy Policy
	yardstick
	doors   []door
	lanes   []lane
	tooOpen []bool         // whether each lane was, before anything was removed
	removed map[int]string // index of a door → why it is removed
}

func (c *chooser) choose() {
	for _, l := range c.lanes {
		c.tooOpen = append(c.tooOpen, !c.within(l))
	}
	for _, l := range c.lanes {
		for _, i := range l.doors {
			if _, done := c.removed[i]; !done && c.doors[i].sizes[l.family].exceeds(c.limits[l.family]) {
				c.removed[i] = c.alone(i, l)
			}
		}
	}
	var chosen []int
	for _, l := range c.lanes {
		for !c.within(l) {
			widest := c.widest(l)
			c.removed[widest] = c.together(widest, l)
			chosen = append(chosen, widest)
		}
	}
	for _, i := range slices.Backward(chosen) {
		c.putBackIfHarmless(i)
	}
}

// open returns the doors of the lane that are not removed.
func (c *chooser) open(l lane) []int {
	return slices.DeleteFunc(slices.Clone(l.doors), func(i int) bool { _, gone := c.removed[i]; return gone })
}

// within reports whether the lane's open doors keep to the limit. Adding the
// sizes is quick and never too small, so the union is rarely needed.
func (c *chooser) within(l lane) bool {
	var sum count
	for _, i := range l.doors {
		if _, gone := c.removed[i]; !gone {
			sum = sum.plus(c.doors[i].sizes[l.family])
		}
	}
	if !sum.exceeds(c.limits[l.family]) {
		return true
	}
	var all []netip.Prefix
	for _, i := range c.open(l) {
		all = append(all, c.doors[i].sources[l.family]...)
	}
	return !c.size(all).exceeds(c.limits[l.family])
}

// widest is the open door that admits most; among equals the first by rule id.
func (c *chooser) widest(l lane) int {
	open := c.open(l)
	best := open[0]
	for _, i := range open[1:] {
		if c.doors[i].sizes[l.family].exceeds(c.doors[best].sizes[l.family]) {
			best = i
		}
	}
	return best
}

// severity is the worst of the lanes for which the door was removed: those that
// were too open.
func (c *chooser) severity(i int) Severity {
	worst := Severity("")
	for n, l := range c.lanes {
		if c.tooOpen[n] && slices.Contains(l.doors, i) {
			worst = worse(worst, c.policy.severityOf(c.doors[i].rule, l))
		}
	}
	return worst
}

func (c *chooser) putBackIfHarmless(i int) {
	why := c.removed[i]
	delete(c.removed, i)
	for _, l := range c.lanes {
		if slices.Contains(l.doors, i) && !c.within(l) {
			c.removed[i] = why
			return
		}
	}
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

func (l lane) place() string {
	if l.protocol != "tcp" && l.protocol != "udp" {
		return l.protocol
	}
	return l.protocol + " " + portsText(l.from, l.to)
}

func source(r events.SecurityGroupRule) string {
	if r.PrefixListID != "" {
		return "the entries of " + r.PrefixListID
	}
	return canonicalCIDR(r.CIDRv4 + r.CIDRv6)
}
