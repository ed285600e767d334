// Package writes keeps the ledger of writes in DynamoDB: who changed which
// resource, forgotten after some months.
package writes

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var (
	_ attribution.Ledger = (*Table)(nil)
	_ attribution.Keeper = (*Table)(nil)
)

const (
	// batch is how many items one BatchWriteItem takes.
	// Source: DynamoDB API reference, BatchWriteItem.
	batch = 25
	// attempts is how often items are sent that the table did not take.
	attempts = 5
	// pause is the first wait between attempts; it doubles.
	pause = 50 * time.Millisecond
)

// Table is the table of writes: partition key resource, sort key at, which is
// the write's time and event id. An item is one write under one key.
type Table struct {
	client *dynamodb.Client
	name   string
	kept   time.Duration
	pause  func(context.Context, time.Duration) error
}

// New returns the ledger in the table called name. A write is forgotten when it
// is kept old.
func New(cfg aws.Config, name string, kept time.Duration) *Table {
	return &Table{client: dynamodb.NewFromConfig(cfg), name: name, kept: kept, pause: wait}
}

// Keep implements attribution.Keeper. The same write makes the same items, so
// that an event that comes twice changes nothing. What the table does not take
// in the end is a Transient error: the event comes again.
func (t *Table) Keep(ctx context.Context, w attribution.Write) error {
	document, err := json.Marshal(w)
	if err != nil {
		return fault.Permanent("keep the write %s: %w", w.EventID, err)
	}
	expires := strconv.FormatInt(w.Time.Add(t.kept).Unix(), 10)
	var requests []types.WriteRequest
	for _, key := range w.Keys() {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
			"resource": text(key), "at": text(w.Time.UTC().Format(time.RFC3339) + "#" + w.EventID),
			"write": text(string(document)), "ttl": &types.AttributeValueMemberN{Value: expires},
		}}})
	}
	for some := range slices.Chunk(requests, batch) {
		if err := t.put(ctx, w.EventID, some); err != nil {
			return err
		}
	}
	return nil
}

// put writes a batch. A table that is busy takes a part of it and hands the
// rest back. Source: DynamoDB API reference, BatchWriteItem, UnprocessedItems.
func (t *Table) put(ctx context.Context, event string, requests []types.WriteRequest) error {
	for attempt := range attempts {
		if attempt > 0 {
			if err := t.pause(ctx, pause<<(attempt-1)); err != nil {
				return fault.Transient("keep the write %s: %w", event, err)
			}
		}
		out, err := t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{t.name: requests}})
		if err != nil {
			return awserr.Classify("keep the write "+event, err)
		}
		if requests = out.UnprocessedItems[t.name]; len(requests) == 0 {
			return nil
		}
	}
	return fault.Transient("keep the write %s: the table did not take %d of its items in %d attempts", event, len(requests), attempts)
}

// Writes implements attribution.Ledger, newest first. Expired items may be
// there for some days more; they are as good as others.
func (t *Table) Writes(ctx context.Context, keys []string, limit int) ([]attribution.Write, error) {
	var found []attribution.Write
	for _, key := range keys {
		of, err := t.of(ctx, key, limit)
		if err != nil {
			return nil, err
		}
		found = append(found, of...)
	}
	return found, nil
}

func (t *Table) of(ctx context.Context, key string, limit int) ([]attribution.Write, error) {
	var found []attribution.Write
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: aws.String(t.name), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit)), //nolint:gosec // a constant of the caller
		KeyConditionExpression:    aws.String("#resource = :resource"),
		ExpressionAttributeNames:  map[string]string{"#resource": "resource"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":resource": text(key)},
	})
	for pages.HasMorePages() && len(found) < limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the writes to "+key, err)
		}
		for _, item := range page.Items {
			var w attribution.Write
			document, _ := item["write"].(*types.AttributeValueMemberS)
			if document == nil || json.Unmarshal([]byte(document.Value), &w) != nil {
				return nil, fault.Permanent("the ledger of writes has an item of %s that is no write: delete it", key)
			}
			if len(found) < limit {
				found = append(found, w)
			}
		}
	}
	return found, nil
}

// wait waits for a time between half of d and d.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
