package simulator_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// failing is a stack of which one resource can be told to fail.
const failing = `
Parameters:
  Delay: {Type: Number, Default: 5}
  Name: {Type: String, Default: one}
  Fail: {Type: String, Default: ""}
  On: {Type: String, Default: "create"}
Conditions:
  Extra: !Not [!Equals [!Ref Delay, "5"]]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "q-${Name}", DelaySeconds: !Ref Delay}
  Added:
    Type: AWS::SNS::Topic
    Condition: Extra
    Properties: {TopicName: added}
  Still:
    Type: AWS::SQS::Queue
    Properties: {QueueName: still}
  Last:
    Type: AWS::SSM::Parameter
    DependsOn: [Queue, Still]
    Metadata: {"Evenkeel::Simulate": {Fail: !Ref Fail, On: !Ref "On"}}
    Properties: {Name: /last, Type: String, Value: !Ref Delay}
`

// CFN-5: a failed create is rolled back to ROLLBACK_COMPLETE; nothing remains,
// and the stack can only be deleted.
func TestRollbackOfCreate(t *testing.T) {
	w := start(t)
	s := w.deploy("shop", failing, "Fail", "out of luck")
	w.wantStatus(s, types.StackStatusRollbackComplete)
	history := w.history("shop")
	for _, want := range []string{
		"shop ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Last]. Rollback requested by user.",
		"Queue DELETE_COMPLETE",
	} {
		if !contains(history, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(history, "\n"))
		}
	}
	if text := strings.Join(history, "\n"); !strings.Contains(text, `Last CREATE_FAILED Resource handler returned message: "out of luck" (RequestToken: `) {
		t.Error(text)
	}
	_, err := w.cfn.CreateChangeSet(context.Background(), &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("again"), TemplateBody: aws.String(failing)})
	if err == nil || !strings.Contains(err.Error(), "is in ROLLBACK_COMPLETE state and can not be updated.") {
		t.Errorf("update of it: %v", err)
	}
	if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
	w.wantStatus(w.deploy("shop", failing), types.StackStatusCreateComplete)
}

// CFN-6: a failed update restores what it changed, keeps a replaced resource,
// deletes what it made, and does not touch the rest.
func TestRollbackOfUpdate(t *testing.T) {
	for name, test := range map[string]struct{ params []string }{
		"in place": {[]string{"Delay", "9"}},
		"replaced": {[]string{"Delay", "9", "Name", "two"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			w.wantStatus(w.deploy("shop", failing), types.StackStatusCreateComplete)
			queue := "https://sqs.eu-west-1.amazonaws.com/222222222222/q-one"
			before := w.live("AWS::SQS::Queue", queue)
			began := len(w.history("shop"))
			cs := w.update("shop", failing, append(test.params, "Fail", "half-way", "On", "update")...)
			w.wantStatus(w.execute(cs, "token-2"), types.StackStatusUpdateRollbackComplete)
			if after := w.live("AWS::SQS::Queue", queue); !reflect.DeepEqual(before, after) {
				t.Errorf("the queue was\n%v\nis\n%v", before, after)
			}
			if got := w.live("AWS::SSM::Parameter", "/last")["Value"]; got != "5" {
				t.Errorf("parameter = %v", got)
			}
			history := w.history("shop")[began:]
			text := strings.Join(history, "\n")
			if strings.Contains(text, "Still ") {
				t.Errorf("an unchanged resource was touched:\n%s", text)
			}
			if !contains(history, "Added DELETE_COMPLETE") || !contains(history, "shop UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Last].") {
				t.Error(text)
			}
			// The stack is as before: the same template changes nothing.
			if cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("same"), TemplateBody: aws.String(failing)}); cs.Status != types.ChangeSetStatusFailed {
				t.Errorf("after the rollback there are changes: %+v", cs.Changes[0].ResourceChange)
			}
		})
	}
}

// CFN-6: a rollback that fails can be continued, skipping what cannot be restored.
func TestContinueUpdateRollback(t *testing.T) {
	w := start(t)
	w.deploy("shop", failing)
	cs := w.update("shop", failing, "Delay", "9", "Fail", "for good", "On", "update|rollback")
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateRollbackFailed)
	ctx := context.Background()
	if _, err := w.cfn.ContinueUpdateRollback(ctx, &cfn.ContinueUpdateRollbackInput{StackName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackFailed)
	if _, err := w.cfn.ContinueUpdateRollback(ctx, &cfn.ContinueUpdateRollbackInput{StackName: aws.String("shop"), ResourcesToSkip: []string{"Last"}}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
	if got := w.live("AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/222222222222/q-one")["DelaySeconds"]; got != 5.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
}

// CFN-7: without rollback the stack stays as it failed; RollbackStack or a new
// update goes on from there.
func TestDisableRollback(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.deploy("shop", failing)
	fail := func() {
		t.Helper()
		if _, err := w.cfn.UpdateStack(ctx, &cfn.UpdateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(failing), DisableRollback: aws.Bool(true), Parameters: parameters("Delay", "9", "Fail", "no", "On", "update")}); err != nil {
			t.Fatal(err)
		}
		w.wantStatus(w.settled("shop"), types.StackStatusUpdateFailed)
	}
	fail()
	if _, err := w.cfn.RollbackStack(ctx, &cfn.RollbackStackInput{StackName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
	fail()
	w.wantStatus(w.execute(w.update("shop", failing, "Delay", "9"), "t"), types.StackStatusUpdateComplete)
	if got := w.live("AWS::SSM::Parameter", "/last")["Value"]; got != "9" {
		t.Errorf("parameter = %v", got)
	}
}

// CFN-4, CFN-9: deletion honours DeletionPolicy, termination protection and exports
// in use; a deleted stack is found by its ARN only.
func TestDelete(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	s := w.deploy("shop", storage)
	user := "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue shop-url}}}"
	w.wantStatus(w.deploy("user", user), types.StackStatusCreateComplete)
	remove := func(name string) error {
		_, err := w.cfn.DeleteStack(ctx, &cfn.DeleteStackInput{StackName: &name})
		return err
	}
	if err := remove("shop"); err != nil {
		t.Fatal(err)
	}
	if got := w.settled("shop"); got.StackStatus != types.StackStatusCreateComplete || !strings.Contains(aws.ToString(got.StackStatusReason), "Cannot delete export shop-url as it is in use by user") {
		t.Fatalf("%s %s", got.StackStatus, aws.ToString(got.StackStatusReason))
	}
	if err := remove("user"); err != nil {
		t.Fatal(err)
	}
	w.eventually("deletion", func() bool {
		out, err := w.cfn.ListStacks(ctx, &cfn.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}})
		return err == nil && len(out.StackSummaries) == 1
	})
	if _, err := w.cfn.UpdateTerminationProtection(ctx, &cfn.UpdateTerminationProtectionInput{StackName: aws.String("shop"), EnableTerminationProtection: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if err := remove("shop"); err == nil || !strings.Contains(err.Error(), "cannot be deleted while TerminationProtection is enabled") {
		t.Fatal(err)
	}
	_, _ = w.cfn.UpdateTerminationProtection(ctx, &cfn.UpdateTerminationProtectionInput{StackName: aws.String("shop"), EnableTerminationProtection: aws.Bool(false)})
	if err := remove("shop"); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
	if !contains(w.history(*s.StackId), "Bucket DELETE_SKIPPED") {
		t.Error(w.history(*s.StackId))
	}
	if _, err := w.cfn.DescribeStacks(ctx, &cfn.DescribeStacksInput{StackName: aws.String("shop")}); err == nil {
		t.Error("a deleted stack was found by name")
	}
}

func contains(list []string, want string) bool {
	for _, one := range list {
		if one == want {
			return true
		}
	}
	return false
}

// CFN-5, CFN-7: what a failed create leaves is the caller's choice.
func TestCreateFailureOptions(t *testing.T) {
	ctx := context.Background()
	create := func(w *world, in *cfn.CreateStackInput) types.Stack {
		t.Helper()
		in.StackName, in.TemplateBody, in.Parameters = aws.String("shop"), aws.String(failing), parameters("Fail", "no")
		out, err := w.cfn.CreateStack(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		return w.settled(*out.StackId)
	}
	t.Run("delete", func(t *testing.T) {
		w := start(t)
		w.wantStatus(create(w, &cfn.CreateStackInput{OnFailure: types.OnFailureDelete}), types.StackStatusDeleteComplete)
	})
	t.Run("do nothing, then roll back", func(t *testing.T) {
		w := start(t)
		s := create(w, &cfn.CreateStackInput{OnFailure: types.OnFailureDoNothing})
		w.wantStatus(s, types.StackStatusCreateFailed)
		w.live("AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/222222222222/still")
		if _, err := w.cfn.RollbackStack(ctx, &cfn.RollbackStackInput{StackName: aws.String("shop")}); err != nil {
			t.Fatal(err)
		}
		w.wantStatus(w.settled(*s.StackId), types.StackStatusRollbackComplete)
		if left := w.queues(); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("do nothing, then update", func(t *testing.T) {
		w := start(t)
		w.wantStatus(create(w, &cfn.CreateStackInput{DisableRollback: aws.Bool(true)}), types.StackStatusCreateFailed)
		w.wantStatus(w.execute(w.update("shop", failing), "t"), types.StackStatusUpdateComplete)
		w.live("AWS::SSM::Parameter", "/last")
	})
	t.Run("both options", func(t *testing.T) {
		w := start(t)
		_, err := w.cfn.CreateStack(ctx, &cfn.CreateStackInput{StackName: aws.String("x"), TemplateBody: aws.String(failing), OnFailure: types.OnFailureDelete, DisableRollback: aws.Bool(true)})
		if err == nil || !strings.Contains(err.Error(), "either DisableRollback or OnFailure") {
			t.Error(err)
		}
	})
}

// CFN-9: a resource that cannot be deleted leaves the stack DELETE_FAILED;
// retaining it, or force, gets rid of the stack.
func TestDeleteFailed(t *testing.T) {
	ctx := context.Background()
	for name, again := range map[string]*cfn.DeleteStackInput{
		"retain": {RetainResources: []string{"Queue"}},
		"force":  {DeletionMode: types.DeletionModeForceDeleteStack},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			s := w.deploy("shop", tagged)
			w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"delete","reason":"in use"}`)
			if _, err := w.cfn.DeleteStack(ctx, &cfn.DeleteStackInput{StackName: s.StackId, RetainResources: []string{"Queue"}}); err == nil {
				t.Error("RetainResources was accepted before DELETE_FAILED")
			}
			if _, err := w.cfn.DeleteStack(ctx, &cfn.DeleteStackInput{StackName: s.StackId}); err != nil {
				t.Fatal(err)
			}
			s = w.settled(*s.StackId)
			w.wantStatus(s, types.StackStatusDeleteFailed)
			if !strings.HasPrefix(*s.StackStatusReason, "The following resource(s) failed to delete: [Queue].") {
				t.Error(*s.StackStatusReason)
			}
			again.StackName = s.StackId
			if _, err := w.cfn.DeleteStack(ctx, again); err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
			w.live("AWS::SQS::Queue", queueURL)
		})
	}
}

// wantToken checks that all events of the stack since an operation began carry
// its token, and that they end in the status.
func (w *world) wantToken(name, token, last string) {
	w.t.Helper()
	out, err := w.cfn.DescribeStackEvents(context.Background(), &cfn.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, e := range out.StackEvents {
		if aws.ToString(e.ClientRequestToken) != token {
			break
		}
		n++
	}
	if n < 2 || string(out.StackEvents[0].ResourceStatus) != last {
		w.t.Errorf("%d events with the token %s, the last is %s; want %s", n, token, out.StackEvents[0].ResourceStatus, last)
	}
}
