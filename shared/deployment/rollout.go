package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// NextRollOut is what follows when traffic is to be moved to what was deployed.
const NextRollOut = "rollOut"

const (
	// rolloutSlack is what the pipeline waits for an answer beyond the longest that
	// the rollout itself may take: its executions may have to be started again.
	rolloutSlack = 30 * time.Minute
	// switchTime is for how long a switch back is waited for.
	switchTime = 15 * time.Minute
	// maxRequest bounds a request in bytes: it travels beside a stage.
	maxRequest = 48 << 10
	// maxOutput bounds one output in a request, in bytes.
	maxOutput = 2 << 10
)

// rollOut asks for the rollout of what was deployed and works, if evenkeel.yaml
// wants one: all references to other stacks are resolved, and the leases last as
// long as it may take.
func (s *Service) rollOut(ctx context.Context, r Release, to events.Target, stack Stack) (Release, error) {
	_, current, _ := r.Current()
	if current.Rollout == nil || r.Plan.Live || r.Step.Rollback {
		return r, nil
	}
	at := whole(r, to)
	record, _, err := s.lastRollout(ctx, at)
	if err != nil {
		return r, err
	}
	q := rollout.Request{Run: r.Run(), Target: at}
	if q.Outputs, err = chosen(*current.Rollout, stack.Outputs, to); err != nil {
		return r, err
	}
	if q.Rollout, err = s.resolved(ctx, r, *current.Rollout); err != nil {
		return r, err
	}
	if q.Candidate, err = candidateSide(r, to, stack, q, record); err != nil {
		return r, err
	}
	if !current.Sides() && r.Plan.Empty && record.Live.Endpoint == q.Candidate.Endpoint {
		return r, nil // the alias has this version already
	}
	if current.Sides() && record.Live.Name != "" {
		live := to
		live.StackName = record.Live.StackName
		found, err := s.Stacks.Describe(ctx, live)
		if err != nil {
			return r, err
		}
		q.LiveOutputs, _ = chosen(*current.Rollout, found.Outputs, live) // one that it lacks cannot be measured there
	}
	if data, err := json.Marshal(q); err != nil || len(data) > maxRequest {
		return r, fault.Invalid("%s: the rollout of %s takes %d KiB with the outputs that it names; the limit is %d: use fewer metrics", pipeline.FileName, to.Stack, len(data)>>10, maxRequest>>10)
	}
	longest := rollout.NewPlan(q, record.Live).Longest() + rolloutSlack
	r.Rollout, r.Plan.Next, r.Plan.RolloutSeconds, r.Plan.Result = &q, NextRollOut, int(longest/time.Second), ResultDeployed
	return r, s.keepLocks(ctx, r, to, longest)
}

// chosen are the outputs that the rollout names.
func chosen(r pipeline.Rollout, outputs map[string]string, to events.Target) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range r.OwnOutputs() {
		value, ok := outputs[name]
		switch {
		case !ok:
			return found, fault.Invalid("%s: the rollout of %s reads its output %s, which %s does not have", pipeline.FileName, to.Stack, name, to.StackName)
		case len(value) > maxOutput:
			return found, fault.Invalid("%s: the output %s of %s has %d bytes, and a rollout takes %d", pipeline.FileName, name, to.StackName, len(value), maxOutput)
		}
		found[name] = value
	}
	return found, nil
}

// resolved is the rollout with the outputs of other stacks in its texts. What is
// by side stays: the rollout itself needs it for both.
func (s *Service) resolved(ctx context.Context, r Release, declared pipeline.Rollout) (pipeline.Rollout, error) {
	read := map[string]map[string]string{}
	var failed error
	expanded, err := declared.Expand(func(stack, output string) (string, bool) {
		if stack == "" {
			return "${output." + output + "}", true
		}
		if read[stack] == nil && failed == nil {
			read[stack], failed = s.outputs(ctx, r, stack)
		}
		value, ok := read[stack][output]
		if strings.Contains(value, "${") || len(value) > maxOutput { // it would be taken for a reference
			ok = false
		}
		return value, ok
	}, "")
	switch {
	case failed != nil:
		return expanded, failed
	case err != nil:
		return expanded, fault.Invalid("%w of stage %s, or is no plain text of at most %d bytes", err, r.Step.Stage, maxOutput)
	default:
		return expanded, nil
	}
}

// candidateSide is the side that was deployed, as the router knows it.
func candidateSide(r Release, to events.Target, stack Stack, q rollout.Request, record rollout.Record) (rollout.Side, error) {
	side := rollout.Side{Name: r.Plan.Side, StackName: to.StackName, StackID: stack.ID, Commit: r.Commit, Digest: r.Plan.SideDigest}
	if side.Name == "" {
		side.Name = Candidate(record)
	}
	router := pipeline.Rollout{Router: q.Rollout.Router}
	expanded, err := router.For(side.Name, q.Outputs)
	if err != nil {
		return side, fault.Invalid("%w", err)
	}
	switch router := expanded.Router; {
	case router.Route53 != nil && router.Route53.AliasName != "":
		side.Endpoint, side.AliasZone = router.Route53.AliasName, router.Route53.AliasZone
	case router.Route53 != nil:
		side.Endpoint = router.Route53.Value
	case router.ALB != nil:
		side.Endpoint = router.ALB.TargetGroup
	case router.LambdaAlias != nil:
		version := router.LambdaAlias.Version
		side.Endpoint = version[strings.LastIndex(version, ":")+1:] // of the version's ARN, as Ref gives it
	}
	if side.Endpoint == "" || side.Endpoint == "$LATEST" {
		return side, fault.Invalid("%s: what the router of %s sends traffic to is %q for the side %s; it must be something fixed", pipeline.FileName, to.Stack, side.Endpoint, side.Name)
	}
	return side, nil
}

// switchBack asks to give the traffic back to the side that had it before this
// run, in place of a change set.
func (s *Service) switchBack(ctx context.Context, r Release, to events.Target, why string) (Release, error) {
	_, stack, _ := r.Current()
	r.Rollout = &rollout.Request{Run: r.Run(), Target: whole(r, to), Rollout: pipeline.Rollout{Strategy: stack.Rollout.Strategy, Router: stack.Rollout.Router}, SwitchBack: true, Why: why}
	r.Plan.Next, r.Plan.RolloutSeconds = NextRollOut, int(switchTime/time.Second)
	return r, s.renewBoth(ctx, r, to, switchTime)
}

// switchReason says why what the run rolled out in the stage is switched back.
func switchReason(r Release) string {
	for _, result := range r.Kept {
		if result.Stage == r.Step.Stage && result.Undoing > 0 && result.Failure != nil {
			return cut("the verification of the stage "+r.Step.Stage+" failed: "+result.Failure.Reason, maxStackReason)
		}
	}
	return "the verification of the stage " + r.Step.Stage + " failed"
}

// returnable reports whether the traffic of a stack that this run rolled out can
// be given back.
func (s *Service) returnable(ctx context.Context, r Release, stage pipeline.Stage, stack pipeline.Stack) (bool, error) {
	to := events.Target{Stage: stage.Name, Stack: stack.Name, StackName: stack.StackName, Account: stage.Account, Region: stage.Region, Role: stage.Role, Owner: r.Repository}
	record, found, err := s.lastRollout(ctx, to)
	return found && record.Request.Run.RunID == r.RunID && record.State.Phase == rollout.Promoted && record.Old != (rollout.Side{}), err
}

// concludeRollout says how the work on a stack has ended whose traffic was to be
// moved.
func concludeRollout(r Release, at string) Conclusion {
	ended := *r.RolledOut
	why := strings.TrimSuffix(ended.Why, ".")
	switch {
	case r.Step.Rollback && ended.Outcome == rollout.OutcomeSwitchedBack,
		!r.Step.Rollback && (ended.Outcome == rollout.OutcomePromoted || ended.Outcome == rollout.OutcomeNothing):
		return Conclusion{Outcome: events.OutcomeSucceeded}
	case r.Step.Rollback:
		reason := "The traffic of " + at + " was not given back: " + why
		return Conclusion{Outcome: events.OutcomeStuck, Reason: reason + nextIs + statusOf(r), Failure: &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: reason}}
	case ended.Outcome == rollout.OutcomeAborted, ended.Outcome == rollout.OutcomeSwitchedBack:
		reason := fmt.Sprintf("the rollout was aborted at %d %% of the traffic: ", ended.Weight) + why
		if ended.Outcome == rollout.OutcomeSwitchedBack {
			reason = "the rollout was switched back after it was promoted: " + why
		}
		return Conclusion{
			Outcome: events.OutcomeRolledBack, Reason: "The new side of " + at + " is out of use again, and " + liveKept(r) + ": " + reason + ".",
			Failure: &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: reason},
		}
	default:
		reason := "the rollout ended as " + ended.Outcome + ", which is not known"
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "The rollout of " + at + " needs a person: " + reason + nextIs + statusOf(r),
			Failure: &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: reason}}
	}
}

// concludeRolloutError is for a RollOut state that failed or took too long: the
// rollout may go on by itself.
func concludeRolloutError(r Release, at, message string) Conclusion {
	reason := "the rollout of " + at + " cannot be followed: " + r.Error.Name + ": " + message
	if r.Error.Name == stepTimeout {
		reason = "the rollout of " + at + " did not end in time"
	}
	if r.Step.Rollback {
		reason = "the traffic of " + at + " was perhaps not given back: " + r.Error.Name + ": " + message
	}
	reason = strings.TrimSuffix(reason, ".") + "; it may still go on" + nextIs + statusOf(r)
	return Conclusion{
		Outcome: events.OutcomeStuck, Reason: strings.ToUpper(reason[:1]) + reason[1:],
		Failure: &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: reason},
	}
}

// liveKept says what has the traffic when the new side has none.
func liveKept(r Release) string {
	if stack, _ := declared(r); stack.Rollout != nil && stack.Rollout.Router.LambdaAlias != nil {
		return "the alias " + stack.Rollout.Router.LambdaAlias.Alias + " keeps the version that it had; what else the template changed is deployed"
	}
	return "the side that was live before works on and has all traffic, if there is one"
}

func statusOf(r Release) string {
	r.Plan.Side = ""
	to, err := target(r)
	if err != nil {
		return "evenkeel runs show " + r.RunID
	}
	return statusCommand(to)
}

// isCandidate reports whether what the step deployed gets traffic by a rollout
// only.
func isCandidate(r Release) bool {
	stack, _ := declared(r)
	return stack.Rollout != nil && !r.Plan.Live
}
