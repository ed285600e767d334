package deployment

import (
	"encoding/json"
	"fmt"
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

// Conclude says how a release that goes no further has ended. Rejected and
// Deferred mean that the step that ended the run changed nothing; the stages
// before it stay deployed and are listed in RunFinished.Changed.
func Conclude(r Release) Conclusion {
	switch {
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
		return concludeStep(r)
	}
}

func concludeStep(r Release) Conclusion {
	at := r.Step.Stack + " in " + r.Step.Stage
	switch {
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

func concludeError(r Release) Conclusion {
	message := r.Error.message()
	switch {
	case r.Error.Name == fault.InvalidError:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: message}
	case r.Error.Name == fault.ConflictError:
		return Conclusion{Outcome: events.OutcomeDeferred, Reason: message}
	case r.Error.Name == stepTimeout && r.Lock == nil:
		return Conclusion{Outcome: events.OutcomeDeferred, Reason: "The lock of " + r.Repository + " did not become free in time."}
	case r.Error.Name == stepTimeout && r.Plan.Gate == GateApproval && r.Decision == nil:
		return Conclusion{Outcome: events.OutcomeRejected, Reason: "Nobody decided on the plan of " + r.Step.Stack + " in " + r.Step.Stage + " in time."}
	default:
		failure := r.Failure
		if failure == nil {
			failure = &events.Failure{Stage: r.Step.Stage, Stack: r.Step.Stack, Reason: message}
		}
		return Conclusion{Outcome: events.OutcomeStuck, Reason: r.Error.Name + ": " + message, Failure: failure}
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
