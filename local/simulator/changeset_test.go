package simulator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const storage = `
Parameters:
  Delay: {Type: Number, Default: 5}
  Suffix: {Type: String, Default: one}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "orders-${Suffix}"
      DelaySeconds: !Ref Delay
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !GetAtt Queue.Arn
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties:
      VersioningConfiguration: {Status: Enabled}
Outputs:
  Url: {Value: !Ref Queue, Export: {Name: !Sub "${AWS::StackName}-url"}}
  TopicArn: {Value: !Ref Topic}
`

// CFN-10: a change set of type CREATE makes a stack in REVIEW_IN_PROGRESS, and
// executing it creates the resources, dependencies first.
func TestCreateThroughChangeSet(t *testing.T) {
	w := start(t)
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("first"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(storage)})
	if got := w.stack("shop").StackStatus; got != types.StackStatusReviewInProgress {
		t.Fatalf("before execution the stack is %s", got)
	}
	if len(cs.Changes) != 3 || cs.Changes[0].ResourceChange.Action != types.ChangeActionAdd {
		t.Fatalf("changes: %v", cs.Changes)
	}
	s := w.execute(cs, "token-1")
	w.wantStatus(s, types.StackStatusCreateComplete)
	if got, want := w.output(s, "Url"), "https://sqs.eu-west-1.amazonaws.com/222222222222/orders-one"; got != want {
		t.Errorf("Url = %s, want %s", got, want)
	}
	if got := w.live("AWS::SNS::Topic", w.output(s, "TopicArn"))["DisplayName"]; got != "arn:aws:sqs:eu-west-1:222222222222:orders-one" {
		t.Errorf("DisplayName = %v", got)
	}
	history := strings.Join(w.history("shop"), "\n")
	if strings.Index(history, "Queue CREATE_COMPLETE") > strings.Index(history, "Topic CREATE_IN_PROGRESS") {
		t.Errorf("Topic began before Queue was complete:\n%s", history)
	}
	again, err := w.cfn.DescribeChangeSet(context.Background(), &cfn.DescribeChangeSetInput{ChangeSetName: cs.ChangeSetId})
	if err != nil || again.ExecutionStatus != types.ExecutionStatusExecuteComplete {
		t.Errorf("after execution: %v %v", again.ExecutionStatus, err)
	}
}

// CFN-12: a change set without changes fails with this sentence; a change of
// outputs alone is executable with no changes listed.
func TestEmptyChangeSet(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	cs := w.update("shop", storage)
	if cs.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(*cs.StatusReason, "The submitted information didn't contain changes.") || cs.ExecutionStatus != types.ExecutionStatusUnavailable {
		t.Fatalf("%s %s %s", cs.Status, aws.ToString(cs.StatusReason), cs.ExecutionStatus)
	}
	_, err := w.cfn.UpdateStack(context.Background(), &cfn.UpdateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(storage)})
	if err == nil || !strings.Contains(err.Error(), "ValidationError: No updates are to be performed.") {
		t.Fatalf("UpdateStack: %v", err)
	}
	more := storage + "  Extra: {Value: x}\n"
	out := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("outputs"), TemplateBody: &more})
	if out.Status != types.ChangeSetStatusCreateComplete || len(out.Changes) != 0 {
		t.Fatalf("outputs only: %s %v", out.Status, out.Changes)
	}
	w.wantStatus(w.execute(out, "t"), types.StackStatusUpdateComplete)
}

// CFN-13, CFN-14, CFN-16: a changed parameter of a mutable property is a
// Modify without replacement; a create-only property replaces, and what
// depends on the new resource is known after apply.
func TestChangeDetails(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	cs := w.update("shop", storage, "Delay", "9")
	if len(cs.Changes) != 1 {
		t.Fatalf("changes: %+v", cs.Changes)
	}
	rc := cs.Changes[0].ResourceChange
	d := rc.Details[0]
	if *rc.LogicalResourceId != "Queue" || rc.Replacement != types.ReplacementFalse || *d.Target.Path != "/Properties/DelaySeconds" || *d.Target.BeforeValue != "5" || *d.Target.AfterValue != "9" ||
		d.ChangeSource != types.ChangeSourceParameterReference || *d.CausingEntity != "Delay" || d.Evaluation != types.EvaluationTypeStatic {
		t.Errorf("%+v %+v %+v", rc, d, d.Target)
	}
	if !strings.Contains(*rc.AfterContext, `"DelaySeconds":9`) || !strings.Contains(*rc.BeforeContext, `"DelaySeconds":5`) {
		t.Errorf("contexts: %s %s", *rc.BeforeContext, *rc.AfterContext)
	}
	cs = w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("rename"), TemplateBody: aws.String(storage), Parameters: parameters("Suffix", "two")})
	if len(cs.Changes) != 2 {
		t.Fatalf("changes: %+v", cs.Changes)
	}
	queue, topic := cs.Changes[0].ResourceChange, cs.Changes[1].ResourceChange
	if queue.Replacement != types.ReplacementTrue || queue.PolicyAction != types.PolicyActionReplaceAndDelete {
		t.Errorf("queue: %s %s", queue.Replacement, queue.PolicyAction)
	}
	d = topic.Details[0]
	if *d.Target.AfterValue != "{{changeSet:KNOWN_AFTER_APPLY}}" || d.Evaluation != types.EvaluationTypeDynamic || d.ChangeSource != types.ChangeSourceResourceAttribute || *d.CausingEntity != "Queue.Arn" {
		t.Errorf("topic: %+v %+v", d, d.Target)
	}
	s := w.execute(cs, "t")
	w.wantStatus(s, types.StackStatusUpdateComplete)
	if got := w.output(s, "Url"); !strings.HasSuffix(got, "/orders-two") {
		t.Errorf("Url = %s", got)
	}
	if history := strings.Join(w.history("shop"), "\n"); !strings.Contains(history, "Queue DELETE_COMPLETE") || strings.Index(history, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") > strings.Index(history, "Queue DELETE_COMPLETE") {
		t.Errorf("the old queue must go in the clean-up:\n%s", history)
	}
}

// CFN-15: early validation fails the change set; DescribeEvents names the path.
func TestEarlyValidation(t *testing.T) {
	w := start(t)
	bad := "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {DelaySecond: 5, FifoQueue: maybe}\n"
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("bad"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &bad})
	if cs.Status != types.ChangeSetStatusFailed || !strings.Contains(*cs.StatusReason, "[AWS::EarlyValidation::PropertyValidation]") {
		t.Fatalf("%s %s", cs.Status, aws.ToString(cs.StatusReason))
	}
	out, err := w.cfn.DescribeEvents(context.Background(), &cfn.DescribeEventsInput{ChangeSetName: cs.ChangeSetId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range out.OperationEvents {
		got = append(got, string(e.EventType)+" "+*e.ValidationPath+" "+*e.ValidationStatusReason)
	}
	want := []string{
		"VALIDATION_ERROR /Resources/Queue/Properties #: extraneous key [DelaySecond] is not permitted",
		"VALIDATION_ERROR /Resources/Queue/Properties/FifoQueue #/FifoQueue: expected type: Boolean, found: String",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// CFN-17, CFN-18: errors of the change set life cycle.
func TestChangeSetErrors(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	ctx := context.Background()
	w.update("shop", storage)
	for name, test := range map[string]struct {
		call func() error
		want string
	}{
		"name taken, also by a failed one": {func() error {
			_, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("update"), TemplateBody: aws.String(storage)})
			return err
		}, "AlreadyExistsException"},
		"missing change set": {func() error {
			_, err := w.cfn.DescribeChangeSet(ctx, &cfn.DescribeChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("none")})
			return err
		}, "ChangeSetNotFound"},
		"execute a failed one": {func() error {
			_, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("update")})
			return err
		}, "InvalidChangeSetStatus"},
		"update what is not there": {func() error {
			_, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("none"), ChangeSetName: aws.String("x"), TemplateBody: aws.String(storage)})
			return err
		}, "Stack [none] does not exist"},
		"create what is there": {func() error {
			_, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(storage)})
			return err
		}, "already exists and cannot be created again"},
		"missing stack": {func() error {
			_, err := w.cfn.DescribeStacks(ctx, &cfn.DescribeStacksInput{StackName: aws.String("none")})
			return err
		}, "ValidationError: Stack with id none does not exist"},
		"unknown parameter": {func() error {
			_, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), TemplateBody: aws.String(storage), Parameters: parameters("Nope", "1")})
			return err
		}, "Parameters: [Nope] do not exist in the template"},
		"iam without capability": {func() error {
			body := "Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: x, AssumeRolePolicyDocument: {}}}}"
			_, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("iam"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body, Capabilities: []types.Capability{types.CapabilityCapabilityIam}})
			return err
		}, "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
	} {
		if err := test.call(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

// CFN-16: a large change set comes in pages of 1 MB, each change once.
func TestChangeSetPages(t *testing.T) {
	const size = 400 // resources, of about 2 KB in the template and 4 KB in the answer
	var body strings.Builder
	body.WriteString("Parameters: {Padding: {Type: String, Default: " + strings.Repeat("x", 3000) + "}}\nResources:\n")
	for i := range size {
		fmt.Fprintf(&body, "  P%03d: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Padding}}\n", i)
	}
	w := start(t)
	first := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("big"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(body.String())})
	if first.NextToken == nil {
		t.Fatal("one page for more than 1 MB")
	}
	seen := map[string]bool{}
	for page := first; page != nil; {
		for _, change := range page.Changes {
			id := *change.ResourceChange.LogicalResourceId
			if seen[id] {
				t.Errorf("%s twice", id)
			}
			seen[id] = true
		}
		token := page.NextToken
		if page = nil; token == nil {
			break
		}
		var err error
		page, err = w.cfn.DescribeChangeSet(context.Background(), &cfn.DescribeChangeSetInput{ChangeSetName: first.ChangeSetId, NextToken: token, IncludePropertyValues: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != size {
		t.Errorf("%d changes of %d", len(seen), size)
	}
}

// CFN-17, CFN-18: executing one change set deletes the others; the same token
// again is accepted and does nothing, another one is refused.
func TestExecuteOnce(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	ctx := context.Background()
	other := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("other"), TemplateBody: aws.String(storage), Parameters: parameters("Delay", "7")})
	cs := w.update("shop", storage, "Delay", "8")
	w.wantStatus(w.execute(cs, "token-a"), types.StackStatusUpdateComplete)
	began := len(w.history("shop"))
	if _, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, ClientRequestToken: aws.String("token-a")}); err != nil {
		t.Errorf("the same token: %v", err)
	}
	if _, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, ClientRequestToken: aws.String("token-b")}); err == nil || !strings.Contains(err.Error(), "InvalidChangeSetStatus") {
		t.Errorf("another token: %v", err)
	}
	if got := w.history("shop"); len(got) != began {
		t.Errorf("something ran again: %v", got[began:])
	}
	if _, err := w.cfn.DescribeChangeSet(ctx, &cfn.DescribeChangeSetInput{ChangeSetName: other.ChangeSetId}); err == nil || !strings.Contains(err.Error(), "ChangeSetNotFound") {
		t.Errorf("the other change set: %v", err)
	}
	out, err := w.cfn.ListChangeSets(ctx, &cfn.ListChangeSetsInput{StackName: aws.String("shop")})
	if err != nil || len(out.Summaries) != 1 || out.Summaries[0].ExecutionStatus != types.ExecutionStatusExecuteComplete {
		t.Errorf("%+v %v", out, err)
	}
	if _, err := w.cfn.DeleteChangeSet(ctx, &cfn.DeleteChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("none")}); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
}
