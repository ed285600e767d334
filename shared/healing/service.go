package healing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Service heals groups. Every method is safe to repeat: an event is known by
// its CloudTrail eventID, a sweep by the id that the caller gives it.
type Service struct {
	Parser    Parser
	Groups    Groups
	Changes   Changes
	Records   Records
	Policies  Policies
	Publisher Publisher
	Reach     Reach    // nil: how far a group can be reached is not known
	Owners    Owners   // nil: who answers for a group is not known
	Openers   Openers  // nil: who opened a rule is known from events only
	Versions  Versions // nil: a prefix list is taken as it is read
	// Places lists where prefix lists of another account may be used; nil: an
	// edited list is looked for in its own place only.
	Places func(context.Context) ([]Place, error)
	Now    func() time.Time

	lists entryCache
}

// What was done to a group.
const (
	ActionHealed  = "healed"  // a rule was closed and seen to be
	ActionExposed = "exposed" // a rule is too open; the policy only observes
	ActionStopped = "stopped" // the group was healed too often in this hour and stays open
)

// Reasons for which a record that concerns a group needs nothing.
const (
	HandledBefore = "handled before"
	NothingOpen   = "no rule is too open"
)

// Action is what was done about one rule, or, when the healer stopped, about
// the rules of one group.
type Action struct {
	Group      string        `json:"group"`
	Account    string        `json:"account"`
	Region     string        `json:"region"`
	Action     string        `json:"action"`
	HealID     string        `json:"healId"`
	Rules      []string      `json:"rules"`                // ids of the rules that were or would be closed
	Quarantine string        `json:"quarantine,omitempty"` // the CIDR that the rule was narrowed to; empty: it was revoked
	Severity   Severity      `json:"severity,omitempty"`
	Exposure   time.Duration `json:"exposure"` // nanoseconds; see events.SecurityGroupHealed
}

// Result is what handling an event, or a sweep, came to.
type Result struct {
	EventID string   `json:"eventId,omitempty"`
	Skipped string   `json:"skipped,omitempty"` // why there was nothing to do
	Groups  int      `json:"groups"`            // looked at
	Actions []Action `json:"actions"`
	Unread  []string `json:"unread,omitempty"` // what could not be judged: sources of rules, reachability, owners
}

// Handle heals what a CloudTrail record concerns. A record that needs nothing,
// or was handled before, is skipped with the reason. When one group fails the
// others are healed all the same, and the error makes the event come again.
//
// alike are other records that concern the same groups and came with the event:
// what they opened is closed too, and they say who did it. They are not handled
// themselves.
func (s *Service) Handle(ctx context.Context, event []byte, alike ...Record) (Result, error) {
	return s.handle(ctx, event, alike, false)
}

// HandleFirst is Handle for an event that the healer was surely not given
// before. If it needs nothing, that costs one read of EC2 and no claim; there
// is no earlier attempt whose heals would have to be completed.
func (s *Service) HandleFirst(ctx context.Context, event []byte, alike ...Record) (Result, error) {
	return s.handle(ctx, event, alike, true)
}

func (s *Service) handle(ctx context.Context, event []byte, alike []Record, first bool) (Result, error) {
	record, err := s.Parser.Parse(event)
	if err != nil {
		return Result{}, err
	}
	if record.Skip != "" {
		return Result{EventID: record.Trigger.EventID, Skipped: record.Skip}, nil
	}
	records := append([]Record{record}, alike...)
	slices.SortStableFunc(records, func(a, b Record) int { return a.Trigger.Time.Compare(b.Trigger.Time) })
	t := s.task(unblamed(record), records...)
	t.settle(ctx)
	found, err := t.look(ctx, record.Place, record.Subject)
	if err != nil {
		return t.result, err
	}
	open := slices.ContainsFunc(found, func(s screened) bool { return len(s.groups) > 0 })
	if !open && first {
		t.result.Skipped = NothingOpen
		return t.result, errors.Join(t.unwell...)
	}
	err = t.once(ctx, func() error {
		var faults []error
		for _, s := range found {
			faults = append(faults, t.closeAll(ctx, s))
		}
		return errors.Join(faults...)
	})
	if err == nil && !open && len(t.result.Actions) == 0 && t.result.Skipped == "" {
		t.result.Skipped = NothingOpen
	}
	return t.result, err
}

// task is the handling of one event.
type task struct {
	*Service
	trigger events.Trigger // of what no record names
	records []Record       // what is handled, oldest first; none for a sweep
	result  Result
	lists   map[listKey]entries // prefix lists read so far
	aws     map[listKey]bool    // which prefix lists AWS keeps, as far as it was asked
	acted   map[string]bool     // ids of heals in the result
	unwell  []error             // why prefix lists could not be read; another attempt may
	begun   map[string]bool     // ids of heals that this event was the first to tell of
}

func (s *Service) task(trigger events.Trigger, records ...Record) *task {
	return &task{
		Service: s, trigger: trigger, records: records, result: Result{EventID: trigger.EventID, Actions: []Action{}},
		lists: map[listKey]entries{}, aws: map[listKey]bool{}, acted: map[string]bool{}, begun: map[string]bool{},
	}
}

// once runs the work unless it was finished before, and first completes what
// an interrupted attempt left. An event that began no heal is not noted as
// finished: handling it again is harmless, and another delivery of it may be
// in the middle of a heal.
func (t *task) once(ctx context.Context, work func() error) error {
	claim, err := t.Records.Claim(ctx, t.trigger.EventID)
	if err != nil {
		return err
	}
	if claim.Done {
		// Two deliveries of one event may overlap: the other one found nothing left to
		// do, while this one had closed rules and not yet told. Telling again is harmless.
		t.result.Skipped = HandledBefore
		return t.resume(ctx, claim.Heals)
	}
	if err := errors.Join(t.resume(ctx, claim.Heals), work(), errors.Join(t.unwell...)); err != nil {
		return err
	}
	if len(claim.Heals)+len(t.result.Actions) == 0 {
		return nil
	}
	return t.Records.Finish(ctx, t.trigger.EventID)
}

// act notes once what was done about a heal.
func (t *task) act(action string, h Heal) {
	if t.acted[h.ID] {
		return
	}
	t.acted[h.ID] = true
	a := Action{
		Group: h.Group.GroupID, Account: h.Group.Account, Region: h.Group.Region,
		Action: action, HealID: h.ID, Rules: Plan{Remove: h.Removed}.RuleIDs(), Severity: h.Severity,
	}
	switch action {
	case ActionHealed:
		a.Exposure = h.exposure()
		a.Quarantine = h.Removed[0].Quarantine
	case ActionStopped:
		a.HealID = h.Stop.Heal
	}
	t.result.Actions = append(t.result.Actions, a)
	if h.Trigger.EventID == t.trigger.EventID && h.Stop == nil {
		t.begun[h.ID] = true
	}
}

// unread notes what could not be read, and that another attempt may.
func (t *task) unread(what string, err error) {
	t.result.Unread = append(t.result.Unread, what+": "+err.Error())
	if fault.Is(err, fault.TransientError) {
		t.unwell = append(t.unwell, err)
	}
}
