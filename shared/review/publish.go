package review

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// maxReason bounds the reason of a review, in characters; it becomes the cause
// of a failed execution.
const maxReason = 1000

// Publish concludes the review, publishes it at the provider and announces it.
// A provider that refuses does not keep the fact from being announced: the fact
// says so, and the review is not Published.
func (s *Service) Publish(ctx context.Context, r Review) (Review, error) {
	if r.Validated != nil {
		r.Release, r.Validated = r.Validated.Release, nil
	}
	latest, err := s.Reviews.Latest(ctx, r.PullRequest.Repository, r.PullRequest.Number)
	if err != nil {
		return r, err
	}
	if latest.ReviewID != r.ReviewID {
		r.State = events.ReviewSuperseded
	}
	stacks, err := s.stacks(ctx, r)
	if err != nil {
		return r, err
	}
	remaining, err := s.remaining(ctx, r)
	if err != nil {
		return r, err
	}
	r.State, r.Reason = conclude(r, stacks)
	r.Reason = clip(r.Reason, maxReason)
	report := Report{
		PullRequest: r.PullRequest, ReviewID: r.ReviewID, State: r.State, Reason: r.Reason,
		Validated: r.Release.Validation.Validated, Stacks: stacks, Remaining: remaining,
	}
	comment, err := s.publish(ctx, report, latest)
	problem := ""
	switch {
	case fault.Is(err, fault.TransientError):
		return r, err
	case err != nil:
		problem = err.Error()
	}
	r.Published = problem == ""
	if !r.Published {
		r.Reason = clip("It could not be published: "+problem, maxReason)
	}
	return r, s.Publisher.Publish(ctx, s.fact(r, events.PullRequestReviewed{
		PullRequest: r.PullRequest, ReviewID: r.ReviewID, State: report.State, Reason: report.Reason, Validated: report.Validated,
		Stacks: short(stacks), Comment: comment, Problem: clip(problem, maxReason), Remaining: remaining,
	}))
}

// publish writes the comment and then the status, which leads to it. A review
// that was superseded only ends the status of its own commit, if a later review
// is of another one.
func (s *Service) publish(ctx context.Context, report Report, latest Claim) (comment string, err error) {
	repository, publishes, err := s.repository(ctx, report.PullRequest.Repository)
	if err != nil || !publishes {
		return "", err
	}
	out := Compose(report)
	if report.State == events.ReviewSuperseded {
		if latest.Head == report.PullRequest.Head {
			return "", nil
		}
		return "", s.Forge.SetStatus(ctx, repository, report.PullRequest.Head, out.Status)
	}
	if comment, err = s.Forge.UpsertComment(ctx, repository, report.PullRequest.Number, Marker, out.Comment); err != nil {
		return "", err
	}
	out.Status.TargetURL = comment
	return comment, s.Forge.SetStatus(ctx, repository, report.PullRequest.Head, out.Status)
}

// stacks collects what was found about each stack, in order. One that was not
// looked at says why.
func (s *Service) stacks(ctx context.Context, r Review) ([]StackReview, error) {
	all := []StackReview{}
	if r.PullRequest.Fork || !r.Release.Validation.Valid || r.State == events.ReviewSuperseded {
		return all, nil
	}
	for _, stage := range r.Release.Stages {
		for _, stack := range stage.Stacks {
			if !r.done(stage.Name, stack.Name) {
				note := noteTime
				if slices.Contains(r.Release.Validation.Refused, stage.Name) {
					note = noteRefused
				}
				all = append(all, StackReview{Target: target(stage, stack), State: StackNotPlanned, Note: note})
				continue
			}
			found, ok, err := s.found(ctx, r.ReviewID, stage.Name, stack.Name)
			if err != nil {
				return nil, err
			}
			if !ok {
				found = StackReview{Target: target(stage, stack), State: StackFailed, Note: "what was found is lost"}
			}
			all = append(all, found)
		}
	}
	return all, nil
}

// remaining names what could not be deleted, however the review ended. What is
// still open, because neither Discard nor Next could do their work, is tried a
// last time.
func (s *Service) remaining(ctx context.Context, r Review) ([]string, error) {
	var all []string
	if r.Step.Kind == StepPlan && !r.done(r.Step.Stage, r.Step.Stack) {
		left, err := s.left(ctx, r.ReviewID)
		if err != nil {
			return nil, err
		}
		if left {
			r.Done = append(r.Done, Done{Stage: r.Step.Stage, Stack: r.Step.Stack, Left: true})
		}
	}
	for _, d := range r.Done {
		r.Step = Step{Kind: StepPlan, Stage: d.Stage, Stack: d.Stack}
		_, _, to, err := r.current()
		if err != nil {
			return nil, err
		}
		found, _, err := s.found(ctx, r.ReviewID, d.Stage, d.Stack)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Remaining...)
		if d.Left && len(found.Remaining) == 0 {
			all = append(all, Open{Target: to, Name: changeSetName(r.ReviewID, d.Stage)}.remains())
		}
	}
	return all, nil
}

// maxStacks bounds the stacks in a fact, which must fit an event of 256 KB.
const maxStacks = 100

func short(stacks []StackReview) []events.ReviewedStack {
	list := []events.ReviewedStack{}
	for _, s := range stacks[:min(len(stacks), maxStacks)] {
		row := events.ReviewedStack{Target: s.Target, State: s.State, Note: clip(s.Note, maxNote)}
		if s.State == StackPlanned && s.Document != nil {
			row.Risk, row.Counts = s.Document.Risk, s.Document.Counts()
		}
		list = append(list, row)
	}
	return list
}
