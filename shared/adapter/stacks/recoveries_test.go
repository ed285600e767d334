package stacks_test

import (
	"reflect"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/stacks"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestResources(t *testing.T) {
	row := func(id, physical, status string) string {
		return "<member><LogicalResourceId>" + id + "</LogicalResourceId><PhysicalResourceId>" + physical + "</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>" +
			"<ResourceStatus>" + status + "</ResourceStatus><ResourceStatusReason>why</ResourceStatusReason><LastUpdatedTimestamp>2026-11-22T12:00:00Z</LastUpdatedTimestamp></member>"
	}
	stub, s, _ := start(t)
	stub.Reply("cloudformation", "ListStackResources",
		body("ListStackResources", "<StackResourceSummaries>"+row("Z", "z-1", "DELETE_SKIPPED")+"</StackResourceSummaries><NextToken>more</NextToken>"),
		body("ListStackResources", "<StackResourceSummaries>"+row("A", "", "DELETE_COMPLETE")+"</StackResourceSummaries>"))
	got, err := s.Resources(t.Context(), target, stackID)
	want := []deployment.Resource{
		{LogicalID: "A", Type: "AWS::SQS::Queue", Status: "DELETE_COMPLETE", Reason: "why"},
		{LogicalID: "Z", PhysicalID: "z-1", Type: "AWS::SQS::Queue", Status: "DELETE_SKIPPED", Reason: "why"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if call := stub.Calls("cloudformation", "ListStackResources")[0]; call.Form.Get("StackName") != stackID || call.Account != "222222222222" {
		t.Errorf("asked %v", call.Form)
	}
}

// TestRecoveriesCarryTheToken: and what a person leaves out.
func TestRecoveriesCarryTheToken(t *testing.T) {
	stub, s, _ := start(t)
	for action, result := range map[string]string{"RollbackStack": "<StackId>" + stackID + "</StackId>", "ContinueUpdateRollback": "", "DeleteStack": ""} {
		stub.Reply("cloudformation", action, body(action, result))
	}
	ctx := t.Context()
	for _, err := range []error{
		s.Rollback(ctx, target, "t-1"), s.Continue(ctx, target, "t-2", nil), s.Continue(ctx, target, "t-3", []string{"A", "B"}), s.Delete(ctx, target, "t-4", nil), s.Delete(ctx, target, "t-5", []string{"C"}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	continued, deleted := stub.Calls("cloudformation", "ContinueUpdateRollback"), stub.Calls("cloudformation", "DeleteStack")
	if form := stub.Calls("cloudformation", "RollbackStack")[0].Form; form.Get("ClientRequestToken") != "t-1" || form.Get("StackName") != "shop-data-test" {
		t.Errorf("rolled back with %v", form)
	}
	if first, second := continued[0].Form, continued[1].Form; first.Get("ClientRequestToken") != "t-2" || first.Has("ResourcesToSkip.member.1") || second.Get("ResourcesToSkip.member.2") != "B" {
		t.Errorf("continued with %v and %v", first, second)
	}
	if first, second := deleted[0].Form, deleted[1].Form; first.Get("ClientRequestToken") != "t-4" || first.Has("RetainResources.member.1") || second.Get("RetainResources.member.1") != "C" {
		t.Errorf("deleted with %v and %v", first, second)
	}
}

func TestRecoveryOfAStackInAnotherState(t *testing.T) {
	do := map[string]func(*stacks.Stacks) error{
		"RollbackStack":          func(s *stacks.Stacks) error { return s.Rollback(t.Context(), target, "t") },
		"ContinueUpdateRollback": func(s *stacks.Stacks) error { return s.Continue(t.Context(), target, "t", nil) },
		"DeleteStack":            func(s *stacks.Stacks) error { return s.Delete(t.Context(), target, "t", nil) },
	}
	for action, call := range do {
		for message, kind := range map[string]string{
			"Stack:" + stackID + " is in UPDATE_COMPLETE state and can not continue update rollback.": fault.ConflictError,
			"Resource [A] does not exist": fault.InvalidError,
		} {
			stub, s, _ := start(t)
			stub.On("cloudformation", action, refuse(400, "ValidationError", message))
			if err := call(s); !fault.Is(err, kind) {
				t.Errorf("%s: %s: %v, want a %s", action, message, err, kind)
			}
		}
	}
}

// TestRollbackConfiguration: it is sent with every change set, an empty one so
// that no alarm stays on the stack, and read back.
func TestRollbackConfiguration(t *testing.T) {
	ctx := t.Context()
	stub, _, c := start(t)
	stub.Reply("cloudformation", "CreateChangeSet", body("CreateChangeSet", "<Id>arn:cs</Id><StackId>"+stackID+"</StackId>"))
	watched := deployment.RollbackConfiguration{Minutes: 10, Triggers: []deployment.RollbackTrigger{
		{ARN: "arn:a", Type: "AWS::CloudWatch::Alarm"}, {ARN: "arn:b", Type: "AWS::CloudWatch::CompositeAlarm"},
	}}
	for _, config := range []deployment.RollbackConfiguration{watched, {}} {
		if _, _, err := c.Create(ctx, target, deployment.ChangeSetInput{Name: "evenkeel-x", Type: "UPDATE", Rollback: config}); err != nil {
			t.Fatal(err)
		}
	}
	calls := stub.Calls("cloudformation", "CreateChangeSet")
	for name, want := range map[string]string{
		"RollbackConfiguration.MonitoringTimeInMinutes": "10", "RollbackConfiguration.RollbackTriggers.member.1.Arn": "arn:a",
		"RollbackConfiguration.RollbackTriggers.member.2.Type": "AWS::CloudWatch::CompositeAlarm",
	} {
		if got := calls[0].Form.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if form := calls[1].Form; !form.Has("RollbackConfiguration.RollbackTriggers") || form.Get("RollbackConfiguration.MonitoringTimeInMinutes") != "0" {
		t.Errorf("nothing clears the alarms: %v", form)
	}
	stub.Reply("cloudformation", "DescribeChangeSet", body("DescribeChangeSet", `<ChangeSetId>arn:cs</ChangeSetId><Status>CREATE_COMPLETE</Status><RollbackConfiguration>
		<MonitoringTimeInMinutes>10</MonitoringTimeInMinutes><RollbackTriggers><member><Arn>arn:b</Arn><Type>AWS::CloudWatch::CompositeAlarm</Type></member>
		<member><Arn>arn:a</Arn><Type>AWS::CloudWatch::Alarm</Type></member></RollbackTriggers></RollbackConfiguration>`))
	set, err := c.Read(ctx, target, "arn:cs")
	if want := (&changeset.Rollback{MonitoringMinutes: 10, Alarms: []string{"arn:a", "arn:b"}}); err != nil || !reflect.DeepEqual(set.Rollback, want) {
		t.Errorf("read %+v, %v", set.Rollback, err)
	}
}
