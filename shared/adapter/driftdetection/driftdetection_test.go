package driftdetection_test

import (
	"context"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/driftdetection"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const arn = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-network-test/5d0c1a70-1623-11f1-9c3e-0affd1e2a301"

var (
	ctx   = context.Background()
	stack = events.StackRef{StackID: arn, StackName: "shop-network-test", Account: "222222222222", Region: "us-east-1"}
)

func start(t *testing.T) (*awsstub.Stub, *driftdetection.CloudFormation) {
	stub := awsstub.Start(t)
	return stub, driftdetection.New(session.NewWorkloads(stub.Config(), "evenkeel-drift"))
}

func wire(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func fails(stub *awsstub.Stub, action string, status int, code, message string) {
	stub.On("cloudformation", action, func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: status, Body: `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>` +
			`<Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`}
	})
}

func TestState(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeStacks", wire(t, "describe-stacks.xml"))
	if got, err := cfn.State(ctx, stack); err != nil || got != (drift.StackState{Status: "UPDATE_COMPLETE", Reason: "done", Updated: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}) {
		t.Errorf("got %+v, %v", got, err)
	}
	call := stub.Calls("cloudformation", "DescribeStacks")[0]
	if call.Account != "222222222222" || call.Form.Get("StackName") != arn {
		t.Errorf("asked %s in account %s", call.Form.Get("StackName"), call.Account)
	}
	fails(stub, "DescribeStacks", 400, "ValidationError", "Stack with id "+arn+" does not exist")
	if got, err := cfn.State(ctx, stack); err != nil || got != (drift.StackState{}) {
		t.Errorf("a missing stack: %+v, %v, want the zero state", got, err)
	}
}

func TestStartDetection(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DetectStackDrift", `<DetectStackDriftResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">`+
		`<DetectStackDriftResult><StackDriftDetectionId>b1d0e7a0</StackDriftDetectionId></DetectStackDriftResult></DetectStackDriftResponse>`)
	if id, err := cfn.StartDetection(ctx, stack); err != nil || id != "b1d0e7a0" {
		t.Errorf("id %q, %v", id, err)
	}
}

// CloudFormation has one code, ValidationError, for wrong input and for a stack
// that is busy; only the message tells.
func TestErrors(t *testing.T) {
	tests := []struct {
		name, code, message string
		status              int
		want                string
	}{
		{"a detection runs", "ValidationError", "Drift detection is already in progress for stack [" + arn + "]", 400, fault.ConflictError},
		{"no detection while it is changed", "ValidationError", "Drift detection cannot be performed on stack [" + arn + "] while it is in [UPDATE_IN_PROGRESS] state", 400, fault.ConflictError},
		{"no detection in its state", "ValidationError", "Drift detection cannot be performed on stack [" + arn + "] while it is in [ROLLBACK_COMPLETE] state", 400, fault.InvalidError},
		{"the stack is changed", "ValidationError", "Stack:" + arn + " is in UPDATE_IN_PROGRESS state and can not be updated.", 400, fault.ConflictError},
		{"change set taken", "InvalidChangeSetStatus", "ChangeSet cannot be executed in its current status", 400, fault.ConflictError},
		{"wrong input", "ValidationError", "1 validation error detected", 400, fault.InvalidError},
		{"throttled", "Throttling", "Rate exceeded", 400, fault.TransientError},
		{"outage", "InternalFailure", "try again", 500, fault.TransientError},
		{"denied", "AccessDenied", "User is not authorized to perform: cloudformation:DetectStackDrift", 403, fault.PermanentError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stub, cfn := start(t)
			stub.Reply("cloudformation", "DescribeStacks", wire(t, "describe-stacks.xml"))
			for _, action := range []string{"DetectStackDrift", "CreateChangeSet", "ExecuteChangeSet"} {
				fails(stub, action, tt.status, tt.code, tt.message)
			}
			_, detect := cfn.StartDetection(ctx, stack)
			_, create := cfn.Create(ctx, stack, "revert")
			execute := cfn.Execute(ctx, stack, "revert", "token")
			for call, err := range map[string]error{"detect": detect, "create": create, "execute": execute} {
				if !fault.Is(err, tt.want) {
					t.Errorf("%s: %v is a %s, want a %s", call, err, fault.Kind(err), tt.want)
				}
			}
		})
	}
}

func TestDetection(t *testing.T) {
	started := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	tests := []struct {
		file string
		want drift.Detection
	}{
		{"detection-in-progress.xml", drift.Detection{ID: "b1d0e7a0", State: drift.DetectionStarted, Started: started}},
		{"detection-complete.xml", drift.Detection{ID: "b1d0e7a0", State: drift.DetectionDone, Started: started}},
		{"detection-failed.xml", drift.Detection{ID: "b1d0e7a0", State: drift.DetectionFailed, Started: started, Reason: "Failed to detect drift on resources [News]"}},
		{"detection-failed-why.xml", drift.Detection{ID: "b1d0e7a0", State: drift.DetectionFailed, Started: started, Reason: "Failed to detect drift on resources [Jobs, News, Store]: Rate exceeded; Internal Failure"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			stub, cfn := start(t)
			stub.Reply("cloudformation", "DescribeStackDriftDetectionStatus", wire(t, tt.file))
			if got, err := cfn.Detection(ctx, stack, "b1d0e7a0"); err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestDriftsOfAllPages(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeStackResourceDrifts", wire(t, "drifts-1.xml"), wire(t, "drifts-2.xml"))
	got, err := cfn.Drifts(ctx, stack)
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	want := drift.ResourceDrift{
		Resource: drift.Resource{LogicalID: "Jobs", PhysicalID: "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", Type: "AWS::SQS::Queue"},
		Status:   "MODIFIED", Checked: time.Date(2026, 3, 2, 9, 15, 10, 0, time.UTC),
		Expected:    map[string]any{"VisibilityTimeout": 60.0},
		Actual:      map[string]any{"VisibilityTimeout": 30.0},
		Differences: []events.PropertyDifference{{Path: "/VisibilityTimeout", Type: "NOT_EQUAL", Expected: "60", Actual: "30"}},
	}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got[0], want)
	}
	if got[1].Status != "DELETED" || got[1].Expected != nil || got[2].Status != "UNKNOWN" || got[2].Reason == "" {
		t.Errorf("got %+v", got[1:])
	}
	calls := stub.Calls("cloudformation", "DescribeStackResourceDrifts")
	if len(calls) != 2 || calls[0].Form.Get("MaxResults") != "100" || calls[1].Form.Get("NextToken") != "page-2" {
		t.Errorf("%d calls: %v", len(calls), calls)
	}
}

func TestResourcesLeavesOutWhatWasDeleted(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "ListStackResources", wire(t, "resources.xml"))
	got, err := cfn.Resources(ctx, stack)
	want := []drift.Resource{
		{LogicalID: "Jobs", PhysicalID: "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", Type: "AWS::SQS::Queue"},
		{LogicalID: "Child", PhysicalID: "child-1", Type: "AWS::CloudFormation::Stack"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// CloudFormation API reference, CreateChangeSet: DeploymentMode REVERT_DRIFT;
// a parameter that is neither given nor marked UsePreviousValue falls back to
// its default.
func TestCreate(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeStacks", wire(t, "describe-stacks.xml"))
	stub.Reply("cloudformation", "CreateChangeSet", `<CreateChangeSetResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">`+
		`<CreateChangeSetResult><Id>arn:change-set</Id><StackId>s</StackId></CreateChangeSetResult></CreateChangeSetResponse>`)
	if id, err := cfn.Create(ctx, stack, "evenkeel-revert-1"); err != nil || id != "arn:change-set" {
		t.Fatalf("id %q, %v", id, err)
	}
	form := stub.Calls("cloudformation", "CreateChangeSet")[0].Form
	for name, want := range map[string]string{
		"StackName": arn, "ChangeSetName": "evenkeel-revert-1", "ClientToken": "evenkeel-revert-1", "ChangeSetType": "UPDATE",
		"DeploymentMode": "REVERT_DRIFT", "UsePreviousTemplate": "true", "Capabilities.member.1": "CAPABILITY_IAM",
		"Parameters.member.1.ParameterKey": "Cidr", "Parameters.member.1.UsePreviousValue": "true", "Parameters.member.1.ParameterValue": "",
		"IncludeNestedStacks": "", // excluded by REVERT_DRIFT
	} {
		if got := form.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// CloudFormation API reference, CreateChangeSet, IncludeNestedStacks: "Creates a
// change set for the all nested stacks specified in the template."
func TestProbe(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeStacks", wire(t, "describe-stacks.xml"))
	stub.Reply("cloudformation", "CreateChangeSet", `<CreateChangeSetResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">`+
		`<CreateChangeSetResult><Id>arn:probe</Id><StackId>s</StackId></CreateChangeSetResult></CreateChangeSetResponse>`)
	if id, err := cfn.Probe(ctx, stack, "evenkeel-revert-1-nested"); err != nil || id != "arn:probe" {
		t.Fatalf("id %q, %v", id, err)
	}
	form := stub.Calls("cloudformation", "CreateChangeSet")[0].Form
	for name, want := range map[string]string{
		"StackName": arn, "ChangeSetName": "evenkeel-revert-1-nested", "ChangeSetType": "UPDATE", "IncludeNestedStacks": "true",
		"UsePreviousTemplate": "true", "Capabilities.member.1": "CAPABILITY_IAM", "Parameters.member.1.UsePreviousValue": "true",
		"DeploymentMode": "", // excluded by IncludeNestedStacks
	} {
		if got := form.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestCreateAgainFindsTheFirst(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeStacks", wire(t, "describe-stacks.xml"))
	fails(stub, "CreateChangeSet", 400, "AlreadyExistsException", "ChangeSet evenkeel-revert-1 already exists")
	stub.Reply("cloudformation", "DescribeChangeSet", wire(t, "change-set-1.xml"))
	if id, err := cfn.Create(ctx, stack, "evenkeel-revert-1"); err != nil || id != "arn:aws:cloudformation:us-east-1:222222222222:changeSet/evenkeel-revert-1/77" {
		t.Errorf("id %q, %v", id, err)
	}
}

func TestReadOfAllPages(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeChangeSet", wire(t, "change-set-1.xml"), wire(t, "change-set-2.xml"))
	got, err := cfn.Read(ctx, stack, "evenkeel-revert-1")
	want := drift.ChangeSet{Status: "CREATE_COMPLETE", Changes: []drift.Change{
		{
			Action: "Modify", LogicalID: "Jobs", PhysicalID: "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", ResourceType: "AWS::SQS::Queue", Replacement: "False", After: `{"Properties":{"VisibilityTimeout":"60"}}`,
			Details: []drift.ChangeDetail{{Path: "/Properties/VisibilityTimeout", Source: "NoModification", Type: "Modify", RequiresRecreation: "Never", After: "60", Drift: &drift.LiveDrift{Previous: "60", Actual: "30"}}},
		},
		{Action: "SyncWithActual", LogicalID: "News", PhysicalID: "arn:aws:sns:us-east-1:222222222222:news", ResourceType: "AWS::SNS::Topic"},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if form := stub.Calls("cloudformation", "DescribeChangeSet")[0].Form; form.Get("IncludePropertyValues") != "true" {
		t.Error("without IncludePropertyValues no value is seen")
	}
	fails(stub, "DescribeChangeSet", 404, "ChangeSetNotFound", "ChangeSet [x] does not exist")
	if got, err = cfn.Read(ctx, stack, "evenkeel-revert-1"); err != nil || got.Status != drift.ChangeSetGone {
		t.Errorf("a change set that is gone: %+v, %v", got, err)
	}
}

func TestExecuteAndDiscard(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "ExecuteChangeSet", `<ExecuteChangeSetResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ExecuteChangeSetResult/></ExecuteChangeSetResponse>`)
	if err := cfn.Execute(ctx, stack, "arn:change-set", "evenkeel-revert-token"); err != nil {
		t.Fatal(err)
	}
	form := stub.Calls("cloudformation", "ExecuteChangeSet")[0].Form
	if form.Get("ClientRequestToken") != "evenkeel-revert-token" || form.Get("DisableRollback") != "false" {
		t.Errorf("form %v", form)
	}
	fails(stub, "DeleteChangeSet", 404, "ChangeSetNotFound", "ChangeSet [x] does not exist")
	if err := cfn.Discard(ctx, stack, "arn:change-set"); err != nil {
		t.Errorf("discarding what is gone: %v", err)
	}
}
