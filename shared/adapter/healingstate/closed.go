package healingstate

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// index lets the heal be found by its group and its rule. It is written before
// the heal is noted as closed, so that none is missed; what became of the heal
// is only in its own item. A rule that was opened again has one item: the last
// heal of it counts.
func (s *State) index(ctx context.Context, h healing.Heal) error {
	for _, r := range h.Removed {
		for _, id := range []string{h.Group.GroupID, r.Rule.RuleID} {
			it := key("healof#"+id, healing.RuleKey(r.Rule))
			closed := number(h.Closed.UnixNano())
			it["heal"], it["closed"], it["ttl"] = text(h.ID), closed, s.until(keepHeal)
			_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
				TableName: aws.String(s.table), Item: it, ConditionExpression: aws.String("attribute_not_exists(pk) OR #closed < :closed"),
				ExpressionAttributeNames: map[string]string{"#closed": "closed"}, ExpressionAttributeValues: item{":closed": closed},
			})
			if err != nil && !awserr.HasCode(err, "ConditionalCheckFailedException") {
				return awserr.Classify("note "+h.ID+" at "+id, err)
			}
		}
	}
	return nil
}

// Closed implements drift.Heals: the heals of a group (sg-…) or of a rule
// (sgr-…) that closed something and were not undone, of each rule that was
// opened the last one.
func (s *State) Closed(ctx context.Context, id string) ([]healing.Heal, error) {
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: aws.String(s.table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text("healof#" + id)},
	})
	var list []healing.Heal
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the heals of "+id, err)
		}
		for _, it := range page.Items {
			name, ok := it["heal"].(*types.AttributeValueMemberS)
			if !ok {
				continue
			}
			h, ok, err := s.Heal(ctx, name.Value)
			if err != nil {
				return nil, err
			}
			if ok && h.Step() == healing.StepClosed {
				list = append(list, h)
			}
		}
	}
	return list, nil
}
