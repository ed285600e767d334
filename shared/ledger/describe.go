package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Line is one row of a timeline.
type Line struct {
	Time       time.Time `json:"time"`
	EventID    string    `json:"eventId"`
	DetailType string    `json:"detailType"`
	Text       string    `json:"text"` // one sentence for a person
}

// Timeline tells the entries one by one, in order.
func Timeline(entries []Entry) ([]Line, error) {
	lines := []Line{}
	for _, e := range Order(entries) {
		text, err := describe(e)
		if err != nil {
			return nil, err
		}
		lines = append(lines, Line{Time: e.Time, EventID: e.EventID, DetailType: e.DetailType, Text: text})
	}
	return lines, nil
}

// describe says in one sentence what happened.
func describe(e Entry) (string, error) {
	teller, known := tellers[e.DetailType]
	if !known {
		return e.DetailType, nil
	}
	return teller(e)
}

// tellers has one sentence a fact, by detail-type.
var tellers = map[string]func(Entry) (string, error){
	events.GitPushed{}.DetailType(): tell(func(d events.GitPushed) string {
		return fmt.Sprintf("%s pushed %s to %s of %s", d.Actor, short(d.Commit), d.Branch, d.Repository)
	}),
	events.PullRequestUpdated{}.DetailType(): tell(func(d events.PullRequestUpdated) string {
		return fmt.Sprintf("%s asks to merge %s into %s of %s", d.Author, short(d.Head), d.Base, d.Repository)
	}),
	events.PullRequestReviewed{}.DetailType(): tell(func(d events.PullRequestReviewed) string {
		return fmt.Sprintf("review of %s %s: %s", short(d.Head), d.State, d.Reason)
	}),
	events.RunStarted{}.DetailType(): tell(func(d events.RunStarted) string { return "run " + d.RunID + " started" }),
	events.SourceBuilt{}.DetailType(): tell(func(d events.SourceBuilt) string {
		return fmt.Sprintf("built in %d s, %s", d.Seconds, short(d.Digest))
	}),
	events.BuildFailed{}.DetailType(): tell(func(d events.BuildFailed) string {
		return fmt.Sprintf("the build ended %s in %s: %s", d.Status, d.Phase, d.Reason)
	}),
	events.AssetsPublished{}.DetailType(): tell(func(d events.AssetsPublished) string {
		return fmt.Sprintf("%s: %s published, %d of them new", target(d.Target), count(d.Assets, "asset"), d.Uploaded)
	}),
	events.TemplatesValidated{}.DetailType(): tell(func(d events.TemplatesValidated) string { return checked(d.Validated) }),
	events.TemplatesRejected{}.DetailType(): tell(func(d events.TemplatesRejected) string {
		return checked(d.Validated) + "; rejected"
	}),
	events.StackPlanned{}.DetailType(): tell(func(d events.StackPlanned) string {
		if d.Empty {
			return target(d.Target) + " planned: no changes"
		}
		return fmt.Sprintf("%s planned: %s, %s%s", target(d.Target), count(len(d.Changes), "change"), d.Risk, reasons(d.Reasons))
	}),
	events.ApprovalRequested{}.DetailType(): tell(func(d events.ApprovalRequested) string {
		return fmt.Sprintf("%s waits for approval of %s until %s", target(d.Target), count(len(d.Changes), "change"), d.Expires.UTC().Format(time.RFC3339))
	}),
	events.ApprovalDecided{}.DetailType(): tell(func(d events.ApprovalDecided) string {
		verb := "rejected"
		if d.Approved {
			verb = "approved"
		}
		return fmt.Sprintf("%s %s by %s%s%s", target(d.Target), verb, d.By, relation(d.Relation), quoted(d.Comment))
	}),
	events.StackDeployed{}.DetailType(): tell(func(d events.StackDeployed) string {
		if d.Unchanged {
			return target(d.Target) + " is up to date"
		}
		return target(d.Target) + " deployed"
	}),
	events.StackRolledBack{}.DetailType(): tell(func(d events.StackRolledBack) string {
		return target(d.Target) + " rolled back: " + FailureText(d.Failure)
	}),
	events.StackRecoveryRequested{}.DetailType(): tell(func(d events.StackRecoveryRequested) string {
		text := fmt.Sprintf("%s has %s recovered from %s: %s", d.By, d.StackName, d.StackStatus, d.Operation)
		if len(d.Skip) > 0 {
			text += ", without " + strings.Join(d.Skip, ", ")
		}
		return text
	}),
	events.StackVerified{}.DetailType(): tell(func(d events.StackVerified) string {
		return verified(d.Target) + " verified: " + count(len(d.Results), "attempt")
	}),
	events.VerificationFailed{}.DetailType(): tell(func(d events.VerificationFailed) string {
		return fmt.Sprintf("the verification of %s failed: %s; %s", verified(d.Target), d.Reason, d.Reaction)
	}),
	events.StageClosed{}.DetailType(): tell(func(d events.StageClosed) string {
		return "the stage " + d.Stage + " is closed: " + d.Reason
	}),
	events.RolloutStarted{}.DetailType(): tell(func(d events.RolloutStarted) string {
		return moved(d.RolloutChange, fmt.Sprintf("rolls out to %s by %s, %s", d.Candidate, d.Router, steps(d.Steps)))
	}),
	events.RolloutStepped{}.DetailType(): tell(func(d events.RolloutStepped) string {
		return moved(d.RolloutChange, fmt.Sprintf("%s has %d %%", d.Candidate, d.Weight))
	}),
	events.RolloutPaused{}.DetailType(): tell(func(d events.RolloutPaused) string {
		return moved(d.RolloutChange, fmt.Sprintf("paused at %d %% until %s", d.Weight, d.Until.UTC().Format(time.RFC3339)))
	}),
	events.RolloutResumed{}.DetailType(): tell(func(d events.RolloutResumed) string {
		return moved(d.RolloutChange, fmt.Sprintf("goes on from %d %%", d.Weight))
	}),
	events.RolloutPromoted{}.DetailType(): tellPromotion,
	events.RolloutAborted{}.DetailType(): tell(func(d events.RolloutAborted) string {
		return moved(d.RolloutChange, fmt.Sprintf("aborted, %s back from at most %d %% to %d %%", d.Candidate, d.Highest, d.Weight))
	}),
	events.RolloutSwitchedBack{}.DetailType(): tell(func(d events.RolloutSwitchedBack) string {
		return moved(d.RolloutChange, fmt.Sprintf("switched back, %s has %d %%", d.Candidate, d.Weight))
	}),
	events.RolloutRetired{}.DetailType(): tell(func(d events.RolloutRetired) string {
		return moved(d.RolloutChange, fmt.Sprintf("%s retired, %s", d.Old, strings.Replace(d.State, "notDeleted", "not deleted", 1)))
	}),
	events.RunFinished{}.DetailType(): tell(func(d events.RunFinished) string { return d.Outcome + ": " + d.Reason }),
	events.DriftScanned{}.DetailType(): tell(func(d events.DriftScanned) string {
		return fmt.Sprintf("%s is %s: %s checked, %s%s", d.StackName, d.Status, count(d.Coverage.Checked, "resource"), count(len(d.Drifted()), "drifted resource"), quoted(d.Reason))
	}),
	events.DriftDetected{}.DetailType(): tell(func(d events.DriftDetected) string {
		return fmt.Sprintf("%s drifted: %s", d.StackName, count(len(d.Resources), "resource"))
	}),
	events.DriftResolved{}.DetailType(): tell(func(d events.DriftResolved) string {
		return fmt.Sprintf("%s has no open drift any more: %s had drifted", d.StackName, count(len(d.Resources), "resource"))
	}),
	events.DriftDigest{}.DetailType(): tell(func(d events.DriftDigest) string {
		return fmt.Sprintf("on %s drift was open in %s of %s", d.Day, count(d.Resources, "resource"), count(len(d.Stacks)+d.More, "stack"))
	}),
	events.DriftAccepted{}.DetailType(): tell(accepted),
	events.DriftReverted{}.DetailType(): tell(func(d events.DriftReverted) string {
		return fmt.Sprintf("%s brought back for %s: %s", d.StackName, d.RequestedBy, count(len(d.Resources), "resource"))
	}),
	events.DriftRevertRefused{}.DetailType(): tell(func(d events.DriftRevertRefused) string {
		return d.StackName + " not brought back" + reasons(d.Reasons)
	}),
	events.SecurityGroupHealed{}.DetailType(): tell(func(d events.SecurityGroupHealed) string {
		after := ""
		if d.Exposure > 0 {
			after = " after " + d.Exposure.Round(time.Millisecond).String()
		}
		return fmt.Sprintf("%s healed%s: %s closed, %d kept", d.GroupID, after, count(len(d.Removed), "rule"), d.Kept)
	}),
	events.SecurityGroupExposed{}.DetailType(): tell(func(d events.SecurityGroupExposed) string {
		return fmt.Sprintf("%s is too open: %s would be closed", d.GroupID, count(len(d.Exposed), "rule"))
	}),
	events.SecurityGroupHealUndone{}.DetailType(): tell(func(d events.SecurityGroupHealUndone) string {
		return fmt.Sprintf("%s opened again by %s until %s: %s", d.GroupID, d.By, d.Until.UTC().Format(time.RFC3339), count(len(d.Restored), "rule"))
	}),
	events.SecurityGroupHealingStopped{}.DetailType(): tell(func(d events.SecurityGroupHealingStopped) string {
		return fmt.Sprintf("%s is left open: %s in an hour, the policy allows %d", d.GroupID, count(d.Actions, "action"), d.Limit)
	}),
	events.SecurityGroupsSwept{}.DetailType(): tell(func(d events.SecurityGroupsSwept) string {
		groups := 0
		for _, p := range d.Places {
			groups += p.Groups
		}
		return fmt.Sprintf("%s in %s swept, %s that no event told of", count(groups, "group"), count(len(d.Places), "place"), count(len(d.Missed), "opening"))
	}),
}

func tell[T events.Data](f func(T) string) func(Entry) (string, error) {
	return func(e Entry) (string, error) {
		data, err := DataOf[T](e)
		if err != nil {
			return "", err
		}
		return f(data), nil
	}
}

// tellPromotion says until when the old side is kept, if there is one.
func tellPromotion(e Entry) (string, error) {
	d, err := DataOf[events.RolloutPromoted](e)
	if err != nil {
		return "", err
	}
	what := d.Candidate + " promoted"
	if d.KeptUntil.Sub(e.Time) >= time.Second {
		what += ", the old side kept until " + d.KeptUntil.UTC().Format(time.RFC3339)
	}
	return moved(d.RolloutChange, what), nil
}

// moved tells what a rollout did, on whose command, why, and which measurements
// decided.
func moved(c events.RolloutChange, what string) string {
	text := target(c.Target) + " " + what
	if c.By != "" {
		text += " by " + c.By
	}
	text += quoted(c.Why)
	if len(c.Decided) > 0 {
		text += " (" + Measurements(c.Decided) + ")"
	}
	return text
}

// Measurements names each measurement with its value, or with why there is none.
func Measurements(list []events.RolloutMeasurement) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.Metric + " " + m.Outcome
		switch {
		case m.Value != nil:
			texts[i] += " " + strconv.FormatFloat(*m.Value, 'g', 4, 64)
		case m.Why != "":
			texts[i] += ": " + m.Why
		}
	}
	return strings.Join(texts, ", ")
}

func steps(weights []int) string {
	texts := make([]string, len(weights))
	for i, w := range weights {
		texts[i] = strconv.Itoa(w)
	}
	return strings.Join(texts, ", ") + " %"
}

// FailureText names the resource that failed first, and why.
func FailureText(f events.Failure) string {
	if f.LogicalID == "" {
		return f.StackStatus + quoted(f.Reason)
	}
	return fmt.Sprintf("%s (%s): %s", f.LogicalID, f.ResourceType, f.Reason)
}

func target(t events.Target) string { return t.Stage + "/" + t.Stack }

func short(commit string) string { return commit[:min(8, len(commit))] }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func reasons(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return ": " + strings.Join(list, "; ")
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func checked(d events.Validated) string {
	text := fmt.Sprintf("%s checked: %s, %s", count(d.Files, "template"), count(d.Errors, "error"), count(d.Warnings, "warning"))
	if len(d.Refused) > 0 {
		text += "; not good enough for " + strings.Join(d.Refused, ", ")
	}
	return text
}

// relation tells how who decided stands to the authors of the push, where that
// is worth a word.
func relation(name string) string {
	switch name {
	case "self":
		return ", an author of the push"
	case "unmapped":
		return ", who may be an author: no identity is registered"
	default:
		return ""
	}
}

// verified names a stack, or the stage whose stacks were verified together.
func verified(t events.Target) string {
	if t.Stack == "" {
		return "stage " + t.Stage
	}
	return target(t)
}

func accepted(d events.DriftAccepted) string {
	text := fmt.Sprintf("%s%s of %s accepted by %s", d.LogicalID, d.Path, d.StackName, d.By)
	if d.Withdrawn {
		text = fmt.Sprintf("%s%s of %s accepted no more, says %s", d.LogicalID, d.Path, d.StackName, d.By)
	}
	if !d.Until.IsZero() {
		text += " until " + d.Until.UTC().Format(time.RFC3339)
	}
	return text + quoted(d.Reason)
}
