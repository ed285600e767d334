package validation

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
)

// strictness orders the approvals, from the one that asks nobody.
var strictness = []string{pipeline.ApprovalNever, pipeline.ApprovalOnRisk, pipeline.ApprovalAlways}

// boundary holds the stages of a push against what the registration of its
// repository allows. evenkeel.yaml is written by whoever may push, and the
// registration by whoever runs the suite: only the latter can say that a
// person must be asked. Without accounts in the registration the boundary is
// what IAM allows, that is every account that trusts the suite.
func boundary(r source.Repository, stages []pipeline.Stage) []Finding {
	if len(r.Accounts) == 0 {
		return nil
	}
	var findings []Finding
	for _, stage := range stages {
		least, allowed := r.Accounts[stage.Account]
		if allowed && least != pipeline.ApprovalNever {
			findings = append(findings, acting(stage)...)
		}
		switch {
		case !allowed:
			findings = append(findings, pipelineFinding(RuleBoundary, stage.At(), fmt.Sprintf("the stage %s names the account %s, but %s is not registered for it; evenkeel repo list --json shows its accounts",
				stage.Name, stage.Account, r.Name)))
		case slices.Index(strictness, stage.Approval) < slices.Index(strictness, least):
			findings = append(findings, pipelineFinding(RuleBoundary, stage.At(), fmt.Sprintf("the stage %s has approval: %s, but %s is registered to ask for approval: %s, or more, in the account %s",
				stage.Name, stage.Approval, r.Name, least, stage.Account)))
		case stage.SelfApproval == pipeline.SelfAllowed && !r.SelfApproval:
			findings = append(findings, pipelineFinding(RuleBoundary, stage.At(), fmt.Sprintf("the stage %s has selfApproval: allowed, but the registration of %s does not allow it in the account %s (evenkeel repo add … --allow-self-approval)",
				stage.Name, r.Name, stage.Account)))
		}
	}
	return findings
}

// acting finds checks that run code which no approved template names. Checks are
// made although nothing changes, and then nobody is asked: a push alone would call
// any function and run any project of the account.
func acting(stage pipeline.Stage) []Finding {
	checks := slices.Clone(stage.Verify)
	for _, stack := range stage.Stacks {
		checks = append(checks, stack.Verify...)
	}
	var findings []Finding
	for _, c := range checks {
		if name, acts := c.Acts(); acts && !pipeline.IsOutput(name) {
			findings = append(findings, pipelineFinding(RuleBoundary, c.At(), fmt.Sprintf("the check %q of the stage %s runs %q, and the account %s asks for approval: name it by an output of a stack, {output: Name}, which an approved template gives",
				c.Name, stage.Name, name, stage.Account)))
		}
	}
	return findings
}
