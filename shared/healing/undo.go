package healing

import (
	"context"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Undo puts the rules of a heal back, with description and tags; each gets a
// new id. First it records exceptions, so that the healer leaves the rules
// alone for the policy's undoFor. Undoing again returns what the first undo
// did. An unknown heal, or one that removed nothing, is Invalid; one that is
// still under way is a Conflict.
func (s *Service) Undo(ctx context.Context, healID, by string) (events.SecurityGroupHealUndone, error) {
	heal, err := s.undoable(ctx, healID, by)
	if err != nil {
		return events.SecurityGroupHealUndone{}, err
	}
	if heal.Undone.IsZero() {
		if heal, err = s.restore(ctx, heal, by); err != nil {
			return events.SecurityGroupHealUndone{}, err
		}
	}
	fact := heal.undoneFact()
	data, _ := fact.Data.(events.SecurityGroupHealUndone)
	return data, s.Publisher.Publish(ctx, fact)
}

func (s *Service) undoable(ctx context.Context, healID, by string) (Heal, error) {
	if healID == "" || by == "" {
		return Heal{}, fault.Invalid("undo: healId and by are needed")
	}
	heal, ok, err := s.Records.Heal(ctx, healID)
	switch {
	case err != nil:
		return Heal{}, err
	case !ok:
		return Heal{}, fault.Invalid("undo: there is no heal %s", healID)
	case heal.Mode == Observe:
		return Heal{}, fault.Invalid("undo: %s only observed, nothing was removed", healID)
	case heal.Closed.IsZero():
		return Heal{}, fault.Conflict("undo: %s is still under way", healID)
	}
	return heal, nil
}

// restore authorises what is missing and reads it back.
func (s *Service) restore(ctx context.Context, h Heal, by string) (Heal, error) {
	policy, err := s.Policies.Policy(ctx, actAge)
	if err != nil {
		return Heal{}, err
	}
	h.UndoneBy, h.Until = by, s.Now().UTC().Add(policy.undoTime())
	if err := s.Policies.Except(ctx, h.exceptions(by, h.Until)...); err != nil {
		return Heal{}, err
	}
	live, err := s.Groups.Rules(ctx, h.place(), h.Group.GroupID)
	if err != nil {
		return Heal{}, err
	}
	for _, rule := range h.missing(live) {
		if err := s.Changes.Authorize(ctx, h.place(), rule); err != nil {
			return Heal{}, err
		}
	}
	if live, err = s.Groups.Rules(ctx, h.place(), h.Group.GroupID); err != nil {
		return Heal{}, err
	}
	h.Restored = nil
	for _, r := range h.Removed {
		restored, ok := findLike(live, r.Rule)
		if !ok {
			return Heal{}, fault.Transient("undo of %s: %s is not back", h.ID, RuleKey(r.Rule))
		}
		h.Restored = append(h.Restored, restored)
	}
	h.Undone = s.Now().UTC()
	return s.Records.Advance(ctx, h)
}
