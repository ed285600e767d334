package drift_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/redact"
)

const unknownValue = "{{changeSet:KNOWN_AFTER_APPLY}}"

// drifted has one modified and one deleted resource, and a listener that a
// rollout routes by.
func drifted() []events.DriftedResource {
	return []events.DriftedResource{
		{LogicalID: "Table", ResourceType: "AWS::DynamoDB::Table", Status: "MODIFIED"},
		{LogicalID: "Topic", ResourceType: "AWS::SNS::Topic", Status: "MODIFIED"},
		{LogicalID: "Alarm", ResourceType: "AWS::CloudWatch::Alarm", Status: "MODIFIED"},
		{LogicalID: "Stack", ResourceType: "AWS::Test::Stack", Status: "MODIFIED", Differences: []events.PropertyDifference{
			{Path: "/Size", Type: "NOT_EQUAL", Expected: "1", Actual: "5"}, {Path: "/Rules/0/Port", Type: "NOT_EQUAL", Expected: "1", Actual: "22"},
			{Path: "/Password", Type: "NOT_EQUAL", Expected: redact.Value("/Password", "hunter2"), Actual: redact.Value("/Password", "hunter3")},
			{Path: "/Text", Type: "NOT_EQUAL", Expected: "x", Actual: "long…"},
		}},
		{LogicalID: "Queue", ResourceType: "AWS::SQS::Queue", Status: "DELETED"},
		{LogicalID: "Router", ResourceType: "AWS::ElasticLoadBalancingV2::Listener", Status: "MODIFIED"},
	}
}

// found is drifted with what the guard leaves alone.
func found() drift.Drift {
	return drift.Drift{Resources: drifted(), Alike: []string{"Policy"}, Routed: []string{"Router"}, Kept: []drift.Kept{
		{LogicalID: "Topic", Path: "/Tracing", Why: "accepted by kim: an experiment"}, {LogicalID: "Alarm", Why: "ignored until 2026-02-01: a test"},
	}}
}

func modify(id string) drift.Change {
	return drift.Change{Action: "Modify", LogicalID: id, Replacement: "False", Details: []drift.ChangeDetail{
		{Path: "/Properties/BillingMode", Type: "Modify", RequiresRecreation: "Never", After: "PAY_PER_REQUEST"},
	}}
}

// since is a change of what drifted, with the value that the change set saw.
func since(path, actual string) drift.Change {
	c := modify("Stack")
	c.Details[0].Path, c.Details[0].Drift = path, &drift.LiveDrift{Previous: "before", Actual: actual}
	return c
}

func with(c drift.Change, f func(*drift.Change)) drift.Change { f(&c); return c }

// The rules are those of the CloudFormation user guide, "Using drift-aware
// change sets", and of the API reference, ResourceChange: "SyncWithActual
// (resource will not be changed, only CloudFormation metadata will change)".
func TestGuard(t *testing.T) {
	tests := []struct {
		name    string
		changes []drift.Change
		want    string // part of the only reason; empty means that it may be executed
	}{
		{"modify what was modified", []drift.Change{modify("Table")}, ""},
		{"create what was deleted", []drift.Change{{Action: "Add", LogicalID: "Queue"}}, ""},
		{"both", []drift.Change{modify("Table"), {Action: "Add", LogicalID: "Queue"}}, ""},
		{"sync beside a revert", []drift.Change{modify("Table"), {Action: "SyncWithActual", LogicalID: "Queue"}}, ""},
		{"a synced property beside a reverted one", []drift.Change{with(modify("Table"), func(c *drift.Change) {
			c.Details = append(c.Details, drift.ChangeDetail{Path: "/Properties/TableName", Type: "SyncWithActual", RequiresRecreation: "Always"})
		})}, ""},
		{"rewriting the same value beside a revert", []drift.Change{modify("Table"), modify("Policy")}, ""},
		{"only rewriting the same value", []drift.Change{modify("Policy")}, "would bring no drifted resource back"},
		{"replacing for the same value", []drift.Change{modify("Table"), with(modify("Policy"), func(c *drift.Change) { c.Replacement = "True" })}, "Policy might be replaced"},
		{"weights of a rollout beside a revert", []drift.Change{modify("Table"), modify("Router")}, "Router has the weights of a rollout"},
		{"weights of a rollout that are taken over", []drift.Change{modify("Table"), with(modify("Router"), func(c *drift.Change) { c.Action = "SyncWithActual" })}, ""},
		{"beside what is accepted", []drift.Change{modify("Topic")}, ""},
		{"what is accepted", []drift.Change{with(modify("Topic"), func(c *drift.Change) { c.Details[0].Path = "/Properties/Tracing" })}, "Topic/Tracing would be overwritten, which is accepted by kim"},
		{"a part of what is accepted", []drift.Change{with(modify("Topic"), func(c *drift.Change) { c.Details[0].Path = "/Properties/Tracing/Mode" })}, "Topic/Tracing would be overwritten"},
		{"the whole of what is accepted", []drift.Change{with(modify("Topic"), func(c *drift.Change) { c.Details[0].Path = "/Properties" })}, "Topic/Tracing would be overwritten"},
		{"another name that begins so", []drift.Change{with(modify("Topic"), func(c *drift.Change) { c.Details[0].Path = "/Properties/TracingMode" })}, ""},
		{"a change without details", []drift.Change{with(modify("Topic"), func(c *drift.Change) { c.Details = nil })}, "Topic/Tracing would be overwritten"},
		{"a resource that is ignored", []drift.Change{modify("Table"), modify("Alarm")}, "Alarm would be overwritten, which is ignored until 2026-02-01: a test"},
		{"what is accepted is taken over", []drift.Change{modify("Table"), with(modify("Alarm"), func(c *drift.Change) { c.Action = "SyncWithActual" })}, ""},
		{"as it was reported", []drift.Change{since("/Properties/Size", "5")}, ""},
		{"the same number", []drift.Change{since("/Properties/Size", "5.0")}, ""},
		{"another value than reported", []drift.Change{since("/Properties/Size", "6")}, "Stack/Size has another value than in the report"},
		{"another property than reported", []drift.Change{since("/Properties/Colour", "red")}, "Stack/Colour has drifted since the report"},
		{"a part of what was reported", []drift.Change{since("/Properties/Size/Unit", "m")}, ""},
		{"an item of a list", []drift.Change{since("/Properties/Rules/0/Port", "23")}, ""},
		{"a secret", []drift.Change{since("/Properties/Password", "hunter4")}, ""},
		{"a value that was shortened", []drift.Change{since("/Properties/Text", "long text")}, ""},
		{"another value than the shortened one", []drift.Change{since("/Properties/Text", "short")}, "Stack/Text has another value"},
		{"no changes", nil, "would bring no drifted resource back"},
		{"only sync", []drift.Change{{Action: "SyncWithActual", LogicalID: "Table"}}, "would bring no drifted resource back"},
		{"only synced properties", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.Details[0].Type = "SyncWithActual" })}, "would bring no drifted resource back"},
		{"an innocent resource", []drift.Change{modify("Table"), modify("Bucket")}, "Bucket was not reported drifted"},
		{"replacement", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.Replacement = "True" })}, "might be replaced (Replacement True)"},
		{"possible replacement", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.Replacement = "Conditional" })}, "might be replaced (Replacement Conditional)"},
		{"recreation of a property", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.Details[0].RequiresRecreation = "Conditionally" })}, "requires recreation conditionally"},
		{"ReplaceAndDelete", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.PolicyAction = "ReplaceAndDelete" })}, "PolicyAction ReplaceAndDelete"},
		{"removal", []drift.Change{modify("Table"), {Action: "Remove", LogicalID: "Queue"}}, `action "Remove"`},
		{"import", []drift.Change{modify("Table"), {Action: "Import", LogicalID: "Queue"}}, `action "Import"`},
		{"dynamic", []drift.Change{modify("Table"), {Action: "Dynamic", LogicalID: "Queue"}}, `action "Dynamic"`},
		{"an action of tomorrow", []drift.Change{modify("Table"), {Action: "Reshape", LogicalID: "Queue"}}, `action "Reshape"`},
		{"create what exists", []drift.Change{{Action: "Add", LogicalID: "Table"}}, "exists, but the change set would create it"},
		{"value known after apply", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.Details[0].After = unknownValue })}, "known only after apply"},
		{"context known after apply", []drift.Change{with(modify("Table"), func(c *drift.Change) { c.After = `{"Properties":{"Arn":"` + unknownValue + `"}}` })}, "known only after apply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reasons := drift.Guard(drift.ChangeSet{Changes: tt.changes}, found())
			switch {
			case tt.want == "" && len(reasons) > 0:
				t.Errorf("refused: %q", reasons)
			case tt.want != "" && (len(reasons) != 1 || !strings.Contains(reasons[0], tt.want)):
				t.Errorf("reasons %q, want one with %q", reasons, tt.want)
			}
		})
	}
}

// FuzzGuard states what must hold for every change set: it passes only if each
// change is of a drifted resource, none replaces or deletes, no value is
// unknown, and nothing that is ignored or accepted is touched; and adding a
// change of an innocent resource always refuses it.
func FuzzGuard(f *testing.F) {
	f.Add("Modify", "Table", "False", "", "Never", "Modify", "x", "/Properties/X")
	f.Add("Add", "Queue", "", "", "", "", "", "")
	f.Add("SyncWithActual", "Table", "", "", "Always", "SyncWithActual", "", "/Properties")
	f.Add("Remove", "Table", "", "Delete", "", "", "", "")
	f.Add("Modify", "Table", "True", "ReplaceAndDelete", "Always", "Modify", unknownValue, "/Properties/X")
	f.Add("Modify", "Topic", "False", "", "Never", "Modify", "x", "/Properties/Tracing")
	f.Add("Modify", "Alarm", "False", "", "Never", "Modify", "x", "/Properties/X")
	f.Fuzz(func(t *testing.T, action, id, replacement, policy, recreation, typ, after, path string) {
		c := drift.Change{
			Action: action, LogicalID: id, Replacement: replacement, PolicyAction: policy, After: after,
			Details: []drift.ChangeDetail{{Path: path, Type: typ, RequiresRecreation: recreation, After: after}},
		}
		if len(drift.Guard(drift.ChangeSet{Changes: []drift.Change{c, modify("Innocent")}}, found())) == 0 {
			t.Errorf("%+v lets a change of an innocent resource pass", c)
		}
		beside := drift.Guard(drift.ChangeSet{Changes: []drift.Change{c, modify("Table")}}, found())
		if len(beside) == 0 && (id == "Alarm" || id == "Topic" && strings.HasPrefix(path, "/Properties/Tracing/")) && action != "SyncWithActual" && typ != "SyncWithActual" {
			t.Errorf("passes what is ignored or accepted: %+v", c)
		}
		if len(drift.Guard(drift.ChangeSet{Changes: []drift.Change{c}}, found())) > 0 {
			return
		}
		switch {
		case !slices.Contains([]string{"Table", "Queue", "Topic", "Stack"}, id): // what is a rollout's is not reverted, and what is only alike does not count as a revert
			t.Errorf("passes a resource that did not drift: %+v", c)
		case id == "Topic" && (path == "" || path == "/Properties" || path == "/Properties/Tracing"):
			t.Errorf("passes what is accepted: %+v", c)
		case !slices.Contains([]string{"Modify", "Add"}, action):
			t.Errorf("passes action %s", action)
		case replacement != "" && replacement != "False", policy != "":
			t.Errorf("passes a replacement or removal: %+v", c)
		case recreation != "" && recreation != "Never":
			t.Errorf("passes a recreation: %+v", c)
		case strings.Contains(after, unknownValue):
			t.Errorf("passes an unknown value: %+v", c)
		}
	})
}
