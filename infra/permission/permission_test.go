package permission_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/infra/permission"
)

func TestParse(t *testing.T) {
	doc, err := permission.Parse([]byte(`{
		"hub": [{"actions": ["dynamodb:PutItem"], "on": "stateTable", "why": "keep the task token"}],
		"workload": [{"actions": ["cloudformation:CreateChangeSet", "ec2:Describe*", "apigateway:GET"], "resources": ["arn:aws:cloudformation:*:${Account}:stack/*"], "why": "plan"}]}`))
	if err != nil || len(doc.Hub) != 1 || doc.Hub[0].On != permission.StateTable || len(doc.Workload) != 1 {
		t.Errorf("Parse = %+v, %v", doc, err)
	}
}

func TestParseFaults(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"unknown field", `{"hubs": []}`, "unknown field"},
		{"unknown resource", `{"hub": [{"actions": ["s3:GetObject"], "on": "buckets", "why": "w"}]}`, `on "buckets" is not one of`},
		{"wildcard action", `{"hub": [{"actions": ["s3:*"], "on": "bucket", "why": "w"}]}`, `"s3:*" is not an action`},
		{"wildcard write", `{"workload": [{"actions": ["ec2:Create*"], "resources": ["*"], "why": "w"}]}`, `"ec2:Create*" is not an action`},
		{"wildcard read in the hub", `{"hub": [{"actions": ["s3:Get*"], "on": "bucket", "why": "w"}]}`, `"s3:Get*" is not an action`},
		{"no reason", `{"hub": [{"actions": ["s3:GetObject"], "on": "any", "why": " "}]}`, "no why"},
		{"no actions", `{"hub": [{"actions": [], "on": "any", "why": "w"}]}`, "no actions"},
		{"role passing among others", `{"workload": [{"actions": ["iam:PassRole", "iam:GetRole"], "resources": ["a"], "why": "w"}]}`, "statement of its own"},
		{"hub by name and ARN", `{"hub": [{"actions": ["s3:GetObject"], "on": "bucket", "resources": ["a"], "why": "w"}]}`, "either on or resources"},
		{"hub without resource", `{"hub": [{"actions": ["s3:GetObject"], "why": "w"}]}`, "either on or resources"},
		{"hub on every resource", `{"hub": [{"actions": ["s3:GetObject"], "resources": ["*"], "why": "w"}]}`, `"on": "any"`},
		{"workload without resource", `{"workload": [{"actions": ["ec2:DescribeVpcs"], "why": "w"}]}`, "needs resources"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := permission.Parse([]byte(tt.doc)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse: %v, want %s", err, tt.want)
			}
		})
	}
}
