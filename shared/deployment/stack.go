package deployment

import (
	"context"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// StackResult is how one stack of a wave ended. It is small: the results of a
// wave travel together.
type StackResult struct {
	Stage       string          `json:"stage"`
	Stack       string          `json:"stack"`
	Outcome     string          `json:"outcome"` // one of the events.Outcome constants
	Unchanged   bool            `json:"unchanged"`
	Result      string          `json:"result"`             // of the last operation; one of the Result constants
	Reason      string          `json:"reason"`             // one sentence for a person; "" when it succeeded
	Rollback    bool            `json:"rollback,omitempty"` // it is to be brought back, or, for a whole stage, what the run changed there
	Undoing     int             `json:"undoing,omitempty"`  // the stacks of it that are not back yet
	Failure     *events.Failure `json:"failure,omitempty"`
	ChangeSetID string          `json:"changeSetId,omitempty"`
	Digest      string          `json:"digest,omitempty"`
	Risk        string          `json:"risk,omitempty"`
	Document    string          `json:"document,omitempty"` // S3 key
}

// maxStackReason bounds each text of a result, in bytes: maxWave results with
// two such texts take less than half of what may pass between states.
const maxStackReason = 800

// alone leaves out of the release what the deployment of one stack does not
// need: its copy passes through many states.
func alone(r Release) Release {
	for _, stage := range r.Stages {
		if stage.Name == r.Step.Stage {
			r.Stages = []pipeline.Stage{stage}
		}
	}
	r.Validation.Findings = []events.Finding{}
	r.Wave, r.Results, r.Done = []Step{}, []StackResult{}, []Deployed{}
	r.Rollbacks, r.Kept, r.Rollout, r.RolledOut = nil, nil, nil, nil
	return r
}

// EndStack ends the work on a stack, however it went: it deletes a change set
// that was not executed, releases the stack's lock and says how it ended.
func (s *Service) EndStack(ctx context.Context, r Release) (StackResult, error) {
	to, err := target(r)
	if err != nil {
		return StackResult{}, err
	}
	end := concludeStack(r)
	result := StackResult{
		Stage: to.Stage, Stack: to.Stack, Outcome: end.Outcome, Unchanged: r.Plan.Empty && r.Plan.Next == "", Result: r.Plan.Result, Reason: cut(end.Reason, maxStackReason),
		Rollback:    r.Plan.Undo,
		ChangeSetID: r.Plan.ChangeSetID, Digest: r.Plan.Digest, Risk: r.Plan.Risk, Document: r.Plan.Document,
	}
	if end.Outcome == events.OutcomeRolledBack && r.RolledOut != nil {
		result.Result = ResultUnused
	}
	if end.Failure != nil {
		failure := *end.Failure
		failure.Reason = cut(failure.Reason, maxStackReason)
		result.Failure = &failure
	}
	if unexecuted(r, end.Outcome) {
		if err := s.discard(ctx, to, r.Plan.ChangeSetID); err != nil {
			return result, err
		}
	}
	return result, s.StackLocks.Release(ctx, whole(r, to), r.RunID)
}

// unexecuted reports whether a change set is left that nobody will execute. When
// it is not known whether it was executed, it is left alone.
func unexecuted(r Release, outcome string) bool {
	switch {
	case r.Plan.ChangeSetID == "", outcome == events.OutcomeSucceeded:
		return false
	case r.Plan.Result != "" && r.Plan.Result != ResultRefused:
		return false
	default:
		return r.Plan.Operation == "" || outcome != events.OutcomeStuck
	}
}

// concludeStack says how the work on a stack has ended. Rejected and Deferred
// mean that it was not changed.
func concludeStack(r Release) Conclusion {
	at := r.Step.Stack + " in " + r.Step.Stage
	switch {
	case r.Error != nil:
		return concludeStackError(r, at)
	case r.RolledOut != nil:
		return concludeRollout(r, at)
	case r.Plan.Next == NextRollOut:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "The run ended in the middle of the rollout of " + at + nextIs + statusOf(r)}
	case r.Plan.Result == ResultUnused:
		return Conclusion{
			Outcome: events.OutcomeRolledBack, Failure: r.Failure,
			Reason: "The new side of " + at + " is deployed and gets no traffic, because its verification failed; " + liveKept(r) + ": " + why(r.Failure),
		}
	case r.Plan.Verified:
		return Conclusion{Outcome: events.OutcomeSucceeded}
	case r.Plan.Result == ResultUnverified:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "The stack " + at + " is deployed, but its verification failed: " + why(r.Failure), Failure: r.Failure}
	case r.Step.Rollback && r.Plan.Gate == GateBlocked:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "the way back would itself lose data: " + strings.Join(r.Plan.Reasons, "; ") + ". Next: push a fix, or aws cloudformation describe-stack-events --stack-name " + stackName(r)}
	case r.Plan.Result == ResultRolledBack:
		return Conclusion{Outcome: events.OutcomeRolledBack, Reason: "The deployment of " + at + " failed and was rolled back: " + why(r.Failure), Failure: r.Failure}
	case r.Plan.Result == ResultStuck:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "The deployment of " + at + " needs a person: " + why(r.Failure), Failure: r.Failure}
	case r.Plan.Gate == GateBlocked:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: "The plan of " + at + " is blocked: " + strings.Join(r.Plan.Reasons, "; ")}
	case r.Decision != nil && !r.Decision.Approved:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: denied(at, *r.Decision)}
	default:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "The run ended in the middle of " + at + "."}
	}
}

func concludeStackError(r Release, at string) Conclusion {
	message := r.Error.message()
	switch {
	case r.Plan.Next == NextRollOut:
		return concludeRolloutError(r, at, message)
	case r.Error.Name == fault.InvalidError && r.Plan.Result == ResultDeployed && isCandidate(r):
		return Conclusion{
			Outcome: events.OutcomeRolledBack, Reason: "The new side of " + at + " is deployed and gets no traffic; " + liveKept(r) + ": " + message,
			Failure: &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: message},
		}
	case r.Plan.Failed, r.Plan.Result == ResultDeployed: // the stack is not as it was, whatever the error
	case r.Error.Name == fault.InvalidError:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: message}
	case r.Error.Name == fault.ConflictError:
		return Conclusion{Outcome: events.OutcomeDeferred, Reason: message}
	case r.Error.Name == stepTimeout && r.Plan.Gate == GateApproval && r.Decision == nil:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: "Nobody decided on the plan of " + at + " in time."}
	}
	failure := r.Failure
	if failure == nil {
		failure = &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: message}
	}
	return Conclusion{Outcome: events.OutcomeStuck, Reason: "The deployment of " + at + " cannot go on: " + r.Error.Name + ": " + message, Failure: failure}
}

// cut shortens a text to so many bytes. What to type next stays.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	next := ""
	if i := strings.LastIndex(text, nextIs); i >= 0 && len(text)-i <= limit/2 {
		text, next = text[:i], text[i:]
	}
	return strings.ToValidUTF8(text[:limit-len(next)-len("…")], "") + "…" + next
}

func stackName(r Release) string {
	_, stack, _ := r.Current()
	return stack.StackName
}
