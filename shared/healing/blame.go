package healing

import (
	"context"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Openers knows who opened a rule where the event that led to it does not say.
// It is asked after the rule was closed.
type Openers interface {
	// Opener returns the last call before a time that is known to have made or
	// changed the rule; ok is false when none is. Of the result, Found counts for
	// nothing.
	Opener(ctx context.Context, at Place, rule events.SecurityGroupRule, before time.Time) (by events.Trigger, ok bool, err error)
}

// opened reports whether the record says that its call opened the rule: it made
// or changed the rule, or gave entries to the prefix list that the rule admits.
func (r Record) opened(rule events.SecurityGroupRule) bool {
	return slices.Contains(r.Opened, rule.RuleID) ||
		rule.PrefixListID != "" && r.edit.adds && slices.Contains(r.PrefixLists, rule.PrefixListID)
}

// blame is the trigger of the heal of a rule. A record says of one call what it
// opened; of what else is found open on the way, it does not say who opened it,
// nor when, and nobody is named. Of several calls the last one counts.
func (t *task) blame(rule events.SecurityGroupRule) events.Trigger {
	for _, r := range slices.Backward(t.records) {
		if r.opened(rule) {
			by := r.Trigger
			by.Found = events.FoundByEvent
			return by
		}
	}
	return t.trigger
}

// newcomers are the ids of the rules that the records say were made or changed.
func (t *task) newcomers() []string {
	var ids []string
	for _, r := range t.records {
		ids = append(ids, r.Opened...)
	}
	return ids
}

// blameAny is the trigger of what concerns several rules: the call that opened
// one of them, if any did.
func (t *task) blameAny(removed []events.Removal) events.Trigger {
	for _, r := range removed {
		if by := t.blame(r.Rule); by.Found == events.FoundByEvent {
			return by
		}
	}
	return t.trigger
}

// unblamed is the trigger of what the record led to and does not name.
func unblamed(r Record) events.Trigger {
	return events.Trigger{EventID: r.Trigger.EventID, EventName: r.Trigger.EventName, Found: events.FoundByOtherEvent}
}

// opener asks who opened the rules of the heals that name nobody. Without an
// answer, that stays unknown.
func (t *task) opener(ctx context.Context, heals []Heal) {
	if t.Openers == nil {
		return
	}
	for i, h := range heals {
		if named := h.Trigger.Found == events.FoundByEvent || h.Trigger.Found == "" || h.Trigger.OpenedByID != ""; named {
			continue
		}
		by, ok, err := t.Openers.Opener(ctx, h.place(), h.Removed[0].Rule, h.Planned)
		if err != nil {
			t.unknown("who opened "+h.Removed[0].Rule.RuleID, err)
		}
		if err != nil || !ok {
			continue
		}
		h.Trigger.Principal, h.Trigger.SourceIP, h.Trigger.UserAgent, h.Trigger.Time = by.Principal, by.SourceIP, by.UserAgent, by.Time
		h.Trigger.OpenedBy, h.Trigger.OpenedByID = by.EventName, by.EventID
		heals[i] = h
	}
}

// call is the trigger as the call that opened the rule.
func call(t events.Trigger) events.Trigger {
	if t.OpenedByID != "" {
		t.EventName, t.EventID = t.OpenedBy, t.OpenedByID
	}
	return t
}
