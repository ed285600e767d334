package deployment_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// solo is a stack of one queue; %s stands for what the stage says besides.
const solo = `version: 1
name: solo
stacks: {queue: {template: queue.yaml}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never, MORE}
`

func soloStages(t *testing.T, more string) []pipeline.Stage {
	t.Helper()
	return stagesOf(t, strings.Replace(solo, "MORE", more, 1))
}

var soloQueue = events.Target{Stage: "test", Stack: "queue", Account: "222222222222", Region: "us-east-1", StackName: "solo-queue-test"}

// queue is a template whose resource Jobs has the metadata.
func queue(timeout, metadata string) string {
	return "Resources:\n  Before: {Type: \"AWS::SQS::Queue\", Properties: {VisibilityTimeout: " + timeout + "}}\n" +
		"  Jobs:\n    Type: AWS::SQS::Queue\n    Metadata: {" + metadata + "}\n    Properties: {VisibilityTimeout: " + timeout + "}\n"
}

// states are the states of the workflow that were visited for a stack since the
// last call, in order, without those between waves.
func (w *world) states() string {
	var visited []string
	for _, action := range w.visited {
		if slices.Contains([]string{deployment.ActionPlan, deployment.ActionReadPlan, deployment.ActionOperate, deployment.ActionDescribeOutcome, deployment.ActionVerify, deployment.ActionEndStack}, action) {
			visited = append(visited, action)
		}
	}
	w.visited = nil
	visited = slices.Compact(visited) // a state that is retried
	return strings.Join(visited, " ")
}

// pushed runs a push of the template.
func (w *world) pushed(t *testing.T, n int, template, more string) deployment.Release {
	t.Helper()
	w.source(map[string]string{"queue.yaml": template})
	w.cloud.PlanTime = time.Millisecond
	return w.run(push(strings.Repeat(string(rune('a'+n)), 4), n), soloStages(t, more))
}

// TestRecovery drives each way out of a failed stack by two pushes: the first
// one fails as the case says, the second one is good.
func TestRecovery(t *testing.T) {
	const (
		planned  = "plan readPlan operate describeOutcome"
		operated = " operate describeOutcome"
		deployed = planned + " verify endStack"
		again    = "plan operate describeOutcome "
	)
	good := queue("30", "")
	tests := []struct {
		name    string
		updates bool   // the first push updates a good stack
		fails   string // metadata of the first push
		more    string // of the stage
		meddle  func(w *world)
		outcome string // of the first push
		reason  string // contained in its reason
		status  string // of the stack after it
		states  string // of the first push
		then    string // the states of the second push
		end     string // its outcome
		endWhy  string
	}{
		{"a creation fails", false, "Fail: no quota", "", nil,
			events.OutcomeRolledBack, "Jobs (AWS::SQS::Queue): no quota", "ROLLBACK_COMPLETE", planned + " endStack", again + deployed, events.OutcomeSucceeded, ""},
		{"a creation fails and is left", false, "Fail: no quota", "disableRollback: true", nil,
			events.OutcomeStuck, "no quota. Next: evenkeel recover 222222222222/us-east-1/solo-queue-test", "CREATE_FAILED", planned + " endStack", again + again + deployed, events.OutcomeSucceeded, ""},
		{"an update fails", true, "Fail: no quota", "", nil,
			events.OutcomeRolledBack, "no quota", "UPDATE_ROLLBACK_COMPLETE", planned + " endStack", deployed, events.OutcomeSucceeded, ""},
		{"an update fails and is left", true, "Fail: no quota", "disableRollback: true", nil,
			events.OutcomeStuck, "no quota. Next: evenkeel recover", "UPDATE_FAILED", planned + " endStack", again + deployed, events.OutcomeSucceeded, ""},
		{"an update is left, and its rollback fails once", true, "Fail: no quota, FailRollback: in use, RollbackTries: 1", "disableRollback: true", nil,
			events.OutcomeStuck, "no quota", "UPDATE_FAILED", planned + " endStack", again + again + deployed, events.OutcomeSucceeded, ""},
		{"a rollback fails once", true, "Fail: no quota, FailRollback: in use, RollbackTries: 1", "", nil,
			events.OutcomeRolledBack, "no quota", "UPDATE_ROLLBACK_COMPLETE", planned + operated + " endStack", deployed, events.OutcomeSucceeded, ""},
		{"a rollback fails twice", true, "Fail: no quota, FailRollback: in use, RollbackTries: 2", "", nil,
			events.OutcomeStuck, "no quota. It could not be undone (continue): in use. Next: evenkeel recover 222222222222/us-east-1/solo-queue-test, and when that fails again, to leave them as they are: --skip Jobs",
			"UPDATE_ROLLBACK_FAILED", planned + operated + " endStack", again + deployed, events.OutcomeSucceeded, ""},
		{"a rollback always fails", true, "Fail: no quota, FailRollback: in use", "", nil,
			events.OutcomeStuck, "in use", "UPDATE_ROLLBACK_FAILED", planned + operated + " endStack", again + "endStack", events.OutcomeStuck, "Next: evenkeel recover"},
		{"a creation cannot be rolled back once", false, "Fail: no quota, FailRollback: in use, RollbackTries: 1", "", nil,
			events.OutcomeStuck, "no quota. Next: evenkeel recover", "ROLLBACK_FAILED", planned + " endStack", again + deployed, events.OutcomeSucceeded, ""},
		{"a protected stack is not deleted", false, "Fail: no quota", "", func(w *world) { w.cloud.Protect(soloQueue) },
			events.OutcomeRolledBack, "no quota", "ROLLBACK_COMPLETE", planned + " endStack", "plan endStack", events.OutcomeStuck,
			"it has termination protection. Next: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name solo-queue-test --region us-east-1"},
		{"a deletion by hand failed", true, "Fail: no quota", "", func(w *world) { w.cloud.Break(soloQueue, "DELETE_FAILED") },
			events.OutcomeRolledBack, "no quota", "UPDATE_ROLLBACK_COMPLETE", planned + " endStack", "plan endStack", events.OutcomeStuck,
			"but has 2 resources still: Before (AWS::SQS::Queue solo-queue-test-before, CREATE_COMPLETE), Jobs (AWS::SQS::Queue solo-queue-test-jobs, CREATE_COMPLETE). Save what is needed. Next: evenkeel recover"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.updates {
				if r := w.pushed(t, 0, queue("10", ""), ""); r.Outcome != events.OutcomeSucceeded {
					t.Fatal(r.Reason)
				}
			}
			w.states()
			r := w.pushed(t, 1, queue("20", tt.fails), tt.more)
			if r.Outcome != tt.outcome || !strings.Contains(r.Reason, tt.reason) || w.cloud.Status(soloQueue) != tt.status {
				t.Errorf("the first push ended %s in %s: %s", r.Outcome, w.cloud.Status(soloQueue), r.Reason)
			}
			if got := w.states(); got != tt.states {
				t.Errorf("visited %s\nwant    %s", got, tt.states)
			}
			if tt.meddle != nil {
				tt.meddle(w)
			}
			r = w.pushed(t, 2, good, tt.more)
			if r.Outcome != tt.end || !strings.Contains(r.Reason, tt.endWhy) {
				t.Errorf("the second push ended %s in %s: %s", r.Outcome, w.cloud.Status(soloQueue), r.Reason)
			}
			if got := w.states(); got != tt.then {
				t.Errorf("visited %s\nwant    %s", got, tt.then)
			}
			if r.Outcome == events.OutcomeStuck && !strings.Contains(r.Reason, "Next: ") {
				t.Errorf("it does not say what to type next: %s", r.Reason)
			}
		})
	}
}

// TestRetainedResourceKeepsTheStack: what the failed creation made and its
// template retains is not left behind without a stack.
func TestRetainedResourceKeepsTheStack(t *testing.T) {
	retained := strings.Replace(queue("20", "Fail: no quota"), "  Before: {", "  Before: {DeletionPolicy: Retain, ", 1)
	w := newWorld(t)
	if r := w.pushed(t, 1, retained, ""); r.Outcome != events.OutcomeRolledBack {
		t.Fatal(r.Reason)
	}
	r := w.pushed(t, 2, queue("30", ""), "")
	if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "but has 1 resource still: Before (AWS::SQS::Queue solo-queue-test-before, DELETE_SKIPPED)") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
	if got := w.cloud.Status(soloQueue); got != "ROLLBACK_COMPLETE" {
		t.Errorf("the stack is in %s", got)
	}
}

// TestAlarms: the stage's alarms go with every change set, are looked up before,
// and end a deployment when they ring.
func TestAlarms(t *testing.T) {
	const arn = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:"
	const more = "alarms: [errors, composite-all], bake: 10m"
	quiet := func(w *world) {
		w.checks.alarms.State["errors"], w.checks.alarms.State["composite-all"] = verification.AlarmOK, verification.AlarmNoData
	}
	t.Run("missing", func(t *testing.T) {
		w := newWorld(t)
		r := w.pushed(t, 1, queue("20", ""), more)
		if r.Outcome != events.OutcomeRejected || !strings.Contains(r.Reason, "evenkeel.yaml:5: there is no alarm errors in account 222222222222, region us-east-1") || w.states() != "plan endStack" {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
	})
	t.Run("in ALARM before", func(t *testing.T) {
		w := newWorld(t)
		quiet(w)
		w.checks.alarms.State["errors"] = verification.AlarmALARM
		r := w.pushed(t, 1, queue("20", ""), more)
		if r.Outcome != events.OutcomeDeferred || !strings.Contains(r.Reason, "1 alarm in account 222222222222, region us-east-1, in ALARM: errors") || len(w.cloud.Executed) != 0 {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
		if got := w.states(); got != "plan readPlan endStack" {
			t.Errorf("visited %s", got)
		}
	})
	t.Run("nothing to deploy while it rings", func(t *testing.T) {
		w := newWorld(t)
		quiet(w)
		w.pushed(t, 0, queue("20", ""), more)
		w.checks.alarms.State["errors"] = verification.AlarmALARM
		if r := w.pushed(t, 1, queue("20", ""), more); r.Outcome != events.OutcomeSucceeded {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
	})
	t.Run("rings between the plan and its execution", func(t *testing.T) {
		w := newWorld(t)
		quiet(w)
		w.decide = func(w *world, r deployment.Release) {
			w.checks.alarms.State["errors"] = verification.AlarmALARM
			decide(true, "")(w, r)
		}
		r := w.pushed(t, 1, queue("20", ""), more)
		if r.Outcome != events.OutcomeSucceeded {
			t.Fatal(r.Reason)
		}
		stages := soloStages(t, more)
		stages[0].Approval = pipeline.ApprovalAlways
		w.source(map[string]string{"queue.yaml": queue("30", "")})
		r = w.run(push("ffff", 9), stages)
		if r.Outcome != events.OutcomeDeferred || len(w.cloud.Executed) != 1 {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
	})
	t.Run("rings in the bake time", func(t *testing.T) {
		w := newWorld(t)
		quiet(w)
		w.pushed(t, 0, queue("20", ""), more)
		want := deployment.RollbackConfiguration{Minutes: 10, Triggers: []deployment.RollbackTrigger{
			{ARN: arn + "composite-all", Type: "AWS::CloudWatch::CompositeAlarm"}, {ARN: arn + "errors", Type: "AWS::CloudWatch::Alarm"},
		}}
		if got := w.cloud.Watched(soloQueue); !slices.Equal(got.Triggers, want.Triggers) || got.Minutes != want.Minutes {
			t.Errorf("the stack is watched with %+v", got)
		}
		w.states()
		w.clock.After(6*time.Minute, func() { w.checks.alarms.State["errors"] = verification.AlarmALARM })
		r := w.pushed(t, 1, queue("30", ""), more)
		if r.Outcome != events.OutcomeRolledBack || !strings.Contains(r.Reason, "The alarm errors is in ALARM") {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
		if got := w.states(); got != "plan readPlan operate describeOutcome endStack" {
			t.Errorf("visited %s", got)
		}
	})
	t.Run("no longer named", func(t *testing.T) {
		w := newWorld(t)
		quiet(w)
		w.pushed(t, 0, queue("20", ""), more)
		w.pushed(t, 1, queue("30", ""), "")
		if got := w.cloud.Watched(soloQueue); len(got.Triggers) != 0 || got.Minutes != 0 {
			t.Errorf("the stack is still watched with %+v", got)
		}
	})
}

// TestRecoveryIsBegunOnce: the answer to the call is lost, or the task is
// repeated; the operation runs once and the task that waits is answered.
func TestRecoveryIsBegunOnce(t *testing.T) {
	w := newWorld(t)
	w.pushed(t, 0, queue("10", ""), "")
	calls := 0
	w.cloud.Fault = func(call string) error {
		if call == "ContinueUpdateRollback done" {
			if calls++; calls == 1 {
				return fault.Transient("connection reset")
			}
		}
		return nil
	}
	r := w.pushed(t, 1, queue("20", "Fail: no quota, FailRollback: in use, RollbackTries: 1"), "")
	if r.Outcome != events.OutcomeRolledBack || calls != 1 {
		t.Errorf("%s after %d calls: %s", r.Outcome, calls, r.Reason)
	}
}

// TestUndoingIsNeverJustRefused: the execution failed, so that the stack is not
// as it was; when it cannot be undone, the run is Stuck and nothing else.
func TestUndoingIsNeverJustRefused(t *testing.T) {
	for _, kind := range []func(string, ...any) error{fault.Conflict, fault.Invalid, fault.Permanent} {
		w := newWorld(t)
		w.pushed(t, 0, queue("10", ""), "")
		w.cloud.Fault = func(call string) error {
			if call == "ContinueUpdateRollback" {
				return kind("no")
			}
			return nil
		}
		r := w.pushed(t, 1, queue("20", "Fail: no quota, FailRollback: in use"), "")
		if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "no quota. It could not be undone: the operation on the stack could not be begun (continue): no. Next: evenkeel recover 222222222222/us-east-1/solo-queue-test") {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
	}
}

// TestUndoingTakesItsTime: the rollback ends long after the first wait for it.
func TestUndoingTakesItsTime(t *testing.T) {
	w := newWorld(t)
	w.pushed(t, 0, queue("10", ""), "")
	w.cloud.ResourceTime = 2 * time.Hour
	r := w.pushed(t, 1, queue("20", "Fail: no quota, FailRollback: in use, RollbackTries: 1"), "")
	if r.Outcome != events.OutcomeRolledBack {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}

// TestErrorWhileUndoing: the look at the undoing fails for good; the run says
// that the stack needs a person, whatever kind of error it was.
func TestErrorWhileUndoing(t *testing.T) {
	w := newWorld(t)
	w.pushed(t, 0, queue("10", ""), "")
	begun := false
	w.cloud.Fault = func(call string) error {
		if call == "ContinueUpdateRollback done" {
			begun = true
		}
		if begun && call == "Events" {
			return fault.Invalid("cannot be read")
		}
		return nil
	}
	r := w.pushed(t, 1, queue("20", "Fail: no quota, FailRollback: in use, RollbackTries: 1"), "")
	if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "cannot be read") || !strings.Contains(r.Reason, "Next: evenkeel runs show "+r.RunID) {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}

// TestUndoingInAClosedStage: what this run left failed is undone although the
// stage has closed meanwhile.
func TestUndoingInAClosedStage(t *testing.T) {
	const morning = `windows: [{days: [sun], from: "10:00", to: "13:00"}]`
	w := newWorld(t)
	w.pushed(t, 0, queue("10", ""), morning)
	w.cloud.ResourceTime = 2 * time.Hour
	r := w.pushed(t, 1, queue("20", "Fail: no quota, FailRollback: in use, RollbackTries: 1"), morning)
	if r.Outcome != events.OutcomeRolledBack || w.cloud.Status(soloQueue) != "UPDATE_ROLLBACK_COMPLETE" || pipeline.Open(soloStages(t, morning)[0], w.clock.Now()).Now {
		t.Errorf("%s at %s: %s", r.Outcome, w.clock.Now(), r.Reason)
	}
}
