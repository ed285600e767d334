package benchmark

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// Role is the name of the healer's own role in the corpus.
const Role = "evenkeel-heal"

// How late the healer looks: delay after the time of an event, sweepDelay when
// the event was lost.
const (
	delay      = 2 * time.Second
	sweepDelay = 10 * time.Minute
)

// Answer is what a healer did.
type Answer struct {
	Action string   `json:"action"`
	Rules  []string `json:"rules"` // closed, or told of; sorted

	How    map[string]string `json:"how,omitempty"`    // closed rule → quarantine or revoke
	Reason string            `json:"reason,omitempty"` // of what was done, or why nothing was
	Calls  int               `json:"calls"`            // of EC2
	Faults []string          `json:"faults,omitempty"` // what is wrong whatever was expected
	whole  bool              // How, Reason and Calls are known
}

// Healer is asked what it does in a case. An error means that it could not be
// asked, or gave no answer.
type Healer interface {
	Heal(ctx context.Context, c Case) (Answer, error)
}

// Evenkeel is the healer of this repository: the service that the Lambda
// function runs, over EC2 and a memory of its own for each case.
type Evenkeel struct{}

// Heal implements Healer. Rules are read off what happened to the groups, not
// off what the healer says about it.
func (Evenkeel) Heal(ctx context.Context, c Case) (Answer, error) {
	w := newWorld(c)
	state := c.Before
	for i, step := range c.Earlier {
		var err error
		if state, err = w.step(ctx, state, step); err != nil {
			return Answer{}, fmt.Errorf("earlier[%d]: %w", i, err)
		}
	}
	if len(c.Earlier) == 0 {
		state = c.after
	} else {
		next, _, err := state.Next(c.at, c.Event)
		if err != nil {
			return Answer{}, err
		}
		state = next
	}
	w.set(state)
	earlier := len(w.facts)
	w.now, w.throttled = c.time.Add(delay), c.Throttled
	result, failure := w.deliver(ctx, c)
	calls := w.calls()
	after, err := state.live(ctx, w.SecurityGroups)
	if err != nil {
		return Answer{}, err
	}
	a := w.answer(state, after, earlier, result, failure)
	a.Calls = calls
	return a, nil
}

// world is what the service works on.
type world struct {
	*fake.SecurityGroups
	memory    fake.HealingState
	service   *healing.Service
	places    []healing.Place
	facts     []events.Fact
	now       time.Time
	throttled int // changes that EC2 still refuses
}

func newWorld(c Case) *world {
	w := &world{places: c.Before.places(c.at)}
	w.memory.Current = &c.policy
	w.service = &healing.Service{
		Parser: healing.Parser{Role: Role}, Groups: w, Changes: w, Records: &w.memory, Policies: &w.memory, Publisher: w,
		Places: func(context.Context) ([]healing.Place, error) { return w.places, nil },
		Now:    func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now },
	}
	return w
}

// set makes EC2 be in the state.
func (w *world) set(s State) {
	w.SecurityGroups = &fake.SecurityGroups{Fail: func(method string) error {
		if w.throttled > 0 && (method == "Modify" || method == "Revoke") {
			w.throttled--
			return fault.Transient("%s: RequestLimitExceeded", method)
		}
		return nil
	}}
	where := s.where()
	for _, g := range s.Groups {
		w.SetGroup(where[g.GroupID], g.group())
	}
	for _, r := range s.Rules {
		w.SetRule(where[r.GroupID], events.SecurityGroupRule(r))
	}
	for _, l := range s.PrefixLists {
		for _, at := range w.places {
			if l.OwnerID == "AWS" {
				w.KeepByAWS(at, l.PrefixListID)
			}
			if !l.Unreadable {
				w.SetPrefixList(at, l.PrefixListID, l.Entries...)
			}
		}
	}
}

// Publish implements healing.Publisher.
func (w *world) Publish(_ context.Context, facts ...events.Fact) error {
	w.facts = append(w.facts, facts...)
	return nil
}

func (w *world) calls() int {
	n := 0
	for _, method := range []string{"Rules", "Group", "Entries", "AWSLists", "Revoke", "Modify", "Authorize"} {
		n += w.Calls(method)
	}
	return n
}

// step does what happened before the event.
func (w *world) step(ctx context.Context, before State, s Step) (State, error) {
	if s.Undo == "" {
		at, when := occurrence(s.Event)
		state, _, err := before.Next(at, s.Event)
		if err != nil {
			return State{}, err
		}
		w.set(state)
		w.now = when.Add(delay)
		if _, err := w.service.HandleFirst(ctx, s.Event); err != nil {
			return State{}, err
		}
		return state.live(ctx, w.SecurityGroups)
	}
	for _, h := range w.memory.Heals() {
		if h.Removed[0].Rule.RuleID != s.Undo || h.Closed.IsZero() {
			continue
		}
		w.now = w.now.Add(time.Minute)
		if _, err := w.service.Undo(ctx, h.ID, "arn:aws:iam::222222222222:user/erin"); err != nil {
			return State{}, err
		}
		return before.live(ctx, w.SecurityGroups)
	}
	return State{}, fmt.Errorf("undo: no heal closed %s", s.Undo)
}

// deliver brings the event to the service as the queue does, or loses it and
// sweeps.
func (w *world) deliver(ctx context.Context, c Case) (healing.Result, error) {
	if c.Delivery == Lost {
		w.now = c.time.Add(sweepDelay)
		return w.service.Sweep(ctx, "benchmark", w.places)
	}
	result, err := w.service.HandleFirst(ctx, c.Event)
	for range c.Throttled {
		if err == nil {
			break
		}
		w.now = w.now.Add(30 * time.Second)
		result, err = w.service.Handle(ctx, c.Event)
	}
	if err != nil || c.Delivery != Twice {
		return result, err
	}
	_, err = w.service.Handle(ctx, c.Event)
	return result, err
}

// answer compares the groups before and after the healer worked, and what it
// told with what it did.
func (w *world) answer(before, after State, earlier int, result healing.Result, failure error) Answer {
	a := Answer{Action: None, How: map[string]string{}, Reason: result.Skipped, whole: true}
	a.differences(before, after, w.service)
	told := map[string][]events.Removal{}
	for _, fact := range w.news(earlier, &a) {
		switch data := fact.Data.(type) {
		case events.SecurityGroupHealed:
			told[Close] = append(told[Close], data.Removed...)
		case events.SecurityGroupExposed:
			told[Observe] = append(told[Observe], data.Exposed...)
		case events.SecurityGroupHealingStopped:
			told[Stop] = append(told[Stop], data.Exposed...)
		case events.SecurityGroupsSwept:
		default:
			a.fault("fact %s (%T) is unexpected", fact.Metadata.ID, data)
		}
	}
	if closed := ids(told[Close]); !slices.Equal(closed, a.Rules) {
		a.fault("rules %v were closed, and %v told of", a.Rules, closed)
	}
	switch {
	case failure != nil && len(a.Rules) == 0:
		a.Action, a.Reason = Error, failure.Error()
	case failure != nil:
		a.fault("rules were closed, and yet it failed: %s", failure)
		fallthrough
	case len(a.Rules) > 0:
		a.Action = Close
	case len(told[Stop]) > 0:
		a.Action = Stop
	case len(told[Observe]) > 0:
		a.Action = Observe
	}
	if a.Action != Close {
		a.Rules = ids(told[a.Action])
	}
	for _, r := range told[a.Action] {
		a.Reason += r.Reason + "\n"
	}
	return a
}

// differences says what happened to each rule.
func (a *Answer) differences(before, after State, s *healing.Service) {
	now := map[string]Rule{}
	for _, r := range after.Rules {
		now[r.RuleID] = r
	}
	for _, was := range before.Rules {
		is, exists := now[was.RuleID]
		delete(now, was.RuleID)
		switch {
		case exists && reflect.DeepEqual(is, was):
			continue
		case !exists:
			a.How[was.RuleID] = string(healing.Revoke)
		default:
			a.How[was.RuleID] = string(healing.Quarantine)
			same := is
			same.CIDRv4, same.CIDRv6 = was.CIDRv4, was.CIDRv6
			policy, err := s.Policies.Policy(context.Background(), 0)
			if err != nil || !policy.Quarantines(events.SecurityGroupRule(is)) || !reflect.DeepEqual(same, was) {
				a.fault("rule %s was changed to %+v", was.RuleID, is)
			}
		}
		a.Rules = append(a.Rules, was.RuleID)
	}
	for _, id := range sortedKeys(now) {
		a.fault("rule %s was added", id)
	}
	slices.Sort(a.Rules)
}

// news are the facts after the first so many that an idempotent reader of the
// bus had not read before.
func (w *world) news(earlier int, a *Answer) []events.Fact {
	seen := map[string]events.Fact{}
	var news []events.Fact
	for i, f := range w.facts {
		first, again := seen[f.Metadata.ID]
		switch {
		case again && !reflect.DeepEqual(first, f):
			a.fault("fact %s was published with two contents", f.Metadata.ID)
		case !again && i >= earlier:
			news = append(news, f)
		}
		seen[f.Metadata.ID] = f
	}
	return news
}

func (a *Answer) fault(format string, args ...any) {
	a.Faults = append(a.Faults, fmt.Sprintf(format, args...))
}

func ids(removed []events.Removal) []string {
	found := make([]string, 0, len(removed))
	for _, r := range removed {
		found = append(found, r.Rule.RuleID)
	}
	slices.Sort(found)
	return found
}
