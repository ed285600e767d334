package drift_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// planned returns a scan with drift found and its revert planned and read.
func (w *world) planned() drift.Scan {
	w.t.Helper()
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "detection")))(w.t)
	scan = must(w.service.PlanRevert(ctx, scan))(w.t)
	for scan.Plan.State == drift.PlanPending {
		scan = must(w.service.ReadRevert(ctx, scan))(w.t)
		w.clock.Advance(3 * time.Second)
	}
	return scan
}

// executed guards, executes and delivers the events.
func (w *world) executed(scan drift.Scan) drift.Scan {
	w.t.Helper()
	scan = must(w.service.Guard(ctx, scan))(w.t)
	if scan.Plan.State != drift.PlanApproved {
		w.t.Fatalf("plan %+v: %v", scan.Plan, scan.Result.Reasons)
	}
	if err := w.service.ExecuteRevert(ctx, scan, "execution"); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(2 * time.Minute)
	w.deliver(2)
	w.output("execution", &scan.Execution)
	return scan
}

func TestRevert(t *testing.T) {
	w := newWorld(t)
	scan := w.executed(w.planned())
	if scan.Execution.StackStatus != "UPDATE_COMPLETE" || w.tokens.Len() != 0 {
		t.Errorf("execution %+v, %d tokens left", scan.Execution, w.tokens.Len())
	}
	scan = must(w.service.VerifyReverted(ctx, w.detect(scan, "verification")))(t)
	if scan.Result.Outcome != drift.OutcomeReverted || scan.Result.Status != "IN_SYNC" {
		t.Errorf("result %+v", scan.Result)
	}
	want := []string{"DriftScanned.v1", "DriftDetected.v1", "DriftScanned.v1", "DriftReverted.v1"}
	if got := w.facts.Types(); !slices.Equal(got, want) {
		t.Errorf("facts %v, want %v", got, want)
	}
	reverted := w.facts.Facts()[3].Data.(events.DriftReverted)
	if reverted.Resources[0].LogicalID != "Jobs" || reverted.RequestedBy != "arn:aws:iam::111111111111:role/ops" || reverted.ChangeSetID == "" {
		t.Errorf("reverted %+v", reverted)
	}
}

func TestRevertOfADeletedResource(t *testing.T) {
	w := newWorld(t)
	w.stack.Resources["News"].Deleted = true
	scan := w.executed(w.planned())
	scan = must(w.service.VerifyReverted(ctx, w.detect(scan, "verification")))(t)
	if scan.Result.Outcome != drift.OutcomeReverted || w.stack.Resources["News"].Deleted {
		t.Errorf("result %+v", scan.Result)
	}
}

// A known fault: on a stack with values that are known only after apply, a
// drift-aware change set reports changes, even ReplaceAndDelete, of resources
// that did not drift.
func TestRevertRefused(t *testing.T) {
	w := newWorld(t)
	w.stack.Phantoms = []drift.Change{{Action: "Modify", LogicalID: "News", Replacement: "True", PolicyAction: "ReplaceAndDelete"}}
	scan := must(w.service.Guard(ctx, w.planned()))(t)
	if scan.Plan.State != drift.PlanRefused || scan.Result.Outcome != drift.OutcomeRevertRefused || len(scan.Result.Reasons) != 3 {
		t.Errorf("plan %+v, result %+v", scan.Plan, scan.Result)
	}
	refused, ok := w.facts.Facts()[2].Data.(events.DriftRevertRefused)
	if !ok || !slices.Equal(refused.Reasons, scan.Result.Reasons) {
		t.Errorf("fact %+v", w.facts.Facts()[2])
	}
	if set, err := w.cloud.Read(ctx, network, scan.Plan.ChangeSetID); err != nil || set.Status != drift.ChangeSetGone {
		t.Errorf("the refused change set was not deleted: %+v, %v", set, err)
	}
	if err := w.service.ExecuteRevert(ctx, scan, "execution"); err != nil {
		t.Fatal(err)
	}
	if a := w.tasks.Answer("execution"); a.Kind != fault.PermanentError || len(w.stack.Executed) != 0 {
		t.Errorf("a refused plan was executed: %+v %v", a, w.stack.Executed)
	}
}

// Executing another change set of the stack deletes ours.
func TestRevertWhoseChangeSetIsGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		step func(w *world, scan drift.Scan) drift.Scan
	}{
		{"before it is read", func(w *world, scan drift.Scan) drift.Scan { return must(w.service.ReadRevert(ctx, scan))(w.t) }},
		{"before it is guarded", func(_ *world, scan drift.Scan) drift.Scan { return scan }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			scan := w.planned()
			if err := w.cloud.Discard(ctx, network, scan.Plan.ChangeSetID); err != nil {
				t.Fatal(err)
			}
			scan = must(w.service.Guard(ctx, tt.step(w, scan)))(t)
			if scan.Plan.State != drift.PlanRefused || len(scan.Result.Reasons) != 1 || !strings.Contains(scan.Result.Reasons[0], "it was deleted") {
				t.Errorf("plan %+v, result %+v", scan.Plan, scan.Result)
			}
		})
	}
}

func TestRevertIsPlannedOnce(t *testing.T) {
	w := newWorld(t)
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "detection")))(t)
	first := must(w.service.PlanRevert(ctx, scan))(t)
	if again := must(w.service.PlanRevert(ctx, scan))(t); again.Plan.ChangeSetID != first.Plan.ChangeSetID {
		t.Errorf("change sets %s and %s", first.Plan.ChangeSetID, again.Plan.ChangeSetID)
	}
}

// The answer to ExecuteChangeSet can be lost after it was carried out. The
// repeated task carries the same request token, so that the change set is
// executed once, and the event completes the repeated task.
func TestExecuteOnce(t *testing.T) {
	w := newWorld(t)
	scan := must(w.service.Guard(ctx, w.planned()))(t)
	w.cloud.Fault = func(call string, _ events.StackRef) error {
		if call == "Execute done" {
			w.cloud.Fault = nil
			return fault.Transient("execute: the connection broke")
		}
		return nil
	}
	if err := w.service.ExecuteRevert(ctx, scan, "first"); err != nil {
		t.Fatal(err)
	}
	if a := w.tasks.Answer("first"); a.Kind != fault.TransientError {
		t.Fatalf("answer %+v, want a transient failure for the workflow to retry", a)
	}
	if err := w.service.ExecuteRevert(ctx, scan, "second"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Minute)
	w.deliver(1)
	w.output("second", &scan.Execution)
	if n := w.stack.Executed[scan.Plan.ChangeSetID]; n != 1 || scan.Execution.StackStatus != "UPDATE_COMPLETE" {
		t.Errorf("executed %d times, %+v", n, scan.Execution)
	}
}

func TestReadExecutionWithoutEvent(t *testing.T) {
	w := newWorld(t)
	scan := must(w.service.Guard(ctx, w.planned()))(t)
	if err := w.service.ExecuteRevert(ctx, scan, "execution"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.ReadExecution(ctx, scan); !fault.Is(err, fault.ConflictError) {
		t.Errorf("error %v, want a conflict while the stack is changed", err)
	}
	w.clock.Advance(2 * time.Minute)
	if scan = must(w.service.ReadExecution(ctx, scan))(t); scan.Execution.StackStatus != "UPDATE_COMPLETE" {
		t.Errorf("execution %+v", scan.Execution)
	}
}

// Only a second detection that finds all of it in sync says that drift is gone.
func TestVerifyRefuses(t *testing.T) {
	tests := []struct {
		name   string
		before func(w *world) // before the execution
		after  func(w *world) // between execution and second detection
		want   string
	}{
		{"the update was rolled back", func(w *world) { w.stack.Fails = true }, func(*world) {}, "the stack ended in UPDATE_ROLLBACK_COMPLETE"},
		{"changed again meanwhile", func(*world) {}, func(w *world) { w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 1.0} }, "Jobs is still drifted"},
		{"cannot be read any more", func(*world) {}, func(w *world) { w.stack.Resources["Jobs"].Unreadable = "denied" }, "Jobs could not be checked again"},
		{"the stack is gone", func(*world) {}, func(w *world) { w.cloud.Remove(network) }, "the revert could not be verified: the stack does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			scan := w.planned()
			tt.before(w)
			scan = w.executed(scan)
			tt.after(w)
			scan = must(w.service.VerifyReverted(ctx, w.detect(scan, "verification")))(t)
			if text := strings.Join(scan.Result.Reasons, "; "); scan.Result.Outcome != drift.OutcomeRevertRefused || !strings.Contains(text, tt.want) {
				t.Errorf("%s: %q, want %q", scan.Result.Outcome, text, tt.want)
			}
			if types := w.facts.Types(); types[len(types)-1] != "DriftRevertRefused.v1" || slices.Contains(types, "DriftReverted.v1") {
				t.Errorf("facts %v", types)
			}
		})
	}
}

func TestReadRevertGivesUp(t *testing.T) {
	w := newWorld(t)
	w.cloud.Planning = time.Hour
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "detection")))(t)
	scan = must(w.service.PlanRevert(ctx, scan))(t)
	for range 1000 {
		if scan = must(w.service.ReadRevert(ctx, scan))(t); scan.Plan.State != drift.PlanPending {
			break
		}
	}
	scan = must(w.service.Guard(ctx, scan))(t)
	if scan.Plan.State != drift.PlanRefused || !strings.Contains(scan.Result.Reasons[0], "did not finish") {
		t.Errorf("plan %+v, result %+v", scan.Plan, scan.Result)
	}
}

func TestFail(t *testing.T) {
	lambdaCause := `{"errorMessage":"read the drift of x: throttled","errorType":"TransientError"}`
	tests := []struct {
		name    string
		scan    func(*drift.Scan)
		outcome string
		reason  string
		fact    string
	}{
		{"detection", func(s *drift.Scan) { s.Error = &drift.Caught{Error: "TransientError", Cause: lambdaCause} },
			drift.OutcomeFailed, "TransientError: read the drift of x: throttled", "DriftScanned.v1"},
		{"plain cause", func(s *drift.Scan) { s.Error = &drift.Caught{Error: "States.Timeout", Cause: "too late"} },
			drift.OutcomeFailed, "States.Timeout: too late", "DriftScanned.v1"},
		{"held by somebody all the time", func(s *drift.Scan) { s.Error = &drift.Caught{Error: "ConflictError", Cause: "busy"} },
			drift.OutcomeSkipped, "ConflictError: busy", "DriftScanned.v1"},
		{"revert", func(s *drift.Scan) {
			s.Drift = drift.Drift{Found: true, Resources: drifted()}
			s.Error = &drift.Caught{Error: "PermanentError", Cause: "no"}
		}, drift.OutcomeFailed, "PermanentError: no", "DriftRevertRefused.v1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			scan := scanOf(network)
			tt.scan(&scan)
			scan = must(w.service.Fail(ctx, scan))(t)
			if scan.Result.Outcome != tt.outcome || !slices.Equal(scan.Result.Reasons, []string{tt.reason}) {
				t.Errorf("result %+v", scan.Result)
			}
			if got := w.facts.Types(); !slices.Equal(got, []string{tt.fact}) {
				t.Errorf("facts %v, want %s", got, tt.fact)
			}
		})
	}
}

func TestFinish(t *testing.T) {
	sum := newWorld(t).service.Finish("scan-1", []drift.Result{{Outcome: drift.OutcomeInSync}, {Outcome: drift.OutcomeInSync}, {Outcome: drift.OutcomeReverted}})
	if sum.ScanID != "scan-1" || sum.Counts[drift.OutcomeInSync] != 2 || sum.Counts[drift.OutcomeReverted] != 1 || len(sum.Stacks) != 3 {
		t.Errorf("summary %+v", sum)
	}
}
