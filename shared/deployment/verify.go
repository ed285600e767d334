package deployment

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/redact"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// Verify confirms that the stack is complete, lists it for drift detection,
// announces it and makes its checks, also when nothing was changed: a failed
// verification is not forgotten by pushing again. The task is answered with the
// work; while the checks go on, it fails with one of the pending errors. Verify
// also ends the step of an empty plan, whose failed change set would keep its
// name and its place for ever. What gets traffic by a rollout is given to it once
// its checks passed; until then nothing that is in use was touched.
func (s *Service) Verify(ctx context.Context, r Release, taskToken string, retries int) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		to, err := target(r)
		if err != nil {
			return "", err
		}
		stack, err := s.complete(ctx, r, to)
		if err != nil {
			return "", err
		}
		if r.Step.Rollback {
			err = s.rolledBack(ctx, r, to)
		} else {
			err = s.deployed(ctx, r, to, stack)
		}
		if err != nil {
			return "", err
		}
		stage, declared, _ := r.Current()
		if r.Step.Rollback || len(declared.Verify) == 0 {
			r.Plan.Verified = true
			if r, err = s.rollOut(ctx, r, to, stack); err != nil {
				return "", err
			}
			_, err = s.Tasks.Answer(ctx, taskToken, Work{Release: r, Step: r.Step})
			return answeredNow, err
		}
		if err := s.keepLocks(ctx, r, to, time.Duration(verifySeconds(declared.Verify))*time.Second); err != nil {
			return "", err
		}
		verdict, record, err := s.round(ctx, r, to, declared.Verify, stack, taskToken, retries >= lastRetry)
		if err != nil || verdict == nil {
			return answeredLater, err
		}
		if r, err = s.judged(ctx, r, to, stage, *verdict, record); err != nil {
			return "", err
		}
		if r.Plan.Verified {
			if r, err = s.rollOut(ctx, r, to, stack); err != nil {
				return "", err
			}
		}
		_, err = s.Tasks.Answer(ctx, taskToken, Work{Release: r, Step: r.Step})
		return answeredNow, err
	})
}

// complete returns the stack when it is in order.
func (s *Service) complete(ctx context.Context, r Release, to events.Target) (Stack, error) {
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return stack, err
	}
	if kind := planning(stack.Status); kind == planBusy {
		return stack, fault.Conflict("the stack %s is busy (%s) right after its deployment", to.StackName, stack.Status)
	} else if kind != planUpdate {
		return stack, fault.Permanent("the stack %s is in %s after its deployment. Next: %s", to.StackName, stack.Status, remedy(stack.Status, to))
	}
	if r.Plan.Empty && !r.Plan.Live {
		return stack, s.discard(ctx, to, r.Plan.ChangeSetID)
	}
	return stack, nil
}

func (s *Service) deployed(ctx context.Context, r Release, to events.Target, stack Stack) error {
	ref := events.StackRef{
		StackID: stack.ID, StackName: to.StackName, Account: to.Account, Region: to.Region,
		Repository: r.Repository, Stage: to.Stage, RunID: r.RunID,
	}
	if err := s.Registry.Record(ctx, ref); err != nil {
		return err
	}
	return s.Publisher.Publish(ctx, s.fact(r, events.StackDeployed{
		Run: r.Run(), Target: to, ChangeSetID: r.Plan.ChangeSetID, Unchanged: r.Plan.Empty, Outputs: shownOutputs(stack.Outputs),
	}, to.Stage, to.Stack))
}

// judged puts the verdict into the release.
func (s *Service) judged(ctx context.Context, r Release, to events.Target, stage pipeline.Stage, v verification.Verdict, record verification.Record) (Release, error) {
	if v.State != verification.VerdictPassed && isCandidate(r) {
		r.Plan.Result, r.Failure = ResultUnused, &events.Failure{Stage: to.Stage, Stack: to.Stack, Reason: v.Why + ". Next: push a fix"}
		return r, s.announce(ctx, r, to, v, record, pipeline.OnFailureStop)
	}
	isNew := ""
	if v.State == verification.VerdictFailed && !r.Plan.Empty {
		known, err := s.hasPrevious(ctx, r, to)
		if err != nil {
			return r, err
		}
		if !known {
			isNew = to.StackName
		}
	}
	react := reaction(stage, v, !r.Plan.Empty && isNew == "")
	if err := s.announce(ctx, r, to, v, record, react); err != nil {
		return r, err
	}
	if v.State == verification.VerdictPassed {
		r.Plan.Verified = true
		return r, nil
	}
	r.Plan.Result, r.Plan.Undo = ResultUnverified, react == pipeline.OnFailureRollback
	r.Failure = &events.Failure{Stage: to.Stage, Stack: to.Stack, Reason: v.Why + "." + unverifiedNext(stage, react, v, isNew)}
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
