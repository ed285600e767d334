// Package rolloutstate keeps the record of each stack's last rollout in the
// state table.
package rolloutstate

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var _ rollout.Records = (*Store)(nil)

// prefix begins the keys of records: an item for each stack, which says which
// of its sides is live for as long as there is a stack. It never expires.
const prefix = "rollout#"

// Store is the state table.
type Store struct {
	client *dynamodb.Client
	table  string
}

// New returns the store in table.
func New(cfg aws.Config, table string) *Store {
	return &Store{client: dynamodb.NewFromConfig(cfg), table: table}
}

type item = map[string]types.AttributeValue

func str(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }

func num(v int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(v)}
}

func key(t events.Target) item {
	return item{"pk": str(prefix + t.Account + "/" + t.Region + "/" + t.StackName), "sk": str("rollout")}
}

// Read implements rollout.Records.
func (s *Store) Read(ctx context.Context, t events.Target) (rollout.Record, bool, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.table), Key: key(t), ConsistentRead: aws.Bool(true)})
	if err != nil || out.Item == nil {
		return rollout.Record{}, false, awserr.Classify("read the rollout of "+t.StackName, err)
	}
	record, err := decode(out.Item)
	return record, err == nil, err
}

// Write implements rollout.Records.
func (s *Store) Write(ctx context.Context, t events.Target, record rollout.Record) error {
	doing := "write the rollout of " + t.StackName
	data, err := json.Marshal(record)
	if err != nil {
		return fault.Permanent("%s: %w", doing, err)
	}
	stored := key(t)
	stored["record"], stored["version"] = str(string(data)), num(record.Version+1)
	input := &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: stored, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if record.Version > 0 {
		input.ConditionExpression = aws.String("#v = :v")
		input.ExpressionAttributeNames = map[string]string{"#v": "version"}
		input.ExpressionAttributeValues = item{":v": num(record.Version)}
	}
	_, err = s.client.PutItem(ctx, input)
	return awserr.Classify(doing, err)
}

// List implements rollout.Records. The table has few items and no index: a
// scan costs less than keeping one.
func (s *Store) List(ctx context.Context) ([]rollout.Record, error) {
	pages := dynamodb.NewScanPaginator(s.client, &dynamodb.ScanInput{
		TableName: aws.String(s.table), ConsistentRead: aws.Bool(true),
		FilterExpression: aws.String("begins_with(pk, :p)"), ExpressionAttributeValues: item{":p": str(prefix)},
	})
	records := []rollout.Record{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the rollouts", err)
		}
		for _, found := range page.Items {
			record, err := decode(found)
			if err != nil {
				return nil, err
			}
			records = append(records, record)
		}
	}
	slices.SortFunc(records, func(a, b rollout.Record) int { return strings.Compare(order(a), order(b)) })
	return records, nil
}

func order(r rollout.Record) string {
	t := r.Request.Target
	return t.Account + "/" + t.Region + "/" + t.StackName
}

func decode(found item) (rollout.Record, error) {
	var record rollout.Record
	text, _ := found["record"].(*types.AttributeValueMemberS)
	version, _ := found["version"].(*types.AttributeValueMemberN)
	if text == nil || version == nil {
		return record, fault.Permanent("read a rollout: the item has no record")
	}
	if err := json.Unmarshal([]byte(text.Value), &record); err != nil {
		return record, fault.Permanent("read a rollout: %w", err)
	}
	n, err := strconv.Atoi(version.Value)
	if err != nil {
		return record, fault.Permanent("read a rollout: its version: %w", err)
	}
	record.Version = n
	return record, nil
}
