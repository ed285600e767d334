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
	env[config.WritesTable] = "evenkeel-writes"
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
	for _, name := range []string{config.Bus, config.StateTable, config.RoleName, config.WritesTable} {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}
