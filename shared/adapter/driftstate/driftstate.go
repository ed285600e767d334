// Package driftstate keeps the task tokens of drift workflows, and reads the
// registry of deployed stacks, in the state table.
package driftstate

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/drift"
)

// Table implements drift.Tokens and drift.Inventory.
type Table struct {
	client *dynamodb.Client
	name   string
}

// New returns the state table called name.
func New(cfg aws.Config, name string) *Table {
	return &Table{client: dynamodb.NewFromConfig(cfg), name: name}
}

var (
	_ drift.Tokens    = (*Table)(nil)
	_ drift.Inventory = (*Table)(nil)
)

// key is where a wait's token is: detection#<stack>#<id>/token,
// driftscan#<scan>#<batch>/token, or
// token#<stack>#<request token>/drift beside the item of a deployment.
func key(wait drift.Wait) map[string]types.AttributeValue {
	if wait.Kind == drift.WaitDetection {
		return item("detection#"+wait.StackID+"#"+wait.ID, "token")
	}
	if wait.Kind == drift.WaitBatch {
		return item("driftscan#"+wait.StackID+"#"+wait.ID, "token")
	}
	return item("token#"+wait.StackID+"#"+wait.ID, "drift")
}

func item(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": text(pk), "sk": text(sk)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Keep implements drift.Tokens.
func (t *Table) Keep(ctx context.Context, wait drift.Wait, token string, expires time.Time) error {
	row := key(wait)
	row["token"] = text(token)
	row["ttl"] = &types.AttributeValueMemberN{Value: strconv.FormatInt(expires.Unix(), 10)}
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(t.name), Item: row})
	return awserr.Classify("keep a task token", err)
}

// Find implements drift.Tokens. The read is consistent: an event may follow
// the Keep within milliseconds.
func (t *Table) Find(ctx context.Context, wait drift.Wait) (string, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(t.name), Key: key(wait), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return "", awserr.Classify("find a task token", err)
	}
	return value(out.Item, "token"), nil
}

// Forget implements drift.Tokens.
func (t *Table) Forget(ctx context.Context, wait drift.Wait, token string) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(t.name), Key: key(wait),
		ConditionExpression:       aws.String("#token = :token"),
		ExpressionAttributeNames:  map[string]string{"#token": "token"}, // a reserved word
		ExpressionAttributeValues: map[string]types.AttributeValue{":token": text(token)},
	})
	if awserr.HasCode(err, "ConditionalCheckFailedException") {
		return nil
	}
	return awserr.Classify("forget a task token", err)
}

// Stacks implements drift.Inventory. The registry's items are spread over one
// partition for each account and region, which are not known beforehand; the
// state table is small, so it is scanned.
func (t *Table) Stacks(ctx context.Context) ([]events.StackRef, error) {
	var found []events.StackRef
	pages := dynamodb.NewScanPaginator(t.client, &dynamodb.ScanInput{
		TableName: aws.String(t.name), FilterExpression: aws.String("begins_with(pk, :stack)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":stack": text("stack#")},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the deployed stacks", err)
		}
		for _, row := range page.Items {
			found = append(found, events.StackRef{
				StackID: value(row, "stackId"), StackName: value(row, "stackName"),
				Account: value(row, "account"), Region: value(row, "region"),
				Repository: value(row, "repository"), Stage: value(row, "stage"), RunID: value(row, "runId"),
			})
		}
	}
	return found, nil
}

func value(row map[string]types.AttributeValue, name string) string {
	if s, ok := row[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
