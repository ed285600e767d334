package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
)

const (
	stackID = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-network-test/5d0c1a70-1623-11f1-9c3e-0affd1e2a301"
	scan    = `{"scanId":"scan-1","stack":{"stackId":"` + stackID + `","stackName":"shop-network-test","account":"222222222222","region":"us-east-1"},` +
		`"detection":{"id":"b1d0e7a0-1625-11f1-8a55-0affd1e2a302","state":"Started"}}`
	ns = ` xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"`
)

func start(t *testing.T) (*awsstub.Stub, *runtimeapi.Runtime) {
	stub := awsstub.Start(t)
	env := stub.Env()
	env[config.Bus], env[config.StateTable], env[config.RoleName], env[config.ParameterPrefix] = "evenkeel", "evenkeel-state", "evenkeel-drift", "/evenkeel"
	env[config.WritesTable], env[config.Bucket] = "evenkeel-writes", "evenkeel-bucket"
	env[config.DriftWorkflow] = "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-drift"
	return stub, runtimeapi.Start(t, ".", env)
}

// cloudformation answers in the account of the stack only.
func cloudformation(t *testing.T, stub *awsstub.Stub, action, result string) {
	stub.On("cloudformation", action, func(c awsstub.Call) awsstub.Answer {
		if c.Account != "222222222222" {
			t.Errorf("%s in account %s, want the workload account", action, c.Account)
		}
		return awsstub.Answer{Body: "<" + action + "Response" + ns + "><" + action + "Result>" + result + "</" + action + "Result></" + action + "Response>"}
	})
}

// TestWorkflowActions drives the binary as the workflow does.
func TestWorkflowActions(t *testing.T) {
	stub, fn := start(t)
	stub.Reply("dynamodb", "Scan", `{"Items":[{"stackId":{"S":"`+stackID+`"},"stackName":{"S":"shop-network-test"},"account":{"S":"222222222222"},"region":{"S":"us-east-1"}}]}`)
	cloudformation(t, stub, "ListStackResources", `<StackResourceSummaries/>`)
	payload, failed := fn.Invoke([]byte(`{"action":"list","input":{"detail-type":"Scheduled Event","detail":{}},"execution":"scan-1"}`))
	if failed != "" || !strings.Contains(string(payload), `"stackName":"shop-network-test"`) || !strings.Contains(string(payload), `"scanId":"scan-1"`) {
		t.Errorf("list: %s %s", payload, failed)
	}

	cloudformation(t, stub, "DescribeStacks", `<Stacks><member><StackId>`+stackID+`</StackId><StackName>shop-network-test</StackName><StackStatus>UPDATE_COMPLETE</StackStatus></member></Stacks>`)
	cloudformation(t, stub, "DetectStackDrift", `<StackDriftDetectionId>b1d0e7a0</StackDriftDetectionId>`)
	payload, failed = fn.Invoke([]byte(`{"action":"startDetection","scan":` + scan + `}`))
	if failed != "" || !strings.Contains(string(payload), `"detection":{"id":"b1d0e7a0","state":"Started"`) {
		t.Errorf("startDetection: %s %s", payload, failed)
	}

	stub.Reply("dynamodb", "PutItem", `{}`)
	cloudformation(t, stub, "DescribeStackDriftDetectionStatus", `<DetectionStatus>DETECTION_IN_PROGRESS</DetectionStatus>`)
	if payload, failed = fn.Invoke([]byte(`{"action":"awaitDetection","scan":` + scan + `,"token":"task-token"}`)); failed != "" {
		t.Errorf("awaitDetection: %s %s", payload, failed)
	}
	if len(stub.Calls("dynamodb", "PutItem")) != 1 || len(stub.Calls("states", "")) != 0 {
		t.Error("the token must be kept, and the task left waiting")
	}

	stub.On("cloudformation", "DetectStackDrift", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: "<ErrorResponse" + ns + "><Error><Code>ValidationError</Code><Message>Drift detection is already in progress for stack [" + stackID + "]</Message></Error></ErrorResponse>"}
	})
	if payload, failed = fn.Invoke([]byte(`{"action":"startDetection","scan":` + scan + `}`)); failed != "ConflictError" {
		t.Errorf("a busy stack: %s %s, want the name that the workflow matches on", payload, failed)
	}
}

// TestReportOfTheLiveEngine: what CloudFormation cannot check is read through
// Cloud Control, and what the template does not set is kept in the bucket.
func TestReportOfTheLiveEngine(t *testing.T) {
	stub, fn := start(t)
	cloudformation(t, stub, "ListStackResources", `<StackResourceSummaries><member><LogicalResourceId>Jobs</LogicalResourceId>`+
		`<PhysicalResourceId>https://sqs/jobs</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackResourceSummaries>`)
	cloudformation(t, stub, "DescribeStackResourceDrifts", `<StackResourceDrifts/>`)
	cloudformation(t, stub, "DescribeStacks", `<Stacks><member><StackId>`+stackID+`</StackId><StackName>shop-network-test</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2026-03-01T12:00:00Z</CreationTime>`+
		`<Parameters><member><ParameterKey>Timeout</ParameterKey><ParameterValue>60</ParameterValue></member></Parameters></member></Stacks>`)
	cloudformation(t, stub, "GetTemplate", `<TemplateBody>{"Parameters":{"Timeout":{"Type":"Number"}},"Resources":{"Jobs":{"Type":"AWS::SQS::Queue","Properties":{"VisibilityTimeout":{"Ref":"Timeout"}}}}}</TemplateBody>`)
	stub.On("cloudcontrolapi", "GetResource", func(c awsstub.Call) awsstub.Answer {
		if c.Account != "222222222222" || !strings.Contains(string(c.Body), `"Identifier":"https://sqs/jobs"`) {
			t.Errorf("read %s in account %s", c.Body, c.Account)
		}
		return awsstub.Answer{Body: `{"ResourceDescription":{"Properties":"{\"QueueUrl\":\"https://sqs/jobs\",\"VisibilityTimeout\":30,\"DelaySeconds\":5}"}}`}
	})
	const object = "/evenkeel-bucket/drift/observed/222222222222/us-east-1/shop-network-test.json"
	stub.On("s3", "GET "+object, func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 404, Body: "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"}
	})
	stub.Reply("s3", "PUT "+object, "")
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	stub.Reply("dynamodb", "Query", `{"Items":[]}`)
	stub.On("cloudtrail", "LookupEvents", func(c awsstub.Call) awsstub.Answer {
		if c.Account != "222222222222" {
			t.Errorf("asked the history of account %s", c.Account)
		}
		return awsstub.Answer{Body: `{"Events":[]}`}
	})
	stub.Reply("dynamodb", "GetItem", `{}`)
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"EventId":"2"}]}`)
	done := strings.Replace(scan, "Started", "Complete", 1)
	payload, failed := fn.Invoke([]byte(`{"action":"report","scan":` + done + `}`))
	if failed != "" {
		t.Fatalf("report: %s %s", payload, failed)
	}
	for _, part := range []string{`"outcome":"Drifted"`, `"engine":"live"`, `"class":"unknown"`, `"severity":`, `"path":"/VisibilityTimeout"`, `"expected":"60"`, `"actual":"30"`, `"checked":1`, `"live":1`} {
		if !strings.Contains(string(payload), part) {
			t.Errorf("report lacks %s: %s", part, payload)
		}
	}
	if kept := stub.Calls("s3", "PUT "+object); len(kept) != 1 || !strings.Contains(string(kept[0].Body), `"path":"/DelaySeconds","type":"ADD","expected":"","actual":"5"`) {
		t.Errorf("kept %s", kept)
	}
}

// TestEvents drives the binary as EventBridge does.
func TestEvents(t *testing.T) {
	stub, fn := start(t)
	stub.Reply("dynamodb", "GetItem", `{"Item":{"token":{"S":"task-token"}}}`, `{}`)
	stub.Reply("dynamodb", "DeleteItem", `{}`)
	stub.Reply("states", "SendTaskSuccess", `{}`)

	event, err := os.ReadFile("../../testdata/events/cloudformation-drift-detection-complete.json")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // at least once
		if payload, failed := fn.Invoke(event); failed != "" {
			t.Fatalf("%s %s", payload, failed)
		}
	}
	calls := stub.Calls("states", "SendTaskSuccess")
	if len(calls) != 1 {
		t.Fatalf("%d answers, want 1 for an event that came twice", len(calls))
	}
	var sent struct{ TaskToken, Output string }
	if err := json.Unmarshal(calls[0].Body, &sent); err != nil || sent.TaskToken != "task-token" || !strings.Contains(sent.Output, `"state":"Complete"`) {
		t.Errorf("sent %+v, %v", sent, err)
	}

	if payload, failed := fn.Invoke([]byte(`{"detail-type":"Something Else","detail":{}}`)); failed != "" {
		t.Errorf("unknown event: %s %s", payload, failed)
	}
	// What the process wrote reaches us by a pipe, a moment after the answer.
	const line = "ignored an event of type Something Else"
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(fn.Log(), line); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no log line for an unknown event:\n%s", fn.Log())
		}
	}
}

func TestMissingSettings(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for _, name := range []string{config.Bus, config.StateTable, config.WritesTable, config.Bucket, config.ParameterPrefix, config.RoleName} {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}
