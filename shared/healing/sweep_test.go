package healing_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// faulty are groups of places, some of which cannot be read.
type faulty struct {
	healing.Groups
	fail map[healing.Place]error
	read []healing.Place
}

func (f *faulty) Rules(ctx context.Context, at healing.Place, groups ...string) ([]events.SecurityGroupRule, error) {
	if len(groups) == 0 {
		f.read = append(f.read, at)
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Transient("read: %w", err)
	}
	if err := f.fail[at]; err != nil {
		return nil, err
	}
	return f.Groups.Rules(ctx, at, groups...)
}

// inPlaces is a world with an open rule in each of two accounts, and in a
// second group of the first.
func inPlaces() (*world, *faulty, []healing.Place) {
	w := newWorld()
	other := healing.Place{Account: "333333333333", Region: "us-east-1"}
	w.open("tcp/22", "0.0.0.0/0")
	for _, at := range []healing.Place{hub, other} {
		r := rule("", "-1", "::/0")
		r.GroupID = "sg-second"
		w.groups.AddRule(at, r)
	}
	f := &faulty{Groups: w.groups, fail: map[healing.Place]error{}}
	w.Groups = f
	return w, f, []healing.Place{other, hub}
}

func (w *world) sweeps(t *testing.T) (found []events.SecurityGroupsSwept) {
	t.Helper()
	for _, f := range w.bus.distinct(t) {
		if data, ok := f.Data.(events.SecurityGroupsSwept); ok {
			found = append(found, data)
		}
	}
	return found
}

// A place that cannot be swept keeps no other from it, and its fault is told.
// Only if it may pass, the sweep comes again, and then for that place only.
func TestSweepWithAFault(t *testing.T) {
	for name, tt := range map[string]struct {
		fault error
		again bool
	}{"denied": {fault.Permanent("access denied"), false}, "throttled": {fault.Transient("RequestLimitExceeded"), true}} {
		t.Run(name, func(t *testing.T) {
			w, groups, places := inPlaces()
			broken := places[0]
			groups.fail[broken] = tt.fault
			result, err := w.Sweep(context.Background(), "1", places)
			if (err != nil) != tt.again || len(w.live()) != 0 || len(result.Actions) != 2 {
				t.Fatalf("error %v, live %q, actions %+v", err, w.live(), result.Actions)
			}
			first := w.sweeps(t)[0]
			if len(first.Places) != 2 || first.Places[0] != (events.SweptPlace{Account: hub.Account, Region: hub.Region, Groups: 2, Rules: 2}) ||
				first.Places[1].Fault != tt.fault.Error() || len(first.Missed) != 2 {
				t.Errorf("told %+v", first)
			}
			groups.fail, groups.read = nil, nil
			again, err := w.Sweep(context.Background(), "1", places)
			if err != nil || (again.Skipped == healing.HandledBefore) == tt.again {
				t.Fatalf("repeated: %+v, %v", again, err)
			}
			if open := len(w.groups.Live(broken)); tt.again != (open == 0) || tt.again != slices.Equal(groups.read, []healing.Place{broken}) {
				t.Errorf("repeated: %d rules open, read %v", open, groups.read)
			}
			if again, err := w.Sweep(context.Background(), "1", places); err != nil || again.Skipped != healing.HandledBefore {
				t.Errorf("and once more: %+v, %v", again, err)
			}
			if w.mustSweep(t, "2"); len(w.live()) != 0 {
				t.Errorf("live %q", w.live())
			}
		})
	}
}

// What the repeated attempt tells has the heals of the first one in it.
func TestRepeatedSweepTellsAllThatWasMissed(t *testing.T) {
	w, groups, places := inPlaces()
	groups.fail[places[0]] = fault.Transient("throttled")
	if _, err := w.Sweep(context.Background(), "1", places); err == nil {
		t.Fatal("no error")
	}
	groups.fail = nil
	if _, err := w.Sweep(context.Background(), "1", places); err != nil {
		t.Fatal(err)
	}
	told := w.sweeps(t)
	if len(told) != 2 || len(told[0].Missed) != 2 || len(told[1].Missed) != 3 || len(told[1].Places) != 1 {
		t.Errorf("told %+v", told)
	}
}

// One group that can never be closed fails its own heal only: the others are
// healed, the sweep is finished, and what it left is told.
func TestSweepWithAGroupThatCannotBeClosed(t *testing.T) {
	w, _, places := inPlaces()
	w.Changes = denied{w.Changes, group}
	result, err := w.Sweep(context.Background(), "1", places)
	if err != nil || len(result.Actions) != 2 || len(w.live()) != 1 || len(w.groups.Live(places[0])) != 0 {
		t.Errorf("error %v, actions %+v, live %q", err, result.Actions, w.live())
	}
	if told := w.sweeps(t); len(told) != 1 || !strings.Contains(told[0].Places[0].Fault, "not allowed") {
		t.Errorf("told %+v", told)
	}
	if again, err := w.Sweep(context.Background(), "1", places); err != nil || again.Skipped != healing.HandledBefore {
		t.Errorf("repeated: %+v, %v", again, err)
	}
}

// denied lets nobody change one group.
type denied struct {
	healing.Changes
	group string
}

func (d denied) Revoke(ctx context.Context, at healing.Place, group string, ids []string) error {
	if group == d.group {
		return fault.Permanent("not allowed")
	}
	return d.Changes.Revoke(ctx, at, group, ids)
}

// What was closed is told, even if what comes after fails for good: then the
// sweep comes again.
func TestClosedIsToldWhateverFails(t *testing.T) {
	for name, breakIt := range map[string]func(w *world) func(){
		"the bus": func(w *world) func() {
			w.bus.fail = func() error { return fault.Permanent("no bus") }
			return func() { w.bus.fail = nil }
		},
		"the memory": func(w *world) func() {
			w.state.Fail = func(method string) error {
				if method == "Advance" {
					return fault.Permanent("no table")
				}
				return nil
			}
			return func() { w.state.Fail = nil }
		},
		// The first of two changes of one heal was made, the second is denied.
		"the second change": func(w *world) func() {
			w.groups.SetPrefixList(hub, "pl-1", "0.0.0.0/0")
			w.open("tcp/3389", "pl-1")
			before := w.Changes
			w.Changes = denied{before, group}
			return func() { w.Changes = before }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newQuarantine()
			r := w.open("tcp/22", "0.0.0.0/0")
			mend := breakIt(w)
			_, err := w.Sweep(context.Background(), "1", []healing.Place{hub})
			if len(w.triggers(t)) == 0 && err == nil {
				t.Fatal("closed, told of by nobody, and the sweep will not come again")
			}
			mend()
			w.mustSweep(t, "1")
			if _, ok := w.triggers(t)[r.RuleID]; !ok {
				t.Errorf("nobody was told of %s", r.RuleID)
			}
		})
	}
}

// A sweep ends in time. The places that it did not reach are told, and swept by
// the repeated attempt, and another sweep begins with other places.
func TestSweepEndsInTime(t *testing.T) {
	w, groups, places := inPlaces()
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Second) // less than what it keeps
	defer cancel()
	result, err := w.Sweep(ctx, "1", places)
	told := w.sweeps(t)
	if err == nil || len(groups.read) != 0 || len(result.Actions) != 0 {
		t.Errorf("error %v, read %v", err, groups.read)
	}
	if len(told) != 1 || len(told[0].Places) != 2 || !strings.Contains(told[0].Places[0].Fault, "time of the invocation") {
		t.Errorf("told %+v", told)
	}
	if _, err := w.Sweep(context.Background(), "1", places); err != nil || len(groups.read) != 2 || len(w.live()) != 0 {
		t.Errorf("repeated: %v, read %v", err, groups.read)
	}
}

func TestSweepsBeginWithDifferentPlaces(t *testing.T) {
	begun := map[healing.Place]int{}
	for _, id := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		w, groups, places := inPlaces()
		if _, err := w.Sweep(context.Background(), id, places); err != nil || len(groups.read) != 2 {
			t.Fatalf("%v, read %v", err, groups.read)
		}
		begun[groups.read[0]]++
	}
	if len(begun) != 2 {
		t.Errorf("begun with %v", begun)
	}
}
