// Package journal keeps the ledger in DynamoDB.
package journal

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

var (
	_ ledger.Journal = (*Table)(nil)
	_ ledger.Entries = (*Table)(nil)
)

// byKind is the index over kind and sequence.
const byKind = "byKind"

// Table is the ledger table: partition key subject, sort key sequence.
type Table struct {
	client *dynamodb.Client
	name   string
}

// New returns the ledger in the table called name.
func New(cfg aws.Config, name string) *Table {
	return &Table{client: dynamodb.NewFromConfig(cfg), name: name}
}

// Append implements ledger.Journal. The put is conditional, so that a repeated
// event changes nothing and what is written is never overwritten.
func (t *Table) Append(ctx context.Context, e ledger.Entry) (added bool, err error) {
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(t.name),
		Item: map[string]types.AttributeValue{
			"subject": text(e.Subject), "sequence": text(e.Sequence), "kind": text(e.Kind), "eventId": text(e.EventID),
			"detailType": text(e.DetailType), "source": text(e.Source), "time": text(e.Time.UTC().Format(time.RFC3339Nano)), "detail": text(string(e.Detail)),
		},
		ConditionExpression:      aws.String("attribute_not_exists(#subject)"),
		ExpressionAttributeNames: map[string]string{"#subject": "subject"},
	})
	if awserr.HasCode(err, "ConditionalCheckFailedException") {
		return false, nil
	}
	return err == nil, awserr.Classify("record "+e.DetailType+" of "+e.Subject, err)
}

// Subjects implements ledger.Entries over the index, newest fact first.
func (t *Table) Subjects(ctx context.Context, kind string, limit int) ([]string, error) {
	var subjects []string
	seen := map[string]bool{}
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: aws.String(t.name), IndexName: aws.String(byKind), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression: aws.String("#kind = :kind"), ProjectionExpression: aws.String("#subject"),
		ExpressionAttributeNames:  map[string]string{"#kind": "kind", "#subject": "subject"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":kind": text(kind)},
	})
	for pages.HasMorePages() && len(subjects) < limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the ledger's "+kind+" subjects", err)
		}
		for _, item := range page.Items {
			if subject := value(item, "subject"); !seen[subject] && len(subjects) < limit {
				seen[subject] = true
				subjects = append(subjects, subject)
			}
		}
	}
	return subjects, nil
}

// Of implements ledger.Entries.
func (t *Table) Of(ctx context.Context, subject string) ([]ledger.Entry, error) {
	var entries []ledger.Entry
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: aws.String(t.name), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#subject = :subject"),
		ExpressionAttributeNames:  map[string]string{"#subject": "subject"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":subject": text(subject)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the ledger of "+subject, err)
		}
		for _, item := range page.Items {
			e, err := entry(item)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func entry(item map[string]types.AttributeValue) (ledger.Entry, error) {
	at, err := time.Parse(time.RFC3339Nano, value(item, "time"))
	if err != nil {
		return ledger.Entry{}, fault.Permanent("the ledger entry %s of %s has no time: %w", value(item, "sequence"), value(item, "subject"), err)
	}
	return ledger.Entry{
		Subject: value(item, "subject"), Sequence: value(item, "sequence"), Kind: value(item, "kind"), EventID: value(item, "eventId"),
		DetailType: value(item, "detailType"), Source: value(item, "source"), Time: at, Detail: []byte(value(item, "detail")),
	}, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// value returns a text attribute, or "".
func value(item map[string]types.AttributeValue, name string) string {
	if v, ok := item[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}
