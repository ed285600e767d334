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
	var status string
	r.Plan.Result, status = outcome(r.Plan.Operation, r.Plan.StackID, rows)
	switch r.Plan.Result {
	case ResultNotStarted:
		return s.notStarted(r), nil
	case ResultRunning:
		r = s.running(r, status, rows)
		return r, s.keepLocks(ctx, r, to, planTime)
	case ResultDeployed, ResultPlanAgain:
		r.Error = nil
		return r, nil
	}
	failure := firstFailure(r.Plan.StackID, rows)
	failure.Stage, failure.Stack, failure.StackStatus = to.Stage, to.Stack, status
	if r.Plan.Result == ResultStuck {
		failure.Reason = strings.TrimSuffix(failure.Reason, ".") + ". Next: " + remedy(status, to.StackName, to.Region)
	}
	r.Failure, r.Error = &failure, nil
	return r, s.Publisher.Publish(ctx, s.fact(r, events.StackRolledBack{Run: r.Run(), Target: to, Failure: failure}, to.Stage, document(r)))
}

// notStarted lets the workflow begin the operation again, a few times, unless
// the error tells that this would not help.
func (s *Service) notStarted(r Release) Release {
	if r.Error != nil && slices.Contains([]string{fault.InvalidError, fault.ConflictError, fault.PermanentError}, r.Error.Name) {
		r.Plan.Result = ResultRefused
		return r
	}
	r.Plan.Attempts++
	if r.Plan.Attempts < maxAttempts && rounds(r.Transitions) > 0 {
		r.Error = nil
		return operate(r, r.Plan.Operation)
	}
	reason := "the operation on the stack could not be begun (" + r.Plan.Operation + ")"
	if r.Error != nil {
		reason += ": " + r.Error.message()
	}
	return stuck(r, "", reason)
}

// running lets the workflow wait again, for a day since the operation began.
func (s *Service) running(r Release, status string, rows []StackEvent) Release {
	switch {
	case len(rows) > 0 && s.Now().Sub(rows[0].Time) >= maxOperation:
		return stuck(r, status, "the operation did not end within a day; it may still run")
	case rounds(r.Transitions) <= 0:
		return stuck(r, status, "the end of the operation cannot be awaited; it may still run")
	default:
		r.Error = nil
		return operate(r, r.Plan.Operation)
	}
}

func stuck(r Release, status, reason string) Release {
	r.Plan.Result, r.Error = ResultStuck, nil
	r.Failure = &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, StackStatus: status, Reason: reason}
	return r
}
