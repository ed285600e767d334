package deployment

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// stepTimeout is the error name of a state that took too long.
// Source: Step Functions developer guide, "Error names".
const stepTimeout = "States.Timeout"

// Conclusion is how a run ended.
type Conclusion struct {
	Outcome string // one of the events.Outcome constants
	Reason  string // one sentence for a person
	Failure *events.Failure
}

// withNext makes sure that a run that is stuck says what to type next.
func withNext(runID string, end Conclusion) Conclusion {
	if end.Outcome == events.OutcomeStuck && !strings.Contains(end.Reason, strings.TrimPrefix(nextIs, ".")) {
		end.Reason = strings.TrimSuffix(end.Reason, ".") + nextIs + "evenkeel runs show " + runID
	}
	return end
}

// severity orders the outcomes of stacks; the worst is the run's.
var severity = []string{events.OutcomeSucceeded, events.OutcomeDeferred, events.OutcomeRejected, events.OutcomeRolledBack, events.OutcomeStuck}

// Conclude says how a release that goes no further has ended: as the worst of
// its stacks. Rejected and Deferred mean that the stacks that ended the run
// were not changed; what was changed before or beside them stays and is listed
// in RunFinished.Changed.
func Conclude(r Release) Conclusion {
	switch {
	case len(r.Results) > 0:
		return concludeResults(r.Results)
	case r.Error != nil:
		return concludeError(r)
	case r.Lock != nil && r.Lock.State == LockSuperseded:
		return Conclusion{Outcome: events.OutcomeDeferred, Reason: supersededBy(r)}
	case r.Build.Status == BuildFailed:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: r.Build.Reason}
	case !r.Validation.Valid:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: invalid(r.Validation)}
	case len(r.Stages) == 0:
		return Conclusion{Outcome: events.OutcomeSucceeded, Reason: "No stage follows the branch " + r.Branch + "; nothing was deployed."}
	case r.Step.Kind == StepFinish:
		return Conclusion{Outcome: events.OutcomeSucceeded, Reason: deployedTo(r)}
	default:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: "The run ended in the middle of " + r.Step.Stage + "."}
	}
}

// concludeResults names every stack that failed, the worst first.
func concludeResults(results []StackResult) Conclusion {
	sorted := slices.Clone(results)
	slices.SortStableFunc(sorted, func(a, b StackResult) int {
		return slices.Index(severity, b.Outcome) - slices.Index(severity, a.Outcome)
	})
	reasons := make([]string, len(sorted))
	for i, result := range sorted {
		reasons[i] = result.Reason
		if len(sorted) > 1 {
			reasons[i] = result.Stage + "/" + result.Stack + ": " + result.Outcome + ": " + result.Reason
		}
	}
	return Conclusion{Outcome: sorted[0].Outcome, Reason: strings.Join(reasons, " "), Failure: sorted[0].Failure}
}

func concludeError(r Release) Conclusion {
	message := r.Error.message()
	verifying := r.Step.Kind == StepVerify && !slices.Contains(r.Verified, r.Step.Stage) // its stacks are deployed
	switch {
	case r.Error.Name == fault.InvalidError && !verifying:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: message}
	case r.Error.Name == fault.ConflictError && !verifying:
		return Conclusion{Outcome: events.OutcomeDeferred, Reason: message}
	case r.Error.Name == stepTimeout && r.Lock == nil:
		return Conclusion{Outcome: events.OutcomeDeferred, Reason: "The lock of " + r.Repository + " did not become free in time. Next: evenkeel rollout status shows whether a rollout holds it, and abort ends one."}
	default:
		return Conclusion{Outcome: events.OutcomeStuck, Reason: r.Error.Name + ": " + message, Failure: &events.Failure{Stage: r.Step.Stage, Reason: message}}
	}
}

// message returns the function's own message: Step Functions gives a failed
// Lambda's payload as the cause, as JSON text.
func (c Caught) message() string {
	var payload struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(c.Cause), &payload) == nil && payload.Message != "" {
		return payload.Message
	}
	if c.Cause == "" {
		return "no cause was given"
	}
	return c.Cause
}

func supersededBy(r Release) string {
	if r.Lock.By == "" {
		return "A later push of " + r.Branch + " took over."
	}
	return "The later push of " + r.Branch + " in run " + r.Lock.By + " took over."
}

func invalid(v Validation) string {
	found := count(v.Errors, "error")
	if v.Errors == 0 {
		found = count(v.Warnings, "warning")
	}
	text := fmt.Sprintf("Validation found %s in %s.", found, count(v.Files, "template"))
	for _, f := range v.Findings {
		if f.Severity == "error" || v.Errors == 0 {
			return text + fmt.Sprintf(" First: %s:%d:%d: %s %s", f.File, f.Line, f.Column, f.Rule, f.Message)
		}
	}
	return text
}

func deployedTo(r Release) string {
	changed := r.Changed()
	if len(changed) == 0 {
		return "Nothing changed: " + count(len(r.Done), "stack") + " already at this commit."
	}
	return "Deployed " + strings.Join(changed, ", ") + "."
}

func denied(at string, d Decision) string {
	text := "The plan of " + at + " was rejected by " + d.By
	if d.Comment != "" {
		return text + ": " + d.Comment
	}
	return text + "."
}

func why(f *events.Failure) string {
	switch {
	case f == nil:
		return "the reason is not known"
	case f.LogicalID == "":
		return f.Reason
	default:
		return f.LogicalID + " (" + f.ResourceType + "): " + f.Reason
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
