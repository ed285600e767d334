package review

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Service performs the actions of the review workflow. Each method may be
// called again with the same input and then has the same effect once.
type Service struct {
	Stacks     Stacks
	ChangeSets ChangeSets
	Templates  deployment.Templates
	Reviews    Reviews
	Rollouts   Rollouts             // nil where no stack is rolled out
	Baselines  deployment.Baselines // nil where no drift is accepted
	Changers   deployment.Changers  // nil where nobody knows who made drift
	Exposure   deployment.Exposure  // nil: security groups are judged by the default policy
	Runs       Runs
	Registry   Registry
	Files      Files
	Forge      Forge
	Publisher  Publisher
	Now        func() time.Time
}

// Begin makes the document of an event and claims the pull request for this
// execution. An event that came twice is a duplicate; one that a later commit
// overtook ends superseded.
func (s *Service) Begin(ctx context.Context, event Updated, execution string) (Review, error) {
	r, err := newReview(event, execution, s.Now())
	if err != nil {
		return Review{}, err
	}
	latest, err := s.claim(ctx, r)
	switch {
	case err != nil:
		return r, err
	case latest.ReviewID != r.ReviewID:
		r.State = events.ReviewSuperseded
	case latest.Execution != execution:
		r.Duplicate = true
	default:
		r.Due = true
	}
	return r, nil
}

// claim makes the review the pull request's, unless there is a later one.
func (s *Service) claim(ctx context.Context, r Review) (Claim, error) {
	return s.Reviews.Claim(ctx, r.PullRequest.Repository, r.PullRequest.Number,
		Claim{ReviewID: r.ReviewID, Execution: r.Execution, Head: r.PullRequest.Head, Updated: r.Updated})
}

// Announce marks the commit as being reviewed.
func (s *Service) Announce(ctx context.Context, r Review) (Review, error) {
	repository, publishes, err := s.repository(ctx, r.PullRequest.Repository)
	if err != nil || !publishes {
		return r, err
	}
	return r, s.Forge.SetStatus(ctx, repository, r.PullRequest.Head, Status{
		State: StatusPending, Context: StatusContext, Description: "Validating and planning; nothing is deployed",
	})
}

// repository reads the registration; publishes is false when there is nowhere
// to publish to.
func (s *Service) repository(ctx context.Context, name string) (r source.Repository, publishes bool, err error) {
	r, err = s.Registry.Repository(ctx, name)
	return r, err == nil && r.Provider == source.GitHub && r.StatusSecret != "", err
}

// Next takes in what validation answered, and decides on the next stack. What a
// Discard that failed for good has left is tried once more, and then noted. A
// review that a later commit made stale goes no further.
func (s *Service) Next(ctx context.Context, r Review) (Review, error) {
	if r.Validated != nil {
		r.Release, r.Validated = r.Validated.Release, nil
	}
	if r.Step.Kind == StepPlan && !r.done(r.Step.Stage, r.Step.Stack) {
		left, err := s.left(ctx, r.ReviewID)
		if err != nil {
			return r, err
		}
		r.Done = append(r.Done, Done{Stage: r.Step.Stage, Stack: r.Step.Stack, Left: left})
	}
	r.Plan, r.Error = Plan{}, nil
	latest, err := s.Reviews.Latest(ctx, r.PullRequest.Repository, r.PullRequest.Number)
	if err != nil {
		return r, err
	}
	if latest.ReviewID != r.ReviewID {
		r.State, r.Step = events.ReviewSuperseded, Step{Kind: StepFinish}
		return r, nil
	}
	r.Step = next(r, s.Now())
	return r, nil
}

// fact makes a fact of the review. Its id is made from the review and the type,
// so that a repeated action repeats the id.
func (s *Service) fact(r Review, data events.Data) events.Fact {
	return events.Fact{
		Metadata: events.Metadata{ID: r.ReviewID + "/" + data.DetailType(), CorrelationID: r.ReviewID, CausationID: r.CausationID, Time: s.Now().UTC()},
		Data:     data,
	}
}
