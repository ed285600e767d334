package deployment

import (
	"context"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// DescribeOutcome finds out from the stack's own history how the operation
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
	result, undo, status := outcome(r, rows)
	r.Plan.Result = result
	switch result {
	case ResultNotStarted:
		return s.notStarted(r, to), nil
	case ResultRunning:
		// For the whole next wait: should its invocation be lost, nobody else renews.
		r = s.running(r, to, status, rows)
		return r, s.keepLocks(ctx, r, to, r.Plan.wait()+planTime)
	case ResultDeployed, ResultPlanAgain:
		r.Error = nil
		return r, nil
	}
	failure, err := s.failure(ctx, r, to, status, rows)
	if err != nil {
		return r, err
	}
	r.Failure, r.Error = &failure, nil
	if result == ResultUndo {
		r.Plan.Failed, r.Plan.Attempts, r.Plan.Recoveries = true, 0, r.Plan.Recoveries+1
		r = operate(r, undo)
		return r, s.keepLocks(ctx, r, to, r.Plan.wait()+planTime)
	}
	return r, s.Publisher.Publish(ctx, s.fact(r, events.StackRolledBack{Run: r.Run(), Target: to, Failure: failure}, to.Stage, document(r)))
}

// outcome reads how the operation stands from the rows that carry its token,
// oldest first.
func outcome(r Release, rows []StackEvent) (result, undo, status string) {
	status, _ = lastStatus(r.Plan.StackID, rows)
	switch {
	case len(rows) == 0:
		return ResultNotStarted, "", status
	case !ended(status):
		return ResultRunning, "", status // or the stack's own row is not visible yet
	default:
		result, undo = operations[r.Plan.Operation].ended(r, status)
		return result, undo, status
	}
}

// failure says why the operation failed. What made the execution fail stays the
// reason while that is undone; what made the undoing fail is added.
func (s *Service) failure(ctx context.Context, r Release, to events.Target, status string, rows []StackEvent) (events.Failure, error) {
	failure, err := s.alarmed(ctx, r, to, firstFailure(r.Plan.StackID, rows))
	if err != nil {
		return failure, err
	}
	if r.Plan.Failed && r.Failure != nil {
		why := failure.Reason
		failure = *r.Failure
		if r.Plan.Result != ResultRolledBack {
			failure.Reason = strings.TrimSuffix(failure.Reason, ".") + ". It could not be undone (" + r.Plan.Operation + "): " + why
		}
	}
	failure.Stage, failure.Stack, failure.StackStatus = to.Stage, to.Stack, status
	if r.Plan.Result == ResultStuck {
		failure.Reason = strings.TrimSuffix(failure.Reason, ".") + nextIs + remedy(status, to) + skipHint(status, r.Plan.StackID, rows)
	}
	return failure, nil
}

// skipHint names the resources that a rollback could not restore: a person may
// have it continued without them.
func skipHint(status, stackID string, rows []StackEvent) string {
	if planning(status) != planGoOn {
		return ""
	}
	var ids []string
	for _, row := range rows {
		if !row.own(stackID) && row.Status == "UPDATE_FAILED" && !isCancelled(row.Reason) && !slices.Contains(ids, row.LogicalID) {
			ids = append(ids, row.LogicalID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ", and when that fails again, to leave them as they are: --skip " + strings.Join(ids, " --skip ")
}

// notStarted lets the workflow begin the operation again, a few times, unless
// the error tells that this would not help. What undoes a failed execution is
// never just refused: the stack is not as it was.
func (s *Service) notStarted(r Release, to events.Target) Release {
	refused := r.Error != nil && slices.Contains([]string{fault.InvalidError, fault.ConflictError, fault.PermanentError}, r.Error.Name)
	if refused && !r.Plan.Failed {
		r.Plan.Result = ResultRefused
		return r
	}
	r.Plan.Attempts++
	if !refused && r.Plan.Attempts < maxAttempts && rounds(r) > 0 {
		r.Error = nil
		return operate(r, r.Plan.Operation)
	}
	reason := "the operation on the stack could not be begun (" + r.Plan.Operation + ")"
	if r.Error != nil {
		reason += ": " + r.Error.message()
	}
	status := ""
	if r.Plan.Failed && r.Failure != nil {
		status, reason = r.Failure.StackStatus, strings.TrimSuffix(why(r.Failure), ".")+". It could not be undone: "+reason
	}
	return stuck(r, to, status, reason)
}

// running lets the workflow wait again, for a day since the operation began.
func (s *Service) running(r Release, to events.Target, status string, rows []StackEvent) Release {
	switch {
	case len(rows) > 0 && s.Now().Sub(rows[0].Time) >= maxOperation:
		return stuck(r, to, status, "the operation did not end within a day; it may still run")
	case rounds(r) <= 0:
		return stuck(r, to, status, "the end of the operation cannot be awaited; it may still run")
	default:
		r.Error = nil
		return operate(r, r.Plan.Operation)
	}
}

func stuck(r Release, to events.Target, status, reason string) Release {
	r.Plan.Result, r.Error = ResultStuck, nil
	r.Failure = &events.Failure{
		Stage: r.Step.Stage, Stack: r.Step.Stack, StackStatus: status, Reason: strings.TrimSuffix(reason, ".") + nextIs + remedy(status, to),
	}
	return r
}
