package rollout_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// sweep is the schedule's call.
func (w *world) sweep() rollout.Swept {
	w.Helper()
	return must[rollout.Swept](w, map[string]string{"action": rollout.ActionSweep})
}

// broken lets every execution be one that failed without anybody hearing of it,
// from a time on: what it would do next does not happen.
func (w *world) broken(at time.Time) {
	w.clock = clockAt(w, at)
	w.executions.Look = func(string) rollout.Execution {
		return rollout.Execution{Status: "FAILED", Error: "Failed", Cause: "no"}
	}
}

// TestSweepStartsExecutionsAgain: as often as the event of a failed one does.
// What is paused then ends by the sweep alone.
func TestSweepStartsExecutionsAgain(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	if got := w.sweep(); got.Looked != 1 || len(got.Restarted)+len(got.Attended)+len(got.Failed) != 0 {
		t.Errorf("an execution that runs: %+v", got)
	}
	w.broken(w.clock.Now())
	for range 4 {
		if got := w.sweep(); !slices.Equal(got.Restarted, []string{"r1-test-api"}) {
			t.Errorf("%+v", got)
		}
	}
	if got := w.executions.Names; len(got) != 5 || got[4] != "r1-test-api-5" {
		t.Fatalf("started %v", got)
	}
	if got := w.sweep(); !slices.Equal(got.Failed, []string{"r1-test-api"}) {
		t.Errorf("the last one: %+v", got)
	}
	if r := w.record(); r.State.Phase != rollout.Paused || r.State.Cause != rollout.CauseStopped || r.Execution != "" {
		t.Errorf("%+v", r.State)
	}
	if last := w.tasks.Answers[len(w.tasks.Answers)-1]; last.Kind != fault.PermanentError || !strings.Contains(last.Cause, "FAILED: Failed no") {
		t.Errorf("the release was told %+v", last)
	}
	for range 3 {
		w.clock.Advance(15 * time.Minute)
		if got := w.sweep(); !slices.Equal(got.Attended, []string{"r1-test-api"}) {
			t.Errorf("%+v", got)
		}
	}
	if len(w.executions.Names) != 5 || w.record().State.Phase != rollout.Paused {
		t.Errorf("%v, %+v", w.executions.Names, w.record().State)
	}
	w.clock.Advance(24 * time.Hour)
	w.sweep()
	if r := w.record(); r.State.Phase != rollout.Aborted || r.State.Cause != rollout.CauseTimeout {
		t.Errorf("nobody decided: %+v", r.State)
	}
	w.wantWeights(100, 0)
	w.clock.Advance(15 * time.Minute)
	w.sweep()
	if r := w.record(); !r.Done {
		t.Errorf("%+v", r)
	}
	if got := w.sweep(); got.Looked != 1 || len(got.Attended) != 0 {
		t.Errorf("of what is done: %+v", got)
	}
}

// TestSweepGoesOnAfterTheEnd: what is left after the end needs no execution: a
// weight that came late is set right, and the old side retired.
func TestSweepGoesOnAfterTheEnd(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	if _, err := w.command(rollout.CommandAbort); err != nil {
		t.Fatal(err)
	}
	late := map[string]int{"shop-api-test-blue.example.com": 50, "shop-api-test-green.example.com": 50}
	w.traffic.Meddle(stack, late)
	w.broken(w.clock.Now().Add(40 * time.Minute))
	if got := w.sweep(); !slices.Equal(got.Attended, []string{"r1-test-api"}) {
		t.Errorf("%+v", got)
	}
	w.wantWeights(100, 0)

	w = old(t)
	w.broken(w.clock.Now().Add(2 * time.Hour))
	for range 3 { // the deletion is begun, waited for, and seen
		w.sweep()
		w.clock.Advance(15 * time.Minute)
	}
	if r := w.record(); r.Left != rollout.LeftDeleted || !r.Done || len(w.stacks.Deleted) != 1 {
		t.Errorf("%s, %v", r.Left, w.stacks.Deleted)
	}
}

// TestLateWeightAfterTheOldSideWasTaken by the next push: the execution looks
// again before it ends.
func TestLateWeightAfterTheOldSideWasTaken(t *testing.T) {
	w := newWorld(t).live()
	ref := w.start(canary("r1", rollout.Green))
	w.until(phase(w, rollout.Promoted))
	r := w.record()
	r.State, r.Left = rollout.Retire(r.State), rollout.LeftKept
	if err := w.records.Write(t.Context(), stack, r); err != nil {
		t.Fatal(err)
	}
	w.traffic.Meddle(stack, map[string]int{"shop-api-test-blue.example.com": 95, "shop-api-test-green.example.com": 5})
	if got := must[rollout.Tick](w, rollout.Call{Action: rollout.ActionAdvance, Rollout: ref}); got.Next != rollout.NextBake {
		t.Errorf("%+v", got)
	}
	w.wantWeights(0, 100)
	w.until(func() bool { return w.record().Done })
}

// TestTheSweepNotesWhatSomebodyElseSet after the end, leaves it so, and forgets
// it once it is as before. A router that cannot be read says nothing.
func TestTheSweepNotesWhatSomebodyElseSet(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(func() bool { return w.record().Done })
	moved := map[string]int{"shop-api-test-blue.example.com": 100, "shop-api-test-green.example.com": 0}
	for _, tt := range []struct {
		shares map[string]int
		found  string
	}{
		{moved, "the new side gets 0 % and not 100 %"},
		{map[string]int{"elsewhere.example.com": 100}, "the new side gets 0 % and not 100 %"},
		{map[string]int{"shop-api-test-blue.example.com": 0, "shop-api-test-green.example.com": 100}, ""},
	} {
		w.traffic.Meddle(stack, tt.shares)
		w.sweep()
		if r := w.record(); r.State.Found != tt.found || !maps.Equal(w.traffic.Shares(stack), tt.shares) {
			t.Errorf("%v: found %q, and now %v", tt.shares, r.State.Found, w.traffic.Shares(stack))
		}
	}
}

// TestOneRolloutDoesNotStopTheSweep of the others.
func TestOneRolloutDoesNotStopTheSweep(t *testing.T) {
	w := newWorld(t).live()
	other := canary("r1", rollout.Green)
	other.Target.StackName = "another"
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	ref := w.record()
	ref.Request.Target, ref.Execution, ref.Version = other.Target, "gone", 0
	if err := w.records.Write(t.Context(), other.Target, ref); err != nil {
		t.Fatal(err)
	}
	w.broken(w.clock.Now())
	looks := 0
	w.executions.Faults = func(call string) error {
		if looks++; call == "DescribeExecution" && looks == 1 {
			return fault.Transient("no")
		}
		return nil
	}
	out, err := w.handle(map[string]string{"action": rollout.ActionSweep})
	swept, _ := out.(rollout.Swept)
	if !fault.Is(err, fault.TransientError) || swept.Looked != 2 || len(swept.Restarted) != 1 {
		t.Errorf("%+v, %v", swept, err)
	}
}

// TestTheOldSideWaitsForItsRun: a check of the stage may fail after the time to
// switch back at once.
func TestTheOldSideWaitsForItsRun(t *testing.T) {
	w := newWorld(t).live()
	w.runs.Going["r1"] = true
	q := canary("r1", rollout.Green)
	q.Rollout.Keep = 0
	w.start(q)
	w.until(phase(w, rollout.Promoted))
	for range 40 { // the workflow gives up, and the sweep goes on
		w.clock.Step()
	}
	w.sweep()
	if r := w.record(); r.State.Phase != rollout.Promoted || r.Done {
		t.Fatalf("%+v, done %v", r.State, r.Done)
	}
	back := q
	back.SwitchBack, back.Why = true, "the stage failed"
	w.start(back)
	if got := w.result(); got.Outcome != rollout.OutcomeSwitchedBack {
		t.Errorf("%+v", got)
	}
	w.wantWeights(100, 0)
}

// TestTheRunEnds, and the sweep retires the old side.
func TestTheRunEnds(t *testing.T) {
	w := newWorld(t).live()
	w.runs.Going["r1"] = true
	w.start(canary("r1", rollout.Green))
	w.until(phase(w, rollout.Promoted))
	w.broken(w.clock.Now().Add(5 * time.Hour))
	w.sweep()
	if r := w.record(); r.State.Phase != rollout.Promoted {
		t.Fatalf("%+v", r.State)
	}
	w.runs.Going["r1"] = false
	w.sweep()
	if r := w.record(); r.State.Phase != rollout.Retired || r.Left != rollout.LeftKept || !r.Done {
		t.Errorf("%+v, %s", r.State, r.Left)
	}
}

// TestAlarmsThatRingBeforeTheFirstStep, or do not exist, keep the traffic where
// it is. One without data does not: the new side had no traffic yet.
func TestAlarmsThatRingBeforeTheFirstStep(t *testing.T) {
	for state, want := range map[string]string{
		verification.AlarmALARM: "api-green is in ALARM", "": "api-green does not exist",
		verification.AlarmNoData: "", verification.AlarmOK: "",
	} {
		w := newWorld(t).live()
		q := canary("r1", rollout.Green)
		q.Rollout.Analysis.Metrics = []pipeline.Metric{{
			Name: "alarms", Interval: pipeline.Duration(time.Minute), NoData: pipeline.NoDataPause, FailureLimit: 9,
			Alarm: &pipeline.AlarmCheck{Names: []string{"api-${side}"}, InsufficientData: pipeline.NoDataFail},
		}}
		if state != "" {
			w.alarms.State["api-green"] = state
		}
		w.start(q)
		if want == "" {
			w.until(stepped(w, 5))
			continue
		}
		w.until(phase(w, rollout.Aborted))
		got := w.result()
		if got.Outcome != rollout.OutcomeAborted || got.Weight != 0 || !strings.Contains(got.Why, "before the first step: alarms: "+want) {
			t.Errorf("%q: %+v", state, got)
		}
		w.wantWeights(100, 0)
		w.wantFacts("RolloutStarted", "RolloutAborted")
	}
}
