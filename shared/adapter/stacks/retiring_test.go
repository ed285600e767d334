package stacks_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/stacks"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

func retiring(t *testing.T) (*awsstub.Stub, *stacks.Retiring) {
	stub := awsstub.Start(t)
	return stub, stacks.NewRetiring(session.NewWorkloads(stub.Config(), "evenkeel-rollout"))
}

func TestRetiringDescribe(t *testing.T) {
	stub, s := retiring(t)
	stub.Reply("cloudformation", "DescribeStacks", body("DescribeStacks", `<Stacks><member><StackId>`+stackID+`</StackId><StackName>shop-data-test</StackName>
		<StackStatus>DELETE_FAILED</StackStatus><StackStatusReason>why</StackStatusReason><CreationTime>2026-11-22T12:00:00Z</CreationTime>
		<EnableTerminationProtection>true</EnableTerminationProtection>
		<Tags><member><Key>evenkeel:repository</Key><Value>acme/shop</Value></member></Tags></member></Stacks>`))
	got, err := s.Describe(t.Context(), target)
	if want := (rollout.Stack{ID: stackID, Status: "DELETE_FAILED", Reason: "why", Repository: "acme/shop", Protected: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	stub.On("cloudformation", "DescribeStacks", refuse(400, "ValidationError", "Stack with id shop-data-test does not exist"))
	if got, err := s.Describe(t.Context(), target); err != nil || got.Status != "" {
		t.Errorf("one that is gone: %+v, %v", got, err)
	}
}

func TestRetiringTemplate(t *testing.T) {
	stub, s := retiring(t)
	stub.Reply("cloudformation", "GetTemplate", body("GetTemplate", "<TemplateBody>Resources: {}</TemplateBody>"))
	text, err := s.Template(t.Context(), target)
	if err != nil || string(text) != "Resources: {}" {
		t.Errorf("%s, %v", text, err)
	}
	if call := stub.Calls("cloudformation", "GetTemplate")[0]; call.Form.Get("TemplateStage") != "Processed" || call.Account != "222222222222" {
		t.Errorf("asked %v in %s", call.Form, call.Account)
	}
}

func TestRetiringDelete(t *testing.T) {
	stub, s := retiring(t)
	stub.Reply("cloudformation", "DeleteStack", body("DeleteStack", ""))
	if err := s.Delete(t.Context(), target, stackID, "evenkeel-retire-r1"); err != nil {
		t.Fatal(err)
	}
	call := stub.Calls("cloudformation", "DeleteStack")[0]
	if call.Form.Get("StackName") != stackID || call.Form.Get("ClientRequestToken") != "evenkeel-retire-r1" || call.Form.Has("RetainResources.member.1") {
		t.Errorf("asked %v", call.Form)
	}
	stub.On("cloudformation", "DeleteStack", refuse(400, "Throttling", "Rate exceeded"))
	if err := s.Delete(t.Context(), target, stackID, "t"); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}
