package driftstate

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var (
	_ drift.Standings     = (*Table)(nil)
	_ deployment.Changers = (*Table)(nil)
)

// standingPrefix begins the partitions of standings: items
// driftstanding#<account>/<region> / <stack name>, each with a document, packed
// because 500 resources that all drifted would not fit into an item of 400 KB.
// Source: DynamoDB developer guide, "Service, account, and table quotas".
const standingPrefix = "driftstanding#"

func standingKey(stack events.StackRef) map[string]types.AttributeValue {
	return item(standingPrefix+stack.Account+"/"+stack.Region, stack.StackName)
}

// Standing implements drift.Standings.
func (t *Table) Standing(ctx context.Context, stack events.StackRef) (drift.Standing, error) {
	doing := "read how " + stack.StackName + " stood"
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(t.name), Key: standingKey(stack), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return drift.Standing{}, awserr.Classify(doing, err)
	}
	if len(out.Item) == 0 {
		return drift.Standing{}, nil
	}
	return unpack(doing, out.Item)
}

// Remember implements drift.Standings.
func (t *Table) Remember(ctx context.Context, standing drift.Standing, expires time.Time) error {
	doing := "remember how " + standing.Stack.StackName + " stands"
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	err := json.NewEncoder(zip).Encode(standing)
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		return fault.Permanent("%s: %w", doing, err)
	}
	row := standingKey(standing.Stack)
	row["packed"] = &types.AttributeValueMemberB{Value: packed.Bytes()}
	row["ttl"] = &types.AttributeValueMemberN{Value: strconv.FormatInt(expires.Unix(), 10)}
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(t.name), Item: row})
	return awserr.Classify(doing, err)
}

// Standings implements drift.Standings. As for the registry, accounts and
// regions are not known beforehand.
func (t *Table) Standings(ctx context.Context) ([]drift.Standing, error) {
	const doing = "read how all stacks stand"
	var all []drift.Standing
	pages := dynamodb.NewScanPaginator(t.client, &dynamodb.ScanInput{
		TableName: aws.String(t.name), FilterExpression: aws.String("begins_with(pk, :prefix)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":prefix": text(standingPrefix)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify(doing, err)
		}
		for _, row := range page.Items {
			standing, err := unpack(doing, row)
			if err != nil {
				return nil, err
			}
			all = append(all, standing)
		}
	}
	return all, nil
}

// Changers implements deployment.Changers. A standing of another stack that had
// the name says nothing.
func (t *Table) Changers(ctx context.Context, stack events.StackRef) ([]attribution.Known, error) {
	standing, err := t.Standing(ctx, stack)
	if err != nil || standing.Stack.StackID != stack.StackID {
		return nil, err
	}
	return standing.Changed, nil
}

func unpack(doing string, row map[string]types.AttributeValue) (drift.Standing, error) {
	var standing drift.Standing
	packed, ok := row["packed"].(*types.AttributeValueMemberB)
	if !ok {
		return standing, fault.Permanent("%s: the item has no document", doing)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed.Value))
	if err != nil {
		return standing, fault.Permanent("%s: %w", doing, err)
	}
	text, err := io.ReadAll(zip)
	if err == nil {
		err = json.Unmarshal(text, &standing)
	}
	if err != nil {
		return standing, fault.Permanent("%s: %w", doing, err)
	}
	return standing, nil
}
