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

// Judge plans the named groups of a place, all of them when none is named, as the
// healer does: prefix lists that AWS keeps are trusted as the policy says, and a
// rule whose list cannot be read is reported or closed. Groups that need nothing
// have no verdict. opened are the rules that an event made or changed.
// exceptions, which may be nil, gives the recorded exceptions of a group.
// Verdicts are sorted by group; unread says what could not be read, and hides
// nothing else. What it reads costs as much as a sweep: the rules of the place,
// each prefix list that counts once, and a description of each group that may
// need something.
func Judge(ctx context.Context, groups healing.Groups, policy healing.Policy, at healing.Place, now time.Time,
	exceptions func(ctx context.Context, group string) ([]healing.Exception, error), opened []string, named ...string) (found []Verdict, unread []string, err error) {
	rules, err := groups.Rules(ctx, at, named...)
	if err != nil {
		return nil, nil, err
	}
	byGroup := map[string][]events.SecurityGroupRule{}
	for _, r := range rules {
		byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
	}
	judge := healing.NewJudge(groups, now, opened...)
	needs := func(p healing.Policy, group string) (healing.Plan, bool) {
		plan := judge.Plan(ctx, at, p, byGroup[group])
		return plan, !plan.Empty() || len(plan.Unknown) > 0
	}
	possible := policy.Possible(at)
	for _, id := range slices.Sorted(maps.Keys(byGroup)) {
		if !slices.ContainsFunc(possible, func(p healing.Policy) bool { _, some := needs(p, id); return some }) {
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
		some := false
		if v.Plan, some = needs(v.Policy, id); some {
			found = append(found, v)
		}
	}
	return found, judge.Unread(), nil
}
