package changeset_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestParse(t *testing.T) {
	set, err := changeset.Parse([]byte(`{"ChangeSetId": "arn:c", "StackId": "arn:s", "StackName": "shop", "Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE",
		"Parameters": [{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "P", "ParameterValue": "/x", "ResolvedValue": "y"}], "Capabilities": ["CAPABILITY_IAM"],
		"RollbackConfiguration": {"MonitoringTimeInMinutes": 5, "RollbackTriggers": [{"Arn": "arn:b"}, {"Arn": "arn:a"}]}, "IncludeNestedStacks": true,
		"Changes": [{"Type": "Resource", "HookInvocationCount": 1}, {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Q", "PhysicalResourceId": "q", "ResourceType": "T", "Replacement": "True",
			"PolicyAction": "ReplaceAndRetain", "ChangeSetId": "arn:n", "ResourceDriftStatus": "MODIFIED", "ResourceDriftIgnoredAttributes": [{"Path": "/a", "Reason": "MANAGED_BY_AWS"}],
			"Details": [{"Evaluation": "Static", "ChangeSource": "DirectModification", "Target": {"Attribute": "Properties", "Name": "X", "Path": "/Properties/X", "BeforeValue": "\"5\"", "AfterValue": "6",
				"BeforeValueFrom": "ACTUAL_STATE", "Drift": {"PreviousValue": "4"}, "RequiresRecreation": "Always", "AttributeChangeType": "Modify"}}]}}]}`))
	if err != nil || len(set.Changes) != 1 || set.Parameters["P"] != "/x = y" || set.Rollback.Alarms[0] != "arn:a" || !set.IncludesNested || set.StackName != "shop" {
		t.Fatalf("%+v, %v", set, err)
	}
	c := set.Changes[0]
	want := changeset.Detail{
		Attribute: "Properties", Name: "X", Path: "/Properties/X", ChangeType: "Modify", Before: "5", After: "6", BeforeFrom: "ACTUAL_STATE", Deployed: "4",
		Recreation: "Always", Evaluation: "Static", Source: "DirectModification",
	}
	if c.Details[0] != want || c.Nested != "arn:n" || c.Drift != "MODIFIED" || c.DriftIgnored[0] != "/a MANAGED_BY_AWS" || c.PhysicalID != "q" {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{"", "[]", "{}", `{"Changes": null}`, `{"Changes": 1}`} {
		if _, err := changeset.Parse([]byte(bad)); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReplaces(t *testing.T) {
	always := func(evaluation, after string) []changeset.Detail {
		return []changeset.Detail{{Recreation: "Never"}, {Recreation: "Always", Evaluation: evaluation, After: after}}
	}
	for name, tt := range map[string]struct {
		change changeset.Change
		want   changeset.Certainty
	}{
		"no":                     {changeset.Change{Action: "Modify", Replacement: "False"}, changeset.No},
		"yes":                    {changeset.Change{Action: "Modify", Replacement: "True"}, changeset.Yes},
		"by a value":             {changeset.Change{Action: "Modify", Replacement: "True", Details: always("Static", "a")}, changeset.Yes},
		"by an unknown value":    {changeset.Change{Action: "Modify", Replacement: "True", Details: always("Dynamic", "")}, changeset.Perhaps},
		"known after the apply":  {changeset.Change{Action: "Modify", Replacement: "True", Details: always("Static", "{{changeSet:KNOWN_AFTER_APPLY}}")}, changeset.Perhaps},
		"conditional":            {changeset.Change{Action: "Modify", Replacement: "Conditional"}, changeset.Perhaps},
		"the policy alone":       {changeset.Change{Action: "Modify", PolicyAction: "ReplaceAndDelete"}, changeset.Yes},
		"added":                  {changeset.Change{Action: "Add", Replacement: "True"}, changeset.No},
		"conditionally, no word": {changeset.Change{Action: "Modify", Replacement: "True", Details: []changeset.Detail{{Recreation: "Conditionally"}}}, changeset.Perhaps},
	} {
		if got := tt.change.Replaces(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
