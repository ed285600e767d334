package installation_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/infra/route"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// The rule passes on exactly the calls that the healer looks after: one that is
// missing is an opening of which no event tells, one too many costs and does
// nothing. (infra may not import the domain, so that the comparison is here.)
func TestTheRulePassesOnWhatTheHealerLooksAfter(t *testing.T) {
	for _, r := range slices.Concat(route.Routes(), route.Forwarded()) {
		if r.Name != "evenkeel-security-group-changed" && r.Name != "evenkeel-forward-security-group-changed" {
			continue
		}
		var passed []string
		for _, either := range r.Pattern["detail"].(map[string]any)["$or"].([]any) {
			for _, name := range either.(map[string]any)["eventName"].([]any) {
				passed = append(passed, name.(string))
			}
		}
		if slices.Sort(passed); !slices.Equal(passed, healing.Calls()) {
			t.Errorf("%s passes on\n%v\nthe healer looks after\n%v", r.Name, passed, healing.Calls())
		}
	}
}
