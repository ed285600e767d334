package deployment

import (
	"context"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// maxWave is the most stacks of one wave: their results must fit, beside the
// release, into the 256 KB that pass between states.
const maxWave = 40

// Next decides what to do: deploy the stacks of the first unfinished stage whose
// dependencies are through (the wave), wait for that stage to open, or finish,
// because all is done or a stack failed.
func Next(r Release, now time.Time) (Step, []Step) {
	if wave := undoing(r); len(wave) > 0 {
		return Step{Kind: StepDeploy, Stage: wave[0].Stage, Rollback: true}, wave
	}
	if slices.ContainsFunc(r.Results, func(s StackResult) bool { return s.Outcome != events.OutcomeSucceeded }) {
		return Step{Kind: StepFinish}, []Step{}
	}
	for _, stage := range r.Stages {
		wave := ready(r, stage)
		if len(wave) == 0 && (len(stage.Verify) == 0 || slices.Contains(r.Verified, stage.Name)) {
			continue
		}
		if len(wave) == 0 { // also in a stage that has closed: what is deployed must be known to work
			return Step{Kind: StepVerify, Stage: stage.Name, VerifySeconds: verifySeconds(stage.Verify)}, []Step{}
		}
		if open := pipeline.Open(stage, now); !open.Now {
			return Step{Kind: StepWait, Stage: stage.Name, Until: open.Until, Reason: open.Reason}, []Step{}
		}
		return Step{Kind: StepDeploy, Stage: stage.Name}, wave
	}
	return Step{Kind: StepFinish}, []Step{}
}

// ready lists the stacks of the stage that are not through and depend on none
// that is not.
func ready(r Release, stage pipeline.Stage) []Step {
	through := map[string]bool{}
	for _, d := range r.Done {
		if d.Stage == stage.Name {
			through[d.Stack] = true
		}
	}
	wave := []Step{}
	for _, stack := range stage.Stacks {
		waits := slices.ContainsFunc(stack.DependsOn, func(name string) bool { return !through[name] })
		if !through[stack.Name] && !waits && len(wave) < maxWave {
			wave = append(wave, Step{Kind: StepDeploy, Stage: stage.Name, Stack: stack.Name})
		}
	}
	return wave
}

// Next takes in how the last wave ended, and decides the next step. Errors:
// InvalidError for a stage that does not accept what validation found,
// ConflictError for one that does not open in time.
func (s *Service) Next(ctx context.Context, r Release) (Release, error) {
	r = folded(r)
	r.Step, r.Wave = Next(r, s.Now())
	if r.Step.Rollback { // the results of the wave take the place of these
		r.Results, r.Kept = []StackResult{}, r.Results
	}
	switch {
	case r.Step.Kind != StepFinish && slices.Contains(r.Validation.Refused, r.Step.Stage):
		return r, fault.Invalid("the stage %s does not accept what validation found: %s", r.Step.Stage, invalid(r.Validation))
	case r.Step.Kind == StepWait && (r.Step.Until == nil || r.Step.Until.Sub(s.Now()) > maxClosed):
		return r, fault.Conflict("the stage %s is closed: %s", r.Step.Stage, r.Step.Reason)
	}
	return r, nil
}

// folded moves the results of a wave to where they are kept: the stacks that
// are through to Done, the others stay; those of rollbacks go into the results
// that asked for them.
func folded(r Release) Release {
	r.Done = slices.Clone(r.Done)
	if r.Step.Rollback {
		ended := r.Results
		r.Results, r.Kept = slices.Clone(r.Kept), nil
		for _, result := range ended {
			r = undone(r, result)
		}
		return r
	}
	failed := []StackResult{}
	for _, result := range r.Results {
		if result.Outcome == events.OutcomeSucceeded {
			r.Done = append(r.Done, Deployed{Stage: result.Stage, Stack: result.Stack, Unchanged: result.Unchanged})
		} else {
			failed = append(failed, result)
		}
	}
	r.Results = failed
	return wanted(r)
}

// maxClosed is how long a run waits for a stage to open. The workflow's
// TimeoutSeconds is longer by the time that stacks and approvals take.
const maxClosed = 60 * 24 * time.Hour

// StandAside leaves the queue of the repository while the stage is closed, so
// that others go on, and says so. The run joins again when the stage opens.
func (s *Service) StandAside(ctx context.Context, r Release) (Release, error) {
	if r.Step.Until == nil {
		return r, fault.Permanent("run %s stands aside for ever", r.RunID)
	}
	until := *r.Step.Until
	r.Lock = nil
	err := s.changeQueue(ctx, r.Repository, func(q Queue) (Queue, []Answer, error) {
		next, answers := q.StepAside(Entrant{RunID: r.RunID, Branch: r.Branch, Pushed: r.Pushed}, until, s.Now(), leaseSlack)
		return next, answers, nil
	})
	if err != nil {
		return r, err
	}
	return r, s.Publisher.Publish(ctx, s.fact(r, events.StageClosed{
		Run: r.Run(), Stage: r.Step.Stage, Reason: r.Step.Reason, Opens: until,
	}, r.Step.Stage, until.Format(time.RFC3339)))
}
