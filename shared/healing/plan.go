package healing

import (
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
	// Unknown are the rules that admit to protected ports a prefix list whose
	// entries are not known, by rule id, where the policy only reports them.
	Unknown []events.Removal
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
// that are too wide alone or admit a forbidden source, which no choice can
// avoid; then the smallest set of the rest (see searchLooks), of equal ones that
// with most of the rules in opened, and then with the widest. So putting any one removed rule back would open the
// group again.
//
// lists gives the entries of prefix lists by id. opened are the ids of rules
// that an event made or changed: of equally small sets, the one with most of
// them is removed, so that nobody has a rule that was there removed by adding
// another one.
//
// Rules under an exception that has not expired at now stay, egress rules and
// rules that admit another group, too. What a rule under an exception admits is
// not counted on its ports, whoever admits it as well.
func (p Policy) Plan(rules []events.SecurityGroupRule, lists map[string][]string, now time.Time, opened ...string) Plan {
	c, unread := p.chooser(rules, lists, now, opened)
	c.choose()
	plan := Plan{Unread: unread}
	for i, d := range c.doors {
		if why, ok := c.removed[i]; ok {
			plan.Remove = append(plan.Remove, events.Removal{Rule: d.rule, Reason: why, Severity: string(c.severity(i))})
		}
	}
	if unknown := c.unknown(rules, lists, now); p.UnknownPrefixLists == CloseUnknown {
		plan.Remove = append(plan.Remove, unknown...)
		slices.SortFunc(plan.Remove, func(a, b events.Removal) int { return strings.Compare(a.Rule.RuleID, b.Rule.RuleID) })
	} else {
		plan.Unknown = unknown
	}
	for _, r := range rules {
		if !r.Egress {
			plan.Kept++
		}
	}
	plan.Kept -= len(plan.Remove)
	return plan
}

// chooser makes the decision ready.
func (p Policy) chooser(rules []events.SecurityGroupRule, lists map[string][]string, now time.Time, opened []string) (c *chooser, unread []string) {
	c = &chooser{policy: p, yardstick: p.yardstick(), removed: map[int]string{}, fresh: map[int]bool{}}
	ingress := slices.DeleteFunc(slices.Clone(rules), func(r events.SecurityGroupRule) bool { return r.Egress })
	slices.SortFunc(ingress, func(a, b events.SecurityGroupRule) int { return strings.Compare(a.RuleID, b.RuleID) })
	c.doors, unread = c.yardstick.doors(ingress, lists, func(r events.SecurityGroupRule) bool { return p.excepts(r, now) })
	for i, d := range c.doors {
		if slices.Contains(opened, d.rule.RuleID) {
			c.fresh[i] = true
		}
	}
	c.lanes = p.lanes(c.doors)
	return c, unread
}

func (p Policy) excepts(r events.SecurityGroupRule, now time.Time) bool {
	return slices.ContainsFunc(p.Exceptions, func(e Exception) bool { return e.covers(r, now) })
}
