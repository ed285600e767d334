package simulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// CFN-71, CFN-72: an update that fails in a nested stack, or after it, rolls all
// of them back.
func TestNestedUpdateRollsBack(t *testing.T) {
	for name, test := range map[string]struct {
		app    string
		params []string
		want   string
	}{
		"failing inside": {strings.Replace(appChild, "TopicName: app", "TopicName: app, FifoTopic: maybe", 1), []string{"Delay", "9"}, "App UPDATE_FAILED Embedded stack arn:"},
		"failing after":  {strings.Replace(appChild, "TopicName: app", "TopicName: other", 1), []string{"Delay", "9", "Fail", "no"}, "Last UPDATE_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := startNested(t)
			s := w.deploy("shop", parent)
			before := w.output(s, "Topic")
			l.put("app.yaml", test.app)
			s = w.execute(w.update("shop", parent, test.params...), "t")
			w.wantStatus(s, types.StackStatusUpdateRollbackComplete)
			w.wantHistory("shop", test.want)
			net, app := w.stack(w.output(s, "Net")), w.stack(w.output(s, "App"))
			w.wantStatus(net, types.StackStatusUpdateRollbackComplete)
			w.wantStatus(app, types.StackStatusUpdateRollbackComplete)
			w.wantHistory(*net.StackId, *net.StackName+" UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", *net.StackName+" UPDATE_ROLLBACK_IN_PROGRESS")
			if got := w.live("AWS::SQS::Queue", w.output(net, "Url"))["DelaySeconds"]; got != 5.0 {
				t.Errorf("DelaySeconds = %v", got)
			}
			if got := w.output(app, "Topic"); got != before || w.output(s, "Topic") != before {
				t.Errorf("the output is %s, was %s", got, before)
			}
			w.live("AWS::SNS::Topic", before)
			// Everything is as it was: the old template changes no nested stack.
			l.put("app.yaml", appChild)
			w.wantStatus(w.execute(w.changeSet(&cfn.CreateChangeSetInput{StackName: s.StackId, ChangeSetName: aws.String("again"), TemplateBody: aws.String(parent)}), "t2"), types.StackStatusUpdateComplete)
			w.wantStatus(w.stack(*net.StackId), types.StackStatusUpdateRollbackComplete)
		})
	}
}

// CFN-72: a replaced resource of a nested stack is deleted in the parent's
// clean-up; a nested stack without changes is left as it is.
func TestNestedUpdate(t *testing.T) {
	w, l := startNested(t)
	s := w.deploy("shop", parent)
	old := w.output(s, "Topic")
	l.put("app.yaml", strings.Replace(appChild, "TopicName: app", "TopicName: other", 1))
	s = w.execute(w.update("shop", parent), "t")
	w.wantStatus(s, types.StackStatusUpdateComplete)
	w.wantStatus(w.stack(w.output(s, "Net")), types.StackStatusCreateComplete)
	w.wantHistory("shop", "Net UPDATE_COMPLETE")
	app := w.stack(w.output(s, "App"))
	w.wantStatus(app, types.StackStatusUpdateComplete)
	if w.output(s, "Topic") == old || w.live("AWS::SSM::Parameter", "/last")["Value"] != w.output(s, "Topic")+" 5" {
		t.Errorf("the output %s did not reach the parent", w.output(s, "Topic"))
	}
	w.wantHistory(*app.StackId, "Topic DELETE_COMPLETE")
}

// CFN-19: a rollback that fails in a nested stack is continued at the root; what
// cannot be restored is skipped by the nested stack's name.
func TestContinueUpdateRollbackOfNestedStack(t *testing.T) {
	ctx := context.Background()
	for name, again := range map[string]*cfn.ContinueUpdateRollbackInput{
		"skip":  {},
		"force": {ForceRollback: aws.Bool(true)},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := startNested(t)
			s := w.deploy("shop", parent)
			net := w.stack(w.output(s, "Net"))
			w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"rollback","reason":"stuck"}`)
			w.wantStatus(w.execute(w.update("shop", parent, "Delay", "9", "Fail", "no"), "t"), types.StackStatusUpdateRollbackFailed)
			w.wantStatus(w.stack(*net.StackId), types.StackStatusUpdateRollbackFailed)
			w.wantHistory("shop", "Net UPDATE_FAILED Embedded stack "+*net.StackId+" was not successfully updated. Currently in UPDATE_ROLLBACK_FAILED with reason:")
			for _, in := range []*cfn.ContinueUpdateRollbackInput{
				{StackName: net.StackId},
				{ResourcesToSkip: []string{"Queue"}},
				{ResourcesToSkip: []string{"other.Queue"}},
				{ResourcesToSkip: []string{*net.StackName + ".Queue"}, ForceRollback: aws.Bool(true)},
			} {
				if in.StackName == nil {
					in.StackName = s.StackId
				}
				if _, err := w.cfn.ContinueUpdateRollback(ctx, in); err == nil || !strings.Contains(err.Error(), "ValidationError") {
					t.Errorf("%+v: %v", in, err)
				}
			}
			again.StackName, again.ClientRequestToken = s.StackId, aws.String("again")
			if again.ForceRollback == nil {
				again.ResourcesToSkip = []string{*net.StackName + ".Queue"}
			}
			if _, err := w.cfn.ContinueUpdateRollback(ctx, again); err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled(*s.StackId), types.StackStatusUpdateRollbackComplete)
			w.wantStatus(w.stack(*net.StackId), types.StackStatusUpdateRollbackComplete)
			w.wantHistory(*net.StackId, "Queue UPDATE_COMPLETE Resource skipped")
			w.wantToken(*s.StackId, "again", "UPDATE_ROLLBACK_COMPLETE")
			w.wantToken(*net.StackId, "again", "UPDATE_ROLLBACK_COMPLETE")
		})
	}
}

// CFN-19: with rollback disabled all stacks stay as they failed; RollbackStack
// restores the ones that had succeeded, too.
func TestRollbackStackOfNestedStacks(t *testing.T) {
	w, _ := startNested(t)
	s := w.deploy("shop", parent)
	net := w.output(s, "Net")
	cs := w.update("shop", parent, "Delay", "9", "Fail", "no")
	if _, err := w.cfn.ExecuteChangeSet(context.Background(), &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, DisableRollback: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateFailed)
	w.wantStatus(w.stack(net), types.StackStatusUpdateComplete)
	if _, err := w.cfn.RollbackStack(context.Background(), &cfn.RollbackStackInput{StackName: aws.String("shop"), ClientRequestToken: aws.String("back")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
	w.wantStatus(w.stack(net), types.StackStatusUpdateRollbackComplete)
	if got := w.live("AWS::SQS::Queue", w.output(w.stack(net), "Url"))["DelaySeconds"]; got != 5.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
}
