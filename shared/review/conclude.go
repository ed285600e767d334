package review

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// conclude says how a review that goes no further has ended.
func conclude(r Review, stacks []StackReview) (state, reason string) {
	validation := r.Release.Validation
	switch {
	case r.State == events.ReviewSuperseded:
		return r.State, "A later commit of the pull request took over"
	case r.Error != nil && r.Error.Name == fault.InvalidError:
		return events.ReviewRejected, message(*r.Error)
	case r.Error != nil:
		return events.ReviewFailed, "It could not be reviewed: " + message(*r.Error)
	case !validation.Valid && validation.Errors == 0:
		return events.ReviewRejected, fmt.Sprintf("Validation found %s in %s", count(validation.Warnings, "warning"), count(validation.Files, "template"))
	case !validation.Valid:
		return events.ReviewRejected, fmt.Sprintf("Validation found %s in %s", count(validation.Errors, "error"), count(validation.Files, "template"))
	case r.PullRequest.Fork:
		return events.ReviewPassed, "The templates are valid; a pull request from a fork is not planned"
	case len(r.Release.Stages) == 0:
		return events.ReviewPassed, "The templates are valid; no stage follows the branch " + r.PullRequest.Base
	default:
		return concludePlans(stacks)
	}
}

func concludePlans(stacks []StackReview) (state, reason string) {
	number, changes, risk := map[string]int{}, 0, deployment.RiskSafe
	for _, s := range stacks {
		number[s.State]++
		if s.State == StackPlanned && s.Document != nil {
			changes += len(s.Document.Rows)
			risk = worse(risk, s.Document.Risk)
		}
	}
	state = events.ReviewPassed
	switch {
	case number[StackRefused] > 0 || risk == deployment.RiskBlocked:
		state = events.ReviewRejected
	case number[StackFailed] > 0:
		state = events.ReviewFailed
	}
	reason = fmt.Sprintf("%s of %s in %s, risk %s", count(changes, "change"), count(number[StackPlanned], "stack"), count(stagesOf(stacks), "stage"), risk)
	if number[StackPlanned] == 0 {
		reason = "No changes"
	}
	for _, also := range []string{StackRefused, StackFailed, StackNotPlanned} {
		if n := number[also]; n > 0 {
			reason += fmt.Sprintf("; %s %s", count(n, "stack"), plain[also])
		}
	}
	return state, reason
}

// plain names what became of a stack in a sentence.
var plain = map[string]string{StackRefused: "refused", StackFailed: "failed", StackNotPlanned: "not planned"}

func stagesOf(stacks []StackReview) int {
	stages := map[string]bool{}
	for _, s := range stacks {
		if s.State == StackPlanned {
			stages[s.Target.Stage] = true
		}
	}
	return len(stages)
}

func worse(a, b string) string {
	order := []string{deployment.RiskSafe, deployment.RiskReview, deployment.RiskDangerous, deployment.RiskBlocked}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
