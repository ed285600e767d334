package simulator_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// CFN-3: accounts and regions are apart.
func TestAccountsAndRegions(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	for _, other := range []struct{ account, region string }{{"333333333333", region}, {account, "us-east-1"}} {
		client := cfn.NewFromConfig(aws.Config{Region: other.region, BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider(other.account, "s", "")})
		if out, err := client.ListStacks(context.Background(), &cfn.ListStacksInput{}); err != nil || len(out.StackSummaries) != 0 {
			t.Errorf("%v: %v %v", other, out, err)
		}
		if _, err := client.CreateStack(context.Background(), &cfn.CreateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(tagged)}); err != nil {
			t.Errorf("%v: %v", other, err)
		}
	}
}

// CFN-24: stack tags reach taggable resources; a resource's own tag wins.
func TestStackTags(t *testing.T) {
	w := start(t)
	tags := func(value string) []types.Tag {
		return []types.Tag{{Key: aws.String("a"), Value: aws.String("stack")}, {Key: aws.String("team"), Value: aws.String(value)}}
	}
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(tagged), Tags: tags("red")})
	w.wantStatus(w.execute(cs, "t"), types.StackStatusCreateComplete)
	if got := fmt.Sprint(w.live("AWS::SQS::Queue", queueURL)["Tags"]); got != "[map[Key:a Value:1] map[Key:b Value:2] map[Key:team Value:red]]" {
		t.Error(got)
	}
	if got := fmt.Sprint(w.live("AWS::SSM::Parameter", "/p")["Tags"]); got != "map[a:stack team:red]" {
		t.Error(got)
	}
	// Left out, they stay; changed, they modify every taggable resource.
	if cs := w.update("shop", tagged); cs.Status != types.ChangeSetStatusFailed {
		t.Errorf("%+v", cs.Changes)
	}
	cs = w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("blue"), TemplateBody: aws.String(tagged), Tags: tags("blue")})
	if len(cs.Changes) != 3 || cs.Changes[0].ResourceChange.Scope[0] != types.ResourceAttributeTags {
		t.Errorf("%+v", cs.Changes)
	}
	w.wantStatus(w.execute(cs, "t2"), types.StackStatusUpdateComplete)
}

const parameterised = `
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<String>", Default: /image}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Secret: {Type: String, NoEcho: true, Default: hush}
Resources:
  Copy:
    Type: AWS::SSM::Parameter
    Properties: {Name: /copy, Type: String, Value: !Sub ["${Image}-{{resolve:ssm:/image}}-${Secret}-${Joined}", {Joined: !Join ["/", !Ref Zones]}]}
`

// CFN-23: SSM parameter types and dynamic references read simulated
// parameters, then the surroundings; NoEcho values are masked; previous values.
func TestParameters(t *testing.T) {
	w := start(t, func(o *simulator.Options) {
		o.ReadParameter = func(_ context.Context, _, _, name string) (string, error) {
			if name == "/outside" {
				return "from outside", nil
			}
			return "", fmt.Errorf("no %s", name)
		}
	})
	w.deploy("image", "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: /image, Type: String, Value: ami-1}}}")
	s := w.deploy("shop", parameterised)
	if got := w.live("AWS::SSM::Parameter", "/copy")["Value"]; got != "ami-1-ami-1-hush-a/b" {
		t.Error(got)
	}
	for _, p := range s.Parameters {
		switch {
		case *p.ParameterKey == "Secret" && *p.ParameterValue != "****":
			t.Errorf("NoEcho: %s", *p.ParameterValue)
		case *p.ParameterKey == "Image" && aws.ToString(p.ResolvedValue) != "ami-1":
			t.Errorf("resolved: %v", aws.ToString(p.ResolvedValue))
		}
	}
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("outside"), UsePreviousTemplate: aws.Bool(true), Parameters: append(parameters("Image", "/outside"),
		types.Parameter{ParameterKey: aws.String("Zones"), UsePreviousValue: aws.Bool(true)})})
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	if got := w.live("AWS::SSM::Parameter", "/copy")["Value"]; got != "from outside-ami-1-hush-a/b" {
		t.Error(got)
	}
	_, err := w.cfn.CreateChangeSet(context.Background(), &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("none"), UsePreviousTemplate: aws.Bool(true), Parameters: parameters("Image", "/none")})
	if err == nil || !strings.Contains(err.Error(), "Unable to fetch parameters [/none] from parameter store") {
		t.Error(err)
	}
}

// CFN-6, CFN-9: a retained resource survives its removal and its replacement.
func TestRetain(t *testing.T) {
	w := start(t)
	body := func(name, more string) string {
		return "Resources:\n  Keep: {Type: AWS::SQS::Queue, DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Properties: {QueueName: " + name + "}}\n" + more
	}
	w.deploy("shop", body("one", ""))
	cs := w.update("shop", body("two", ""))
	if got := cs.Changes[0].ResourceChange; got.Replacement != types.ReplacementTrue || got.PolicyAction != types.PolicyActionReplaceAndRetain {
		t.Errorf("%+v", got)
	}
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	url := "https://sqs.eu-west-1.amazonaws.com/222222222222/"
	w.live("AWS::SQS::Queue", url+"one")
	w.live("AWS::SQS::Queue", url+"two")
	cs = w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("remove"), TemplateBody: aws.String("Resources: {Other: {Type: AWS::SNS::Topic}}")})
	if got := cs.Changes[0].ResourceChange; got.Action != types.ChangeActionRemove || got.PolicyAction != types.PolicyActionRetain {
		t.Errorf("%+v", got)
	}
	w.wantStatus(w.execute(cs, "t"), types.StackStatusUpdateComplete)
	w.live("AWS::SQS::Queue", url+"two")
	if !contains(w.history("shop"), "Keep DELETE_SKIPPED") {
		t.Error(w.history("shop"))
	}
	// CFN-33: the name is taken, which early validation sees.
	bad := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("bucket"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String("Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: b-b}}}")})
	w.execute(bad, "t")
	taken := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("second"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String("Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: b-b}}}")})
	if !strings.Contains(aws.ToString(taken.StatusReason), "AWS::EarlyValidation::ResourceExistenceCheck") {
		t.Errorf("%s", aws.ToString(taken.StatusReason))
	}
}

// CFN-15: without validation, the resource itself fails, in CloudFormation's
// words; CFN-21.
func TestInvalidPropertyFailsResource(t *testing.T) {
	w := start(t)
	bad := "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {Nope: 1}}}"
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &bad, DisableValidation: aws.Bool(true)})
	w.wantStatus(w.execute(cs, "t"), types.StackStatusRollbackComplete)
	if text := strings.Join(w.history("shop"), "\n"); !strings.Contains(text, "Q CREATE_FAILED Properties validation failed for resource Q with message:\n[#: extraneous key [Nope] is not permitted]") {
		t.Error(text)
	}
}

// CFN-6: a cancelled update is rolled back.
func TestCancelUpdate(t *testing.T) {
	w := start(t)
	w.deploy("shop", failing)
	w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"update","delayMs":60000}`)
	ctx := context.Background()
	if _, err := w.cfn.UpdateStack(ctx, &cfn.UpdateStackInput{StackName: aws.String("shop"), UsePreviousTemplate: aws.Bool(true), Parameters: parameters("Delay", "7")}); err != nil {
		t.Fatal(err)
	}
	w.eventually("update of Queue", func() bool { return contains(w.history("shop"), "Queue UPDATE_IN_PROGRESS") })
	if _, err := w.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), UsePreviousTemplate: aws.Bool(true)}); err == nil || !strings.Contains(err.Error(), "is in UPDATE_IN_PROGRESS state and can not be updated") {
		t.Errorf("second operation: %v", err)
	}
	if _, err := w.cfn.CancelUpdateStack(ctx, &cfn.CancelUpdateStackInput{StackName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
	if !contains(w.history("shop"), "Queue UPDATE_FAILED Resource update cancelled") {
		t.Error(strings.Join(w.history("shop"), "\n"))
	}
}

// CFN-25: a removed export that is in use fails the update.
func TestExportInUse(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	w.deploy("user", "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue shop-url}}}")
	without, _, _ := strings.Cut(storage, "Outputs:")
	s := w.execute(w.update("shop", without), "t")
	w.wantStatus(s, types.StackStatusUpdateRollbackComplete)
	if !contains(w.history("shop"), "shop UPDATE_ROLLBACK_IN_PROGRESS Export shop-url cannot be deleted as it is in use by user") {
		t.Error(strings.Join(w.history("shop"), "\n"))
	}
	out, err := w.cfn.ListImports(context.Background(), &cfn.ListImportsInput{ExportName: aws.String("shop-url")})
	if err != nil || len(out.Imports) != 1 || out.Imports[0] != "user" {
		t.Errorf("%v %v", out, err)
	}
}

// The descriptions of a template, before and after it is deployed.
func TestTemplateActions(t *testing.T) {
	w := start(t)
	w.deploy("shop", storage)
	ctx := context.Background()
	got, err := w.cfn.GetTemplate(ctx, &cfn.GetTemplateInput{StackName: aws.String("shop"), TemplateStage: types.TemplateStageProcessed})
	if err != nil || *got.TemplateBody != storage {
		t.Errorf("%v %v", got, err)
	}
	iam := "Parameters: {P: {Type: String, Default: x, Description: d}}\nResources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}"
	summary, err := w.cfn.GetTemplateSummary(ctx, &cfn.GetTemplateSummaryInput{TemplateBody: &iam})
	if err != nil || len(summary.Parameters) != 1 || *summary.Parameters[0].DefaultValue != "x" || summary.ResourceTypes[0] != "AWS::IAM::Role" || summary.Capabilities[0] != types.CapabilityCapabilityIam {
		t.Errorf("%+v %v", summary, err)
	}
	for body, want := range map[string]string{
		"Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Nope}}}":                                                                   "Unresolved resource dependencies [Nope]",
		"Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, B: {Type: AWS::SNS::Topic, DependsOn: A}}":                                               "ircular dependency",
		"Resources: {A: {Type: 'AWS::Serverless::Function'}}\nTransform: AWS::Serverless-2016-10-31":                                                    "Transform AWS::Serverless-2016-10-31 is not simulated",
		"Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::Loop': [I, [a], {'${I}': {Type: AWS::SNS::Topic}}], A: {Type: AWS::SNS::Topic}}": "Fn::ForEach::Loop in Resources is not simulated",
		"Resources: {":  "Template format error",
		"Resources: {}": "At least one Resources member must be defined.",
	} {
		if _, err := w.cfn.ValidateTemplate(ctx, &cfn.ValidateTemplateInput{TemplateBody: &body}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

// Progress is visible while an operation runs.
func TestVisibleProgress(t *testing.T) {
	w := start(t, func(o *simulator.Options) { o.ResourceDelay = 100 * time.Millisecond })
	if _, err := w.cfn.CreateStack(context.Background(), &cfn.CreateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(storage)}); err != nil {
		t.Fatal(err)
	}
	if got := w.stack("shop").StackStatus; got != types.StackStatusCreateInProgress {
		t.Errorf("just after the call: %s", got)
	}
	w.eventually("progress", func() bool {
		out, err := w.cfn.DescribeStackResources(context.Background(), &cfn.DescribeStackResourcesInput{StackName: aws.String("shop")})
		return err == nil && len(out.StackResources) == 2 && out.StackResources[0].ResourceStatus == types.ResourceStatusCreateInProgress
	})
	w.wantStatus(w.settled("shop"), types.StackStatusCreateComplete)
}

// A real, synthesised template of about a hundred resources: created in
// parallel, in order, without drift from itself, and deleted.
func TestLargeTemplate(t *testing.T) {
	body, err := os.ReadFile("../../infra/golden/evenkeel.template.json")
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, func(o *simulator.Options) {
		o.ReadParameter = func(context.Context, string, string, string) (string, error) { return "30", nil }
		o.FetchTemplate = func(context.Context, string, string) ([]byte, error) { return body, nil }
	})
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("evenkeel"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate,
		TemplateURL: aws.String("https://s3.example/template.json"), Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}})
	s := w.execute(cs, "t")
	w.wantStatus(s, types.StackStatusCreateComplete)
	events, err := w.cfn.DescribeStackEvents(context.Background(), &cfn.DescribeStackEventsInput{StackName: s.StackId})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events.StackEvents[1:] {
		if !e.Timestamp.Before(*events.StackEvents[i].Timestamp) {
			t.Fatalf("%s is not before the next event, %s", e.Timestamp, events.StackEvents[i].Timestamp)
		}
	}
	if out := w.detect("evenkeel"); out.StackDriftStatus != types.StackDriftStatusInSync {
		t.Errorf("%+v", out)
	}
	if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: s.StackId}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
}
