package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
)

const queueARN = "arn:aws:sqs:us-east-1:111111111111:evenkeel-security-group-changed"

// queued is the event that Lambda makes of messages; their ids are m0, m1, …
// Source: Lambda developer guide, "Using Lambda with Amazon SQS".
func queued(t *testing.T, bodies ...string) []byte {
	t.Helper()
	records := make([]any, len(bodies))
	for i, body := range bodies {
		records[i] = map[string]any{
			"messageId": fmt.Sprintf("m%d", i), "receiptHandle": fmt.Sprintf("r%d", i), "body": body, "md5OfBody": "", "eventSource": "aws:sqs",
			"eventSourceARN": queueARN, "awsRegion": "us-east-1", "messageAttributes": map[string]any{},
			"attributes": map[string]any{"ApproximateReceiveCount": "2", "SentTimestamp": "1767326400000", "SenderId": "AROAEXAMPLE", "ApproximateFirstReceiveTimestamp": "1767326400001"},
		}
	}
	data, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// of is a sample about another group, told by another event.
func of(t *testing.T, name, group, id string) string {
	t.Helper()
	var e struct {
		Detail map[string]any `json:"detail"`
	}
	if err := json.Unmarshal(sample(t, name), &e); err != nil {
		t.Fatal(err)
	}
	e.Detail["eventID"] = id
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "sg-0e0e0e0e0e0e0e001", group)
}

// TestBatchOfTheQueue: the built function answers a batch message by message.
// Four events about a group that is well cost one call; the throttled group and
// the message that is no event fail, are named, and come again at their times.
func TestBatchOfTheQueue(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{}}`)
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("dynamodb", "Query", `{"Items":[]}`)
	stub.On("ec2", "DescribeSecurityGroupRules", func(c awsstub.Call) awsstub.Answer {
		if strings.Contains(c.Form.Encode(), "sg-0bad0000000000001") {
			return awsstub.EC2Error(503, "RequestLimitExceeded", "Request limit exceeded.")
		}
		return awsstub.Answer{Body: strings.NewReplacer("<fromPort>22", "<fromPort>443", "<toPort>22", "<toPort>443").Replace(openRule)}
	})
	stub.Reply("sqs", "GetQueueUrl", `{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/111111111111/evenkeel-security-group-changed"}`)
	stub.Reply("sqs", "ChangeMessageVisibility", `{}`)
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))

	well := "sg-0e0e0e0e0e0e0e001"
	payload, errorType := fn.Invoke(queued(t,
		of(t, "nested-ipv4", well, "e1"), "not an event", of(t, "nested-ipv4", "sg-0bad0000000000001", "e2"),
		of(t, "nested-ipv4", well, "e1"), of(t, "nested-ipv6", well, "e3"), string(sample(t, "revoke")), of(t, "range-20-25", well, "e4"), `[1]`))
	if errorType != "" || string(payload) != `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"},{"itemIdentifier":"m7"}]}` {
		t.Errorf("answer %s %s", payload, errorType)
	}
	reads := map[string]int{}
	for _, call := range stub.Calls("ec2", "") {
		reads[call.Action+map[bool]string{true: " well", false: ""}[strings.Contains(call.Form.Encode(), well)]]++
	}
	if reads["DescribeSecurityGroupRules well"] != 1 || len(reads) != 2 {
		t.Errorf("EC2 calls %v, want one read for four events about a group", reads)
	}
	again := map[string]string{}
	for _, call := range stub.Calls("sqs", "ChangeMessageVisibility") {
		var in struct {
			ReceiptHandle     string
			VisibilityTimeout int
		}
		if err := json.Unmarshal(call.Body, &in); err != nil {
			t.Fatal(err)
		}
		again[in.ReceiptHandle] = map[bool]string{true: "at once", false: "later"}[in.VisibilityTimeout == 0]
		if in.VisibilityTimeout > 8 {
			t.Errorf("%s comes again after %d s", in.ReceiptHandle, in.VisibilityTimeout)
		}
	}
	if again["r1"] != "at once" || again["r7"] != "at once" || again["r2"] != "later" || len(again) != 3 {
		t.Errorf("come again: %v", again)
	}
	log := fn.Log()
	for _, want := range []string{`"message":"m1"`, `"message":"m2","event":"e2"`, "RequestLimitExceeded", `"fault":"InvalidError"`, `"kind":"batch","messages":8,"failed":3,"shared":3`, `"events":["e1","m1","e2"`, `"a revoke closes":1`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
	if lines := strings.Count(log, `"msg":"message failed"`); lines != 3 {
		t.Errorf("%d lines about failed messages, want 3:\n%s", lines, log)
	}
}

// A queue that does not answer changes nothing of the answer: the message comes
// again after the queue's own time.
func TestBatchWhenTheQueueDoesNotAnswer(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("sqs", "GetQueueUrl", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("RequestThrottled", "slow down") })
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))
	payload, errorType := fn.Invoke(queued(t, "not an event"))
	if errorType != "" || string(payload) != `{"batchItemFailures":[{"itemIdentifier":"m0"}]}` || !strings.Contains(fn.Log(), `"againFault":"`) {
		t.Errorf("answer %s %s\n%s", payload, errorType, fn.Log())
	}
	payload, errorType = fn.Invoke([]byte(`{"Records":[]}`))
	if errorType != "" || string(payload) != `{"batchItemFailures":[]}` {
		t.Errorf("an empty batch: %s %s", payload, errorType)
	}
}
