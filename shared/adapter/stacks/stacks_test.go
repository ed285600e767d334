package stacks_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/stacks"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var target = events.Target{Stage: "test", Stack: "data", StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1"}

const stackID = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-data-test/11111111-2222-3333-4444-555555555555"

func start(t *testing.T) (*awsstub.Stub, *stacks.Stacks, *stacks.ChangeSets) {
	stub := awsstub.Start(t)
	s, c := stacks.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy"))
	return stub, s, c
}

// body is an answer of the query protocol.
func body(action, result string) string {
	return fmt.Sprintf(`<%[1]sResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, action, result)
}

func refuse(status int, code, message string) func(awsstub.Call) awsstub.Answer {
	return func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: status, Body: "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message +
			"</Message></Error><RequestId>r</RequestId></ErrorResponse>"}
	}
}

func TestDescribe(t *testing.T) {
	stub, s, _ := start(t)
	stub.Reply("cloudformation", "DescribeStacks", body("DescribeStacks", `<Stacks><member><StackId>`+stackID+`</StackId><StackName>shop-data-test</StackName>
		<StackStatus>UPDATE_ROLLBACK_COMPLETE</StackStatus><StackStatusReason>why</StackStatusReason><CreationTime>2026-11-22T12:00:00Z</CreationTime>
		<RoleARN>arn:aws:iam::222222222222:role/evenkeel-execution</RoleARN><DriftInformation><StackDriftStatus>DRIFTED</StackDriftStatus></DriftInformation>
		<Outputs><member><OutputKey>VpcId</OutputKey><OutputValue>vpc-1</OutputValue></member></Outputs>
		<Parameters><member><ParameterKey>Size</ParameterKey><ParameterValue>3</ParameterValue></member><member><ParameterKey>Password</ParameterKey><ParameterValue>****</ParameterValue></member></Parameters>
		<Capabilities><member>CAPABILITY_IAM</member></Capabilities>
		<Tags><member><Key>evenkeel:stage</Key><Value>test</Value></member></Tags></member></Stacks>`))
	got, err := s.Describe(context.Background(), target)
	if err != nil || got.ID != stackID || got.Status != "UPDATE_ROLLBACK_COMPLETE" || got.Reason != "why" || got.Outputs["VpcId"] != "vpc-1" || got.Tags["evenkeel:stage"] != "test" ||
		got.Parameters["Size"] != "3" || got.Parameters["Password"] != "****" || len(got.Capabilities) != 1 ||
		got.Drift != "DRIFTED" || got.Role != "arn:aws:iam::222222222222:role/evenkeel-execution" {
		t.Errorf("%+v, %v", got, err)
	}
	call := stub.Calls("cloudformation", "DescribeStacks")[0]
	if call.Account != "222222222222" || call.Form.Get("StackName") != "shop-data-test" {
		t.Errorf("asked account %s for %s", call.Account, call.Form.Get("StackName"))
	}
}

// TestDrifts: all pages, changed and deleted resources only, the same text
// whenever it is the same drift.
func TestDrifts(t *testing.T) {
	drift := func(id, status, differences string) string {
		return `<member><StackId>` + stackID + `</StackId><LogicalResourceId>` + id + `</LogicalResourceId><PhysicalResourceId>p</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>
			<StackResourceDriftStatus>` + status + `</StackResourceDriftStatus><PropertyDifferences>` + differences + `</PropertyDifferences><Timestamp>2026-11-22T12:00:00Z</Timestamp></member>`
	}
	stub, s, _ := start(t)
	stub.Reply("cloudformation", "DescribeStackResourceDrifts",
		body("DescribeStackResourceDrifts", `<StackResourceDrifts>`+drift("Queue", "MODIFIED", `<member><PropertyPath>/DelaySeconds</PropertyPath><ExpectedValue>0</ExpectedValue>
			<ActualValue>5</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member>`)+`</StackResourceDrifts><NextToken>2</NextToken>`),
		body("DescribeStackResourceDrifts", `<StackResourceDrifts>`+drift("Dead", "DELETED", "")+`</StackResourceDrifts>`))
	got, err := s.Drifts(context.Background(), target)
	want := []deployment.ResourceDrift{
		{LogicalID: "Dead", Status: "DELETED", Text: "Dead p DELETED"},
		{LogicalID: "Queue", Status: "MODIFIED", Text: "Queue p MODIFIED\nNOT_EQUAL /DelaySeconds \"0\" \"5\"", Drifted: []changeset.Drifted{{Path: "/DelaySeconds", Expected: "0", Actual: "5"}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	sent := stub.Calls("cloudformation", "DescribeStackResourceDrifts")
	if len(sent) != 2 || sent[0].Form.Get("StackResourceDriftStatusFilters.member.2") != "DELETED" || sent[0].Form.Get("StackResourceDriftStatusFilters.member.3") != "" {
		t.Errorf("asked %v", sent)
	}
}

func TestErrorsAreClassifiedOnce(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name          string
		action        string
		status        int
		code, message string
		do            func(*stacks.Stacks, *stacks.ChangeSets) error
		kind          string // "" is no error
	}{
		{"a stack that does not exist", "DescribeStacks", 400, "ValidationError", "Stack with id shop-data-test does not exist",
			func(s *stacks.Stacks, _ *stacks.ChangeSets) error { _, err := s.Describe(ctx, target); return err }, ""},
		{"a malformed request", "DescribeStacks", 400, "ValidationError", "1 validation error detected",
			func(s *stacks.Stacks, _ *stacks.ChangeSets) error { _, err := s.Describe(ctx, target); return err }, fault.InvalidError},
		{"throttled", "DescribeStacks", 400, "Throttling", "Rate exceeded",
			func(s *stacks.Stacks, _ *stacks.ChangeSets) error { _, err := s.Describe(ctx, target); return err }, fault.TransientError},
		{"out of order", "DescribeStacks", 503, "ServiceUnavailable", "",
			func(s *stacks.Stacks, _ *stacks.ChangeSets) error { _, err := s.Describe(ctx, target); return err }, fault.TransientError},
		{"forbidden", "DescribeStacks", 403, "AccessDenied", "not authorized",
			func(s *stacks.Stacks, _ *stacks.ChangeSets) error { _, err := s.Describe(ctx, target); return err }, fault.PermanentError},
		{"a stack that somebody updates", "CreateChangeSet", 400, "ValidationError", "Stack:" + stackID + " is in UPDATE_IN_PROGRESS state and can not be updated.",
			func(_ *stacks.Stacks, c *stacks.ChangeSets) error {
				_, _, err := c.Create(ctx, target, deployment.ChangeSetInput{Name: "evenkeel-x", Type: "UPDATE"})
				return err
			}, fault.ConflictError},
		{"a template that is none", "CreateChangeSet", 400, "ValidationError", "Template format error: unsupported structure.",
			func(_ *stacks.Stacks, c *stacks.ChangeSets) error {
				_, _, err := c.Create(ctx, target, deployment.ChangeSetInput{Name: "evenkeel-x", Type: "UPDATE"})
				return err
			}, fault.InvalidError},
		{"capabilities", "CreateChangeSet", 400, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]",
			func(_ *stacks.Stacks, c *stacks.ChangeSets) error {
				_, _, err := c.Create(ctx, target, deployment.ChangeSetInput{Name: "evenkeel-x", Type: "UPDATE"})
				return err
			}, fault.InvalidError},
		{"executed by another", "ExecuteChangeSet", 400, "InvalidChangeSetStatus", "ChangeSet is in EXECUTE_COMPLETE",
			func(_ *stacks.Stacks, c *stacks.ChangeSets) error {
				return c.Execute(ctx, target, "arn:cs", "t", false)
			}, fault.ConflictError},
		{"deleted before", "DeleteChangeSet", 404, "ChangeSetNotFound", "ChangeSet [x] does not exist",
			func(_ *stacks.Stacks, c *stacks.ChangeSets) error { return c.Delete(ctx, target, "arn:cs") }, ""},
		{"no history", "DescribeStackEvents", 400, "ValidationError", "Stack [x] does not exist",
			func(s *stacks.Stacks, _ *stacks.ChangeSets) error {
				_, err := s.Events(ctx, target, stackID, "t")
				return err
			}, ""},
		{"no early validation in this region", "DescribeEvents", 400, "InvalidAction", "unknown",
			func(_ *stacks.Stacks, c *stacks.ChangeSets) error {
				_, err := c.Problems(ctx, target, "arn:cs")
				return err
			}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stub, s, c := start(t)
			stub.On("cloudformation", tt.action, refuse(tt.status, tt.code, tt.message))
			err := tt.do(s, c)
			if tt.kind == "" && err != nil || tt.kind != "" && !fault.Is(err, tt.kind) {
				t.Errorf("error %v, want %q", err, tt.kind)
			}
		})
	}
}

func event(token, logical, status string) string {
	return `<member><EventId>e</EventId><StackId>` + stackID + `</StackId><StackName>shop-data-test</StackName><LogicalResourceId>` + logical +
		`</LogicalResourceId><PhysicalResourceId>p</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType><ResourceStatus>` + status +
		`</ResourceStatus><ResourceStatusReason>r</ResourceStatusReason><ClientRequestToken>` + token + `</ClientRequestToken><Timestamp>2026-11-22T12:00:00Z</Timestamp></member>`
}

// TestRefusalIsForAPerson: it ends up in the reason of a Rejected run.
func TestRefusalIsForAPerson(t *testing.T) {
	stub, _, c := start(t)
	stub.On("cloudformation", "CreateChangeSet", refuse(http.StatusBadRequest, "ValidationError", "Parameters: [Cidr] must have values"))
	_, _, err := c.Create(context.Background(), target, deployment.ChangeSetInput{Name: "evenkeel-x", Type: "UPDATE"})
	if err == nil || err.Error() != "CloudFormation refuses the plan of shop-data-test: Parameters: [Cidr] must have values" {
		t.Errorf("error %v", err)
	}
}

// TestEvents: the history comes newest first; reading ends with the operation.
func TestEvents(t *testing.T) {
	stub, s, _ := start(t)
	stub.Reply("cloudformation", "DescribeStackEvents",
		body("DescribeStackEvents", `<StackEvents>`+event("later", "Z", "UPDATE_COMPLETE")+event("mine", "C", "UPDATE_COMPLETE")+`</StackEvents><NextToken>2</NextToken>`),
		body("DescribeStackEvents", `<StackEvents>`+event("mine", "B", "UPDATE_FAILED")+event("mine", "A", "UPDATE_IN_PROGRESS")+event("", "Y", "CREATE_COMPLETE")+`</StackEvents><NextToken>3</NextToken>`),
		body("DescribeStackEvents", `<StackEvents>`+event("mine", "never read", "X")+`</StackEvents>`))
	rows, err := s.Events(context.Background(), target, stackID, "mine")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, row := range rows {
		order = append(order, row.LogicalID+" "+row.Status)
	}
	if got := strings.Join(order, ", "); got != "A UPDATE_IN_PROGRESS, B UPDATE_FAILED, C UPDATE_COMPLETE" {
		t.Errorf("rows %s", got)
	}
	if calls := stub.Calls("cloudformation", "DescribeStackEvents"); len(calls) != 2 || calls[0].Form.Get("StackName") != stackID {
		t.Errorf("%d pages read", len(calls))
	}
}

func TestCreate(t *testing.T) {
	stub, _, c := start(t)
	stub.Reply("cloudformation", "CreateChangeSet", body("CreateChangeSet", `<Id>arn:cs</Id><StackId>`+stackID+`</StackId>`))
	input := deployment.ChangeSetInput{
		Name: "evenkeel-r1-test", Type: "CREATE", Description: "run r1", Template: []byte("Resources: {}"),
		Parameters: map[string]string{"B": "2", "A": "1"}, Capabilities: []string{"CAPABILITY_IAM"}, Tags: map[string]string{"evenkeel:stage": "test"},
	}
	id, stack, err := c.Create(context.Background(), target, input)
	if err != nil || id != "arn:cs" || stack != stackID {
		t.Fatalf("%s, %s, %v", id, stack, err)
	}
	sent := stub.Calls("cloudformation", "CreateChangeSet")[0].Form
	for name, want := range map[string]string{
		"StackName": "shop-data-test", "ChangeSetName": "evenkeel-r1-test", "ChangeSetType": "CREATE", "TemplateBody": "Resources: {}", "TemplateURL": "",
		"RoleARN":                            "arn:aws:iam::222222222222:role/evenkeel-execution",
		"Parameters.member.1.ParameterKey":   "A",
		"Parameters.member.2.ParameterKey":   "B",
		"Capabilities.member.1":              "CAPABILITY_IAM",
		"Tags.member.1.Key":                  "evenkeel:stage",
		"Parameters.member.1.ParameterValue": "1",
	} {
		if sent.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, sent.Get(name), want)
		}
	}
	if sent.Has("IncludeNestedStacks") {
		t.Error("nested stacks are asked for only where there are some")
	}
	input.TemplateURL, input.IncludeNested = "https://bucket/key", true
	if _, _, err := c.Create(context.Background(), target, input); err != nil {
		t.Fatal(err)
	}
	sent = stub.Calls("cloudformation", "CreateChangeSet")[1].Form
	if sent.Get("IncludeNestedStacks") != "true" || sent.Get("TemplateURL") != "https://bucket/key" || sent.Has("TemplateBody") {
		t.Error("a large template must go by URL only")
	}
}

func TestCreateFindsItsOwn(t *testing.T) {
	stub, _, c := start(t)
	stub.On("cloudformation", "CreateChangeSet", refuse(http.StatusBadRequest, "AlreadyExistsException", "ChangeSet evenkeel-r1-test already exists"))
	stub.Reply("cloudformation", "DescribeChangeSet", body("DescribeChangeSet", `<ChangeSetId>arn:cs</ChangeSetId><StackId>`+stackID+`</StackId>`))
	id, stack, err := c.Create(context.Background(), target, deployment.ChangeSetInput{Name: "evenkeel-r1-test", Type: "UPDATE"})
	if err != nil || id != "arn:cs" || stack != stackID {
		t.Errorf("%s, %s, %v", id, stack, err)
	}
	sent := stub.Calls("cloudformation", "DescribeChangeSet")[0].Form
	if sent.Get("ChangeSetName") != "evenkeel-r1-test" || sent.Get("StackName") != "shop-data-test" {
		t.Errorf("looked for %v", sent)
	}
}

func TestRead(t *testing.T) {
	stub, _, c := start(t)
	first := `<ChangeSetId>arn:cs</ChangeSetId><StackId>` + stackID + `</StackId><Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>
		<Parameters><member><ParameterKey>A</ParameterKey><ParameterValue>1</ParameterValue></member>
		<member><ParameterKey>P</ParameterKey><ParameterValue>/x</ParameterValue><ResolvedValue>y</ResolvedValue></member></Parameters>
		<Changes><member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>Orders</LogicalResourceId><PhysicalResourceId>orders</PhysicalResourceId>
		<ResourceType>AWS::DynamoDB::Table</ResourceType><Replacement>True</Replacement><PolicyAction>ReplaceAndDelete</PolicyAction><Scope><member>Properties</member></Scope>
		<Details><member><Evaluation>Static</Evaluation><ChangeSource>DirectModification</ChangeSource><CausingEntity>Name</CausingEntity>
		<Target><Attribute>Properties</Attribute><Name>TableName</Name><Path>/Properties/TableName</Path><RequiresRecreation>Always</RequiresRecreation>
		<AttributeChangeType>Modify</AttributeChangeType><BeforeValue>"orders"</BeforeValue><AfterValue>orders2</AfterValue></Target></member></Details>
		<BeforeContext>{"Properties":{}}</BeforeContext></ResourceChange></member></Changes><NextToken>2</NextToken>`
	second := `<ChangeSetId>arn:cs</ChangeSetId><Changes><member><ResourceChange><Action>Add</Action><LogicalResourceId>New</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType></ResourceChange></member></Changes>`
	stub.Reply("cloudformation", "DescribeChangeSet", body("DescribeChangeSet", first), body("DescribeChangeSet", second))
	set, err := c.Read(context.Background(), target, "arn:cs")
	if err != nil || len(set.Changes) != 2 || set.Status != "CREATE_COMPLETE" || set.ExecutionStatus != "AVAILABLE" || set.StackID != stackID {
		t.Fatalf("%+v, %v", set, err)
	}
	change := set.Changes[0]
	want := deployment.Detail{
		Attribute: "Properties", Name: "TableName", Path: "/Properties/TableName", ChangeType: "Modify", Before: "orders", After: "orders2",
		Recreation: "Always", Evaluation: "Static", Source: "DirectModification", Cause: "Name",
	}
	if change.Details[0] != want || change.PolicyAction != "ReplaceAndDelete" || change.Scope[0] != "Properties" || change.Before == "" {
		t.Errorf("%+v", change)
	}
	if set.Parameters["A"] != "1" || set.Parameters["P"] != "/x = y" {
		t.Errorf("parameters %v", set.Parameters)
	}
	calls := stub.Calls("cloudformation", "DescribeChangeSet")
	if calls[0].Form.Get("IncludePropertyValues") != "true" || calls[1].Form.Get("NextToken") != "2" || calls[1].Form.Get("IncludePropertyValues") != "true" {
		t.Errorf("asked %v, then %v", calls[0].Form, calls[1].Form)
	}
}

func TestReadOfAGoneChangeSet(t *testing.T) {
	stub, _, c := start(t)
	stub.On("cloudformation", "DescribeChangeSet", refuse(http.StatusNotFound, "ChangeSetNotFound", "ChangeSet [x] does not exist"))
	if set, err := c.Read(context.Background(), target, "arn:cs"); err != nil || set.Status != "DELETE_COMPLETE" {
		t.Errorf("%+v, %v", set, err)
	}
}

// TestReadNested: rows of nested stacks name their change sets, with drift and
// what the change set itself was made with.
func TestReadNested(t *testing.T) {
	stub, _, c := start(t)
	answers := map[string]string{
		"arn:root": `<ChangeSetId>arn:root</ChangeSetId><StackId>` + stackID + `</StackId><StackName>shop-data-test</StackName><Status>CREATE_COMPLETE</Status><IncludeNestedStacks>true</IncludeNestedStacks>
		<DeploymentMode>REVERT_DRIFT</DeploymentMode><StackDriftStatus>DRIFTED</StackDriftStatus><OnStackFailure>ROLLBACK</OnStackFailure>
		<RollbackConfiguration><MonitoringTimeInMinutes>5</MonitoringTimeInMinutes><RollbackTriggers><member><Arn>arn:b</Arn><Type>AWS::CloudWatch::Alarm</Type></member><member><Arn>arn:a</Arn><Type>AWS::CloudWatch::Alarm</Type></member></RollbackTriggers></RollbackConfiguration>
		<Changes><member><ResourceChange><Action>Modify</Action><LogicalResourceId>Data</LogicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType><ChangeSetId>arn:child</ChangeSetId></ResourceChange></member></Changes>`,
		"arn:child": `<ChangeSetId>arn:child</ChangeSetId><Status>CREATE_COMPLETE</Status><Changes><member><ResourceChange><Action>Modify</Action><LogicalResourceId>Queue</LogicalResourceId>
		<ResourceType>AWS::SQS::Queue</ResourceType><ResourceDriftStatus>MODIFIED</ResourceDriftStatus><ResourceDriftIgnoredAttributes><member><Path>/Properties/X</Path><Reason>WRITE_ONLY_PROPERTY</Reason></member></ResourceDriftIgnoredAttributes>
		<Details><member><Target><Attribute>Properties</Attribute><BeforeValue>5</BeforeValue><AfterValue>60</AfterValue><BeforeValueFrom>ACTUAL_STATE</BeforeValueFrom><Drift><PreviousValue>30</PreviousValue><ActualValue>5</ActualValue></Drift></Target></member></Details></ResourceChange></member></Changes>`,
	}
	stub.On("cloudformation", "DescribeChangeSet", func(call awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Body: body("DescribeChangeSet", answers[call.Form.Get("ChangeSetName")])}
	})
	set, err := c.Read(t.Context(), target, "arn:root")
	if err != nil {
		t.Fatal(err)
	}
	if set.StackName != "shop-data-test" || !set.IncludesNested || set.DeploymentMode != "REVERT_DRIFT" || set.StackDrift != "DRIFTED" || set.OnStackFailure != "ROLLBACK" ||
		set.Rollback == nil || set.Rollback.MonitoringMinutes != 5 || strings.Join(set.Rollback.Alarms, " ") != "arn:a arn:b" {
		t.Errorf("%+v", set)
	}
	child := set.Nested[set.Changes[0].Nested]
	if len(child.Changes) != 1 || child.Changes[0].Drift != "MODIFIED" || child.Changes[0].DriftIgnored[0] != "/Properties/X WRITE_ONLY_PROPERTY" {
		t.Fatalf("%+v", child)
	}
	if d := child.Changes[0].Details[0]; d.BeforeFrom != "ACTUAL_STATE" || d.Deployed != "30" || d.Before != "5" {
		t.Errorf("%+v", d)
	}
}

func TestTemplate(t *testing.T) {
	stub := awsstub.Start(t)
	templates := stacks.NewTemplates(session.NewWorkloads(stub.Config(), "evenkeel-deploy"))
	stub.Reply("cloudformation", "GetTemplate", body("GetTemplate", `<TemplateBody>Resources: {}</TemplateBody><StagesAvailable><member>Original</member><member>Processed</member></StagesAvailable>`))
	for id, want := range map[string][2]string{"": {"shop-data-test", ""}, "arn:cs": {"", "arn:cs"}} {
		got, err := templates.Template(t.Context(), target, id)
		if err != nil || string(got) != "Resources: {}" {
			t.Errorf("%q, %v", got, err)
		}
		calls := stub.Calls("cloudformation", "GetTemplate")
		sent := calls[len(calls)-1].Form
		if sent.Get("StackName") != want[0] || sent.Get("ChangeSetName") != want[1] || sent.Get("TemplateStage") != "Processed" {
			t.Errorf("sent %v", sent)
		}
	}
	if got, err := templates.Original(t.Context(), target, "arn:cs"); err != nil || string(got) != "Resources: {}" {
		t.Errorf("original %q, %v", got, err)
	}
	calls := stub.Calls("cloudformation", "GetTemplate")
	if sent := calls[len(calls)-1].Form; sent.Get("ChangeSetName") != "arn:cs" || sent.Get("TemplateStage") != "Original" {
		t.Errorf("sent %v", sent)
	}
	stub.On("cloudformation", "GetTemplate", refuse(http.StatusBadRequest, "ValidationError", "Stack with id shop-data-test does not exist"))
	if got, err := templates.Template(t.Context(), target, ""); got != nil || err != nil {
		t.Errorf("no stack: %q, %v", got, err)
	}
	if _, err := templates.Template(t.Context(), target, "arn:cs"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("no change set: %v", err)
	}
}

func TestExecuteSendsDisableRollback(t *testing.T) {
	stub, _, c := start(t)
	stub.Reply("cloudformation", "ExecuteChangeSet", body("ExecuteChangeSet", ""))
	if err := c.Execute(context.Background(), target, "arn:cs", "evenkeel-r1-test-data", false); err != nil {
		t.Fatal(err)
	}
	sent := stub.Calls("cloudformation", "ExecuteChangeSet")[0].Form
	if sent.Get("DisableRollback") != "false" || sent.Get("ClientRequestToken") != "evenkeel-r1-test-data" {
		t.Errorf("sent %v", sent)
	}
}

func TestProblems(t *testing.T) {
	stub, _, c := start(t)
	stub.Reply("cloudformation", "DescribeEvents", body("DescribeEvents", `<OperationEvents>
		<member><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>Queue</LogicalResourceId><ValidationPath>/Resources/Queue/Properties/Size</ValidationPath><ValidationStatusReason>Unsupported property [Size]</ValidationStatusReason></member>
		<member><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>Queue</LogicalResourceId><ValidationPath>/Resources/Queue/Properties/Size</ValidationPath><ValidationStatusReason>Unsupported property [Size]</ValidationStatusReason></member>
		<member><EventType>STACK_EVENT</EventType><LogicalResourceId>Topic</LogicalResourceId><ResourceStatusReason>Name exists</ResourceStatusReason></member>
		<member><EventType>STACK_EVENT</EventType></member></OperationEvents>`))
	got, err := c.Problems(context.Background(), target, "arn:cs")
	if err != nil || strings.Join(got, "; ") != "/Resources/Queue/Properties/Size: Unsupported property [Size]; Topic: Name exists" {
		t.Errorf("%q, %v", got, err)
	}
	if sent := stub.Calls("cloudformation", "DescribeEvents")[0].Form; sent.Get("Filters.FailedEvents") != "true" {
		t.Errorf("sent %v", sent)
	}
}

func TestOriginalTemplate(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("cloudformation", "GetTemplate", body("GetTemplate", `<TemplateBody>{"Resources":{}}</TemplateBody><StagesAvailable><member>Original</member></StagesAvailable>`))
	got, err := stacks.NewTemplates(session.NewWorkloads(stub.Config(), "evenkeel-deploy")).Original(t.Context(), target, "")
	if err != nil || string(got) != `{"Resources":{}}` {
		t.Errorf("%s, %v", got, err)
	}
	if call := stub.Calls("cloudformation", "GetTemplate")[0]; call.Form.Get("TemplateStage") != "Original" || call.Form.Get("StackName") != "shop-data-test" {
		t.Errorf("asked for %v", call.Form)
	}
}

// TestPreviousValues: a NoEcho value is asked for by name only.
func TestPreviousValues(t *testing.T) {
	stub, _, c := start(t)
	stub.Reply("cloudformation", "CreateChangeSet", body("CreateChangeSet", "<Id>arn:x</Id><StackId>"+stackID+"</StackId>"))
	_, _, err := c.Create(context.Background(), target, deployment.ChangeSetInput{
		Name: "evenkeel-x", Type: "UPDATE", Template: []byte("{}"), Parameters: map[string]string{"Size": "3"}, Previous: []string{"Password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	form := stub.Calls("cloudformation", "CreateChangeSet")[0].Form
	if form.Get("Parameters.member.2.ParameterKey") != "Password" || form.Get("Parameters.member.2.UsePreviousValue") != "true" || form.Has("Parameters.member.2.ParameterValue") {
		t.Errorf("sent %v", form)
	}
}
