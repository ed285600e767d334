package drift

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/declared"
)

// Heals knows what the healer of security groups closed.
type Heals interface {
	// Closed returns the heals of a security group (sg-…) or of one rule (sgr-…)
	// that closed something and were not undone, in any order.
	Closed(ctx context.Context, id string) ([]healing.Heal, error)
}

// healed asks which heals the drifted resources have, and what of the drift is
// theirs.
func (s *Service) healed(ctx context.Context, report *Report) ([]response.Healed, error) {
	if s.Heals == nil {
		return nil, nil
	}
	var all []response.Healed
	for _, list := range [][]events.DriftedResource{report.Resources, report.Undeclared} {
		for i, r := range list {
			if r.ResourceType != declared.SecurityGroup && r.ResourceType != declared.SecurityGroupIngress || !strings.HasPrefix(r.PhysicalID, "sg") {
				continue
			}
			heals, err := s.Heals.Closed(ctx, r.PhysicalID)
			if err != nil {
				return nil, err
			}
			found := Healed(r, heals)
			for _, h := range found {
				if h.Explained {
					list[i].Expected = append(list[i].Expected, events.ExpectedDrift{Path: h.Path, HealID: h.HealID, Why: h.Why})
				}
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

// Healed says which differences of a resource come from heals, sorted by path.
// One is explained when all that it took away was closed, and all that it brought
// is in quarantine: that is the state in which the healer left the group. One that
// is not explained is listed when bringing it back would open again what was
// closed. Heals that were undone must not be among heals.
//
// Items of a list are compared as rules, whatever their place in it: where a rule
// was taken out of a list, every item behind it may be another one.
func Healed(r events.DriftedResource, heals []healing.Heal) []response.Healed {
	closed := closedRules(heals)
	if len(closed) == 0 {
		return nil
	}
	if r.Status == StatusDeleted {
		return []response.Healed{wholeHealed(r, closed)}
	}
	var out []response.Healed
	var rest []events.PropertyDifference
	for _, d := range slices.Concat(r.Differences, r.Undeclared) {
		change, ok := changeOf(r.ResourceType, d)
		switch {
		case !ok:
		case change.explained(closed):
			out = append(out, change.by(r.LogicalID, d.Path, closed, true))
		case change.whole:
			rest = append(rest, d)
		case change.reopens(closed):
			out = append(out, change.by(r.LogicalID, d.Path, closed, false))
		}
	}
	out = append(out, together(r, rest, closed)...)
	slices.SortFunc(out, func(a, b response.Healed) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// together judges items that are not explained each by itself.
func together(r events.DriftedResource, items []events.PropertyDifference, closed []closedRule) []response.Healed {
	net := ruleChange{whole: true}
	for _, d := range items {
		change, _ := changeOf(r.ResourceType, d)
		net.gone, net.come = append(net.gone, change.gone...), append(net.come, change.come...)
	}
	net = net.net()
	explained := net.explained(closed)
	var out []response.Healed
	for _, d := range items {
		change, _ := changeOf(r.ResourceType, d)
		if explained {
			out = append(out, net.by(r.LogicalID, d.Path, closed, true))
		} else if change.reopens(closed) {
			out = append(out, change.by(r.LogicalID, d.Path, closed, false))
		}
	}
	return out
}

// wholeHealed is about a resource that is gone: the rule that a heal revoked, or
// a group that would come back as open as it was.
func wholeHealed(r events.DriftedResource, closed []closedRule) response.Healed {
	c := closed[0]
	for _, one := range closed {
		if r.ResourceType == declared.SecurityGroupIngress && one.quarantine == "" {
			return one.as(r.LogicalID, "", true)
		}
	}
	return c.as(r.LogicalID, "", false)
}

// closedRule is a rule that a heal closed.
type closedRule struct {
	heal       healing.Heal
	rule       events.SecurityGroupRule
	quarantine string // the CIDR that it has now; "": it was revoked
}

func closedRules(heals []healing.Heal) []closedRule {
	var out []closedRule
	for _, h := range heals {
		for _, r := range h.Removed {
			out = append(out, closedRule{h, r.Rule, r.Quarantine})
		}
	}
	slices.SortFunc(out, func(a, b closedRule) int { return strings.Compare(a.heal.ID+a.rule.RuleID, b.heal.ID+b.rule.RuleID) })
	return out
}

func (c closedRule) key() string { return healing.RuleKey(c.rule) }

// narrowed is what the rule admits in quarantine.
func (c closedRule) narrowed() string {
	rule := c.rule
	if rule.CIDRv6 != "" {
		rule.CIDRv6 = c.quarantine
	} else {
		rule.CIDRv4 = c.quarantine
	}
	return healing.RuleKey(rule)
}

func (c closedRule) as(logicalID, path string, explained bool) response.Healed {
	why := "expected: closed by " + c.heal.ID
	if !explained {
		why = "bringing it back would open again what " + c.heal.ID + " closed"
	}
	if c.heal.Owner != nil && c.heal.Owner.Fix != "" {
		why += "; fix: " + printable(c.heal.Owner.Fix)
	}
	return response.Healed{LogicalID: logicalID, Path: path, HealID: c.heal.ID, Why: why, Explained: explained}
}

// ruleChange is what a difference takes away from a group and brings to it: keys
// of rules, or, of a part of one rule, its source.
type ruleChange struct {
	whole      bool // rules, and not the source of one
	gone, come []string
}

// changeOf reads a difference of rules; ok is false for any other.
func changeOf(typeName string, d events.PropertyDifference) (change ruleChange, ok bool) {
	path := strings.Split(strings.TrimPrefix(d.Path, "/"), "/")
	if typeName == declared.SecurityGroup {
		if path[0] != "SecurityGroupIngress" {
			return change, false
		}
		path = path[1:]
	}
	if typeName == declared.SecurityGroup && len(path) < 2 {
		change = ruleChange{whole: true, gone: rulesOf(d.Expected, len(path) == 0), come: rulesOf(d.Actual, len(path) == 0)}
		return change.net(), true
	}
	last := path[len(path)-1]
	if last != "CidrIp" && last != "CidrIpv6" && last != "SourcePrefixListId" {
		return change, false
	}
	return ruleChange{gone: source(d.Expected), come: source(d.Actual)}, true
}

// rulesOf are the keys of the rules in a value: of a list of them, or of one.
func rulesOf(text string, list bool) []string {
	value := declared.Text(text)
	if !list {
		value = []any{value}
	}
	rules, _ := declared.Rules(declared.SecurityGroup, map[string]any{"SecurityGroupIngress": value})
	keys := make([]string, len(rules))
	for i, r := range rules {
		keys[i] = healing.RuleKey(r)
	}
	return keys
}

func source(text string) []string {
	if text == "" {
		return nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		text = p.Masked().String()
	}
	return []string{text}
}

// net leaves out what is on both sides.
func (c ruleChange) net() ruleChange {
	gone, come := except(c.gone, c.come), except(c.come, c.gone)
	return ruleChange{c.whole, gone, come}
}

func except(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) })
}

// before and after are how a closed rule shows in the change.
func (c ruleChange) before(r closedRule) string {
	if c.whole {
		return r.key()
	}
	return r.rule.CIDRv4 + r.rule.CIDRv6 + r.rule.PrefixListID
}

func (c ruleChange) after(r closedRule) string {
	switch {
	case r.quarantine == "":
		return ""
	case c.whole:
		return r.narrowed()
	}
	return r.quarantine
}

func (c ruleChange) explained(closed []closedRule) bool {
	all := func(list []string, as func(closedRule) string) bool {
		return !slices.ContainsFunc(list, func(s string) bool {
			return !slices.ContainsFunc(closed, func(r closedRule) bool { return sameText(as(r), s) })
		})
	}
	switch {
	case len(c.gone)+len(c.come) == 0:
		return false
	case c.whole:
		return all(c.gone, c.before) && all(c.come, c.after)
	}
	// The source of one rule: it went where the heal of just that source sent it.
	return len(c.gone) == 1 && len(c.come) == 1 && slices.ContainsFunc(closed, func(r closedRule) bool {
		return sameText(c.before(r), c.gone[0]) && sameText(c.after(r), c.come[0])
	})
}

// reopens reports that bringing the change back would open what was closed.
func (c ruleChange) reopens(closed []closedRule) bool {
	return slices.ContainsFunc(closed, func(r closedRule) bool {
		return slices.ContainsFunc(c.gone, func(s string) bool { return sameText(c.before(r), s) })
	})
}

// by names the heal that the change comes from.
func (c ruleChange) by(logicalID, path string, closed []closedRule, explained bool) response.Healed {
	at := slices.IndexFunc(closed, func(r closedRule) bool {
		return slices.ContainsFunc(c.gone, func(s string) bool { return sameText(c.before(r), s) }) ||
			slices.ContainsFunc(c.come, func(s string) bool { return sameText(c.after(r), s) })
	})
	return closed[max(at, 0)].as(logicalID, path, explained)
}

// sameText compares sources and keys; a source may be as somebody typed it.
func sameText(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if p, err := netip.ParsePrefix(a); err == nil {
		a = p.Masked().String()
	}
	return a == b
}

// refuseHealed says what of a change would open again what the healer closed, or
// take away what an undo needs. Nobody can ask for that: the template is fixed,
// or the heal is undone.
func refuseHealed(c Change, healed []response.Healed) []string {
	var reasons []string
	for _, h := range healed {
		property := h.Path
		if at := strings.Index(strings.TrimPrefix(property, "/"), "/"); at >= 0 {
			property = property[:at+1] // items are numbered by each side itself
		}
		if h.LogicalID == c.LogicalID && reverts(c) && overlaps(c, property) {
			reasons = append(reasons, fmt.Sprintf("%s%s is the work of %s; fix the template, or run `evenkeel heal undo %s`", h.LogicalID, h.Path, h.HealID, h.HealID))
		}
	}
	return reasons
}
