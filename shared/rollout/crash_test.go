package rollout_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// end is all that can be seen of a world.
type end struct {
	Record  rollout.Record
	Shares  map[string]int
	Facts   []string // ids, in order
	Answers []fake.DeploymentAnswer
	Started []string
	Copy    string
	Deleted []string
	Locks   int
}

func (w *world) end() string {
	w.Helper()
	e := end{Record: w.record(), Shares: w.traffic.Shares(stack), Started: w.executions.Names, Deleted: w.stacks.Deleted, Locks: w.locks.Held()}
	for _, fact := range w.facts.Facts {
		e.Facts = append(e.Facts, fact.Metadata.ID)
	}
	e.Answers = w.tasks.Answers
	e.Copy = string(w.files.Objects[rollout.Key(e.Record.ID)])
	data, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		w.Fatal(err)
	}
	return string(data)
}

// TestCrashAnywhere: an action that crashes at any of its calls, before or
// after the call had its effect, and is then repeated, ends as one that did not.
func TestCrashAnywhere(t *testing.T) {
	ref := rollout.Ref{ID: "r1-test-api", Target: stack}
	started := func(w *world, q rollout.Request) {
		w.start(q)
	}
	at := func(weight int) func(w *world) {
		return func(w *world) { started(w, canary("r1", rollout.Green)); w.until(stepped(w, weight)) }
	}
	later := func(prepare func(w *world), d time.Duration) func(w *world) {
		return func(w *world) {
			prepare(w)
			w.clock = clockAt(w, w.clock.Now().Add(d))
		}
	}
	paused := func(w *world) {
		at(25)(w)
		if _, err := w.command(rollout.CommandPause); err != nil {
			w.Fatal(err)
		}
		if got := must[rollout.Answered](w, rollout.Call{Action: rollout.ActionAsk, Rollout: ref, Token: "person"}); got.State != "waiting" {
			w.Fatalf("%+v", got)
		}
	}
	deletes := func(w *world) {
		q, blue := canary("r1", rollout.Green), fake.RolloutSide(stack, rollout.Blue, "")
		q.Rollout.Retire = pipeline.RetireDelete
		w.stacks.Known[blue.StackName] = &rollout.Stack{ID: blue.StackID, Status: "CREATE_COMPLETE", Repository: "acme/shop"}
		w.stacks.Templates[blue.StackName] = "Resources: {}"
		started(w, q)
		w.until(phase(w, rollout.Promoted))
	}
	promoted := func(w *world) { at(25)(w); w.until(phase(w, rollout.Promoted)) }
	advance := rollout.Call{Action: rollout.ActionAdvance, Rollout: ref}
	command := func(name string) any {
		return rollout.CommandRequest{Action: rollout.ActionCommand, ID: ref.ID, Target: stack, Command: rollout.Command{Name: name, By: dana}}
	}
	back := canary("r1", rollout.Green)
	back.SwitchBack, back.Why = true, "the stage failed"
	input, err := json.Marshal(ref)
	if err != nil {
		t.Fatal(err)
	}
	failed := func(name string) any {
		return events.Envelope[events.ExecutionStatusDetail]{
			DetailType: events.ExecutionStatusChange, Detail: events.ExecutionStatusDetail{Name: name, Status: "FAILED", Input: string(input)},
		}
	}
	for name, tt := range map[string]struct {
		prepare func(w *world)
		action  any
	}{
		"start":       {func(*world) {}, rollout.Call{Action: rollout.ActionStart, Request: canary("r1", rollout.Green), Token: "release"}},
		"switch back": {promoted, rollout.Call{Action: rollout.ActionStart, Request: back, Token: "release-back"}},
		"first step":  {func(w *world) { started(w, canary("r1", rollout.Green)) }, advance},
		"measure":     {later(at(5), time.Minute), advance},
		"step":        {later(at(5), 5*time.Minute), advance},
		"breach":      {later(func(w *world) { at(25)(w); w.errors = 9; w.metrics.Read = breach(w) }, time.Minute), advance},
		"promotion":   {later(at(100), 5*time.Minute), advance},
		"nobody":      {later(paused, 25*time.Hour), advance},
		"foreign":     {func(w *world) { at(25)(w); w.traffic.Meddle(stack, map[string]int{"x": 100}) }, advance},
		"late weight": {func(w *world) {
			at(25)(w)
			must[rollout.Record](w, command("abort"))
			w.traffic.Meddle(stack, map[string]int{"shop-api-test-green.example.com": 100})
		}, advance},
		"ask":           {func(w *world) { at(25)(w); must[rollout.Record](w, command("pause")) }, rollout.Call{Action: rollout.ActionAsk, Rollout: ref, Token: "person"}},
		"ask too late":  {at(25), rollout.Call{Action: rollout.ActionAsk, Rollout: ref, Token: "person"}},
		"retire":        {later(promoted, 2*time.Hour), rollout.Call{Action: rollout.ActionRetire, Rollout: ref, Token: "retire"}},
		"delete":        {later(deletes, 2*time.Hour), rollout.Call{Action: rollout.ActionRetire, Rollout: ref, Token: "retire", Retries: 8}},
		"promote":       {at(25), command("promote")},
		"abort":         {at(25), command("abort")},
		"pause":         {at(25), command("pause")},
		"resume":        {paused, command("resume")},
		"abort paused":  {paused, command("abort")},
		"abort back":    {promoted, command("abort")},
		"nothing to do": {func(*world) {}, rollout.Call{Action: rollout.ActionStart, Request: canary("r1", rollout.Blue), Token: "release"}},
		"refused":       {func(w *world) { started(w, canary("r1", rollout.Green)); w.traffic.Refused = "no" }, advance},
		"stop": {func(w *world) {
			at(25)(w)
			for _, name := range []string{ref.ID, ref.ID + "-2", ref.ID + "-3", ref.ID + "-4"} {
				must[rollout.Answered](w, failed(name))
			}
		}, failed(ref.ID + "-5")},
		"restart": {at(25), failed(ref.ID)},
	} {
		t.Run(name, func(t *testing.T) {
			prepared := func() *world {
				w := newWorld(t).live()
				tt.prepare(w)
				w.calls = 0
				return w
			}
			smooth := prepared()
			if _, err := smooth.handle(tt.action); err != nil {
				t.Fatal(err)
			}
			calls := smooth.calls
			again(smooth, tt.action)
			want := smooth.end()
			for n := 1; n <= calls; n++ {
				w := prepared()
				w.crashAt = n
				_, _ = w.handle(tt.action) // it crashes, or what crashed was its last word
				w.crashAt = 0
				again(w, tt.action)
				if got := w.end(); got != want {
					t.Fatalf("after a crash at call %d of %d: %s", n, calls, differs(got, want))
				}
			}
			if calls < 2 {
				t.Errorf("only %d calls: the action does nothing", calls)
			}
		})
	}
}

// differs shows the first line in which two texts differ, with its neighbours.
func differs(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return strings.Join(g[max(i-3, 0):min(i+4, len(g))], "\n") + "\nwant\n" + strings.Join(w[max(i-3, 0):min(i+4, len(w))], "\n")
		}
	}
	return "one is longer"
}

// again repeats an action, as the workflow and people do.
func again(w *world, action any) {
	w.Helper()
	for range 2 {
		if _, err := w.handle(action); err != nil {
			w.Fatal(err)
		}
	}
}

func breach(w *world) func(q rollout.Query) (float64, time.Time, bool) {
	return func(q rollout.Query) (float64, time.Time, bool) {
		if q.Metric.Queries[0].Dimensions["Side"] == rollout.Green {
			return 9, w.clock.Now(), true
		}
		return 0, w.clock.Now(), true
	}
}

// clockAt stops the clock of a world at a time: what waits does not happen.
func clockAt(w *world, at time.Time) *fake.Clock {
	clock := fake.NewClock(at)
	w.Now, w.traffic.Now, w.locks.Now = clock.Now, clock.Now, clock.Now
	w.stacks.Timeline = clock
	return clock
}

// TestTwoAtOnce: two invocations of any two actions that meet at any call end
// with one truth: the record, the router and the facts agree.
func TestTwoAtOnce(t *testing.T) {
	ref := rollout.Ref{ID: "r1-test-api", Target: stack}
	command := func(name string) any {
		return rollout.CommandRequest{Action: rollout.ActionCommand, ID: ref.ID, Target: stack, Command: rollout.Command{Name: name, By: dana}}
	}
	advance := any(rollout.Call{Action: rollout.ActionAdvance, Rollout: ref})
	for name, second := range map[string]any{"advance": advance, "abort": command("abort"), "promote": command("promote"), "pause": command("pause")} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < 40; n++ {
				w := newWorld(t).live()
				w.start(canary("r1", rollout.Green))
				w.until(stepped(w, 5))
				clockAt(w, w.clock.Now().Add(5*time.Minute))
				calls, meets := 0, true
				met := fake.Faults(func(string) error {
					if calls++; calls == n && meets {
						meets = false
						if _, err := w.handle(second); err != nil {
							t.Errorf("meeting at call %d: %v", n, err)
						}
					}
					return nil
				})
				w.traffic.Faults, w.records.Faults, w.tasks.Faults, w.facts.Faults = met, met, met, met
				if _, err := w.handle(advance); err != nil {
					t.Errorf("meeting at call %d: %v", n, err)
				}
				if meets {
					break // it made fewer calls
				}
				if _, err := w.handle(advance); err != nil {
					t.Errorf("after meeting at call %d: %v", n, err)
				}
				r := w.record()
				if got := w.percent(rollout.Green); got != r.State.Weight || r.State.Phase == rollout.Stepping && r.State.Pending() {
					t.Errorf("meeting at call %d: green has %d %% and the record says %+v", n, got, r.State)
				}
				var ids []string
				for _, fact := range w.facts.Facts {
					ids = append(ids, fact.Metadata.ID)
				}
				slices.Sort(ids)
				if len(slices.Compact(ids)) != len(w.facts.Facts) || len(r.Timeline) != len(w.facts.Facts) {
					t.Errorf("meeting at call %d: %d entries, facts %v", n, len(r.Timeline), ids)
				}
				if over := r.State.Phase != rollout.Stepping && r.State.Phase != rollout.Paused; over != (r.ReleaseTask == "") {
					t.Errorf("meeting at call %d: the release waits for %q in %s", n, r.ReleaseTask, r.State.Phase)
				}
			}
		})
	}
}
