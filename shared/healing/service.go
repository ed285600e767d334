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
	Reach     Reach  // nil: how far a group can be reached is not known
	Owners    Owners // nil: who answers for a group is not known
	Now       func() time.Time
}

// What was done to a group.
const (
	ActionHealed  = "healed"  // rules were removed and seen to be gone
	ActionExposed = "exposed" // the group is too open; the policy only observes
)

// Action is what was done to one group.
type Action struct {
	Group    string        `json:"group"`
	Account  string        `json:"account"`
	Region   string        `json:"region"`
	Action   string        `json:"action"`
	HealID   string        `json:"healId"`
	Rules    []string      `json:"rules"`    // ids of the rules that were or would be removed
	Exposure time.Duration `json:"exposure"` // nanoseconds; see events.SecurityGroupHealed
}

// Result is what handling an event, or a sweep, came to.
type Result struct {
	EventID string   `json:"eventId,omitempty"`
	Skipped string   `json:"skipped,omitempty"` // why there was nothing to do
	Groups  int      `json:"groups"`            // looked at
	Actions []Action `json:"actions"`
	Unread  []string `json:"unread,omitempty"` // sources that could not be judged
}

// Handle heals what a CloudTrail record concerns. A record that needs nothing,
// or was handled before, is skipped with the reason. When one group fails the
// others are healed all the same, and the error makes the event come again.
func (s *Service) Handle(ctx context.Context, event []byte) (Result, error) {
	record, err := s.Parser.Parse(event)
	if err != nil {
		return Result{}, err
	}
	if record.Skip != "" {
		return Result{EventID: record.Trigger.EventID, Skipped: record.Skip}, nil
	}
	return s.once(ctx, record.Trigger, func(t *task) error { return t.heal(ctx, record.Place, record.Subject) })
}

// Sweep applies the same plan to every group of the places, because events
// are delivered with best effort. id names the sweep; a repeated one with the
// same id changes nothing.
func (s *Service) Sweep(ctx context.Context, id string, places []Place) (Result, error) {
	trigger := events.Trigger{EventID: "sweep-" + id, EventName: "Sweep", Principal: "evenkeel", Time: s.Now().UTC()}
	return s.once(ctx, trigger, func(t *task) error {
		var faults []error
		for _, at := range places {
			faults = append(faults, t.heal(ctx, at, Subject{Everything: true}))
		}
		return errors.Join(faults...)
	})
}

// once runs the work unless it was finished before, and first completes what
// an interrupted attempt left.
func (s *Service) once(ctx context.Context, trigger events.Trigger, work func(*task) error) (Result, error) {
	result := Result{EventID: trigger.EventID, Actions: []Action{}}
	claim, err := s.Records.Claim(ctx, trigger.EventID)
	if err != nil {
		return result, err
	}
	if claim.Done {
		// Two deliveries of one event may overlap: the other one found nothing left to
		// do, while this one had removed rules and not yet told. Telling again is harmless.
		result.Skipped = "handled before"
		t := &task{Service: s, trigger: trigger, result: &result}
		return result, t.resume(ctx, claim.Heals)
	}
	policy, err := s.Policies.Policy(ctx, screenAge)
	if err != nil {
		return result, err
	}
	t := &task{Service: s, trigger: trigger, policy: policy, result: &result, lists: map[listKey]entries{}}
	if err := errors.Join(t.resume(ctx, claim.Heals), work(t)); err != nil {
		return result, err
	}
	return result, s.Records.Finish(ctx, trigger.EventID)
}

// task is the handling of one event.
type task struct {
	*Service
	trigger events.Trigger
	policy  Policy
	result  *Result
	lists   map[listKey]entries // prefix lists read so far
}

type listKey struct {
	Place
	id string
}

type entries struct {
	cidrs []string
	known bool
}

// heal reads the live rules that the subject concerns and closes each group.
func (t *task) heal(ctx context.Context, at Place, subject Subject) error {
	byGroup, err := t.concerned(ctx, at, subject)
	if err != nil {
		return err
	}
	var faults []error
	for _, group := range sortedKeys(byGroup) {
		t.result.Groups++
		faults = append(faults, t.close(ctx, at, group, byGroup[group]))
	}
	return errors.Join(faults...)
}

// concerned reads the rules of the subject's groups, by group. A prefix list
// is used by the groups that refer to it.
func (t *task) concerned(ctx context.Context, at Place, s Subject) (map[string][]events.SecurityGroupRule, error) {
	named := s.Groups
	if s.Everything || len(s.PrefixLists) > 0 {
		named = nil
	}
	rules, err := t.Groups.Rules(ctx, at, named...)
	if err != nil {
		return nil, err
	}
	byGroup := map[string][]events.SecurityGroupRule{}
	for _, r := range rules {
		byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
	}
	if s.Everything {
		return byGroup, nil
	}
	refers := func(r events.SecurityGroupRule) bool { return slices.Contains(s.PrefixLists, r.PrefixListID) }
	for group, rules := range byGroup {
		if !slices.Contains(s.Groups, group) && !slices.ContainsFunc(rules, refers) {
			delete(byGroup, group)
		}
	}
	return byGroup, nil
}

// How old the policy may be: most events need nothing, and an older one tells
// them apart; but whoever switches the mode, or narrows the policy, expects
// the next action to follow it.
const (
	screenAge = 30 * time.Second
	actAge    = time.Second
)

// plan decides on live rules. The policy of the moment and the recorded
// exceptions are only read when there is something to remove.
func (t *task) plan(ctx context.Context, at Place, group string, rules []events.SecurityGroupRule) (Plan, error) {
	lists, err := t.prefixLists(ctx, at, rules)
	if err != nil {
		return Plan{}, err
	}
	plan := t.policy.Plan(rules, lists, t.Now())
	if plan.Empty() {
		return plan, nil
	}
	if t.policy, err = t.Policies.Policy(ctx, actAge); err != nil {
		return Plan{}, err
	}
	exceptions, err := t.Policies.Exceptions(ctx, group)
	if err != nil {
		return Plan{}, err
	}
	return t.policy.With(exceptions).Plan(rules, lists, t.Now()), nil
}

// prefixLists reads the entries of the prefix lists that ingress rules use.
func (t *task) prefixLists(ctx context.Context, at Place, rules []events.SecurityGroupRule) (map[string][]string, error) {
	lists := map[string][]string{}
	for _, r := range rules {
		if r.Egress || r.PrefixListID == "" {
			continue
		}
		key := listKey{at, r.PrefixListID}
		read, ok := t.lists[key]
		if !ok {
			var err error
			if read.cidrs, read.known, err = t.Groups.Entries(ctx, at, r.PrefixListID); err != nil {
				return nil, err
			}
			t.lists[key] = read
		}
		if read.known {
			lists[r.PrefixListID] = read.cidrs
		}
	}
	return lists, nil
}

// overspent is the error of a group that was healed too often: whatever opens
// it will go on, and a person must look.
func overspent(group string, n, limit int, hour time.Time) error {
	return fault.Permanent("%s: %d actions in the hour from %s, the policy allows %d: something opens it again and again; stopped",
		group, n, hour.Format(time.RFC3339), limit)
}
