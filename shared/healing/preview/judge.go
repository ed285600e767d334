// Package preview says what a policy would do: to live security groups, or to
// those that an archive of CloudTrail records tells of.
package preview

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// What would be done about a rule.
const (
	Report     = "report"     // tell, in observe mode
	Quarantine = "quarantine" // narrow its source to nobody
	Revoke     = "revoke"     // remove it
)

// Verdict is what a policy says of one group.
type Verdict struct {
	Group  events.SecurityGroup
	Policy healing.Policy // the one that counts for the group
	Plan   healing.Plan
}

// Would is what would be done about a rule of the verdict. The type of a rule's
// source cannot be changed, so that only CIDRs are put into quarantine.
// Source: EC2 API reference, SecurityGroupRuleRequest.
func (v Verdict) Would(rule events.SecurityGroupRule) string {
	switch {
	case v.Policy.Mode == healing.Observe:
		return Report
	case v.Policy.Remediation == healing.Revoke || rule.CIDRv4+rule.CIDRv6 == "":
		return Revoke
	}
	return Quarantine
}

// Judge plans the named groups of a place, all of them when none is named, as a
// sweep does. Groups that need nothing have no verdict. exceptions, which may be
// nil, gives the recorded exceptions of a group. Verdicts are sorted by group;
// unread says which prefix lists could not be read, and hides nothing else.
// What it reads costs as much as a sweep: the rules of the place, each prefix
// list once, and a description of each group that may need something.
func Judge(ctx context.Context, groups healing.Groups, policy healing.Policy, at healing.Place, now time.Time,
	exceptions func(ctx context.Context, group string) ([]healing.Exception, error), named ...string) (found []Verdict, unread []string, err error) {
	rules, err := groups.Rules(ctx, at, named...)
	if err != nil {
		return nil, nil, err
	}
	byGroup := map[string][]events.SecurityGroupRule{}
	for _, r := range rules {
		byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
	}
	lists, unread := entries(ctx, groups, at, rules)
	possible := policy.Possible(at)
	for _, id := range slices.Sorted(maps.Keys(byGroup)) {
		needless := !slices.ContainsFunc(possible, func(p healing.Policy) bool { return !p.Plan(byGroup[id], lists, now).Empty() })
		if needless {
			continue
		}
		group, ok, err := groups.Group(ctx, at, id)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			continue
		}
		v := Verdict{Group: group, Policy: policy.For(group)}
		if exceptions != nil {
			more, err := exceptions(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			v.Policy = v.Policy.With(more)
		}
		if v.Plan = v.Policy.Plan(byGroup[id], lists, now); !v.Plan.Empty() {
			found = append(found, v)
		}
	}
	return found, unread, nil
}

// entries reads the prefix lists that the ingress rules name, each once.
func entries(ctx context.Context, groups healing.Groups, at healing.Place, rules []events.SecurityGroupRule) (lists map[string][]string, unread []string) {
	lists = map[string][]string{}
	asked := map[string]bool{}
	for _, r := range rules {
		if r.Egress || r.PrefixListID == "" || asked[r.PrefixListID] {
			continue
		}
		asked[r.PrefixListID] = true
		switch cidrs, ok, err := groups.Entries(ctx, at, r.PrefixListID); {
		case err != nil:
			unread = append(unread, r.PrefixListID+": "+err.Error())
		case !ok:
			unread = append(unread, r.PrefixListID+": it does not exist, or may not be read")
		default:
			lists[r.PrefixListID] = cidrs
		}
	}
	return lists, unread
}
