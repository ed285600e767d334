package redelivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/redelivery"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const queue = "arn:aws:sqs:us-east-1:111111111111:evenkeel-test"

func TestAfter(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("sqs", "GetQueueUrl", `{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/111111111111/evenkeel-test"}`)
	stub.Reply("sqs", "ChangeMessageVisibility", `{}`)
	client := redelivery.New(stub.Config())
	for receipt, after := range map[string]time.Duration{"r-0": 0, "r-1": 2500 * time.Millisecond} {
		if err := client.After(t.Context(), queue, receipt, after); err != nil {
			t.Fatal(err)
		}
	}
	asked := stub.Calls("sqs", "GetQueueUrl")
	if len(asked) != 1 || !strings.Contains(string(asked[0].Body), `"QueueName":"evenkeel-test"`) || !strings.Contains(string(asked[0].Body), `"QueueOwnerAWSAccountId":"111111111111"`) {
		t.Errorf("asked for the URL by %+v, want once", asked)
	}
	got := map[string]bool{}
	for _, call := range stub.Calls("sqs", "ChangeMessageVisibility") {
		got[string(call.Body)] = true
	}
	for _, want := range []string{
		`{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/111111111111/evenkeel-test","ReceiptHandle":"r-0","VisibilityTimeout":0}`,
		`{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/111111111111/evenkeel-test","ReceiptHandle":"r-1","VisibilityTimeout":2}`,
	} {
		if !got[want] {
			t.Errorf("no call %s in %v", want, got)
		}
	}
}

func TestFaults(t *testing.T) {
	stub := awsstub.Start(t)
	client := redelivery.New(stub.Config())
	if err := client.After(t.Context(), "evenkeel-test", "r", 0); !fault.Is(err, fault.InvalidError) {
		t.Errorf("a queue without an ARN: %v", err)
	}
	stub.On("sqs", "GetQueueUrl", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("RequestThrottled", "slow down") })
	if err := client.After(t.Context(), queue, "r", 0); !fault.Is(err, fault.TransientError) || !strings.Contains(err.Error(), queue) {
		t.Errorf("throttled: %v", err)
	}
	stub.Reply("sqs", "GetQueueUrl", `{"QueueUrl":"https://q"}`)
	stub.On("sqs", "ChangeMessageVisibility", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("MessageNotInflight", "gone") })
	if err := client.After(t.Context(), queue, "r", 0); err == nil || !strings.Contains(err.Error(), "MessageNotInflight") {
		t.Errorf("a message that nobody has: %v", err)
	}
}
