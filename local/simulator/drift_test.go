package simulator_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// detect runs a drift detection to its end.
func (w *world) detect(name string) *cfn.DescribeStackDriftDetectionStatusOutput {
	w.t.Helper()
	started, err := w.cfn.DetectStackDrift(context.Background(), &cfn.DetectStackDriftInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	var out *cfn.DescribeStackDriftDetectionStatusOutput
	w.eventually("detection", func() bool {
		out, err = w.cfn.DescribeStackDriftDetectionStatus(context.Background(), &cfn.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: started.StackDriftDetectionId})
		if err != nil {
			w.t.Fatal(err)
		}
		return out.DetectionStatus != types.StackDriftDetectionStatusDetectionInProgress
	})
	return out
}

func (w *world) drifts(name string) map[string]types.StackResourceDrift {
	w.t.Helper()
	found := map[string]types.StackResourceDrift{}
	pages := cfn.NewDescribeStackResourceDriftsPaginator(w.cfn, &cfn.DescribeStackResourceDriftsInput{StackName: &name, MaxResults: aws.Int32(1)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range out.StackResourceDrifts {
			found[*d.LogicalResourceId] = d
		}
	}
	return found
}

const tagged = `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: q
      DelaySeconds: 5
      Tags: [{Key: a, Value: "1"}, {Key: b, Value: "2"}]
  Hidden:
    Type: AWS::SSM::Parameter
    Properties: {Name: /p, Type: String, Value: v}
  Topic: {Type: AWS::SNS::Topic}
`

const queueURL = "https://sqs.eu-west-1.amazonaws.com/222222222222/q"

// CFN-51, CFN-52: only what the template sets is compared; lists without an
// order as sets; differences are text with a path and a type.
func TestDriftDetection(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusInSync || *out.DriftedStackResourceCount != 0 {
		t.Fatalf("%+v", out)
	}
	// Not in the template, and another order: no drift.
	w.patch("AWS::SQS::Queue", queueURL, `[{"op":"add","path":"/VisibilityTimeout","value":60},
		{"op":"replace","path":"/Tags","value":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}]`)
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusInSync {
		t.Fatalf("false drift: %+v", w.drifts("shop")["Queue"].PropertyDifferences)
	}
	w.patch("AWS::SQS::Queue", queueURL, `[{"op":"replace","path":"/DelaySeconds","value":20},
		{"op":"replace","path":"/Tags","value":[{"Key":"b","Value":"3"},{"Key":"a","Value":"1"},{"Key":"c","Value":"4"}]}]`)
	if _, err := w.cc.DeleteResource(context.Background(), &cc.DeleteResourceInput{TypeName: aws.String("AWS::SSM::Parameter"), Identifier: aws.String("/p")}); err != nil {
		t.Fatal(err)
	}
	w.eventually("deletion", func() bool {
		_, err := w.cc.GetResource(context.Background(), &cc.GetResourceInput{TypeName: aws.String("AWS::SSM::Parameter"), Identifier: aws.String("/p")})
		return err != nil && strings.Contains(err.Error(), "ResourceNotFoundException")
	})
	out := w.detect("shop")
	if out.StackDriftStatus != types.StackDriftStatusDrifted || *out.DriftedStackResourceCount != 2 {
		t.Fatalf("%+v", out)
	}
	drifts := w.drifts("shop")
	var got []string
	for _, d := range drifts["Queue"].PropertyDifferences {
		got = append(got, strings.Join([]string{*d.PropertyPath, *d.ExpectedValue, *d.ActualValue, string(d.DifferenceType)}, " "))
	}
	want := []string{`/DelaySeconds 5 20 NOT_EQUAL`, `/Tags/1/Value 2 3 NOT_EQUAL`, `/Tags/2 null {"Key":"c","Value":"4"} ADD`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := drifts["Hidden"]; d.StackResourceDriftStatus != types.StackResourceDriftStatusDeleted || len(d.PropertyDifferences) != 0 {
		t.Errorf("%+v", d)
	}
	if d := drifts["Topic"]; d.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Errorf("%+v", d)
	}
	if got := w.stack("shop").DriftInformation.StackDriftStatus; got != types.StackDriftStatusDrifted {
		t.Errorf("stack: %s", got)
	}
}

// CFN-36, CFN-37: a REVERT_DRIFT change set compares actual, previous and new;
// executing it restores and recreates; nothing else is listed.
func TestRevertDrift(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	w.patch("AWS::SQS::Queue", queueURL, `[{"op":"replace","path":"/DelaySeconds","value":20}]`)
	deleted := "/p"
	if _, err := w.cc.DeleteResource(context.Background(), &cc.DeleteResourceInput{TypeName: aws.String("AWS::SSM::Parameter"), Identifier: &deleted}); err != nil {
		t.Fatal(err)
	}
	w.detect("shop")
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("revert"), UsePreviousTemplate: aws.Bool(true), DeploymentMode: types.DeploymentModeRevertDrift})
	if len(cs.Changes) != 2 || cs.StackDriftStatus != types.StackDriftStatusDrifted {
		t.Fatalf("%s %+v", cs.StackDriftStatus, cs.Changes)
	}
	hidden, queue := cs.Changes[0].ResourceChange, cs.Changes[1].ResourceChange
	if hidden.Action != types.ChangeActionAdd || hidden.ResourceDriftStatus != types.StackResourceDriftStatusDeleted {
		t.Errorf("%+v", hidden)
	}
	target := queue.Details[0].Target
	if queue.Action != types.ChangeActionModify || queue.ResourceDriftStatus != types.StackResourceDriftStatusModified || *target.BeforeValue != "20" || *target.AfterValue != "5" ||
		target.BeforeValueFrom != types.BeforeValueFromActualState || target.AfterValueFrom != types.AfterValueFromTemplate || *target.Drift.ActualValue != "20" || *target.Drift.PreviousValue != "5" {
		t.Errorf("%+v %+v %+v", queue, target, target.Drift)
	}
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusInSync {
		t.Errorf("after: %+v", w.drifts("shop"))
	}
	if got := w.live("AWS::SQS::Queue", queueURL)["DelaySeconds"]; got != 5.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
}

// CFN-36: a template that caught up with the actual state only syncs.
func TestSyncWithActual(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	w.patch("AWS::SQS::Queue", queueURL, `[{"op":"replace","path":"/DelaySeconds","value":20}]`)
	caughtUp := strings.Replace(tagged, "DelaySeconds: 5", "DelaySeconds: 20", 1)
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("revert"), TemplateBody: &caughtUp, DeploymentMode: types.DeploymentModeRevertDrift})
	if len(cs.Changes) != 1 || cs.Changes[0].ResourceChange.Action != types.ChangeActionSyncWithActual || cs.Changes[0].ResourceChange.Details[0].Target.AttributeChangeType != types.AttributeChangeTypeSyncWithActual {
		t.Fatalf("%+v", cs.Changes)
	}
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusInSync {
		t.Errorf("%+v", w.drifts("shop"))
	}
}

// CFN-36: a property that the new template no longer sets is removed; a
// write-only one is compared with the previous deployment.
func TestRevertWithNewTemplate(t *testing.T) {
	const before = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q, DelaySeconds: 5, MessageRetentionPeriod: 60}}, P: {Type: AWS::SSM::Parameter, Properties: {Name: /p, Type: String, Value: v, Description: old}}}"
	after := strings.NewReplacer(", MessageRetentionPeriod: 60", "", "Description: old", "Description: new").Replace(before)
	w := start(t)
	w.deploy("shop", before)
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), TemplateBody: &after, DeploymentMode: types.DeploymentModeRevertDrift})
	var got []string
	for _, change := range cs.Changes {
		for _, d := range change.ResourceChange.Details {
			got = append(got, strings.Join([]string{*change.ResourceChange.LogicalResourceId, *d.Target.Path, string(d.Target.AttributeChangeType), string(d.Target.BeforeValueFrom)}, " "))
		}
	}
	want := []string{"P /Properties/Description Modify PREVIOUS_DEPLOYMENT_STATE", "Q /Properties/MessageRetentionPeriod Remove PREVIOUS_DEPLOYMENT_STATE"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if ignored := cs.Changes[0].ResourceChange.ResourceDriftIgnoredAttributes; len(ignored) != 1 || *ignored[0].Path != "/Properties/Description" || ignored[0].Reason != types.DriftIgnoredReasonWriteOnlyProperty {
		t.Errorf("%+v", ignored)
	}
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	if value, there := w.live("AWS::SQS::Queue", queueURL)["MessageRetentionPeriod"]; there {
		t.Errorf("MessageRetentionPeriod is still %v", value)
	}
	if !contains(w.history("shop"), "P UPDATE_COMPLETE") {
		t.Error(strings.Join(w.history("shop"), "\n"))
	}
}

// CFN-37: the known fault of drift-aware change sets with Fn::GetStackOutput.
func TestPhantomChange(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	user := "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: /u, Type: String, Value: !GetStackOutput {StackName: shop, OutputName: Url}}}}"
	w.deploy("user", user)
	if out := w.detect("user"); out.StackDriftStatus != types.StackDriftStatusInSync {
		t.Fatalf("%+v", w.drifts("user"))
	}
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("user"), ChangeSetName: aws.String("revert"), UsePreviousTemplate: aws.Bool(true), DeploymentMode: types.DeploymentModeRevertDrift})
	if len(cs.Changes) != 1 || *cs.Changes[0].ResourceChange.Details[0].Target.AfterValue != "{{changeSet:KNOWN_AFTER_APPLY}}" || cs.Changes[0].ResourceChange.ResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Fatalf("%s %+v", aws.ToString(cs.StatusReason), cs.Changes)
	}
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	if got := w.live("AWS::SSM::Parameter", "/u")["Value"]; got != "https://sqs.eu-west-1.amazonaws.com/222222222222/orders-one" {
		t.Errorf("executing it changed the value to %v", got)
	}
}

// CFN-40: events have the published shape; an execution's token is in each.
func TestEvents(t *testing.T) {
	w := start(t)
	s := w.deploy("shop", tagged)
	w.detect("shop")
	w.eventually("events", func() bool { return len(w.published("CloudFormation Drift Detection Status Change")) == 2 })
	var statuses []string
	for _, e := range w.published("CloudFormation Stack Status Change") {
		var detail struct {
			StackID string `json:"stack-id"`
			Token   string `json:"client-request-token"`
			Status  struct {
				Status string `json:"status"`
			} `json:"status-details"`
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			t.Fatal(err)
		}
		statuses = append(statuses, detail.Status.Status+" "+detail.Token)
		if detail.StackID != *s.StackId || e.Source != "aws.cloudformation" || e.Account != account || e.Region != region || e.Resources[0] != *s.StackId {
			t.Errorf("%+v", e)
		}
	}
	if got := strings.Join(statuses, ", "); got != "REVIEW_IN_PROGRESS , CREATE_IN_PROGRESS token-shop, CREATE_COMPLETE token-shop" {
		t.Error(got)
	}
	drift := w.published("CloudFormation Drift Detection Status Change")
	if text := string(drift[0].Detail); !strings.Contains(text, `"status-details":{"stack-drift-status":"","detection-status":"DETECTION_IN_PROGRESS"},"drift-detection-details":{"drifted-stack-resource-count":-1}`) {
		t.Error(text)
	}
	if text := string(drift[1].Detail); !strings.Contains(text, `"stack-drift-status":"IN_SYNC","detection-status":"DETECTION_COMPLETE"},"drift-detection-details":{"drifted-stack-resource-count":0}`) {
		t.Error(text)
	}
	if len(w.published("CloudFormation Resource Status Change")) < 6 {
		t.Error("resource events are missing")
	}
}

// CFN-38: a drift-aware update that fails restores what was live before it,
// not the previous template.
func TestRollbackOfRevert(t *testing.T) {
	w := start(t)
	w.deploy("shop", failing)
	queue := "https://sqs.eu-west-1.amazonaws.com/222222222222/q-one"
	w.patch("AWS::SQS::Queue", queue, `[{"op":"replace","path":"/DelaySeconds","value":20}]`)
	w.patch("AWS::SSM::Parameter", "/last", `[{"op":"replace","path":"/Value","value":"by hand"}]`)
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("revert"), UsePreviousTemplate: aws.Bool(true),
		DeploymentMode: types.DeploymentModeRevertDrift, Parameters: parameters("Fail", "not now", "On", "update")})
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateRollbackComplete)
	if got := w.live("AWS::SQS::Queue", queue)["DelaySeconds"]; got != 20.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
	if got := w.live("AWS::SSM::Parameter", "/last")["Value"]; got != "by hand" {
		t.Errorf("Value = %v", got)
	}
	if out := w.detect("shop"); *out.DriftedStackResourceCount != 2 {
		t.Errorf("%+v", out)
	}
}

// CFN-36: drift-aware change sets are for updates without nested stacks.
func TestRevertRefused(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	for name, in := range map[string]*cfn.CreateChangeSetInput{
		"nested": {StackName: aws.String("shop"), IncludeNestedStacks: aws.Bool(true)},
		"create": {StackName: aws.String("new"), ChangeSetType: types.ChangeSetTypeCreate},
	} {
		in.ChangeSetName, in.TemplateBody, in.DeploymentMode = aws.String("x"), aws.String(tagged), types.DeploymentModeRevertDrift
		if _, err := w.cfn.CreateChangeSet(context.Background(), in); err == nil || !strings.Contains(err.Error(), "REVERT_DRIFT is only supported") {
			t.Errorf("%s: %v", name, err)
		}
	}
	same := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("y"), UsePreviousTemplate: aws.Bool(true), DeploymentMode: types.DeploymentModeRevertDrift})
	if same.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(*same.StatusReason, "The submitted information didn't contain changes.") {
		t.Errorf("in sync: %s %+v", same.Status, same.Changes)
	}
}
