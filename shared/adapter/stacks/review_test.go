package stacks_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
)

func TestListChangeSets(t *testing.T) {
	stub, s, _ := start(t)
	page := func(name, next string) string {
		return body("ListChangeSets", `<Summaries><member><ChangeSetId>arn:`+name+`</ChangeSetId><ChangeSetName>`+name+`</ChangeSetName></member></Summaries>`+next)
	}
	stub.Reply("cloudformation", "ListChangeSets", page("a", "<NextToken>n</NextToken>"), page("b", ""))
	got, err := s.ChangeSets(t.Context(), target)
	if err != nil || len(got) != 2 || got[1] != (review.ChangeSetRef{ID: "arn:b", Name: "b"}) {
		t.Errorf("%v, %v", got, err)
	}
	stub.On("cloudformation", "ListChangeSets", refuse(400, "ValidationError", "Stack [shop-data-test] does not exist"))
	if got, err := s.ChangeSets(t.Context(), target); err != nil || got != nil {
		t.Errorf("no stack: %v, %v", got, err)
	}
	stub.On("cloudformation", "ListChangeSets", refuse(400, "Throttling", "Rate exceeded"))
	if _, err := s.ChangeSets(t.Context(), target); !fault.Is(err, fault.TransientError) {
		t.Errorf("%v", err)
	}
}

// An empty stack is deleted by its ARN and by a role that can delete nothing.
func TestDeleteEmpty(t *testing.T) {
	stub, s, _ := start(t)
	stub.Reply("cloudformation", "DeleteStack", body("DeleteStack", ""))
	if err := s.DeleteEmpty(t.Context(), target, stackID); err != nil {
		t.Fatal(err)
	}
	call := stub.Calls("cloudformation", "DeleteStack")[0]
	if call.Form.Get("StackName") != stackID || call.Form.Get("RoleARN") != "arn:aws:iam::222222222222:role/evenkeel-review-empty" || call.Account != "222222222222" {
		t.Errorf("%+v", call.Form)
	}
}
