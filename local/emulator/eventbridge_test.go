package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/evenkeel/evenkeel/local/emulator"
)

// rule makes a bus with one rule that sends everything to a target.
func rule(t *testing.T, client *eventbridge.Client, bus string, target types.Target) {
	t.Helper()
	if bus != "default" {
		if _, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String(bus)}); err != nil {
			t.Fatal(err)
		}
	}
	ruleName := name("rule")
	_, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: aws.String(ruleName), EventBusName: aws.String(bus), EventPattern: aws.String(`{"source":["test","aws.ec2"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	target.Id = aws.String("target")
	out, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String(ruleName), EventBusName: aws.String(bus), Targets: []types.Target{target}})
	if err != nil || out.FailedEntryCount > 0 {
		t.Fatalf("PutTargets: %v %v", err, out.FailedEntries)
	}
}

func put(t *testing.T, client *eventbridge.Client, bus, detail string) {
	t.Helper()
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: aws.String(bus), Source: aws.String("test"), DetailType: aws.String("T"), Detail: aws.String(detail),
	}}})
	if err != nil || out.FailedEntryCount > 0 {
		t.Fatalf("PutEvents: %v %s", err, pretty(out))
	}
}

// 1.4.21 started a function 289 times for 200 events.
func TestEventBridgeDeliversEachEventOnce(t *testing.T) {
	t.Parallel()
	p, client, bus := newProbe(t), eventbridge.NewFromConfig(configOf(hub(t), account)), name("bus")
	rule(t, client, bus, types.Target{Arn: aws.String(p.arn)})
	const events = 60
	var latency []time.Duration
	for i := range events {
		sent := time.Now()
		put(t, client, bus, fmt.Sprintf(`{"n":%d}`, i))
		lines := p.await(t, i+1, 20*time.Second)
		latency = append(latency, lines[i].Time.Sub(sent))
	}
	time.Sleep(500 * time.Millisecond)
	if n := len(p.lines(t)); n != events {
		t.Errorf("%d events were delivered %d times", events, n)
	}
	slices.Sort(latency)
	t.Logf("PutEvents to function: p50 %s, p95 %s", latency[events/2], latency[events*95/100])
	if latency[events/2] > 250*time.Millisecond {
		t.Errorf("half of the events took longer than %s", latency[events/2])
	}
}

// "EventBridge … invokes [Lambda functions] asynchronously", so that a failure
// is tried again. Stock MiniStack tries once; the launcher mends that.
func TestEventBridgeTriesAFailedFunctionAgain(t *testing.T) {
	t.Parallel()
	p, client, bus := newProbe(t), eventbridge.NewFromConfig(configOf(hub(t), account)), name("bus")
	queue, queueARN := newQueue(t)
	_, err := p.client.PutFunctionEventInvokeConfig(t.Context(), invokeConfig(p.name, queueARN))
	if err != nil {
		t.Fatal(err)
	}
	rule(t, client, bus, types.Target{Arn: aws.String(p.arn), Input: aws.String(`{"fail":"always"}`)})
	put(t, client, bus, `{}`)
	p.await(t, 2, 10*time.Second)
	if got := receive(t, queue, 15*time.Second); got == "" {
		t.Error("the failed event did not reach the failure destination")
	}
	if n := len(p.lines(t)); n != 2 {
		t.Errorf("one retry was asked for and the event was tried %d times", n)
	}
}

// "If … an event isn't delivered after all retry attempts … [EventBridge] sends
// the event to a dead-letter queue". MiniStack keeps the setting and ignores it.
func TestEventBridgeIgnoresTheDeadLetterQueueOfATarget(t *testing.T) {
	t.Parallel()
	p, client, bus := newProbe(t), eventbridge.NewFromConfig(configOf(hub(t), account)), name("bus")
	queue, queueARN := newQueue(t)
	rule(t, client, bus, types.Target{
		Arn: aws.String(p.arn), DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(queueARN)},
		RetryPolicy: &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(0)},
	})
	if _, err := p.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String(p.name)}); err != nil {
		t.Fatal(err)
	}
	put(t, client, bus, `{}`)
	if got := receive(t, queue, time.Second); got != "" {
		unlike(t, "the dead-letter queue of a rule's target is never used", got)
	}
}

// "aws." sources are AWS's own: "NotAuthorizedForSourceException".
func TestPutEventsRefusesSourcesOfAWS(t *testing.T) {
	t.Parallel()
	client := eventbridge.NewFromConfig(configOf(hub(t), account))
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String("aws.ec2"), DetailType: aws.String("T"), Detail: aws.String("{}"),
	}}})
	if err != nil || out.FailedEntryCount != 1 || aws.ToString(out.Entries[0].ErrorCode) != "NotAuthorizedForSourceException" {
		t.Errorf("PutEvents of aws.ec2: %v %s", err, pretty(out))
	}
}

// The launcher's route carries the whole envelope, the account included.
func TestPutDeliversACompleteEvent(t *testing.T) {
	t.Parallel()
	p, client, bus := newProbe(t), eventbridge.NewFromConfig(configOf(hub(t), account)), name("bus")
	rule(t, client, bus, types.Target{Arn: aws.String(p.arn)})
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	event, err := emulator.NewEvent("aws.ec2", "AWS API Call via CloudTrail", "222222222222", "eu-west-1", at, []string{"arn:x"}, map[string]any{"eventName": "X"})
	if err != nil {
		t.Fatal(err)
	}
	if err := emulator.Put(t.Context(), http.DefaultClient, hub(t).Endpoint, bus, account, region, event); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(p.await(t, 1, 20*time.Second)[0].Event, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"version": "0", "id": event.ID, "source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "account": "222222222222",
		"region": "eu-west-1", "time": "2026-03-04T05:06:07Z", "resources": []any{"arn:x"}, "detail": map[string]any{"eventName": "X"},
	}
	if pretty(got) != pretty(want) {
		t.Errorf("the function got\n%s, not\n%s", pretty(got), pretty(want))
	}
}

func TestPutReportsARefusedEvent(t *testing.T) {
	t.Parallel()
	response, err := http.Post(hub(t).Endpoint+"/_evenkeel/events", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("an empty body was answered with %s", response.Status)
	}
}

func newQueue(t *testing.T) (url, arn string) {
	t.Helper()
	client := sqs.NewFromConfig(configOf(hub(t), account))
	queue := name("queue")
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(queue)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.QueueUrl), "arn:aws:sqs:" + region + ":" + account + ":" + queue
}

// receive returns the first message within the time, or "".
func receive(t *testing.T, url string, within time.Duration) string {
	t.Helper()
	client := sqs.NewFromConfig(configOf(hub(t), account))
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(url), MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) > 0 {
			return aws.ToString(out.Messages[0].Body)
		}
	}
	return ""
}

// "$or" takes an event when one of its patterns does, also below detail, and a
// list of objects when one of them matches: what the healer's rule relies on.
// Source: EventBridge user guide, "Comparison operators for use in event patterns".
func TestEventBridgeKnowsOr(t *testing.T) {
	t.Parallel()
	client := eventbridge.NewFromConfig(configOf(hub(t), account))
	const pattern = `{"source":["aws.ec2"],"detail":{"errorCode":[{"exists":false}],"$or":[{"eventName":["A"]},{"eventName":["T"],"p":{"items":{"id":[{"prefix":"sg-"}]}}}]}}`
	for detail, want := range map[string]bool{
		`{"eventName":"A"}`: true,
		`{"eventName":"T","p":{"items":[{"id":"i-1"},{"id":"sg-1"}]}}`: true,
		`{"eventName":"T","p":{"items":[{"id":"i-1"}]}}`:               false,
		`{"eventName":"T"}`:                 false,
		`{"eventName":"A","errorCode":"X"}`: false,
		`{"eventName":"T","errorCode":"X","p":{"items":[{"id":"i-1"},{"id":"sg-1"}]}}`: false,
	} {
		out, err := client.TestEventPattern(t.Context(), &eventbridge.TestEventPatternInput{
			EventPattern: aws.String(pattern),
			Event:        aws.String(`{"id":"1","account":"1","source":"aws.ec2","detail-type":"T","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":[],"detail":` + detail + `}`),
		})
		if err != nil || out.Result != want {
			t.Errorf("%s: %v %v, want %v", detail, pretty(out), err, want)
		}
	}
}
