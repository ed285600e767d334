package simulation

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// healingPorts is EC2 with chaos around each call. What a change closes is
// looked at in that moment.
type healingPorts struct{ h *Healing }

func (g healingPorts) Rules(ctx context.Context, at healing.Place, ids ...string) ([]events.SecurityGroupRule, error) {
	if err := g.h.port("Rules"); err != nil {
		return nil, err
	}
	return g.h.groups.Rules(ctx, at, ids...)
}

func (g healingPorts) Group(ctx context.Context, at healing.Place, id string) (events.SecurityGroup, bool, error) {
	if err := g.h.port("Group"); err != nil {
		return events.SecurityGroup{}, false, err
	}
	return g.h.groups.Group(ctx, at, id)
}

func (g healingPorts) Entries(ctx context.Context, at healing.Place, list string) ([]string, bool, error) {
	if err := g.h.port("Entries"); err != nil {
		return nil, false, err
	}
	return g.h.groups.Entries(ctx, at, list)
}

func (g healingPorts) AWSLists(ctx context.Context, at healing.Place, lists ...string) ([]string, error) {
	if err := g.h.port("AWSLists"); err != nil {
		return nil, err
	}
	return g.h.groups.AWSLists(ctx, at, lists...)
}

func (g healingPorts) Revoke(ctx context.Context, at healing.Place, group string, ids []string) error {
	return g.change("Revoke", at, func() error { return g.h.groups.Revoke(ctx, at, group, ids) })
}

func (g healingPorts) Modify(ctx context.Context, at healing.Place, group string, rules []events.SecurityGroupRule) error {
	return g.change("Modify", at, func() error { return g.h.groups.Modify(ctx, at, group, rules) })
}

// change looks at each rule that the call removes, or gives another source.
func (g healingPorts) change(method string, at healing.Place, call func() error) error {
	if err := g.h.port(method); err != nil {
		return err
	}
	before := g.h.groups.Live(at)
	err := call()
	after := g.h.groups.Live(at)
	for _, rule := range before {
		i := slices.IndexFunc(after, func(r events.SecurityGroupRule) bool { return r.RuleID == rule.RuleID })
		switch {
		case i < 0:
			g.h.watch.closed(g.h, at, rule)
		case healing.RuleKey(after[i]) == healing.RuleKey(rule):
		case inQuarantine(after[i]):
			g.h.watch.closed(g.h, at, rule)
		default:
			g.h.watch.opened(g.h, rule, after[i])
		}
	}
	if err != nil {
		return err
	}
	return g.h.port(method + " done")
}

func (g healingPorts) Authorize(ctx context.Context, at healing.Place, rule events.SecurityGroupRule) error {
	if err := g.h.port("Authorize"); err != nil {
		return err
	}
	g.h.watch.opened(g.h, events.SecurityGroupRule{}, rule)
	if err := g.h.groups.Authorize(ctx, at, rule); err != nil {
		return err
	}
	return g.h.port("Authorize done")
}

// Reach implements healing.Reach. It may fail, which must delay nothing.
func (g healingPorts) Reach(_ context.Context, at healing.Place, group string, opened []events.SecurityGroupRule) (events.Reachability, error) {
	g.h.watch.asked(g.h, at, group, opened)
	if err := g.h.port("Reach"); err != nil {
		return events.Reachability{}, err
	}
	return events.Reachability{Level: events.ReachInternet, Interfaces: 1}, nil
}

// Owner implements healing.Owners.
func (g healingPorts) Owner(context.Context, events.SecurityGroup, []events.SecurityGroupRule, events.Trigger) (events.Owner, error) {
	if err := g.h.port("Owner"); err != nil {
		return events.Owner{}, err
	}
	return events.Owner{Kind: "cli"}, nil
}

// healingRecords adds lost answers to the fake's failures.
type healingRecords struct {
	*fake.HealingState
	h *Healing
}

func (r healingRecords) Save(ctx context.Context, eventID string, heals ...healing.Heal) ([]healing.Heal, error) {
	kept, err := r.HealingState.Save(ctx, eventID, heals...)
	if err == nil {
		err = r.h.port("Save done")
	}
	return kept, err
}

func (r healingRecords) Advance(ctx context.Context, heal healing.Heal) (healing.Heal, error) {
	kept, err := r.HealingState.Advance(ctx, heal)
	if err == nil {
		err = r.h.port("Advance done")
	}
	return kept, err
}

// healingPolicies remembers the exceptions as soon as they are recorded.
type healingPolicies struct {
	*fake.HealingState
	h *Healing
}

func (p healingPolicies) Except(ctx context.Context, exceptions ...healing.Exception) error {
	if err := p.HealingState.Except(ctx, exceptions...); err != nil {
		return err
	}
	for _, e := range exceptions {
		key := e.Group + " " + e.Rule
		if p.h.watch.excepted[key].IsZero() {
			p.h.watch.except[key] = p.h.Clock.Now()
		}
		p.h.watch.excepted[key] = e.Expires
	}
	return p.h.port("Except done")
}
