package validation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
		switch {
		case !allowed:
			findings = append(findings, pipelineFinding(RuleBoundary, stage.At(), fmt.Sprintf("the stage %s names the account %s, but %s is registered for %s only",
				stage.Name, stage.Account, r.Name, strings.Join(slices.Sorted(maps.Keys(r.Accounts)), ", "))))
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
