package deployment

import (
	"context"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// operation is something that is done to a stack: begun by a call with a client
// request token, ended by a status event of the stack that carries it.
type operation struct {
	// begin begins it; a repeated call must not begin it twice. It reports
	// whether the operation was found begun already.
	begin func(ctx context.Context, s *Service, r Release, to events.Target, before func() error) (begun bool, err error)
	// ended says what a status means that the stack has after it, and which
	// operation undoes it when the result is ResultUndo.
	ended func(r Release, status string) (result, undo string)
}

// operations are what a plan can ask for, by its Operation.
var operations = map[string]operation{
	OperationExecute:  {execute, executed},
	OperationDelete:   {recovery(planClear, (*Service).deleteRemains), deletedRemains},
	OperationRollback: {recovery(planBack, (*Service).rollBack), wentBack},
	OperationContinue: {recovery(planGoOn, (*Service).goOn), wentOn},
}

// Operate begins the plan's operation, and waits for its end: the task is
// answered by the stack's status event. The task token is stored before the
// operation is begun: the event that ends it may come before the call has
// answered. An operation that was begun before is only awaited.
func (s *Service) Operate(ctx context.Context, r Release, taskToken string) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		to, err := target(r)
		if err != nil {
			return "", err
		}
		what, known := operations[r.Plan.Operation]
		if !known {
			return "", fault.Permanent("the plan of %s asks for the operation %q, which is not known", to.StackName, r.Plan.Operation)
		}
		if r.Plan.Result == ResultRunning {
			return s.await(ctx, r, to, taskToken)
		}
		begun, err := what.begin(ctx, s, r, to, func() error { return s.prepare(ctx, r, to, taskToken) })
		switch {
		case err != nil:
			return "", err
		case begun:
			return s.await(ctx, r, to, taskToken)
		}
		return answeredLater, nil
	})
}

// prepare does what must be done before an operation is begun: the stage must
// be open, the locks ours for as long as it is awaited, and the token stored.
func (s *Service) prepare(ctx context.Context, r Release, to events.Target, taskToken string) error {
	stage, _, _ := r.Current()
	if open := pipeline.Open(stage, s.Now()); !open.Now && !r.Step.Rollback && !r.Plan.Failed {
		return fault.Conflict("the stage %s has closed meanwhile: %s; push again to deploy %s then", stage.Name, open.Reason, to.Stack)
	}
	if err := s.renewBoth(ctx, r, to, r.Plan.wait()); err != nil {
		return err
	}
	return s.Tokens.Put(ctx, r.Plan.StackID, token(r), taskToken)
}

// execute executes the change set if everything is as it was when it was rated
// and approved.
func execute(ctx context.Context, s *Service, r Release, to events.Target, before func() error) (bool, error) {
	changeSet, err := s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID)
	if err != nil {
		return false, err
	}
	if changeSet.Status != "CREATE_COMPLETE" || changeSet.ExecutionStatus != "AVAILABLE" {
		return s.unavailable(ctx, r, to, changeSet)
	}
	if err := s.permitted(ctx, r, to, changeSet); err != nil {
		return false, err
	}
	if err := s.stillFree(ctx, r, to); err != nil {
		return false, err
	}
	if err := s.quiet(ctx, r, to); err != nil {
		return false, err
	}
	if err := s.keepPrevious(ctx, r, to); err != nil {
		return false, err
	}
	if err := before(); err != nil {
		return false, err
	}
	_, stack, _ := r.Current()
	err = s.ChangeSets.Execute(ctx, to, r.Plan.ChangeSetID, token(r), stack.Rollback.Disable)
	if !fault.Is(err, fault.ConflictError) {
		return false, err
	}
	// The change set became unable to be executed between the look at it and its
	// execution. When the answer to our own request was lost and the SDK repeated
	// it, the operation has begun. Otherwise the conflict stands.
	if changeSet, readErr := s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID); readErr != nil || executing(changeSet) {
		return readErr == nil, readErr
	}
	return false, err
}

// unavailable handles a change set that cannot be executed. When this run executed
// it before, its end is awaited. While it is being executed, the rows that tell
// by whom may not be there yet: so the end is awaited with the token that they
// will carry, and had somebody else executed it, the wait times out and the
// history decides. Otherwise it is not ours to touch.
func (s *Service) unavailable(ctx context.Context, r Release, to events.Target, c ChangeSet) (bool, error) {
	rows, err := s.Stacks.Events(ctx, to, r.Plan.StackID, token(r))
	switch {
	case err != nil:
		return false, err
	case len(rows) == 0 && c.ExecutionStatus != "EXECUTE_IN_PROGRESS":
		return false, fault.Invalid("the change set of %s in %s can no longer be executed (%s, %s); push again for a new plan",
			r.Step.Stack, r.Step.Stage, c.Status, c.ExecutionStatus)
	default:
		return true, nil
	}
}

func executing(c ChangeSet) bool { return strings.HasPrefix(c.ExecutionStatus, "EXECUTE_") }

// await stores the token and looks afterwards: an end before the token is seen
// here, one after it comes as an event.
func (s *Service) await(ctx context.Context, r Release, to events.Target, taskToken string) (string, error) {
	if err := s.keepLocks(ctx, r, to, r.Plan.wait()); err != nil {
		return "", err
	}
	if err := s.Tokens.Put(ctx, r.Plan.StackID, token(r), taskToken); err != nil {
		return "", err
	}
	rows, err := s.Stacks.Events(ctx, to, r.Plan.StackID, token(r))
	if err != nil {
		return "", err
	}
	if status, reason := lastStatus(r.Plan.StackID, rows); ended(status) {
		return answeredNow, s.answer(ctx, r.Plan.StackID, token(r), taskToken, Signal{Status: status, Reason: reason})
	}
	return answeredLater, nil
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
	if detail.ClientRequestToken == "" || !ended(status) {
		return Answered{State: "ignored"}, nil
	}
	taskToken, err := s.Tokens.Get(ctx, detail.StackID, detail.ClientRequestToken)
	if err != nil || taskToken == "" {
		return Answered{State: "ignored"}, err
	}
	signal := Signal{Status: status, Reason: detail.StatusDetails.StatusReason}
	return Answered{State: answeredNow}, s.answer(ctx, detail.StackID, detail.ClientRequestToken, taskToken, signal)
}
