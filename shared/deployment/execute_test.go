package deployment_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var changedData = strings.ReplaceAll(data, "30", "60")

// planned walks a push with a change up to the plan of data in test.
func planned(t *testing.T) (*world, deployment.Release) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	r := w.begin(push("bbbb", 10))
	if _, caught := wait[deployment.LockAnswer](w, deployment.ActionLock, r, time.Minute); caught != nil {
		t.Fatal(caught)
	}
	r.SourceKey, r.Stages, r.Validation.Valid = sourceKey, stagesOf(t, shop)[:1], true
	r.Done = []deployment.Deployed{{Stage: "test", Stack: "network", Unchanged: true}}
	r, err := w.do(deployment.ActionNext, r)
	if err != nil || len(r.Wave) != 1 {
		t.Fatalf("wave %v, %v", r.Wave, err)
	}
	r.Step = r.Wave[0]
	r, ok := w.try(deployment.ActionPlan, r)
	if ok {
		r, ok = w.readPlan(r)
	}
	if !ok || r.Plan.Operation != deployment.OperationExecute || r.Plan.Gate != deployment.GateAuto {
		t.Fatalf("plan %+v, %+v", r.Plan, r.Error)
	}
	return w, r
}

func (w *world) execute(r deployment.Release, token string) deployment.Answered {
	w.t.Helper()
	answered, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionOperate, Release: r, Step: &r.Step, Token: token})
	if err != nil {
		w.t.Fatal(err)
	}
	return answered
}

func answersTo(w *world, token string) []string {
	var list []string
	for _, a := range w.tasks.Answers {
		if a.Token == token {
			list = append(list, a.Kind+string(a.Output))
		}
	}
	return list
}

func TestRepeatedPlanFindsItsOwnChangeSet(t *testing.T) {
	w, r := planned(t)
	again, ok := w.try(deployment.ActionPlan, r)
	if !ok || again.Plan.ChangeSetID != r.Plan.ChangeSetID {
		t.Errorf("planned again: %s, first %s, %+v", again.Plan.ChangeSetID, r.Plan.ChangeSetID, again.Error)
	}
	if again, ok = w.readPlan(again); !ok || again.Plan.Digest != r.Plan.Digest {
		t.Errorf("digest %s, first %s", again.Plan.Digest, r.Plan.Digest)
	}
}

func TestRepeatedExecuteRunsOnce(t *testing.T) {
	w, r := planned(t)
	w.execute(r, "first")
	w.execute(r, "second") // the workflow repeats with a new token
	w.clock.Run()
	if len(w.cloud.Executed) != 5 {
		t.Errorf("executed %v", w.cloud.Executed)
	}
	if got := answersTo(w, "second"); len(got) != 1 || !strings.Contains(got[0], "UPDATE_COMPLETE") {
		t.Errorf("the token that waits was answered %v", got)
	}
	w.execute(r, "third") // and again, long after the end
	if got := answersTo(w, "third"); len(got) != 1 || !strings.Contains(got[0], "UPDATE_COMPLETE") {
		t.Errorf("a late repetition was answered %v", got)
	}
	if len(w.cloud.Executed) != 5 {
		t.Errorf("executed again: %v", w.cloud.Executed)
	}
}

func TestDuplicateAndForeignEventsDoNothing(t *testing.T) {
	w, r := planned(t)
	w.execute(r, "task")
	w.clock.Run()
	last := w.heard[len(w.heard)-1]
	w.deliver(last)
	w.deliver(last)
	if got := answersTo(w, "task"); len(got) != 1 {
		t.Errorf("answered %v", got)
	}
	before := len(w.tasks.Answers)
	foreign := last
	foreign.Detail.ClientRequestToken = "somebody-else"
	w.deliver(foreign)
	foreign.Detail.ClientRequestToken = ""
	w.deliver(foreign)
	if n := len(w.tasks.Answers); n != before {
		t.Errorf("answers %v", w.tasks.Answers)
	}
}

// TestEventBeforeTheAnswer: the operation may end before ExecuteChangeSet has
// answered. The answer is lost here on top.
func TestEventBeforeTheAnswer(t *testing.T) {
	w, r := planned(t)
	w.cloud.Fault = func(call string) error {
		if call == "Execute done" {
			w.clock.Run()
			return fault.Transient("connection reset")
		}
		return nil
	}
	w.execute(r, "task")
	got := answersTo(w, "task")
	if len(got) != 1 || !strings.Contains(got[0], "UPDATE_COMPLETE") {
		t.Errorf("answered %v: the token must be stored before the call", got)
	}
}

func TestExecuteRefusesAnotherPlan(t *testing.T) {
	tests := []struct {
		name   string
		change func(*deployment.Release)
		want   string
	}{
		{"the digest differs", func(r *deployment.Release) { r.Plan.Digest = strings.Repeat("0", 64) }, "changed after it was planned"},
		{"not approved", func(r *deployment.Release) { r.Plan.Gate = deployment.GateApproval }, "was not approved"},
		{"approved with another digest", func(r *deployment.Release) {
			r.Plan.Gate = deployment.GateApproval
			r.Decision = &deployment.Decision{Approved: true, Digest: "other"}
		}, "was not approved"},
		{"the change set is gone", func(r *deployment.Release) { r.Plan.ChangeSetID = "arn:gone" }, "can no longer be executed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, r := planned(t)
			tt.change(&r)
			answered := w.execute(r, "task")
			if answered.State != "failed" || !strings.Contains(answered.Error, tt.want) {
				t.Errorf("answered %+v", answered)
			}
			if got := answersTo(w, "task"); len(got) != 1 || got[0] != fault.InvalidError {
				t.Errorf("the task was told %v", got)
			}
			if len(w.cloud.Executed) != 4 {
				t.Errorf("executed %v", w.cloud.Executed)
			}
		})
	}
}

func TestExecuteThatNeverStartsIsTriedAgain(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	failures := 2
	w.cloud.Fault = func(call string) error {
		if call == "Execute" && failures > 0 {
			failures--
			return fault.Transient("503")
		}
		return nil
	}
	if r := w.run(push("bbbb", 10), stagesOf(t, shop)[:1]); r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/data." {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	w = deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	w.cloud.Fault = func(call string) error {
		if call == "Execute" {
			return fault.Transient("503")
		}
		return nil
	}
	r := w.run(push("bbbb", 10), stagesOf(t, shop)[:1])
	if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "could not be begun (execute): 503") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

// TestLongOperation: what takes longer than Execute waits is awaited again,
// with its events heard or lost.
func TestLongOperation(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		w := deployed(t)
		w.deaf = deaf
		w.cloud.ResourceTime = 3 * time.Hour
		w.source(map[string]string{"data.yaml": changedData})
		r := w.run(push("bbbb", 10), stagesOf(t, shop)[:1])
		if r.Outcome != events.OutcomeSucceeded {
			t.Errorf("deaf %v: ended %s: %s", deaf, r.Outcome, r.Reason)
		}
	}
}

// TestEndlessOperation: the run ends after a day, saying that the operation
// may still run; the leases last as long as it is waited for.
func TestEndlessOperation(t *testing.T) {
	w := deployed(t)
	w.cloud.ResourceTime = 100 * 24 * time.Hour
	w.source(map[string]string{"data.yaml": changedData})
	r := w.run(push("bbbb", 10), stagesOf(t, shop)[:1])
	if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "did not end within a day") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}

	w, r = planned(t)
	w.cloud.ResourceTime = 100 * 24 * time.Hour
	w.execute(r, "task")
	for looks := 0; ; looks++ {
		w.clock.Advance(time.Duration(r.Plan.WaitSeconds) * time.Second)
		queue, _, err := w.service.Locks.Read(t.Context(), "acme/shop")
		holder, expires := w.locks.Holder(events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-data-test"})
		if err != nil || !w.clock.Now().Before(queue.Holder.Expires) || holder != r.RunID || !w.clock.Now().Before(expires) {
			t.Fatalf("look %d: a lease ended while the operation runs: %+v, %s %s, %v", looks, queue.Holder, holder, expires, err)
		}
		var ok bool
		if r, ok = w.try(deployment.ActionDescribeOutcome, r); !ok {
			t.Fatal(r.Error)
		}
		if r.Plan.Result == deployment.ResultStuck {
			return
		}
		if r.Plan.Result != deployment.ResultRunning || looks > 5 {
			t.Fatalf("look %d: %s", looks, r.Plan.Result)
		}
		w.execute(r, fmt.Sprint("task", looks))
	}
}

func TestExecutionEnded(t *testing.T) {
	w, r := planned(t)
	p := push("bbbb", 10)
	input, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	end := func(execution, status string) deployment.Answered {
		t.Helper()
		data, err := json.Marshal(events.Envelope[events.ExecutionStatusDetail]{
			DetailType: events.ExecutionStatusChange,
			Detail:     events.ExecutionStatusDetail{ExecutionARN: execution, Status: status, Input: string(input)},
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.service.Handle(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		return out.(deployment.Answered)
	}
	held := func() bool {
		queue, _, err := w.service.Locks.Read(t.Context(), "acme/shop")
		if err != nil {
			t.Fatal(err)
		}
		return queue.Holder != nil && queue.Holder.RunID == r.RunID
	}
	if got := end("another execution", "ABORTED"); got.State != "ignored" || !held() {
		t.Errorf("an execution that does not own the run: %+v", got)
	}
	if got := end(r.Execution, "SUCCEEDED"); got.State != "ignored" || !held() {
		t.Errorf("a success: %+v", got)
	}
	if got := end(r.Execution, "ABORTED"); got.State != "ended" || held() {
		t.Errorf("an abort: %+v, lock held %v", got, held())
	}
	if got := end(r.Execution, "ABORTED"); got.State != "ended before" {
		t.Errorf("the same event again: %+v", got)
	}
	if !strings.HasSuffix(w.types(), "RunFinished") || strings.Count(w.types(), "RunFinished") != 1 {
		t.Errorf("facts %s", w.types())
	}
	finished := w.facts.Facts[len(w.facts.Facts)-1].Data.(events.RunFinished)
	if finished.Outcome != events.OutcomeStuck || finished.RunID != r.RunID {
		t.Errorf("finished %+v", finished)
	}
}

// TestFirstEndWins: the run is concluded, but announcing it fails and so does
// the execution; what was stored is announced, not a second end.
func TestFirstEndWins(t *testing.T) {
	w, r := planned(t)
	r.Step = deployment.Step{Kind: deployment.StepFinish}
	w.facts.Faults = func(string) error { return fault.Permanent("the bus is gone") }
	if _, err := w.do(deployment.ActionFinish, r); err == nil {
		t.Fatal("Finish succeeded")
	}
	w.facts.Faults = nil
	input, err := json.Marshal(push("bbbb", 10))
	if err != nil {
		t.Fatal(err)
	}
	at := w.clock.Now()
	w.clock.Advance(time.Minute)
	answered, err := w.service.ExecutionEnded(t.Context(), events.ExecutionStatusDetail{ExecutionARN: r.Execution, Status: "FAILED", Input: string(input)})
	if err != nil || answered.State != "ended before" {
		t.Errorf("%+v, %v", answered, err)
	}
	last := w.facts.Facts[len(w.facts.Facts)-1]
	if end := last.Data.(events.RunFinished); end.Outcome != events.OutcomeSucceeded || !last.Metadata.Time.Equal(at) {
		t.Errorf("announced %s at %s, want what was stored at %s", end.Outcome, last.Metadata.Time, at)
	}
	if again := w.finish(r); again.Outcome != events.OutcomeSucceeded || strings.Count(w.types(), "RunFinished") != 1 {
		t.Errorf("again: %s, facts %s", again.Outcome, w.types())
	}
}

func TestDuplicatePushIsMarked(t *testing.T) {
	w := newWorld(t)
	p := push("aaaa", 0)
	first := w.begin(p)
	p.ID = "delivered again"
	second := w.begin(p)
	if first.Duplicate || !second.Duplicate || first.RunID != second.RunID {
		t.Errorf("duplicates %v, %v; runs %s, %s", first.Duplicate, second.Duplicate, first.RunID, second.RunID)
	}
	if w.types() != "RunStarted" {
		t.Errorf("facts %s", w.types())
	}
	p.ID = "event-aaaa" // the same execution repeats Begin
	if again := w.begin(p); again.Duplicate {
		t.Error("a repeated Begin counts as a duplicate")
	}
}

func TestUnknownRequests(t *testing.T) {
	w := newWorld(t)
	for payload, kind := range map[string]string{
		`{"action":"dance"}`:  fault.PermanentError,
		`[]`:                  fault.InvalidError,
		`{"action":"begin"}`:  fault.InvalidError,
		`{"action":"verify"}`: fault.PermanentError,
		`{"action":"plan","step":{"kind":"deploy"}}`:  fault.PermanentError,
		`{"action":"dance","step":{"kind":"deploy"}}`: fault.PermanentError,
	} {
		if _, err := w.service.Handle(t.Context(), json.RawMessage(payload)); !fault.Is(err, kind) {
			t.Errorf("%s: %v, want a %s", payload, err, kind)
		}
	}
	out, err := w.service.Handle(t.Context(), json.RawMessage(`{"detail-type":"Something Else","detail":{}}`))
	if err != nil || out.(deployment.Answered).State != "ignored" {
		t.Errorf("an unknown event: %v, %v", out, err)
	}
}

// TestRepeatedReadOfAnEmptyPlan: announcing the plan fails once; reading it
// again must still find it.
func TestRepeatedReadOfAnEmptyPlan(t *testing.T) {
	w := deployed(t)
	r := w.begin(push("bbbb", 10))
	if _, caught := wait[deployment.LockAnswer](w, deployment.ActionLock, r, time.Minute); caught != nil {
		t.Fatal(caught)
	}
	r.SourceKey, r.Stages = sourceKey, stagesOf(t, shop)[:1]
	r, err := w.do(deployment.ActionNext, r)
	if err != nil {
		t.Fatal(err)
	}
	r.Step = r.Wave[0]
	r, _ = w.try(deployment.ActionPlan, r)
	w.clock.Advance(time.Second)
	failed := false
	w.facts.Faults = func(call string) error {
		if call == "Publish" && !failed {
			failed = true
			return fault.Transient("503")
		}
		return nil
	}
	if r, ok := w.readPlan(r); ok || r.Error.Name != fault.TransientError {
		t.Fatalf("the first read: %+v, %+v", r.Plan, r.Error)
	}
	r, ok := w.readPlan(r)
	if !ok || !r.Plan.Empty {
		t.Fatalf("the second read: %+v, %+v", r.Plan, r.Error)
	}
	r.Error = nil
	if r = w.verify(r); r.Error != nil {
		t.Errorf("verify: %+v", r.Error)
	}
	if end := w.endStack(r); end.Outcome != events.OutcomeSucceeded || !end.Unchanged {
		t.Errorf("ended %+v", end)
	}
	set, err := w.cloud.ChangeSets().Read(t.Context(), events.Target{}, r.Plan.ChangeSetID)
	if err != nil || set.Status != "DELETE_COMPLETE" {
		t.Errorf("the empty change set is kept: %s, %v", set.Status, err)
	}
}

// TestLostAnswerToExecute: ExecuteChangeSet worked, its answer was lost, and the
// SDK's own repetition hears that the change set cannot be executed any more.
func TestLostAnswerToExecute(t *testing.T) {
	w, r := planned(t)
	w.cloud.Fault = func(call string) error {
		if call == "Execute done" {
			return fault.Conflict("InvalidChangeSetStatus: is EXECUTE_IN_PROGRESS")
		}
		return nil
	}
	if answered := w.execute(r, "first"); answered.State != "waiting" {
		t.Errorf("answered %+v, but the operation runs", answered)
	}
	w.clock.Run()
	if got := answersTo(w, "first"); len(got) != 1 || !strings.Contains(got[0], "UPDATE_COMPLETE") {
		t.Errorf("the token was answered %v", got)
	}
}

// TestTakenChangeSetIsAConflict: what cannot be executed and does not run is
// left alone.
func TestTakenChangeSetIsAConflict(t *testing.T) {
	w, r := planned(t)
	w.cloud.Fault = func(call string) error {
		if call == "Execute" {
			return fault.Conflict("the stack is busy")
		}
		return nil
	}
	if answered := w.execute(r, "first"); answered.State != "failed" {
		t.Errorf("answered %+v", answered)
	}
}
