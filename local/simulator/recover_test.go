package simulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// CFN-19: DisableRollback and OnStackFailure say what a failure leaves; they
// exclude each other, and DELETE is for new stacks only.
func TestFailureOptionsOfChangeSets(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		onFailure types.OnStackFailure
		disable   *bool
		want      types.StackStatus
	}{
		"neither":          {"", nil, types.StackStatusRollbackComplete},
		"enabled":          {"", aws.Bool(false), types.StackStatusRollbackComplete},
		"disabled":         {"", aws.Bool(true), types.StackStatusCreateFailed},
		"ROLLBACK":         {types.OnStackFailureRollback, nil, types.StackStatusRollbackComplete},
		"DO_NOTHING":       {types.OnStackFailureDoNothing, nil, types.StackStatusCreateFailed},
		"DELETE":           {types.OnStackFailureDelete, nil, types.StackStatusDeleteComplete},
		"both are refused": {types.OnStackFailureRollback, aws.Bool(false), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			cs := w.changeSet(&cfn.CreateChangeSetInput{
				StackName: aws.String("shop"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(failing),
				Parameters: parameters("Fail", "out of luck"), OnStackFailure: test.onFailure,
			})
			if cs.OnStackFailure != test.onFailure {
				t.Errorf("the change set has %q", cs.OnStackFailure)
			}
			_, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, DisableRollback: test.disable, ClientRequestToken: aws.String("run")})
			if test.want == "" {
				if err == nil || !strings.Contains(err.Error(), "ValidationError") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled(*cs.StackId), test.want)
			w.wantToken(*cs.StackId, "run", string(test.want))
		})
	}
	t.Run("DELETE of an update", func(t *testing.T) {
		w := start(t)
		w.deploy("shop", failing)
		_, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), TemplateBody: aws.String(failing), Parameters: parameters("Delay", "9"), OnStackFailure: types.OnStackFailureDelete})
		if err == nil || !strings.Contains(err.Error(), "ValidationError") {
			t.Errorf("%v", err)
		}
	})
}

// CFN-19: RollbackStack from both failed states, with its token in its events;
// the same token again does nothing.
func TestRollbackStackWithToken(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		existing   bool
		failed, to types.StackStatus
	}{
		"create": {false, types.StackStatusCreateFailed, types.StackStatusRollbackComplete},
		"update": {true, types.StackStatusUpdateFailed, types.StackStatusUpdateRollbackComplete},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			kind := types.ChangeSetTypeCreate
			if test.existing {
				w.deploy("shop", failing)
				kind = types.ChangeSetTypeUpdate
			}
			cs := w.changeSet(&cfn.CreateChangeSetInput{
				StackName: aws.String("shop"), ChangeSetName: aws.String("x"), ChangeSetType: kind, TemplateBody: aws.String(failing),
				Parameters: parameters("Delay", "9", "Fail", "out of luck", "On", "create|update"),
			})
			if _, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, DisableRollback: aws.Bool(true)}); err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled("shop"), test.failed)
			for range 2 {
				if _, err := w.cfn.RollbackStack(ctx, &cfn.RollbackStackInput{StackName: aws.String("shop"), ClientRequestToken: aws.String("back")}); err != nil {
					t.Fatal(err)
				}
				w.wantStatus(w.settled("shop"), test.to)
			}
			w.wantToken("shop", "back", string(test.to))
			if _, err := w.cfn.RollbackStack(ctx, &cfn.RollbackStackInput{StackName: aws.String("shop"), ClientRequestToken: aws.String("other")}); err == nil {
				t.Errorf("a stack in %s was rolled back", test.to)
			}
		})
	}
}

// retained is a stack whose second resource is made by an update, and kept.
const retained = `
Parameters: {More: {Type: String, Default: "no"}, Fail: {Type: String, Default: ""}}
Conditions: {More: !Equals [!Ref More, "yes"]}
Resources:
  First: {Type: AWS::SSM::Parameter, Properties: {Name: /first, Type: String, Value: !Ref More}}
  Kept: {Type: AWS::SQS::Queue, Condition: More, DeletionPolicy: Retain, Properties: {QueueName: kept}}
  Last:
    Type: AWS::SSM::Parameter
    Condition: More
    DependsOn: Kept
    Metadata: {"Evenkeel::Simulate": {Fail: !Ref Fail}}
    Properties: {Name: /last, Type: String, Value: x}
`

// CFN-19: what a failed update made stays when its DeletionPolicy is Retain,
// unless RetainExceptOnCreate.
func TestRetainExceptOnCreate(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		execute, rollback *bool // rollback: nil for an automatic one
		left              int
	}{
		"automatic, kept":       {nil, nil, 1},
		"automatic, deleted":    {aws.Bool(true), nil, 0},
		"RollbackStack kept":    {nil, aws.Bool(false), 1},
		"RollbackStack deletes": {nil, aws.Bool(true), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			w.deploy("shop", retained)
			cs := w.update("shop", retained, "More", "yes", "Fail", "out of luck")
			if _, err := w.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, RetainExceptOnCreate: test.execute, DisableRollback: aws.Bool(test.rollback != nil)}); err != nil {
				t.Fatal(err)
			}
			w.settled("shop")
			if test.rollback != nil {
				if _, err := w.cfn.RollbackStack(ctx, &cfn.RollbackStackInput{StackName: aws.String("shop"), RetainExceptOnCreate: test.rollback}); err != nil {
					t.Fatal(err)
				}
			}
			w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
			if got := len(w.queues()); got != test.left {
				t.Errorf("%d queues are left, not %d", got, test.left)
			}
		})
	}
}

// CFN-19, CFN-60: a rollback that fails once (Times) succeeds when it is continued;
// the events carry the token, the same token again does nothing.
func TestContinueUpdateRollbackSucceedsTheSecondTime(t *testing.T) {
	for name, injected := range map[string]bool{"by metadata": false, "by the admin endpoint": true} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			ctx := context.Background()
			once := strings.Replace(failing, `{Fail: !Ref Fail, On: !Ref "On"}`, `{Fail: !Ref Fail, On: !Ref "On", Times: 2}`, 1) // the update and one restore
			w.deploy("shop", once)
			on := "update|rollback"
			if injected {
				once, on = failing, "update"
				w.inject("POST", "/faults", `{"kind":"resource","resource":"Last","on":"rollback","reason":"injected","times":1}`)
			}
			w.wantStatus(w.execute(w.update("shop", once, "Delay", "9", "Fail", "twice", "On", on), "t"), types.StackStatusUpdateRollbackFailed)
			if _, err := w.cfn.UpdateStack(ctx, &cfn.UpdateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(failing)}); err == nil || !strings.Contains(err.Error(), "is in UPDATE_ROLLBACK_FAILED state and can not be updated") {
				t.Errorf("update: %v", err)
			}
			for range 2 {
				if _, err := w.cfn.ContinueUpdateRollback(ctx, &cfn.ContinueUpdateRollbackInput{StackName: aws.String("shop"), ClientRequestToken: aws.String("go-on")}); err != nil {
					t.Fatal(err)
				}
				w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
			}
			w.wantToken("shop", "go-on", "UPDATE_ROLLBACK_COMPLETE")
			if got := w.live("AWS::SSM::Parameter", "/last")["Value"]; got != "5" {
				t.Errorf("parameter = %v", got)
			}
		})
	}
}

// CFN-19: the ways out of ROLLBACK_COMPLETE, ROLLBACK_FAILED and DELETE_FAILED: the
// stack is deleted, with the token in all events, and made again.
func TestDeleteStackWithToken(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		fault string
		from  types.StackStatus
		in    cfn.DeleteStackInput
	}{
		"ROLLBACK_COMPLETE": {"", types.StackStatusRollbackComplete, cfn.DeleteStackInput{}},
		"ROLLBACK_FAILED":   {`"times":1`, types.StackStatusRollbackFailed, cfn.DeleteStackInput{}},
		"by force":          {`"times":9`, types.StackStatusRollbackFailed, cfn.DeleteStackInput{DeletionMode: types.DeletionModeForceDeleteStack}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			if test.fault != "" {
				w.inject("POST", "/faults", `{"kind":"resource","resource":"Still","on":"delete","reason":"in use",`+test.fault+`}`)
			}
			s := w.deploy("shop", failing, "Fail", "out of luck")
			w.wantStatus(s, test.from)
			test.in.StackName, test.in.ClientRequestToken = s.StackId, aws.String("away")
			for range 2 {
				if _, err := w.cfn.DeleteStack(ctx, &test.in); err != nil {
					t.Fatal(err)
				}
				w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
			}
			w.wantToken(*s.StackId, "away", "DELETE_COMPLETE")
			w.eventually("the event", func() bool {
				for _, e := range w.published("CloudFormation Stack Status Change") {
					if strings.Contains(string(e.Detail), `"status":"DELETE_COMPLETE"`) && strings.Contains(string(e.Detail), `"client-request-token":"away"`) {
						return true
					}
				}
				return false
			})
			if test.in.DeletionMode == "" {
				w.wantStatus(w.deploy("shop", failing), types.StackStatusCreateComplete)
			}
		})
	}
}

// CFN-27, CFN-28: the template and the options of a change set can be read before
// it is executed; drift is answered for drift-aware change sets only.
func TestChangeSetCanBeRead(t *testing.T) {
	ctx := context.Background()
	w := start(t)
	w.deploy("shop", tagged)
	w.patch("AWS::SQS::Queue", queueURL, `[{"op":"replace","path":"/DelaySeconds","value":7}]`)
	w.detect("shop")
	if s := w.stack("shop"); s.DriftInformation.StackDriftStatus != types.StackDriftStatusDrifted || s.DriftInformation.LastCheckTimestamp == nil {
		t.Errorf("%+v", s.DriftInformation)
	}
	changed := strings.Replace(tagged, "DelaySeconds: 5", "DelaySeconds: 6", 1)
	for _, mode := range []types.DeploymentMode{"", types.DeploymentModeRevertDrift} {
		cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x" + string(mode[:min(1, len(mode))])), TemplateBody: &changed, DeploymentMode: mode})
		want := [2]string{"", ""}
		if mode != "" {
			want = [2]string{"DRIFTED", "MODIFIED"}
		}
		if got := [2]string{string(cs.StackDriftStatus), string(byLogicalID(cs)["Queue"].ResourceDriftStatus)}; got != want {
			t.Errorf("%q: %v", mode, got)
		}
	}
	for _, stage := range []types.TemplateStage{"", types.TemplateStageOriginal, types.TemplateStageProcessed} {
		for changeSet, want := range map[string]string{"": tagged, "x": changed} {
			in := &cfn.GetTemplateInput{StackName: aws.String("shop"), TemplateStage: stage}
			if changeSet != "" {
				in.ChangeSetName = &changeSet
			}
			out, err := w.cfn.GetTemplate(ctx, in)
			if err != nil || *out.TemplateBody != want || len(out.StagesAvailable) != 2 {
				t.Errorf("%s %q: %v", stage, changeSet, err)
			}
		}
	}
	if _, err := w.cfn.GetTemplate(ctx, &cfn.GetTemplateInput{StackName: aws.String("shop"), TemplateStage: "Cooked"}); err == nil {
		t.Error("a stage that does not exist was taken")
	}
}
