package healing

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// attempts is how often a group is planned and closed before the healer gives
// up for now: rules may come and go between the read and the revoke.
const attempts = 3

// close brings one group back under the policy: plan, keep the undo record,
// revoke, read back. The read back is planned again, so that a rule which
// appeared meanwhile is closed as well.
func (t *task) close(ctx context.Context, at Place, group string, rules []events.SecurityGroupRule) error {
	for attempt := 0; ; attempt++ {
		plan, err := t.plan(ctx, at, group, rules)
		if err != nil {
			return err
		}
		if attempt == 0 {
			t.result.Unread = append(t.result.Unread, plan.Unread...)
		}
		if plan.Empty() {
			return nil
		}
		if attempt == attempts {
			return fault.Transient("%s is still too open after %d attempts", group, attempts)
		}
		heal, exists, err := t.begin(ctx, at, group, plan)
		if err != nil || !exists {
			return err
		}
		if heal.Mode == Observe {
			return t.report(ctx, heal)
		}
		if err := t.revoke(ctx, heal); err != nil {
			return err
		}
		if rules, err = t.Groups.Rules(ctx, at, group); err != nil {
			return err
		}
		if gone(heal, rules) {
			if err := t.finish(ctx, heal); err != nil {
				return err
			}
		}
	}
}

// begin keeps the record of what will be removed. exists is false when the
// group was deleted meanwhile.
func (t *task) begin(ctx context.Context, at Place, group string, plan Plan) (kept Heal, exists bool, err error) {
	described, exists, err := t.Groups.Group(ctx, at, group)
	if err != nil || !exists {
		return Heal{}, false, err
	}
	described.Account, described.Region = at.Account, at.Region
	kept, err = t.Records.Save(ctx, t.trigger.EventID, Heal{
		ID:      healID(t.policy.Mode, described, plan),
		Group:   described,
		Mode:    t.policy.Mode,
		Trigger: t.trigger,
		Removed: plan.Remove,
		Kept:    plan.Kept,
		Planned: t.Now().UTC(),
	})
	return kept, true, err
}

// revoke removes the rules, within the policy's number of actions.
func (t *task) revoke(ctx context.Context, h Heal) error {
	hour := t.Now().UTC().Truncate(time.Hour)
	n, err := t.Policies.Spend(ctx, h.Group.GroupID, hour)
	if err != nil {
		return err
	}
	if n > t.policy.MaxActions {
		return overspent(h.Group.GroupID, n, t.policy.MaxActions, hour)
	}
	ids := Plan{Remove: h.Removed}.RuleIDs()
	return t.Changes.Revoke(ctx, h.place(), h.Group.GroupID, ids)
}

// gone reports whether none of the heal's rules is live.
func gone(h Heal, live []events.SecurityGroupRule) bool {
	ids := Plan{Remove: h.Removed}.RuleIDs()
	return !slices.ContainsFunc(live, func(r events.SecurityGroupRule) bool { return slices.Contains(ids, r.RuleID) })
}

// finish notes that the rules were seen to be gone, and tells. The kept time
// wins, so that two attempts tell the same.
func (t *task) finish(ctx context.Context, h Heal) error {
	h.Closed = t.Now().UTC()
	kept, err := t.Records.Advance(ctx, h)
	if err != nil {
		return err
	}
	t.act(ActionHealed, kept)
	return t.Publisher.Publish(ctx, kept.fact())
}

// report tells once that a group is too open. It is noted after it was told,
// so that an interrupted attempt tells again.
func (t *task) report(ctx context.Context, h Heal) error {
	t.act(ActionExposed, h)
	if !h.Closed.IsZero() {
		return nil // told before
	}
	h.Closed = h.Planned
	if err := t.Publisher.Publish(ctx, h.fact()); err != nil {
		return err
	}
	_, err := t.Records.Advance(ctx, h)
	return err
}

func (t *task) act(action string, h Heal) {
	a := Action{
		Group: h.Group.GroupID, Account: h.Group.Account, Region: h.Group.Region,
		Action: action, HealID: h.ID, Rules: Plan{Remove: h.Removed}.RuleIDs(),
	}
	if action == ActionHealed {
		a.Exposure = h.exposure()
	}
	t.result.Actions = append(t.result.Actions, a)
}

// resume completes the heals of an attempt that was interrupted after the
// record was kept: if the rules are gone, the fact is still to be told. Rules
// that are not gone are planned anew with the rest.
func (t *task) resume(ctx context.Context, heals []string) error {
	var faults []error
	for _, id := range slices.Sorted(slices.Values(heals)) {
		faults = append(faults, t.resumeOne(ctx, id))
	}
	return errors.Join(faults...)
}

func (t *task) resumeOne(ctx context.Context, id string) error {
	h, ok, err := t.Records.Heal(ctx, id)
	if err != nil || !ok || h.Mode == Observe {
		return err // what is only observed is reported when it is seen again
	}
	rules, err := t.Groups.Rules(ctx, h.place(), h.Group.GroupID)
	if err != nil || !gone(h, rules) {
		return err
	}
	return t.finish(ctx, h)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
