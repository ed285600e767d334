package healing

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/evenkeel/evenkeel/events"
)

// finish notes that the heals of one group were seen to be closed, and tells.
// How far the group could be reached and who owns the rules is asked only now
// that it is closed, and a failure leaves it unknown. What was noted first
// wins, so that two attempts tell the same.
func (t *task) finish(ctx context.Context, policy Policy, heals []Heal, live []events.SecurityGroupRule) error {
	if len(heals) == 0 {
		return nil
	}
	closed := t.Now().UTC()
	heals = slices.Clone(heals)
	for i, h := range heals {
		h = h.as(live, policy)
		h.Closed = closed
		heals[i] = h
	}
	facts := make([]events.Fact, 0, len(heals))
	for _, h := range t.assess(ctx, heals) {
		kept, err := t.Records.Advance(ctx, h)
		if err != nil {
			return err
		}
		if !kept.Undone.IsZero() {
			if err := t.putBack(ctx, kept); err != nil {
				return err
			}
		}
		t.act(ActionHealed, kept)
		facts = append(facts, kept.fact())
	}
	return t.Publisher.Publish(ctx, facts...)
}

// putBack restores what was undone while this attempt was about to close it:
// it closed what another attempt had closed and a person has opened again.
func (t *task) putBack(ctx context.Context, h Heal) error {
	live, err := t.Groups.Rules(ctx, h.place(), h.Group.GroupID)
	if err != nil {
		return err
	}
	return t.apply(ctx, h, restoration{modify: h.restoration(live).modify})
}

// report tells once that a group is too open and stays so. It is noted before
// and after it was told: before, so that telling again says the same; after,
// so that an interrupted attempt tells again.
func (t *task) report(ctx context.Context, heals []Heal) error {
	var untold []Heal
	for _, h := range heals {
		if !h.Told.IsZero() {
			t.act(reported(h), h)
			continue
		}
		h.Closed = cmp.Or(h.Closed, h.Planned)
		untold = append(untold, h)
	}
	for _, h := range t.assess(ctx, untold) {
		kept, err := t.Records.Advance(ctx, h)
		if err != nil {
			return err
		}
		t.act(reported(kept), kept)
		if !kept.Told.IsZero() {
			continue // by another attempt, meanwhile
		}
		if err := t.Publisher.Publish(ctx, kept.fact()); err != nil {
			return err
		}
		kept.Told = t.Now().UTC()
		if _, err := t.Records.Advance(ctx, kept); err != nil {
			return err
		}
	}
	return nil
}

func reported(h Heal) string {
	if h.Stop != nil {
		return ActionStopped
	}
	return ActionExposed
}

// assess asks how far the group could be reached, once for all heals of it, who
// opened the rules and who answers for them, once for each call, and rates each.
func (t *task) assess(ctx context.Context, heals []Heal) []Heal {
	if len(heals) == 0 || heals[0].Stop != nil {
		return heals
	}
	reach := t.reach(ctx, heals[0], rulesOf(heals))
	t.opener(ctx, heals)
	owners := map[events.Trigger]*events.Owner{}
	for i, h := range heals {
		by := call(h.Trigger)
		if _, asked := owners[by]; !asked {
			owners[by] = t.owner(ctx, h, by, rulesOf(slices.DeleteFunc(slices.Clone(heals), func(o Heal) bool { return call(o.Trigger) != by })))
		}
		heals[i].Reachability, heals[i].Owner = reach, owners[by]
		heals[i].Severity = Weigh(h.Removed, reach)
	}
	return heals
}

func rulesOf(heals []Heal) []events.SecurityGroupRule {
	var rules []events.SecurityGroupRule
	for _, h := range heals {
		rules = append(rules, h.rules()...)
	}
	return rules
}

func (t *task) reach(ctx context.Context, h Heal, opened []events.SecurityGroupRule) *events.Reachability {
	if t.Reach == nil {
		return nil
	}
	reach, err := t.Reach.Reach(ctx, h.place(), h.Group.GroupID, opened)
	if err != nil {
		t.unknown("reachability of "+h.Group.GroupID, err)
		return &events.Reachability{Level: events.ReachUnknown}
	}
	return &reach
}

func (t *task) owner(ctx context.Context, h Heal, by events.Trigger, opened []events.SecurityGroupRule) *events.Owner {
	if t.Owners == nil {
		return nil
	}
	owner, err := t.Owners.Owner(ctx, h.Group, opened, by)
	if err != nil {
		t.unknown("owner of "+h.Group.GroupID, err)
		return &events.Owner{Kind: "unknown"}
	}
	return &owner
}

// unknown notes what is told as unknown, and not asked again.
func (t *task) unknown(what string, err error) {
	t.result.Unread = append(t.result.Unread, what+": "+err.Error())
}

// resume completes the heals of an attempt that was interrupted after the
// record was kept. What was noted as closed is told, however the group looks
// now; if the rules of another are gone, it is closed and told. Rules that are
// not gone are planned anew with the rest.
func (t *task) resume(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	policy, err := t.Policies.Policy(ctx, screenAge)
	if err != nil {
		return err
	}
	var faults []error
	type where struct{ account, region, group string }
	begun := map[where][]Heal{}
	for _, id := range slices.Sorted(slices.Values(ids)) {
		h, ok, err := t.Records.Heal(ctx, id)
		switch {
		case err != nil:
			faults = append(faults, err)
		case !ok:
		case h.Step() > StepPlanned && h.closes():
			t.act(ActionHealed, h)
			faults = append(faults, t.Publisher.Publish(ctx, h.fact()))
		case h.Step() == StepClosed:
			faults = append(faults, t.report(ctx, []Heal{h}))
		case h.closes():
			at := where{h.Group.Account, h.Group.Region, h.Group.GroupID}
			begun[at] = append(begun[at], h)
		}
	}
	for _, heals := range begun {
		faults = append(faults, t.finishGone(ctx, policy.For(heals[0].Group), heals))
	}
	return errors.Join(faults...)
}

// finishGone finishes those of one group's heals whose rules are gone.
func (t *task) finishGone(ctx context.Context, policy Policy, heals []Heal) error {
	rules, err := t.Groups.Rules(ctx, heals[0].place(), heals[0].Group.GroupID)
	if err != nil {
		return err
	}
	heals = slices.DeleteFunc(heals, func(h Heal) bool { return !h.gone(rules) })
	return t.finish(ctx, policy, heals, rules)
}
