package drift

import (
	"context"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// maxReads is how often a change set that CloudFormation still computes is
// looked at before the revert is given up. The workflow waits between reads.
const maxReads = 100

// created is the status of a change set that can be executed, and gone is why
// one is not there any more.
// Source: CloudFormation API reference, DescribeChangeSet and ExecuteChangeSet.
const (
	created = "CREATE_COMPLETE"
	gone    = "it was deleted, as every change set is when another one of the stack is executed"
)

// PlanRevert takes the stack's lock and asks for the change set that would bring
// the drift back. Errors: ConflictError while a deployment has the stack.
func (s *Service) PlanRevert(ctx context.Context, scan Scan) (Scan, error) {
	if err := s.hold(ctx, scan, planHold); err != nil {
		return scan, err
	}
	name := "evenkeel-revert-" + id(scan.ScanID, scan.Stack.StackID)
	changeSet, err := s.ChangeSets.Create(ctx, scan.Stack, name)
	if err != nil {
		return scan, err
	}
	scan.Plan = Plan{ChangeSetID: changeSet, State: PlanPending}
	return s.probe(ctx, scan, name)
}

// ReadRevert looks whether the change set is there.
func (s *Service) ReadRevert(ctx context.Context, scan Scan) (Scan, error) {
	if err := s.hold(ctx, scan, planHold); err != nil {
		return scan, err
	}
	set, err := s.ChangeSets.Read(ctx, scan.Stack, scan.Plan.ChangeSetID)
	if err != nil {
		return scan, err
	}
	scan.Plan.Reads++
	switch {
	case set.Status == created:
		scan.Plan.State = PlanReady
	case set.Status == "FAILED":
		scan.Plan.State, scan.Plan.Reason = PlanFailed, shorten(set.Reason, maxReason)
	case set.Status == ChangeSetGone:
		scan.Plan.State, scan.Plan.Reason = PlanFailed, gone
	case scan.Plan.Reads >= maxReads:
		scan.Plan.State, scan.Plan.Reason = PlanFailed, "CloudFormation did not finish it in time"
	}
	if scan.Plan.State != PlanReady || scan.Plan.ProbeID == "" || scan.Plan.Reads >= maxReads {
		return scan, nil
	}
	probe, err := s.ChangeSets.Read(ctx, scan.Stack, scan.Plan.ProbeID)
	if err != nil {
		return scan, err
	}
	if probe.computing() {
		scan.Plan.State = PlanPending
	}
	return scan, nil
}

// Guard decides whether the change set may be executed, see the function
// Guard. One that is refused is deleted and DriftRevertRefused says why.
func (s *Service) Guard(ctx context.Context, scan Scan) (Scan, error) {
	var reasons []string
	if scan.Plan.State == PlanFailed {
		reasons = []string{"there is no change set" + because(scan.Plan.Reason)}
	} else {
		set, err := s.ChangeSets.Read(ctx, scan.Stack, scan.Plan.ChangeSetID)
		if err != nil {
			return scan, err
		}
		if set, err = s.withProbe(ctx, scan, set); err != nil {
			return scan, err
		}
		if reasons = Guard(set, scan.guarded()); set.Status != created {
			reasons = []string{"there is no change set" + because(gone)}
		}
	}
	if len(reasons) == 0 {
		scan.Plan.State = PlanApproved
		return scan, nil
	}
	// The reasons are published first: a repeated call would not find them.
	scan, err := s.refuse(ctx, scan, OutcomeRevertRefused, reasons)
	if err != nil {
		return scan, err
	}
	if err := s.dropProbe(ctx, scan); err != nil {
		return scan, err
	}
	if err := s.ChangeSets.Discard(ctx, scan.Stack, scan.Plan.ChangeSetID); err != nil {
		return scan, err
	}
	return scan, s.release(ctx, scan)
}

// guarded is the drift that the guard knows of: what is ignored or accepted is
// drift as any other when that was asked for.
func (s Scan) guarded() Drift {
	d := s.Drift
	if s.IncludeKept {
		d.Kept = nil
	}
	return d
}

// ExecuteRevert executes the approved change set. The token is kept before,
// so that the event of a quick execution finds it. A failure is answered
// through the token.
func (s *Service) ExecuteRevert(ctx context.Context, scan Scan, token string) error {
	if scan.Plan.State != PlanApproved {
		return s.failTask(ctx, token, fault.Permanent("the guard has not approved %s", scan.Plan.ChangeSetID))
	}
	if err := s.hold(ctx, scan, executeHold); err != nil {
		if fault.Is(err, fault.ConflictError) {
			// A conflict of the execution means that it may have begun; this one has not.
			err = fault.Permanent("the revert was not executed: %w", err)
		}
		return s.failTask(ctx, token, err)
	}
	if err := s.dropProbe(ctx, scan); err != nil { // not by the guard: a repeated one reads it again
		return s.failTask(ctx, token, err)
	}
	wait := Wait{Kind: WaitExecution, StackID: scan.Stack.StackID, ID: requestToken(scan)}
	if err := s.Tokens.Keep(ctx, wait, token, s.Now().Add(tokenLife)); err != nil {
		return s.failTask(ctx, token, err)
	}
	if err := s.ChangeSets.Execute(ctx, scan.Stack, scan.Plan.ChangeSetID, wait.ID); err != nil {
		return s.failTask(ctx, token, err)
	}
	return nil
}

// requestToken is the ClientRequestToken of the execution. It is the same for
// a repeated task, so that CloudFormation executes the change set once.
func requestToken(scan Scan) string {
	return "evenkeel-revert-" + id(scan.ScanID, scan.Plan.ChangeSetID)
}

// terminal are the stack statuses that end the execution of a revert.
// Source: CloudFormation user guide, "Stack status codes".
var terminal = []string{
	"UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED",
}

// StackChanged completes the task that waits for an execution, and reports
// whether one did. Events of a stack that is still being changed, and of
// operations that this service did not start, change nothing.
func (s *Service) StackChanged(ctx context.Context, event events.Envelope[events.StackStatusDetail]) (bool, error) {
	token, status := event.Detail.ClientRequestToken, event.Detail.StatusDetails
	if token == "" || !slices.Contains(terminal, status.Status) {
		return false, nil
	}
	wait := Wait{Kind: WaitExecution, StackID: event.Detail.StackID, ID: token}
	return s.complete(ctx, wait, Execution{RequestToken: token, StackStatus: status.Status, Reason: status.StatusReason})
}

// ReadExecution reads how the execution ended when no event came in time. A
// stack that is still being changed is a Conflict, so that the workflow asks
// again later.
func (s *Service) ReadExecution(ctx context.Context, scan Scan) (Scan, error) {
	if err := s.keep(ctx, scan, executeHold); err != nil {
		return scan, err
	}
	state, err := s.Stacks.State(ctx, scan.Stack)
	if err != nil {
		return scan, err
	}
	if _, busy := Undetectable(state); busy {
		return scan, fault.Conflict("the revert of %s has not ended: the stack is in %s", scan.Stack.StackName, state.Status)
	}
	scan.Execution = Execution{RequestToken: requestToken(scan), StackStatus: state.Status, Reason: state.Reason}
	return scan, nil
}

// VerifyReverted compares a second detection with what had drifted: only if
// all of it was checked and is in sync again, DriftReverted is published.
func (s *Service) VerifyReverted(ctx context.Context, scan Scan) (Scan, error) {
	report, err := s.read(ctx, &scan)
	if err != nil {
		return scan, err
	}
	if err := s.respond(ctx, &scan, &report); err != nil {
		return scan, err
	}
	cause, err := s.tell(ctx, scan, report)
	if err != nil {
		return scan, err
	}
	scan.Result = scanned(scan, report)
	if reasons := unrighted(scan, report); len(reasons) > 0 {
		scan, err := s.refuse(ctx, scan, OutcomeRevertRefused, reasons)
		if err != nil {
			return scan, err
		}
		return scan, s.release(ctx, scan)
	}
	scan.Result.Outcome = OutcomeReverted
	reverted := events.DriftReverted{
		StackRef: scan.Stack, ScanID: scan.ScanID, ChangeSetID: scan.Plan.ChangeSetID,
		Resources: scan.Drift.Resources, RequestedBy: scan.RequestedBy,
	}
	if err := s.Publisher.Publish(ctx, fact(scan, reverted, scan.Detection.Ended, cause)); err != nil {
		return scan, err
	}
	return scan, s.release(ctx, scan)
}

// unrighted says what of the drift a second detection does not find in sync.
func unrighted(scan Scan, report Report) []string {
	var reasons []string
	if scan.Execution.StackStatus != "UPDATE_COMPLETE" {
		reasons = append(reasons, "the stack ended in "+scan.Execution.StackStatus+because(scan.Execution.Reason))
	}
	if scan.Detection.State == DetectionSkipped {
		return append(reasons, "the revert could not be verified"+because(scan.Detection.Reason))
	}
	drifted := resourceNames(report.Resources)
	for _, name := range resourceNames(scan.Drift.Resources) {
		switch {
		case slices.Contains(drifted, name):
			reasons = append(reasons, fmt.Sprintf("%s is still drifted", name))
		case slices.Contains(report.Unknown, name):
			reasons = append(reasons, fmt.Sprintf("%s could not be checked again", name))
		}
	}
	return reasons
}

// refuse ends a scan whose drift stays, and publishes why.
func (s *Service) refuse(ctx context.Context, scan Scan, outcome string, reasons []string) (Scan, error) {
	if scan.Plan.State == "" || scan.Execution.StackStatus == "" {
		scan.Plan.State = PlanRefused
	}
	scan.Result.Outcome, scan.Result.Reasons = outcome, few(reasons)
	data := events.DriftRevertRefused{StackRef: scan.Stack, ScanID: scan.ScanID, Reasons: scan.Result.Reasons}
	return scan, s.Publisher.Publish(ctx, fact(scan, data, s.Now(), id(events.DriftScanned{}.DetailType(), scan.ScanID, scan.Stack.StackID, scan.Detection.ID)))
}
