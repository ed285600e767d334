package healing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Undo opens again what a heal closed. A quarantined rule gets its source back
// and is then exactly what it was; a revoked one is made anew with description
// and tags, under a new id. First it records exceptions, so that the healer
// leaves the rules alone for the policy's undoFor. Undoing again returns what
// the first undo did. An unknown heal, or one that closed nothing, is Invalid.
// One that is still under way is a Conflict, and so is a quarantined rule that
// somebody has changed or deleted since: nothing is done then, and the error
// says what is there.
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
	case !heal.closes():
		return Heal{}, fault.Invalid("undo: %s only reported: nothing was closed, so that there is nothing to undo", healID)
	case heal.Closed.IsZero():
		return Heal{}, fault.Conflict("undo: %s is still under way", healID)
	}
	return heal, nil
}

// restore puts back what is missing and reads it back.
func (s *Service) restore(ctx context.Context, h Heal, by string) (Heal, error) {
	policy, err := s.Policies.Policy(ctx, actAge)
	if err != nil {
		return Heal{}, err
	}
	live, err := s.Groups.Rules(ctx, h.place(), h.Group.GroupID)
	if err != nil {
		return Heal{}, err
	}
	todo := h.restoration(live)
	if len(todo.conflicts) > 0 {
		return Heal{}, fault.Conflict("undo of %s: %s; nothing was changed", h.ID, strings.Join(todo.conflicts, "; "))
	}
	h.UndoneBy, h.Until = by, s.Now().UTC().Add(policy.undoTime())
	if h.Until, err = s.except(ctx, h); err != nil {
		return Heal{}, err
	}
	if err := s.apply(ctx, h, todo); err != nil {
		return Heal{}, err
	}
	if live, err = s.Groups.Rules(ctx, h.place(), h.Group.GroupID); err != nil {
		return Heal{}, err
	}
	if todo = h.restoration(live); len(todo.restored) < len(h.Removed) {
		return Heal{}, fault.Transient("undo of %s: the rules are not back yet", h.ID)
	}
	h.Restored, h.Undone = todo.restored, s.Now().UTC()
	return s.Records.Advance(ctx, h)
}

// except keeps the healer from the rules of an undone heal until h.Until, and
// returns until when it really does. A recorded exception that lasts longer stays
// as it is: somebody answers for it, and gave the reason.
func (s *Service) except(ctx context.Context, h Heal) (until time.Time, err error) {
	recorded, err := s.Policies.Exceptions(ctx, h.Group.GroupID)
	if err != nil {
		return until, err
	}
	var missing []Exception
	for _, e := range h.exceptions(h.UndoneBy, h.Until) {
		longer := slices.IndexFunc(recorded, func(r Exception) bool { return r.Group == e.Group && r.Rule == e.Rule && r.Expires.After(e.Expires) })
		if longer >= 0 {
			e = recorded[longer]
		} else {
			missing = append(missing, e)
		}
		if until.IsZero() || e.Expires.Before(until) {
			until = e.Expires
		}
	}
	return until, s.Policies.Except(ctx, missing...)
}

// apply carries a restoration out.
func (s *Service) apply(ctx context.Context, h Heal, todo restoration) error {
	if len(todo.modify) > 0 {
		if err := s.Changes.Modify(ctx, h.place(), h.Group.GroupID, todo.modify); err != nil {
			return err
		}
	}
	for _, rule := range todo.authorize {
		if err := s.Changes.Authorize(ctx, h.place(), rule); err != nil {
			return err
		}
	}
	return nil
}

// restoration is what an undo has to do on live rules.
type restoration struct {
	modify    []events.SecurityGroupRule // still in quarantine: as they shall be
	authorize []events.SecurityGroupRule // revoked: as they were
	restored  []events.SecurityGroupRule // back already, as they are
	conflicts []string                   // not ours to change any more, a sentence each
}

// restoration decides how each rule is opened again. Only a rule that is still
// what the healer made of it is given its source back; what else somebody has
// changed on it, its description or tags, stays.
func (h Heal) restoration(live []events.SecurityGroupRule) restoration {
	var todo restoration
	for _, r := range h.Removed {
		like, admitted := findLike(live, r.Rule)
		now, exists := findID(live, r.Rule.RuleID)
		switch {
		case admitted && (r.Quarantine == "" || like.RuleID == r.Rule.RuleID):
			todo.restored = append(todo.restored, like)
		case r.Quarantine == "":
			todo.authorize = append(todo.authorize, r.Rule)
		case !exists:
			todo.conflicts = append(todo.conflicts, r.Rule.RuleID+" was deleted since")
		case RuleKey(now) != RuleKey(narrowed(r.Rule, r.Quarantine)):
			todo.conflicts = append(todo.conflicts, r.Rule.RuleID+" was changed since and admits "+RuleKey(now))
		case admitted:
			todo.conflicts = append(todo.conflicts, like.RuleID+" admits the same as "+r.Rule.RuleID+" did")
		default:
			now.CIDRv4, now.CIDRv6 = r.Rule.CIDRv4, r.Rule.CIDRv6
			todo.modify = append(todo.modify, now)
		}
	}
	return todo
}
