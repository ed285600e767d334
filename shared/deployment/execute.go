package deployment

import (
	"context"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// Execute executes the change set if it is still the one that was rated and
// approved. The task token is stored first: the event that ends the operation
// may come before ExecuteChangeSet has answered.
func (s *Service) Execute(ctx context.Context, r Release, taskToken string) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		to, err := target(r)
		if err != nil {
			return "", err
		}
		changeSet, err := s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID)
		if err != nil {
			return "", err
		}
		if changeSet.Status != "CREATE_COMPLETE" || changeSet.ExecutionStatus != "AVAILABLE" {
			return s.resume(ctx, r, to, taskToken, changeSet)
		}
		if err := checkDigest(r, changeSet); err != nil {
			return "", err
		}
		if err := s.renew(ctx, r, executionTime); err != nil {
			return "", err
		}
		if err := s.Tokens.Put(ctx, r.Plan.StackID, token(r), taskToken); err != nil {
			return "", err
		}
		err = s.ChangeSets.Execute(ctx, to, r.Plan.ChangeSetID, token(r))
		if fault.Is(err, fault.ConflictError) {
			return s.begun(ctx, to, r, taskToken, err)
		}
		return answeredLater, err
	})
}

// begun handles a change set that became unable to be executed between the look
// at it and its execution. When the answer to our own request was lost and the
// SDK repeated it, the operation has begun and its first event may not be
// there yet: so its end is awaited, with the token that its events will carry.
// Had somebody else executed it, the wait times out and the history decides.
func (s *Service) begun(ctx context.Context, to events.Target, r Release, taskToken string, conflict error) (string, error) {
	changeSet, err := s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(changeSet.ExecutionStatus, "EXECUTE_") {
		return "", conflict
	}
	return s.await(ctx, r, to, taskToken)
}

// checkDigest refuses a change set that is not what was rated, or an approval
// of another plan.
func checkDigest(r Release, c ChangeSet) error {
	digest, err := c.Digest()
	switch {
	case err != nil:
		return err
	case digest != r.Plan.Digest:
		return fault.Invalid("the change set of %s in %s changed after it was planned: its digest is %.12s, planned was %.12s",
			r.Step.Stack, r.Step.Stage, digest, r.Plan.Digest)
	case r.Plan.Gate == GateAuto:
		return nil
	case r.Decision == nil || !r.Decision.Approved || r.Decision.Digest != digest:
		return fault.Invalid("the change set of %s in %s was not approved with the digest %.12s", r.Step.Stack, r.Step.Stage, digest)
	default:
		return nil
	}
}

// resume handles a change set that cannot be executed: when this run executed
// it before, its end is awaited; otherwise it is not ours to touch.
func (s *Service) resume(ctx context.Context, r Release, to events.Target, taskToken string, c ChangeSet) (string, error) {
	rows, err := s.Stacks.Events(ctx, to, r.Plan.StackID, token(r))
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", fault.Invalid("the change set of %s in %s can no longer be executed (%s, %s); push again for a new plan",
			r.Step.Stack, r.Step.Stage, c.Status, c.ExecutionStatus)
	}
	return s.await(ctx, r, to, taskToken)
}

// Await waits again for the end of an operation, after Execute timed out.
func (s *Service) Await(ctx context.Context, r Release, taskToken string) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		to, err := target(r)
		if err != nil {
			return "", err
		}
		return s.await(ctx, r, to, taskToken)
	})
}

// await stores the token and looks afterwards: an end before the token is seen
// here, one after it comes as an event.
func (s *Service) await(ctx context.Context, r Release, to events.Target, taskToken string) (string, error) {
	if err := s.keepLock(ctx, r); err != nil {
		return "", err
	}
	if err := s.Tokens.Put(ctx, r.Plan.StackID, token(r), taskToken); err != nil {
		return "", err
	}
	rows, err := s.Stacks.Events(ctx, to, r.Plan.StackID, token(r))
	if err != nil {
		return "", err
	}
	result, status, reason := outcome(r.Plan.StackID, rows)
	if result == ResultRunning || result == ResultNotStarted {
		return answeredLater, nil
	}
	return answeredNow, s.answer(ctx, r.Plan.StackID, token(r), taskToken, Signal{Status: status, Reason: reason})
}

// keepLock extends the lease while an operation runs. A run that lost the lock
// waits all the same: what was begun goes on, and the busy stack refuses
// everybody else.
func (s *Service) keepLock(ctx context.Context, r Release) error {
	if err := s.renew(ctx, r, awaitTime); !fault.Is(err, fault.ConflictError) {
		return err
	}
	return nil
}

func (s *Service) answer(ctx context.Context, stackID, requestToken, taskToken string, signal Signal) error {
	if _, err := s.Tasks.Answer(ctx, taskToken, signal); err != nil {
		return err
	}
	return s.Tokens.Remove(ctx, stackID, requestToken, taskToken)
}

// StackChanged hears a stack's status event. The end of an operation that
// somebody waits for completes their task; every other event does nothing.
func (s *Service) StackChanged(ctx context.Context, detail events.StackStatusDetail) (Answered, error) {
	status := detail.StatusDetails.Status
	if detail.ClientRequestToken == "" || status == "" || classify(status) == ResultRunning {
		return Answered{State: "ignored"}, nil
	}
	taskToken, err := s.Tokens.Get(ctx, detail.StackID, detail.ClientRequestToken)
	if err != nil || taskToken == "" {
		return Answered{State: "ignored"}, err
	}
	signal := Signal{Status: status, Reason: detail.StatusDetails.StatusReason}
	return Answered{State: answeredNow}, s.answer(ctx, detail.StackID, detail.ClientRequestToken, taskToken, signal)
}

// DescribeOutcome finds out from the stack's own history how the execution
// ended, whatever was heard or not heard about it.
func (s *Service) DescribeOutcome(ctx context.Context, r Release) (Release, error) {
	to, err := target(r)
	if err != nil {
		return r, err
	}
	rows, err := s.Stacks.Events(ctx, to, r.Plan.StackID, token(r))
	if err != nil {
		return r, err
	}
	var status string
	r.Plan.Result, status, _ = outcome(r.Plan.StackID, rows)
	switch r.Plan.Result {
	case ResultNotStarted:
		return s.notStarted(r), nil
	case ResultRunning:
		return s.running(r, status, rows), s.keepLock(ctx, r)
	case ResultDeployed:
		r.Error = nil
		return r, nil
	}
	failure := firstFailure(r.Plan.StackID, rows)
	failure.Stage, failure.Stack, failure.StackStatus = to.Stage, to.Stack, status
	if r.Plan.Result == ResultStuck {
		failure.Reason = strings.TrimSuffix(failure.Reason, ".") + ". Next: " + remedy(status, to.StackName, to.Region)
	}
	r.Failure, r.Error = &failure, nil
	return r, s.Publisher.Publish(ctx, s.fact(r, events.StackRolledBack{Run: r.Run(), Target: to, Failure: failure}, to.Stage, to.Stack))
}

// notStarted lets the workflow execute again, a few times, unless the error
// tells that this would not help.
func (s *Service) notStarted(r Release) Release {
	if r.Error != nil && slices.Contains([]string{fault.InvalidError, fault.ConflictError, fault.PermanentError}, r.Error.Name) {
		r.Plan.Result = ResultRefused
		return r
	}
	r.Plan.Attempts++
	if r.Plan.Attempts < maxAttempts {
		r.Error = nil
		return r
	}
	reason := "the change set could not be executed"
	if r.Error != nil {
		reason += ": " + r.Error.message()
	}
	return stuck(r, "", reason)
}

// running lets the workflow wait again, for a day since the operation began.
func (s *Service) running(r Release, status string, rows []StackEvent) Release {
	r.Plan.Awaits++
	switch {
	case len(rows) > 0 && s.Now().Sub(rows[0].Time) >= maxOperation:
		return stuck(r, status, "the operation did not end within a day; it may still run")
	case r.Plan.Awaits > maxAwaits:
		return stuck(r, status, "the end of the operation cannot be awaited; it may still run")
	default:
		r.Error = nil
		return r
	}
}

func stuck(r Release, status, reason string) Release {
	r.Plan.Result, r.Error = ResultStuck, nil
	r.Failure = &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, StackStatus: status, Reason: reason}
	return r
}

// Verify confirms that the stack is complete, lists it for drift detection and
// announces it. It also ends the step of an empty plan, whose failed change set
// would keep its name and its place for ever.
func (s *Service) Verify(ctx context.Context, r Release) (Release, error) {
	to, err := target(r)
	if err != nil {
		return r, err
	}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return r, err
	}
	if kind := planning(stack.Status); kind == planBusy {
		return r, fault.Conflict("the stack %s is busy (%s) right after its deployment", to.StackName, stack.Status)
	} else if kind != planUpdate {
		return r, fault.Permanent("the stack %s is in %s after its deployment; next: %s", to.StackName, stack.Status, remedy(stack.Status, to.StackName, to.Region))
	}
	if r.Plan.Empty {
		if err := s.discard(ctx, to, r.Plan.ChangeSetID); err != nil {
			return r, err
		}
	}
	ref := events.StackRef{
		StackID: stack.ID, StackName: to.StackName, Account: to.Account, Region: to.Region,
		Repository: r.Repository, Stage: to.Stage, RunID: r.RunID,
	}
	if err := s.Registry.Record(ctx, ref); err != nil {
		return r, err
	}
	deployed := events.StackDeployed{
		Run: r.Run(), Target: to, ChangeSetID: r.Plan.ChangeSetID, Unchanged: r.Plan.Empty, Outputs: shownOutputs(stack.Outputs),
	}
	if err := s.Publisher.Publish(ctx, s.fact(r, deployed, to.Stage, to.Stack)); err != nil {
		return r, err
	}
	r.Done = append(r.Done, Deployed{Stage: to.Stage, Stack: to.Stack, Unchanged: r.Plan.Empty})
	return r, nil
}

// shownOutputs hides the outputs whose name tells of a secret: whoever may read
// the ledger need not be allowed to read the stack.
func shownOutputs(outputs map[string]string) map[string]string {
	shown := make(map[string]string, len(outputs))
	for name, value := range outputs {
		shown[name] = redact.Value("/Outputs/"+name, value)
	}
	return shown
}
