package review

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// ExecutionEnded hears that a review's execution failed, timed out or was
// stopped. What it had open is removed, and a review that never reached its end
// is published as failed. One that could not be published was announced before.
func (s *Service) ExecutionEnded(ctx context.Context, detail events.ExecutionStatusDetail) (Handled, error) {
	if detail.Status != "FAILED" && detail.Status != "TIMED_OUT" && detail.Status != "ABORTED" || detail.Error == NotPublished {
		return Handled{State: "ignored"}, nil
	}
	var event Updated
	if err := json.Unmarshal([]byte(detail.Input), &event); err != nil {
		return Handled{}, fault.Permanent("the input of %s is not a pull request: %w", detail.ExecutionARN, err)
	}
	r, err := newReview(event, detail.ExecutionARN, s.Now())
	if err != nil {
		return Handled{State: "ignored"}, nil //nolint:nilerr // nothing was begun for it
	}
	latest, err := s.claim(ctx, r) // it may have ended before it could
	if err != nil {
		return Handled{}, err
	}
	if latest.ReviewID == r.ReviewID && latest.Execution != r.Execution {
		return Handled{State: "ignored"}, nil // another execution of the same review works on it
	}
	open, ok, err := s.Reviews.Opened(ctx, r.ReviewID)
	remaining := ""
	if ok {
		remaining, err = s.clean(ctx, r.ReviewID, open)
	}
	if err != nil {
		return Handled{}, err
	}
	r.Error = &deployment.Caught{Name: detail.Error, Cause: detail.Cause}
	if detail.Error == "" {
		r.Error.Name = detail.Status
	}
	if remaining != "" {
		r.Error.Cause += " Left behind: " + remaining
	}
	_, err = s.Publish(ctx, r)
	return Handled{State: "cleaned"}, err
}

// NotPublished is the error of an execution whose review could not be published
// at the provider.
const NotPublished = "NotPublished"

// RunStarted marks a pushed commit as being deployed. The fact may come late: a
// run that has ended has its status already.
func (s *Service) RunStarted(ctx context.Context, d events.RunStarted) (Handled, error) {
	record, err := s.Runs.Read(ctx, d.RunID)
	if err != nil || record.End != nil {
		return Handled{State: "ignored"}, err
	}
	return s.runStatus(ctx, d.Run, StatusPending, "Run "+d.RunID+" is under way")
}

// runStates are the commit statuses of the outcomes. "error" stands for an
// outcome that says nothing about the commit.
var runStates = map[string]string{
	events.OutcomeSucceeded: StatusSuccess, events.OutcomeRejected: StatusFailure, events.OutcomeRolledBack: StatusFailure,
	events.OutcomeDeferred: StatusError, events.OutcomeStuck: StatusError,
}

// RunFinished marks a pushed commit with the outcome of its run.
func (s *Service) RunFinished(ctx context.Context, d events.RunFinished) (Handled, error) {
	state := runStates[d.Outcome]
	if state == "" {
		state = StatusError
	}
	return s.runStatus(ctx, d.Run, state, d.Outcome+": evenkeel runs show "+d.RunID)
}

func (s *Service) runStatus(ctx context.Context, run events.Run, state, description string) (Handled, error) {
	repository, publishes, err := s.repository(ctx, run.Repository)
	if errors.Is(err, source.ErrNotRegistered) || err == nil && !publishes {
		return Handled{State: "ignored"}, nil
	}
	if err != nil {
		return Handled{}, err
	}
	return Handled{State: "published"}, s.Forge.SetStatus(ctx, repository, run.Commit, Status{
		State: state, Context: RunContext, Description: clip(visible(description), MaxDescription),
	})
}
