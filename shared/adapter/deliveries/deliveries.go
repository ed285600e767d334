// Package deliveries remembers webhook deliveries in the state table.
package deliveries

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

var _ webhook.Deliveries = (*Store)(nil)

// Kept is how long a delivery is remembered, and so refused when replayed.
// GitHub offers redelivery for 3 days; the rest is for a body that was caught.
// Source: GitHub docs, "Redelivering webhooks".
const Kept = 90 * 24 * time.Hour

// The attributes of an item beside its key.
const (
	stateAttr   = "state" // claimed, done
	leaseAttr   = "until" // epoch milliseconds at which a claim runs out
	ownerAttr   = "owner" // random; the call that claims
	resultAttr  = "result"
	updatedAttr = "updated"
	ttlAttr     = "ttl" // epoch seconds
)

// Store keeps deliveries under delivery#<provider>#<id>.
type Store struct {
	client *dynamodb.Client
	table  string
}

// New returns the store in table.
func New(cfg aws.Config, table string) *Store {
	return &Store{client: dynamodb.NewFromConfig(cfg), table: table}
}

func key(k webhook.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": str("delivery#" + k.Provider + "#" + k.ID), "sk": str("delivery")}
}

// Claim implements webhook.Deliveries with one conditional put. The SDK repeats
// a put whose answer was lost: the owner's name tells it that it has the claim
// already. Else it would take itself for a second delivery, and the only one
// there is would be refused.
func (s *Store) Claim(ctx context.Context, k webhook.Key, now time.Time, lease time.Duration) (webhook.Claim, error) {
	item, owner := key(k), rand.Text()
	item[stateAttr], item[ownerAttr] = str("claimed"), str(owner)
	item[leaseAttr] = num(now.Add(lease).UnixMilli())
	item[ttlAttr] = num(now.Add(Kept).Unix())
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.table), Item: item,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR (#state = :claimed AND (#until <= :now OR #owner = :owner))"),
		ExpressionAttributeNames:  map[string]string{"#state": stateAttr, "#until": leaseAttr, "#owner": ownerAttr},
		ExpressionAttributeValues: map[string]types.AttributeValue{":claimed": str("claimed"), ":now": num(now.UnixMilli()), ":owner": str(owner)},
	})
	if err == nil {
		return webhook.Taken, nil
	}
	if !awserr.HasCode(err, "ConditionalCheckFailedException") {
		return 0, awserr.Classify("claim the delivery "+k.ID, err)
	}
	return s.existing(ctx, k)
}

// existing tells a finished delivery from one in flight.
func (s *Store) existing(ctx context.Context, k webhook.Key) (webhook.Claim, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.table), Key: key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return 0, awserr.Classify("read the delivery "+k.ID, err)
	}
	if state, ok := out.Item[stateAttr].(*types.AttributeValueMemberS); ok && state.Value == "done" {
		return webhook.Done, nil
	}
	return webhook.InFlight, nil
}

// Complete implements webhook.Deliveries.
func (s *Store) Complete(ctx context.Context, k webhook.Key, now time.Time, result webhook.Result) error {
	item := key(k)
	item[stateAttr] = str("done")
	item[resultAttr] = str(string(result))
	item[updatedAttr] = str(now.UTC().Format(time.RFC3339))
	item[ttlAttr] = num(now.Add(Kept).Unix())
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: item})
	return awserr.Classify("complete the delivery "+k.ID, err)
}

// Release implements webhook.Deliveries. A delivery that is done stays.
func (s *Store) Release(ctx context.Context, k webhook.Key) error {
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(s.table), Key: key(k),
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #state = :claimed"),
		ExpressionAttributeNames:  map[string]string{"#state": stateAttr},
		ExpressionAttributeValues: map[string]types.AttributeValue{":claimed": str("claimed")},
	})
	if awserr.HasCode(err, "ConditionalCheckFailedException") {
		return nil
	}
	return awserr.Classify("release the delivery "+k.ID, err)
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
