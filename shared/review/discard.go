package review

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Discard deletes the change set of the step, whatever became of it, and the
// empty stack that it may have brought into being; then the step is done. An
// error that led here is what became of the stack. What cannot be deleted is
// noted and does not hold up the review.
func (s *Service) Discard(ctx context.Context, r Review) (Review, error) {
	_, _, to, err := r.current()
	if err != nil {
		return r, err
	}
	stack, settled, err := s.found(ctx, r.ReviewID, to.Stage, to.Stack)
	if err != nil {
		return r, err
	}
	changed := false
	if r.Error != nil && r.Plan.Status != PlanSettled || !settled {
		stack, changed = StackReview{Target: to, State: StackFailed, Note: failure(r.Error)}, true
	}
	open, ok, err := s.Reviews.Opened(ctx, r.ReviewID)
	if err != nil {
		return r, err
	}
	remaining := ""
	if ok && open.Target == to { // else it is an earlier stack's, which is noted there
		remaining, err = s.clean(ctx, r.ReviewID, open)
	}
	if err != nil {
		return r, err
	}
	if remaining != "" {
		stack.Remaining, changed = []string{remaining}, true
	}
	if changed {
		if r, err = s.settle(ctx, r, stack); err != nil {
			return r, err
		}
	}
	if !r.done(to.Stage, to.Stack) {
		r.Done = append(r.Done, Done{Stage: to.Stage, Stack: to.Stack})
	}
	r.Error = nil
	return r, nil
}

func failure(c *deployment.Caught) string {
	if c == nil {
		return "the plan was lost"
	}
	return message(*c)
}

// clean removes what the review has open. What is refused for good is returned
// for a person; an error may pass.
func (s *Service) clean(ctx context.Context, reviewID string, open Open) (remaining string, err error) {
	err = s.remove(ctx, open)
	switch {
	case fault.Is(err, fault.TransientError), fault.Is(err, fault.ConflictError):
		return "", err
	case err != nil:
		return open.remains() + ": " + err.Error(), nil //nolint:nilerr // a person hears of it instead
	}
	return "", s.Reviews.Forget(ctx, reviewID)
}

// left removes what the review has open, and reports whether that is refused,
// or somebody holds it.
func (s *Service) left(ctx context.Context, reviewID string) (bool, error) {
	open, ok, err := s.Reviews.Opened(ctx, reviewID)
	if err != nil || !ok {
		return false, err
	}
	remaining, err := s.clean(ctx, reviewID, open)
	if fault.Is(err, fault.ConflictError) {
		return true, nil
	}
	return remaining != "", err
}

// remove deletes the change set by its name: an answer that was lost on the way
// has told nobody its ARN. The stack goes with it when it is in review, exists
// because of reviews only, and has no change set of anybody else: a deployment
// may have begun to plan it meanwhile.
func (s *Service) remove(ctx context.Context, open Open) error {
	found, err := s.Stacks.Describe(ctx, open.Target)
	if err != nil || found.Status == "" {
		return err
	}
	list, err := s.Stacks.ChangeSets(ctx, open.Target)
	if err != nil {
		return err
	}
	own := func(c ChangeSetRef) bool { return c.Name == open.Name }
	for _, c := range list {
		if own(c) {
			if err := s.ChangeSets.Delete(ctx, open.Target, c.ID); err != nil {
				return err
			}
		}
	}
	others := slices.ContainsFunc(list, func(c ChangeSetRef) bool { return !own(c) })
	if !open.Created || others || found.Status != inReview {
		return nil
	}
	return s.Stacks.DeleteEmpty(ctx, open.Target, found.ID)
}
