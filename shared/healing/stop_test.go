package healing_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// call is an event about the group of the samples.
func call(t *testing.T, n int) []byte {
	t.Helper()
	return record(t, m{"eventID": fmt.Sprint(n), "awsRegion": hub.Region, "requestParameters": m{"groupId": group}})
}

func stops(t *testing.T, w *world) (found []events.SecurityGroupHealingStopped) {
	t.Helper()
	for _, f := range w.bus.distinct(t) {
		if data, ok := f.Data.(events.SecurityGroupHealingStopped); ok {
			found = append(found, data)
		}
	}
	return found
}

// Something that opens the group again and again is healed as often as the
// policy allows, then told of once in the hour. The events end without an
// error, and the next hour's sweep tries again.
func TestStopsWhenSomethingReopensTheGroup(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.policy.MaxActions = 3
		open := func() { w.open("tcp/22", "0.0.0.0/0") }
		if w.policy.Remediation == healing.Quarantine { // the same rule, modified back
			r := w.open("tcp/22", "0.0.0.0/0")
			open = func() { w.change(t, r, "0.0.0.0/0") }
		}
		heals := 0
		for i := range 10 {
			if len(w.live()) == 0 {
				open()
			}
			result := w.mustHandle(t, call(t, i))
			if result.Actions[0].Action == healing.ActionHealed {
				heals++
				w.now = w.now.Add(2 * time.Second)
			}
			if again := w.mustHandle(t, call(t, i)); again.Skipped != healing.HandledBefore {
				t.Errorf("event %d again: %+v, want it finished", i, again)
			}
		}
		stopped := stops(t, w)
		if heals != 3 || len(stopped) != 1 || len(w.live()) != 1 {
			t.Fatalf("%d heals, %d stops, live %q", heals, len(stopped), w.live())
		}
		if s := stopped[0]; s.Actions != 4 || s.Limit != 3 || s.GroupID != group || len(s.Exposed) != 1 || s.HealID == "" || !s.Hour.Equal(w.now.Truncate(time.Hour)) {
			t.Errorf("fact %+v", s)
		}
		w.now = w.now.Add(time.Hour)
		w.mustSweep(t, "later")
		if len(w.live()) != 0 || len(stops(t, w)) != 1 {
			t.Errorf("an hour later: live %q, %d stops", w.live(), len(stops(t, w)))
		}
	})
}

// What EC2 throttles is no action: when it is well again, the group is closed.
func TestThrottledIsNoAction(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.policy.MaxActions = 2
		w.open("tcp/22", "0.0.0.0/0")
		w.groups.Fail = func(method string) error {
			if method == "Revoke" || method == "Modify" {
				return fault.Transient("RequestLimitExceeded")
			}
			return nil
		}
		for range 5 {
			if _, err := w.Handle(context.Background(), call(t, 1)); !fault.Is(err, fault.TransientError) {
				t.Fatalf("error %v", err)
			}
		}
		w.groups.Fail = nil
		if w.mustHandle(t, call(t, 1)); len(w.live()) != 0 || len(stops(t, w)) != 0 {
			t.Errorf("live %q, %d stops", w.live(), len(stops(t, w)))
		}
	})
}

// A stop that could not be told is told by the repeated event.
func TestStopIsToldAfterAFailure(t *testing.T) {
	w := newQuarantine()
	w.policy.MaxActions = 1
	w.open("tcp/22", "0.0.0.0/0")
	w.mustHandle(t, call(t, 1))
	w.open("tcp/3389", "0.0.0.0/0")
	w.bus.fail = func() error { return fault.Transient("the bus is not available") }
	if _, err := w.HandleFirst(context.Background(), call(t, 2)); !fault.Is(err, fault.TransientError) {
		t.Fatalf("error %v", err)
	}
	w.bus.fail = nil
	w.mustHandle(t, call(t, 2))
	if len(stops(t, w)) != 1 {
		t.Errorf("%d stops told, want one", len(stops(t, w)))
	}
	for _, h := range w.state.Heals() {
		if _, err := w.Undo(context.Background(), h.ID, "dana"); (err == nil) != (h.Stop == nil && h.Step() == healing.StepClosed) {
			t.Errorf("undo of %+v: %v, want only what was closed to be opened", h, err)
		}
	}
}

// reach and owners answer, or fail.
type around struct{ err error }

func (a around) Reach(_ context.Context, _ healing.Place, _ string, opened []events.SecurityGroupRule) (events.Reachability, error) {
	return events.Reachability{Level: events.ReachInternet, Interfaces: len(opened), Public: []string{"eni-1"}}, a.err
}

func (a around) Owner(_ context.Context, _ events.SecurityGroup, _ []events.SecurityGroupRule, trigger events.Trigger) (events.Owner, error) {
	return events.Owner{Kind: "terraform", Tool: trigger.UserAgent}, a.err
}

// Reachability and owner are asked when the group is closed, and never keep
// it from being closed.
func TestReachAndOwner(t *testing.T) {
	for name, failure := range map[string]error{"known": nil, "unknown": errors.New("access denied")} {
		for _, mode := range []healing.Mode{healing.Enforce, healing.Observe} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				w := newQuarantine()
				w.policy.Mode = mode
				bad := w.open("tcp/22", "0.0.0.0/0")
				asked := around{failure}
				w.Reach, w.Owners = asked, asked
				result := w.mustHandle(t, opening(t, "nested-ipv4", bad))
				var reach *events.Reachability
				var owner *events.Owner
				var severity string
				switch data := w.bus.distinct(t)[0].Data.(type) {
				case events.SecurityGroupHealed:
					reach, owner, severity = data.Reachability, data.Owner, data.Severity
				case events.SecurityGroupExposed:
					reach, owner, severity = data.Reachability, data.Owner, data.Severity
				}
				if failure == nil {
					if reach.Level != events.ReachInternet || owner.Kind != "terraform" || owner.Tool == "" || len(result.Unread) != 0 {
						t.Errorf("reach %+v, owner %+v, unread %q", reach, owner, result.Unread)
					}
				} else if reach.Level != events.ReachUnknown || owner.Kind != "unknown" || len(result.Unread) != 2 {
					t.Errorf("reach %+v, owner %+v, unread %q", reach, owner, result.Unread)
				}
				if severity != string(healing.Critical) || result.Actions[0].Severity != healing.Critical {
					t.Errorf("severity %q", severity)
				}
			})
		}
	}
}

// Events, each delivered twice, and sweeps look at the same groups at the same
// time, in both modes: each rule is told of exactly once, whoever was first.
func TestEventsAndSweepsTellOnce(t *testing.T) {
	for _, mode := range []healing.Mode{healing.Enforce, healing.Observe} {
		t.Run(string(mode), func(t *testing.T) {
			both(t, func(t *testing.T, w *world) {
				w.concurrent()
				w.policy.Mode, w.policy.MaxActions = mode, 1000
				var wait sync.WaitGroup
				opened := map[string]bool{}
				for round := range 20 {
					for _, port := range []string{"tcp/22", "tcp/23", "tcp/3389"} { // one event or sweep sees some, another all
						r := w.open(port, fmt.Sprintf("%d.0.0.0/8", 20+round))
						opened[r.RuleID] = true
						wait.Go(func() {
							for range 2 {
								if _, err := w.Handle(context.Background(), record(t, m{"eventID": r.RuleID, "awsRegion": hub.Region, "requestParameters": m{"groupId": group}})); err != nil && !fault.Is(err, fault.TransientError) {
									t.Error(err)
								}
							}
						})
					}
					wait.Go(func() {
						if _, err := w.Sweep(context.Background(), fmt.Sprint(round), []healing.Place{hub}); err != nil && !fault.Is(err, fault.TransientError) {
							t.Error(err)
						}
					})
				}
				wait.Wait()
				w.mustSweep(t, "last")
				w.wantToldOnce(t, opened)
			})
		})
	}
}

// wantToldOnce wants one heal of one rule for each opened rule, and by the
// sweeps each of their own in Missed.
func (w *world) wantToldOnce(t *testing.T, opened map[string]bool) {
	t.Helper()
	told, missed, bySweep := map[string]bool{}, []string{}, []string{}
	note := func(id string, by events.Trigger, removed []events.Removal) {
		if len(removed) != 1 || told[removed[0].Rule.RuleID] {
			t.Errorf("%s: %+v was told of before, or with others", id, removed)
		}
		told[removed[0].Rule.RuleID] = true
		if by.EventName == "Sweep" {
			bySweep = append(bySweep, id)
		}
	}
	for _, f := range w.bus.distinct(t) {
		switch data := f.Data.(type) {
		case events.SecurityGroupHealed:
			note(data.HealID, data.Trigger, data.Removed)
		case events.SecurityGroupExposed:
			note(data.HealID, data.Trigger, data.Exposed)
		case events.SecurityGroupsSwept:
			missed = append(missed, data.Missed...)
		}
	}
	slices.Sort(missed)
	slices.Sort(bySweep)
	if !reflect.DeepEqual(told, opened) || !slices.Equal(missed, bySweep) {
		t.Errorf("%d rules told of, want %d; missed %q, want %q", len(told), len(opened), missed, bySweep)
	}
}
