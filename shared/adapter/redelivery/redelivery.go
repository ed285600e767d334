// Package redelivery tells a queue when a message that was taken from it comes
// again.
package redelivery

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Client speaks to the queues of the hub account. It is safe for concurrent use.
type Client struct {
	client *sqs.Client

	mu   sync.Mutex
	urls map[string]string // ARN → URL
}

// New returns a client.
func New(cfg aws.Config) *Client {
	return &Client{client: sqs.NewFromConfig(cfg), urls: map[string]string{}}
}

// After makes the message visible again after the time, in place of what is
// left of the queue's visibility timeout. queue is an ARN, receipt the handle
// under which the message was taken. Whole seconds count; zero is at once, and
// no time may exceed 12 hours.
// Source: SQS API reference, ChangeMessageVisibility.
func (c *Client) After(ctx context.Context, queue, receipt string, after time.Duration) error {
	url, err := c.url(ctx, queue)
	if err != nil {
		return err
	}
	_, err = c.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(url), ReceiptHandle: aws.String(receipt), VisibilityTimeout: int32(after / time.Second),
	})
	if err != nil {
		return awserr.Classify("change the visibility of a message of "+queue, err)
	}
	return nil
}

// url asks once for the URL of a queue: its form differs between partitions.
func (c *Client) url(ctx context.Context, queue string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if url := c.urls[queue]; url != "" {
		return url, nil
	}
	name, err := arn.Parse(queue)
	if err != nil || name.Service != "sqs" {
		return "", fault.Invalid("%q is not the ARN of a queue", queue)
	}
	out, err := c.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name.Resource), QueueOwnerAWSAccountId: aws.String(name.AccountID)})
	if err != nil {
		return "", awserr.Classify("find the queue "+queue, err)
	}
	c.urls[queue] = aws.ToString(out.QueueUrl)
	return c.urls[queue], nil
}
