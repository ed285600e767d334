package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// Verifier makes the checks of a stack or a stage.
type Verifier interface {
	Round(ctx context.Context, s verification.Subject, r verification.Record, last bool) (verification.Record, verification.Verdict)
	// Ended reports whether the build has ended.
	Ended(ctx context.Context, target events.Target, build string) (bool, error)
}

// The errors of a verification that goes on. The workflow tries the state again
// after the time in the name; see PlanPending.
const (
	VerificationPending10s = "VerificationPending10s"
	VerificationPending30s = "VerificationPending30s"
	VerificationPending1m  = "VerificationPending1m"
	VerificationPending5m  = "VerificationPending5m"
	VerificationBuildEnded = "VerificationBuildEnded" // at once
)

// pauses are the names of the times that the workflow can wait.
var pauses = []struct {
	most time.Duration
	name string
}{
	{10 * time.Second, VerificationPending10s}, {30 * time.Second, VerificationPending30s},
	{time.Minute, VerificationPending1m}, {5 * time.Minute, VerificationPending5m},
}

// pause names the shortest time that is long enough, or the longest.
func pause(after time.Duration) string {
	for _, p := range pauses {
		if after <= p.most {
			return p.name
		}
	}
	return VerificationPending5m
}

const (
	// lastRetry is the retry of the Verify state after which nothing is left open.
	lastRetry = pipeline.MaxAttempts - 1

	roundTime = 5 * time.Minute // Verify and VerifyStage: one invocation, or the end of a build that nobody told
)

// verifySeconds is for how long a round is waited for: the longest build, and
// a while for its event.
func verifySeconds(checks []pipeline.Check) int {
	longest := time.Duration(0)
	for _, c := range checks {
		if c.Build != nil {
			longest = max(longest, time.Duration(c.Timeout))
		}
	}
	return int((longest + roundTime) / time.Second)
}

// VerificationKey is where everything that the checks saw is kept in the
// bucket. stack is "" for the checks of a whole stage.
func VerificationKey(runID, stage, stack string) string {
	return fmt.Sprintf("verifications/%s/%s/%s.json", runID, stage, stack)
}

// round makes the checks that are due and keeps what they saw. It returns nil
// while the verification goes on: then the error of the task says when to come
// back, or the task waits for the end of a build.
func (s *Service) round(ctx context.Context, r Release, to events.Target, checks []pipeline.Check, stack Stack, taskToken string, last bool) (*verification.Verdict, verification.Record, error) {
	subject, err := s.checked(ctx, r, to, checks, stack)
	if err != nil {
		return nil, verification.Record{}, err
	}
	key := VerificationKey(r.RunID, to.Stage, to.Stack)
	record, err := s.record(ctx, key)
	if err != nil {
		return nil, record, err
	}
	record, verdict := s.Verifier.Round(ctx, subject, record, last)
	data, err := json.MarshalIndent(record, "", " ")
	if err != nil {
		return nil, record, fault.Permanent("encode the verification of %s: %w", to.Stack, err)
	}
	if err := s.Files.Put(ctx, key, data); err != nil {
		return nil, record, err
	}
	switch {
	case verdict.State != verification.VerdictAgain:
		return &verdict, record, nil
	case len(verdict.Builds) > 0:
		return nil, record, s.awaitBuilds(ctx, to, verdict.Builds, taskToken)
	default:
		return nil, record, &pending{pause(verdict.After), "the verification of " + to.Stage + " goes on"}
	}
}

func (s *Service) record(ctx context.Context, key string) (verification.Record, error) {
	var record verification.Record
	data, err := s.Files.Get(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return record, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &record)
	}
	return record, err
}

// checked reads the outputs of the stacks that the checks name.
func (s *Service) checked(ctx context.Context, r Release, to events.Target, checks []pipeline.Check, stack Stack) (verification.Subject, error) {
	subject := verification.Subject{Key: r.RunID + "/" + to.Stage + "/" + to.Stack, Target: to, Checks: checks, Outputs: verification.Outputs{"": stack.Outputs}}
	for _, c := range checks {
		for _, name := range c.Outputs() {
			if _, known := subject.Outputs[name]; known {
				continue
			}
			if name == to.Stack { // of the side at hand
				subject.Outputs[name] = stack.Outputs
				continue
			}
			r.Step.Kind = StepDeploy
			outputs, err := s.outputs(ctx, r, name)
			if err != nil {
				return subject, err
			}
			subject.Outputs[name] = outputs
		}
	}
	return subject, nil
}

// maxFactResults bounds the results of a fact, which must fit an event of 256
// KB; the document has all.
const maxFactResults = 100

func results(record verification.Record) []events.VerificationResult {
	list := make([]events.VerificationResult, 0, min(len(record.Results), maxFactResults))
	for _, result := range record.Results[:min(len(record.Results), maxFactResults)] {
		list = append(list, events.VerificationResult{
			Check: result.Check, Kind: result.Kind, Attempt: result.Attempt, Time: result.Time,
			Milliseconds: time.Duration(result.Took).Milliseconds(), Outcome: result.Outcome, Why: result.Why, Build: result.Build,
		})
	}
	return list
}

// announce publishes how a verification ended.
func (s *Service) announce(ctx context.Context, r Release, to events.Target, v verification.Verdict, record verification.Record, reaction string) error {
	key := VerificationKey(r.RunID, to.Stage, to.Stack)
	if v.State == verification.VerdictPassed {
		return s.Publisher.Publish(ctx, s.fact(r, events.StackVerified{Run: r.Run(), Target: to, Results: results(record), Document: key}, to.Stage, to.Stack))
	}
	return s.Publisher.Publish(ctx, s.fact(r, events.VerificationFailed{
		Run: r.Run(), Target: to, Reason: cut(v.Why, maxStackReason), Inconclusive: v.Inconclusive, Reaction: reaction, Results: results(record), Document: key,
	}, to.Stage, to.Stack))
}

// VerifyStage makes the checks of the step's stage, whose stacks are all
// through. The task is answered with the release.
func (s *Service) VerifyStage(ctx context.Context, r Release, taskToken string, retries int) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		at := slices.IndexFunc(r.Stages, func(stage pipeline.Stage) bool { return stage.Name == r.Step.Stage })
		if at < 0 {
			return "", fault.Permanent("run %s has no stage %q", r.RunID, r.Step.Stage)
		}
		stage := r.Stages[at]
		to := events.Target{Stage: stage.Name, Account: stage.Account, Region: stage.Region, Role: stage.Role, Owner: r.Repository}
		if err := s.renew(ctx, r, time.Duration(verifySeconds(stage.Verify))*time.Second); err != nil {
			return "", err
		}
		verdict, record, err := s.round(ctx, r, to, stage.Verify, Stack{}, taskToken, retries >= lastRetry)
		if err != nil || verdict == nil {
			return answeredLater, err
		}
		isNew, err := s.firstDeployed(ctx, r, stage)
		if err != nil {
			return "", err
		}
		undo := reaction(stage, *verdict, len(changedIn(r, stage)) > 0 && isNew == "")
		if err := s.announce(ctx, r, to, *verdict, record, undo); err != nil {
			return "", err
		}
		if verdict.State == verification.VerdictPassed {
			r.Verified = append(slices.Clone(r.Verified), stage.Name)
		} else {
			r.Results = append(slices.Clone(r.Results), StackResult{
				Stage: stage.Name, Outcome: events.OutcomeStuck, Result: ResultUnverified, Rollback: undo == pipeline.OnFailureRollback,
				Failure: &events.Failure{Stage: stage.Name, Reason: cut(verdict.Why, maxStackReason)},
				Reason:  cut("The stage "+stage.Name+" is deployed, but its verification failed: "+verdict.Why+"."+unverifiedNext(stage, undo, *verdict, isNew), maxStackReason),
			})
		}
		_, err = s.Tasks.Answer(ctx, taskToken, r)
		return answeredNow, err
	})
}

// reaction is what follows from a failed verification: a rollback only when the
// stage wants it, there is something to return to, and a check found it wrong.
func reaction(stage pipeline.Stage, v verification.Verdict, undoable bool) string {
	if v.State == verification.VerdictFailed && stage.OnVerificationFailure == pipeline.OnFailureRollback && undoable && !v.Inconclusive {
		return pipeline.OnFailureRollback
	}
	return pipeline.OnFailureStop
}

// firstDeployed names a stack of the stage that this run deployed for the first
// time; "" when there is none.
func (s *Service) firstDeployed(ctx context.Context, r Release, stage pipeline.Stage) (string, error) {
	for _, stack := range stage.Stacks {
		if !slices.Contains(changedIn(r, stage), stack.Name) {
			continue
		}
		known, err := s.hasPrevious(ctx, r, events.Target{Stage: stage.Name, Stack: stack.Name})
		if stack.Rollout != nil {
			known, err = s.returnable(ctx, r, stage, stack)
		}
		if err != nil || !known {
			return stack.StackName, err
		}
	}
	return "", nil
}

// unverifiedNext is what a person can do. isNew names a stack that has nothing
// to return to.
func unverifiedNext(stage pipeline.Stage, reaction string, v verification.Verdict, isNew string) string {
	switch {
	case reaction == pipeline.OnFailureRollback:
		return ""
	case v.Inconclusive:
		return " The checks could not be made, so nothing is undone. Next: mend the checks, and push again"
	case isNew != "" && stage.OnVerificationFailure == pipeline.OnFailureRollback:
		return " It is the first deployment of " + isNew + ", so there is nothing to return to, and data is never deleted by itself. Next: push a fix, or aws cloudformation delete-stack --stack-name " +
			isNew + " --region " + stage.Region
	default:
		return " Next: push a fix, or git revert and push to return to what worked"
	}
}
