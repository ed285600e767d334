package healing

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// ListOwners knows which prefix lists AWS keeps. Groups may implement it; where
// it does not, none is known to be.
type ListOwners interface {
	// AWSLists returns those of the prefix lists that AWS owns.
	AWSLists(ctx context.Context, at Place, prefixLists ...string) ([]string, error)
}

// decide plans a group. Whose the prefix lists are is asked only when something
// would be done, and what AWS keeps is then taken for empty, in lists too.
func (t *task) decide(ctx context.Context, at Place, p Policy, rules []events.SecurityGroupRule, lists map[string][]string) Plan {
	plan := p.Plan(rules, lists, t.Now(), t.newcomers()...)
	if plan.Empty() && len(plan.Unknown) == 0 || !p.TrustAWSPrefixLists {
		return plan
	}
	if !t.trust(ctx, at, rules, lists, p) {
		return plan
	}
	return p.Plan(rules, lists, t.Now(), t.newcomers()...)
}

// trust empties the lists that AWS keeps and that the policy minds; changed is
// false when there are none.
func (t *task) trust(ctx context.Context, at Place, rules []events.SecurityGroupRule, lists map[string][]string, p Policy) (changed bool) {
	owners, ok := t.Groups.(ListOwners)
	if !ok {
		return false
	}
	var ask, named []string
	for _, r := range rules {
		entries, known := lists[r.PrefixListID]
		if r.Egress || r.PrefixListID == "" || known && len(entries) == 0 || !p.minds(r) {
			continue
		}
		named = append(named, r.PrefixListID)
		if _, before := t.aws[listKey{at, r.PrefixListID}]; !before {
			ask = append(ask, r.PrefixListID)
		}
	}
	if ask = sortedUnique(ask); len(ask) > 0 {
		kept, err := owners.AWSLists(ctx, at, ask...)
		if err != nil {
			t.unread("the owners of prefix lists", err)
		}
		for _, id := range ask {
			// What may be known later is not closed now: the event comes again.
			t.aws[listKey{at, id}] = slices.Contains(kept, id) || fault.Is(err, fault.TransientError)
		}
	}
	for _, id := range named {
		if t.aws[listKey{at, id}] {
			lists[id], changed = []string{}, true
		}
	}
	return changed
}
