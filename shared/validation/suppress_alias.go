package validation

import (
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/shared/policy"
)

// aliases gives the security rules that stand for a rule of another catalogue:
// a control of AWS Foundational Security Best Practices or Control Tower, or a
// rule of checkov, cdk-nag, cfn_nag, Guard or trivy.
var aliases = sync.OnceValue(func() map[string][]string {
	ids := map[string][]string{}
	for _, rule := range policy.Rules() {
		for _, id := range slices.Concat(rule.FSBP, rule.ControlTower, rule.Others) {
			ids[id] = append(ids[id], rule.ID)
		}
	}
	return ids
})
