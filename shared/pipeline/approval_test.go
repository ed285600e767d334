package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func TestApprovalKeys(t *testing.T) {
	for keys, want := range map[string]struct {
		timeout time.Duration
		self    string
		fault   string
	}{
		"":                          {timeout: 24 * time.Hour},
		", approvalTimeout: 5m":     {timeout: 5 * time.Minute},
		", approvalTimeout: 36h":    {timeout: 36 * time.Hour},
		", approvalTimeout: 7d":     {timeout: 7 * 24 * time.Hour},
		", selfApproval: allowed":   {timeout: 24 * time.Hour, self: pipeline.SelfAllowed},
		", selfApproval: forbidden": {timeout: 24 * time.Hour, self: pipeline.SelfForbidden},
		", selfApproval: true":      {fault: `selfApproval "true" is not one of forbidden, allowed`},
		", approvalTimeout: 4m":     {fault: `approvalTimeout "4m" is not between 5m and 7d`},
		", approvalTimeout: 8d":     {fault: `approvalTimeout "8d" is not between 5m and 7d`},
		", approvalTimeout: 169h":   {fault: `approvalTimeout "169h" is not between 5m and 7d`},
		", approvalTimeout: 1.5h":   {fault: "is not a number of minutes, hours or days"},
		", approvalTimeout: 0h":     {fault: "is not a number of minutes, hours or days"},
		", approvalTimeout: [1h]":   {fault: "approvalTimeout must be text"},
	} {
		text := `version: 1
name: shop
stacks: {a: {template: a.yaml}}
stages: [{name: prod, branch: main, account: "333333333333", region: us-east-1, approval: always` + keys + `}]
`
		p, err := pipeline.Decode("evenkeel.yaml", []byte(text), func(string) bool { return true })
		switch {
		case want.fault != "":
			if err == nil || !strings.Contains(err.Error(), want.fault) || !strings.Contains(err.Error(), "evenkeel.yaml:4:") || strings.Count(err.Error(), "approvalTimeout") > 2 {
				t.Errorf("%s: %v, want %q", keys, err, want.fault)
			}
		case err != nil || p.Stages[0].ApprovalTime() != want.timeout || p.Stages[0].SelfApproval != want.self:
			t.Errorf("%s: %+v, %v", keys, p, err)
		}
	}
}
