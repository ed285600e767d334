package simulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

func (w *world) describe(id *string) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	out, err := w.cfn.DescribeChangeSet(context.Background(), &cfn.DescribeChangeSetInput{ChangeSetName: id, IncludePropertyValues: aws.Bool(true)})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) nested(name, body string, kind types.ChangeSetType, params ...string) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	return w.changeSet(&cfn.CreateChangeSetInput{
		StackName: aws.String("shop"), ChangeSetName: &name, ChangeSetType: kind, TemplateBody: &body, Parameters: parameters(params...), IncludeNestedStacks: aws.Bool(true),
	})
}

// CFN-74: without IncludeNestedStacks a nested stack is one Modify row, and what
// refers to its outputs is not known.
func TestNestedStackIsOneRow(t *testing.T) {
	w, _ := startNested(t)
	w.deploy("shop", parent)
	cs := w.update("shop", parent)
	if cs.Status != types.ChangeSetStatusCreateComplete || aws.ToBool(cs.IncludeNestedStacks) {
		t.Fatalf("%s %s", cs.Status, aws.ToString(cs.StatusReason))
	}
	rows := byLogicalID(cs)
	net := rows["Net"]
	if net == nil || net.Action != types.ChangeActionModify || net.Replacement != types.ReplacementFalse || net.ChangeSetId != nil || len(net.Details) != 1 {
		t.Fatalf("%+v", net)
	}
	if d := net.Details[0]; d.Evaluation != types.EvaluationTypeDynamic || d.ChangeSource != types.ChangeSourceAutomatic || d.Target.RequiresRecreation != types.RequiresRecreationNever {
		t.Errorf("%+v", d)
	}
	last := rows["Last"]
	if last == nil || len(last.Details) == 0 || aws.ToString(last.Details[0].CausingEntity) != "App.Outputs.Topic" || last.Details[0].Evaluation != types.EvaluationTypeDynamic {
		t.Errorf("%+v", last)
	}
	changed := byLogicalID(w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("second"), TemplateBody: aws.String(parent), Parameters: parameters("Delay", "6")}))["Net"]
	if len(changed.Details) != 2 || aws.ToString(changed.Details[0].Target.Path) != "/Properties/Parameters/Delay" || changed.Details[1].ChangeSource != types.ChangeSourceAutomatic {
		t.Errorf("%+v", changed.Details)
	}
}

// CFN-75: a new hierarchy gets a change set for each stack, the new ones in
// review; executing the root executes all.
func TestNestedChangeSetsOfANewStack(t *testing.T) {
	w, _ := startNested(t)
	root := w.nested("plan", parent, types.ChangeSetTypeCreate)
	if root.Status != types.ChangeSetStatusCreateComplete || !aws.ToBool(root.IncludeNestedStacks) || root.ParentChangeSetId != nil {
		t.Fatalf("%s %s", root.Status, aws.ToString(root.StatusReason))
	}
	row := byLogicalID(root)["App"]
	child := w.describe(row.ChangeSetId)
	if row.Action != types.ChangeActionAdd || aws.ToString(child.ParentChangeSetId) != *root.ChangeSetId || aws.ToString(child.RootChangeSetId) != *root.ChangeSetId || !strings.HasPrefix(*child.ChangeSetName, "plan-App-") {
		t.Errorf("%+v in %s under %s", row, *child.ChangeSetName, aws.ToString(child.ParentChangeSetId))
	}
	w.wantStatus(w.stack(*child.StackId), types.StackStatusReviewInProgress)
	if got := aws.ToString(child.Parameters[0].ParameterValue); got != "{{changeSet:KNOWN_AFTER_APPLY}}" {
		t.Errorf("the parent's unknown value is %q", got)
	}
	ctx := context.Background()
	if _, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: child.ChangeSetId}); err == nil {
		t.Error("a nested change set was executed alone")
	}
	if _, err := w.cfn.DeleteChangeSet(ctx, &cfn.DeleteChangeSetInput{ChangeSetName: child.ChangeSetId}); err == nil {
		t.Error("a nested change set was deleted alone")
	}
	s := w.execute(root, "t")
	w.wantStatus(s, types.StackStatusCreateComplete)
	if app := w.output(s, "App"); app != *child.StackId {
		t.Errorf("the stack in review is %s, the nested stack %s", *child.StackId, app)
	}
	w.wantStatus(w.stack(*child.StackId), types.StackStatusCreateComplete)
	if got := w.describe(child.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
		t.Errorf("the child's change set is %s", got)
	}
}

// CFN-75: only nested stacks that change have a change set; execution uses the
// templates as they were read then.
func TestNestedChangeSetsOfAnUpdate(t *testing.T) {
	w, l := startNested(t)
	w.deploy("shop", parent)
	if cs := w.nested("none", parent, types.ChangeSetTypeUpdate); cs.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(*cs.StatusReason, "The submitted information didn't contain changes.") {
		t.Fatalf("without changes: %s %s", cs.Status, aws.ToString(cs.StatusReason))
	}
	l.put("app.yaml", strings.Replace(appChild, "TopicName: app", "TopicName: other", 1))
	root := w.nested("plan", parent, types.ChangeSetTypeUpdate)
	rows := byLogicalID(root)
	if rows["Net"] != nil || rows["App"] == nil || rows["App"].ChangeSetId == nil {
		t.Fatalf("%+v", rows)
	}
	child := w.describe(rows["App"].ChangeSetId)
	if topic := byLogicalID(child)["Topic"]; topic == nil || topic.Replacement != types.ReplacementTrue || topic.PolicyAction != types.PolicyActionReplaceAndDelete {
		t.Errorf("%+v", topic)
	}
	l.put("app.yaml", "broken")
	s := w.execute(root, "t")
	w.wantStatus(s, types.StackStatusUpdateComplete)
	if !strings.HasSuffix(w.output(s, "Topic"), ":other") {
		t.Errorf("the topic is %s", w.output(s, "Topic"))
	}
	if got := w.describe(child.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
		t.Errorf("the child's change set is %s", got)
	}
	w.wantStatus(w.stack(w.output(s, "Net")), types.StackStatusCreateComplete)
}

// CFN-75: the root's change set fails with a child's; deleting it deletes the
// children's and the stacks in review.
func TestNestedChangeSetFails(t *testing.T) {
	w, l := startNested(t)
	l.put("app.yaml", strings.Replace(appChild, "TopicName: app", "TopicNam: app", 1))
	root := w.nested("plan", parent, types.ChangeSetTypeCreate)
	reason := aws.ToString(root.StatusReason)
	if root.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(reason, "Nested change set arn:") || !strings.HasSuffix(reason, " was not successfully created: Currently in FAILED.") {
		t.Fatalf("%s %s", root.Status, reason)
	}
	id := strings.Fields(reason)[3]
	child := w.describe(&id)
	if !strings.HasPrefix(aws.ToString(child.StatusReason), "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]") {
		t.Errorf("%s", aws.ToString(child.StatusReason))
	}
	ctx := context.Background()
	if _, err := w.cfn.DeleteChangeSet(ctx, &cfn.DeleteChangeSetInput{ChangeSetName: root.ChangeSetId}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.cfn.DescribeChangeSet(ctx, &cfn.DescribeChangeSetInput{ChangeSetName: child.ChangeSetId}); err == nil {
		t.Error("the child's change set is left")
	}
	w.wantStatus(w.stack(*child.StackId), types.StackStatusDeleteComplete)
}

// CFN-26: a stack updated in another way makes its change sets obsolete, those of
// nested stacks updated through their parent included.
func TestObsoleteChangeSet(t *testing.T) {
	w, _ := startNested(t)
	s := w.deploy("shop", parent)
	ctx := context.Background()
	net := w.output(s, "Net")
	direct := w.changeSet(&cfn.CreateChangeSetInput{StackName: &net, ChangeSetName: aws.String("direct"), UsePreviousTemplate: aws.Bool(true), Parameters: parameters("Delay", "3")})
	cs := w.update("shop", parent, "Delay", "9")
	if _, err := w.cfn.UpdateStack(ctx, &cfn.UpdateStackInput{StackName: s.StackId, TemplateBody: aws.String(parent), Parameters: parameters("Delay", "7")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateComplete)
	for _, id := range []*string{cs.ChangeSetId, direct.ChangeSetId} {
		if got := w.describe(id); got.Status != types.ChangeSetStatusCreateComplete || got.ExecutionStatus != types.ExecutionStatusObsolete {
			t.Errorf("%s: %s %s", *id, got.Status, got.ExecutionStatus)
		}
		if _, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: id}); err == nil || !strings.Contains(err.Error(), "InvalidChangeSetStatus") || !strings.Contains(err.Error(), "OBSOLETE") {
			t.Errorf("executed: %v", err)
		}
	}
}

// CFN-75: a root change set that is deleted while it is made leaves no change set
// and no stack in review behind.
func TestNestedChangeSetDeletedWhileItIsMade(t *testing.T) {
	ctx := context.Background()
	started, proceed := make(chan struct{}), make(chan struct{})
	w := start(t, func(o *simulator.Options) {
		o.FetchTemplate = func(_ context.Context, _, url string) ([]byte, error) {
			if strings.HasSuffix(url, "net.yaml") {
				return []byte(netChild), nil
			}
			close(started)
			<-proceed
			return []byte(appChild), nil
		}
	})
	cs, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("plan"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(parent), IncludeNestedStacks: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	if _, err := w.cfn.DeleteChangeSet(ctx, &cfn.DeleteChangeSetInput{ChangeSetName: cs.Id}); err != nil {
		t.Fatal(err)
	}
	close(proceed)
	w.eventually("the children to go", func() bool {
		out, err := w.cfn.DescribeStacks(ctx, &cfn.DescribeStacksInput{})
		return err == nil && len(out.Stacks) == 1 && *out.Stacks[0].StackName == "shop"
	})
}
