package risk_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/risk"
)

func assess(policy risk.Policy, changes ...changeset.Change) risk.Assessment {
	return risk.Assess(changeset.Set{StackID: stackID, Changes: changes}, risk.Templates{}, nil, policy)
}

const stackID = "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/8b1e44c0-1623-11f1-8d52-0affd1e2a302"

func TestAssess(t *testing.T) {
	table := func(action, replacement, policy string) changeset.Change {
		return changeset.Change{Action: action, LogicalID: "Orders", Type: "AWS::DynamoDB::Table", Replacement: replacement, PolicyAction: policy}
	}
	role := func(action, replacement string) changeset.Change {
		return changeset.Change{Action: action, LogicalID: "Role", Type: "AWS::IAM::Role", Replacement: replacement}
	}
	because := table("Modify", "True", "")
	because.Details = []changeset.Detail{
		{Attribute: "Properties", Path: "/Properties/TableName", Recreation: "Always"},
		{Attribute: "Properties", Name: "Tags", Recreation: "Never"},
	}
	tests := []struct {
		name   string
		change changeset.Change
		policy risk.Policy
		level  string
		reason string
	}{
		{"a new table", table("Add", "", ""), risk.Policy{}, risk.Safe, ""},
		{"in place", table("Modify", "False", ""), risk.Policy{}, risk.Safe, ""},
		{"removed", table("Remove", "", "Delete"), risk.Policy{}, risk.Dangerous, "Orders (AWS::DynamoDB::Table) is removed; it holds a table's items"},
		{"removed, no policy shown", table("Remove", "", ""), risk.Policy{}, risk.Dangerous, "is removed"},
		{"retained", table("Remove", "", "Retain"), risk.Policy{}, risk.Review, "the old resource is retained"},
		{"snapshotted", table("Remove", "", "Snapshot"), risk.Policy{}, risk.Review, "a snapshot is kept"},
		{"replaced", because, risk.Policy{}, risk.Dangerous, "is replaced, because /Properties/TableName changes; it holds"},
		{"replaced and retained", table("Modify", "True", "ReplaceAndRetain"), risk.Policy{}, risk.Review, "retained"},
		{"replaced and deleted", table("Modify", "True", "ReplaceAndDelete"), risk.Policy{}, risk.Dangerous, "is replaced"},
		{"the policy alone tells of a replacement", table("Modify", "", "ReplaceAndDelete"), risk.Policy{}, risk.Dangerous, "is replaced"},
		{"perhaps replaced", table("Modify", "Conditional", ""), risk.Policy{}, risk.Dangerous, "may be replaced"},
		{"dynamic", table("Dynamic", "", ""), risk.Policy{}, risk.Dangerous, "known only during the deployment"},
		{"imported", table("Import", "", ""), risk.Policy{}, risk.Review, "is imported"},
		{"drift accepted", table("SyncWithActual", "", ""), risk.Policy{}, risk.Review, "takes note"},
		{"drift that a detection found", modifiedOutside("/BillingMode", "PAY_PER_REQUEST", "PROVISIONED"), risk.Policy{}, risk.Review, "was changed outside of the stack from PAY_PER_REQUEST to PROVISIONED, and the deployment may overwrite /Properties/BillingMode"},
		{"drift that the template does not set", modifiedOutside("/Tags/0", "", "x"), risk.Policy{}, risk.Review, "from nothing to x"},
		{"drift of a secret", modifiedOutside("/Environment/Variables/PASSWORD", "hunter2", "hunter3"), risk.Policy{}, risk.Review, "may overwrite /Properties/Environment/Variables/PASSWORD"},
		{"drift that would steer a terminal", modifiedOutside("/Description", "a", "b\x1b[2J\nc"), risk.Policy{}, risk.Review, "from a to b [2J c, and"},
		{"drift without its properties", modifiedOutside("", "", ""), risk.Policy{}, risk.Review, "may overwrite that"},
		{"drift of somebody", by(modifiedOutside("", "", "")), risk.Policy{}, risk.Review, "may overwrite that; arn:aws:iam::222222222222:user/kim (person) changed it at 2026-01-02T03:04:05Z with UpdateTable"},
		{"drift of somebody, of one property", by(modifiedOutside("/BillingMode", "PAY_PER_REQUEST", "PROVISIONED")), risk.Policy{}, risk.Review, "may overwrite /Properties/BillingMode; arn:aws:iam::222222222222:user/kim (person) changed it"},
		{"an empty action", table("", "", ""), risk.Policy{}, risk.Dangerous, "does not know"},
		{"modified, replacement unknown", table("Modify", "", ""), risk.Policy{}, risk.Dangerous, "does not know"},
		{"stateless removed", role("Remove", ""), risk.Policy{}, risk.Review, "Role (AWS::IAM::Role) is removed"},
		{"stateless replaced", role("Modify", "True"), risk.Policy{}, risk.Review, "is replaced"},
		{"stateful by policy", role("Remove", ""), risk.Policy{Stateful: []string{"AWS::IAM::Role"}}, risk.Dangerous, "what the policy names stateful"},
		{"protected", table("Remove", "", "Retain"), risk.Policy{Protect: []string{"Orders"}}, risk.Blocked, "is protected and is removed"},
		{"protected but in place", table("Modify", "False", ""), risk.Policy{Protect: []string{"Orders"}}, risk.Safe, ""},
		{"nested stack", changeset.Change{Action: "Modify", LogicalID: "Child", Type: "AWS::CloudFormation::Stack", Replacement: "False"}, risk.Policy{}, risk.Review, "says nothing about its resources"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := assess(tt.policy, tt.change)
			if got.Level != tt.level || !strings.Contains(strings.Join(got.Texts(), "\n"), tt.reason) || (tt.reason == "") != (len(got.Reasons) == 0) {
				t.Errorf("rated %s %q, want %s %q", got.Level, got.Texts(), tt.level, tt.reason)
			}
		})
	}
}

// TestDriftHidesSecrets: a reason is shown to everybody who sees the plan.
func TestDriftHidesSecrets(t *testing.T) {
	got := strings.Join(assess(risk.Policy{}, modifiedOutside("/Environment/Variables/PASSWORD", "hunter2", "hunter3")).Texts(), "\n")
	if strings.Contains(got, "hunter") {
		t.Errorf("a secret is shown: %s", got)
	}
}

// modifiedOutside is a table that is modified in place after somebody changed
// one property of it.
func modifiedOutside(path, expected, actual string) changeset.Change {
	c := changeset.Change{Action: "Modify", LogicalID: "Orders", Type: "AWS::DynamoDB::Table", Replacement: "False", Drift: "MODIFIED"}
	if path != "" {
		c.Drifted = []changeset.Drifted{{Path: path, Expected: expected, Actual: actual}}
	}
	return c
}

// by is a drifted change of which it is known who made the drift.
func by(c changeset.Change) changeset.Change {
	c.DriftBy = &changeset.Changer{
		Principal: "arn:aws:iam::222222222222:user/kim", Class: "person", Call: "UpdateTable", Exact: true, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for i := range c.Drifted {
		c.Drifted[i].By = c.DriftBy
	}
	return c
}

// TestNothingDestructiveIsSafe goes through every combination of what
// CloudFormation may say about a stateful resource.
func TestNothingDestructiveIsSafe(t *testing.T) {
	for _, action := range []string{"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual", ""} {
		for _, replacement := range []string{"True", "False", "Conditional", ""} {
			for _, policy := range []string{"Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot", ""} {
				c := changeset.Change{Action: action, LogicalID: "Db", Type: "AWS::RDS::DBInstance", Replacement: replacement, PolicyAction: policy}
				destructive := action == "Remove" || action == "Dynamic" || strings.HasPrefix(policy, "Replace") ||
					action == "Modify" && replacement != "False"
				if got := assess(risk.Policy{}, c).Level; destructive && got == risk.Safe {
					t.Errorf("%q, replacement %q, policy %q is rated safe", action, replacement, policy)
				}
			}
		}
	}
}

func TestWorstReasonComesFirst(t *testing.T) {
	changes := []changeset.Change{
		{Action: "Modify", LogicalID: "A", Type: "AWS::Lambda::Function", Replacement: "True"},
		{Action: "Add", LogicalID: "B", Type: "AWS::SQS::Queue"},
		{Action: "Remove", LogicalID: "C", Type: "AWS::S3::Bucket", PolicyAction: "Delete"},
	}
	got := assess(risk.Policy{}, changes...)
	if got.Level != risk.Dangerous || len(got.Reasons) != 2 || !strings.HasPrefix(got.Reasons[0].Text, "C ") {
		t.Errorf("%+v", got)
	}
}
