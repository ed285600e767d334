package driftstate

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var _ drift.Baselines = (*Table)(nil)

// keepEnded is how long an acceptance that is over is kept, so that a report
// can say so.
const keepEnded = 90 * 24 * time.Hour

// acceptedID is the partition of what was accepted of a stack: items
// driftaccepted#<stack ARN> / <logical id>#<path>, each with a document.
func acceptedID(stack events.StackRef) string { return "driftaccepted#" + stack.StackID }

// Accepted implements drift.Baselines.
func (t *Table) Accepted(ctx context.Context, stack events.StackRef) ([]response.Accepted, error) {
	doing := "read what was accepted of " + stack.StackName
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: aws.String(t.name), ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(acceptedID(stack))},
	})
	var list []response.Accepted
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify(doing, err)
		}
		for _, row := range page.Items {
			var a response.Accepted
			if err := json.Unmarshal([]byte(value(row, "document")), &a); err != nil {
				return nil, fault.Permanent("%s: %w", doing, err)
			}
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b response.Accepted) int {
		return cmp.Or(cmp.Compare(a.LogicalID, b.LogicalID), cmp.Compare(a.Path, b.Path))
	})
	return list, nil
}

// Accept implements drift.Baselines.
func (t *Table) Accept(ctx context.Context, stack events.StackRef, a response.Accepted) error {
	document, err := json.Marshal(a)
	if err != nil {
		return fault.Permanent("encode what was accepted of %s: %w", stack.StackName, err)
	}
	row := item(acceptedID(stack), a.LogicalID+"#"+a.Path)
	row["document"] = text(string(document))
	if !a.Until.IsZero() {
		row["ttl"] = &types.AttributeValueMemberN{Value: strconv.FormatInt(a.Until.Add(keepEnded).Unix(), 10)}
	}
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(t.name), Item: row})
	return awserr.Classify("remember what was accepted of "+stack.StackName, err)
}

// Unaccept implements drift.Baselines.
func (t *Table) Unaccept(ctx context.Context, stack events.StackRef, logicalID, path string) (bool, error) {
	out, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(t.name), Key: item(acceptedID(stack), logicalID+"#"+path), ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		return false, awserr.Classify("forget what was accepted of "+stack.StackName, err)
	}
	return len(out.Attributes) > 0, nil
}
