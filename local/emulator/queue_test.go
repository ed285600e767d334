package emulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// buffer is a queue between a bus and the probe, with its dead-letter queue,
// as infra/construct makes it.
type buffer struct {
	bus, queue, dead string // name, URLs
	events           *eventbridge.Client
	queues           *sqs.Client
	probe            *probe
}

// newBuffer makes a buffer whose messages are tried again after a second, and
// three times at most.
func newBuffer(t *testing.T, concurrency int32) *buffer {
	t.Helper()
	cfg := configOf(hub(t), account)
	b := &buffer{bus: name("bus"), events: eventbridge.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg), probe: newProbe(t)}
	var deadARN, queueARN string
	b.dead, deadARN = b.newQueue(t, nil)
	b.queue, queueARN = b.newQueue(t, map[string]string{
		"VisibilityTimeout": "1", "KmsMasterKeyId": "alias/evenkeel",
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, deadARN),
	})
	if _, err := b.probe.client.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String(b.probe.name), EventSourceArn: aws.String(queueARN), BatchSize: aws.Int32(10),
		FunctionResponseTypes: []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures},
		ScalingConfig:         &lambdatypes.ScalingConfig{MaximumConcurrency: aws.Int32(concurrency)},
	}); err != nil {
		t.Fatal(err)
	}
	rule(t, b.events, b.bus, types.Target{Arn: aws.String(queueARN)})
	return b
}

func (b *buffer) newQueue(t *testing.T, attributes map[string]string) (url, arn string) {
	t.Helper()
	out, err := b.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name("queue")), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: out.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.QueueUrl), got.Attributes["QueueArn"]
}

// waiting counts the messages of a queue, those in flight too.
func (b *buffer) waiting(t *testing.T, url string) int {
	t.Helper()
	out, err := b.queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(url), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	visible, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
	inFlight, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessagesNotVisible"])
	return visible + inFlight
}

// record is a message as Lambda hands it over.
type record struct {
	MessageID     string            `json:"messageId"`
	ReceiptHandle string            `json:"receiptHandle"`
	Body          string            `json:"body"`
	Attributes    map[string]string `json:"attributes"`
	SourceARN     string            `json:"eventSourceARN"`
}

func records(t *testing.T, lines []line) (all []record, batches []int) {
	t.Helper()
	for _, l := range lines {
		var batch struct{ Records []record }
		if err := json.Unmarshal(l.Event, &batch); err != nil {
			t.Fatal(err)
		}
		all, batches = append(all, batch.Records...), append(batches, len(batch.Records))
	}
	return all, batches
}

// A burst reaches the function whole, in batches of at most ten, and leaves
// nothing in the queue.
// Source: Lambda developer guide, "Using Lambda with Amazon SQS".
func TestQueueHandsABurstToTheFunction(t *testing.T) {
	t.Parallel()
	b := newBuffer(t, 5)
	const writers, each = 10, 60
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				put(t, b.events, b.bus, fmt.Sprintf(`{"n":%d}`, w*each+i))
			}
		})
	}
	wait.Wait()
	eventually(t, 30*time.Second, "an empty queue", func() bool { return b.waiting(t, b.queue) == 0 })
	got, batches := records(t, b.probe.lines(t))
	seen := map[string]bool{}
	for _, r := range got {
		var event struct{ Detail struct{ N int } }
		if err := json.Unmarshal([]byte(r.Body), &event); err != nil {
			t.Fatal(err)
		}
		seen[strconv.Itoa(event.Detail.N)] = true
	}
	if len(seen) != writers*each || slices.Max(batches) > 10 {
		t.Errorf("%d of %d events reached the function, in batches of up to %d", len(seen), writers*each, slices.Max(batches))
	}
	if n := b.waiting(t, b.dead); n != 0 {
		t.Errorf("%d messages are dead letters", n)
	}
	t.Logf("%d events in %d batches, %d deliveries", len(seen), len(batches), len(got))
}

// Buffering costs milliseconds, not a polling interval.
func TestQueueIsFast(t *testing.T) {
	t.Parallel()
	b := newBuffer(t, 5)
	var took []time.Duration
	for i := range 20 {
		sent := time.Now()
		put(t, b.events, b.bus, `{}`)
		took = append(took, b.probe.await(t, i+1, 10*time.Second)[i].Time.Sub(sent))
	}
	slices.Sort(took)
	t.Logf("PutEvents through a queue to the function: p50 %s, p95 %s", took[10], took[18])
	if took[10] > 250*time.Millisecond {
		t.Errorf("the median is %s", took[10])
	}
}

// "Return only the failed message IDs": the others are gone, the failed one
// comes again after the visibility timeout, and after maxReceiveCount it is a
// dead letter, its body as it was.
// Source: Lambda developer guide, "Implementing partial batch responses"; SQS
// developer guide, "Using dead-letter queues in Amazon SQS".
func TestQueueKeepsWhatAlwaysFails(t *testing.T) {
	t.Parallel()
	b := newBuffer(t, 2)
	put(t, b.events, b.bus, `{"fail":"always"}`)
	for range 5 {
		put(t, b.events, b.bus, `{}`)
	}
	body := receive(t, b.dead, 30*time.Second)
	if body == "" {
		t.Fatal("the message that always fails did not reach the dead-letter queue")
	}
	var event struct{ Detail struct{ Fail string } }
	if err := json.Unmarshal([]byte(body), &event); err != nil || event.Detail.Fail != "always" {
		t.Errorf("the dead letter is %s (%v)", body, err)
	}
	tries := map[string]int{}
	got, _ := records(t, b.probe.lines(t))
	for _, r := range got {
		tries[r.MessageID]++
	}
	counts := []int{}
	for _, n := range tries {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	if !slices.Equal(counts, []int{1, 1, 1, 1, 1, 3}) {
		t.Errorf("deliveries of each message %v, want one each and three of the one that fails", counts)
	}
	last := got[len(got)-1]
	if last.Attributes["ApproximateReceiveCount"] != "3" || last.ReceiptHandle == "" || last.SourceARN == "" {
		t.Errorf("the record says %+v", last)
	}
}

// The function may say when a message that failed comes again.
// Source: SQS API reference, ChangeMessageVisibility.
func TestQueueTriesAgainWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	b := newBuffer(t, 2)
	if _, err := b.queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: aws.String(b.queue), Attributes: map[string]string{"VisibilityTimeout": "360"},
	}); err != nil {
		t.Fatal(err)
	}
	put(t, b.events, b.bus, `{"fail":"always","sleepMs":500}`)
	first, _ := records(t, b.probe.await(t, 1, 10*time.Second))
	if _, err := b.queues.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(b.queue), ReceiptHandle: aws.String(first[0].ReceiptHandle), VisibilityTimeout: 1,
	}); err != nil {
		t.Fatal(err)
	}
	b.probe.await(t, 2, 10*time.Second)
}

// MaximumConcurrency bounds the batches at a time.
// Source: Lambda developer guide, "Configuring scaling behavior for SQS event
// source mappings".
func TestQueueBoundsTheConcurrency(t *testing.T) {
	t.Parallel()
	b := newBuffer(t, 2)
	if _, err := b.queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: aws.String(b.queue), Attributes: map[string]string{"VisibilityTimeout": "60"},
	}); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		put(t, b.events, b.bus, `{"sleepMs":50}`)
	}
	eventually(t, 30*time.Second, "an empty queue", func() bool { return b.waiting(t, b.queue) == 0 })
	pids := map[int]bool{}
	for _, l := range b.probe.lines(t) {
		pids[l.Pid] = true
	}
	if len(pids) > 2 {
		t.Errorf("%d environments worked at a time, want at most 2", len(pids))
	}
}
