// Package reviewstate keeps in the state table which review a pull request has,
// and what a review has open in a workload account.
package reviewstate

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
)

var _ review.Reviews = (*Store)(nil)

// Kept is how long an item is kept after it was written: more than any
// redelivery of an event and than any execution.
const Kept = 30 * 24 * time.Hour

// The attributes of an item beside its key.
const (
	reviewAttr    = "reviewId"
	executionAttr = "execution"
	headAttr      = "head"
	updatedAttr   = "updated" // epoch nanoseconds of the event; orders reviews
	openAttr      = "open"    // JSON
	ttlAttr       = "ttl"     // epoch seconds
)

const conditional = "ConditionalCheckFailedException"

// Store keeps the review of a pull request under review#<repository>/<number>,
// and what is open under open#<review id>/open.
type Store struct {
	client *dynamodb.Client
	table  string
	now    func() time.Time
}

// New returns the store in table. now is used for expiry only.
func New(cfg aws.Config, table string, now func() time.Time) *Store {
	return &Store{client: dynamodb.NewFromConfig(cfg), table: table, now: now}
}

type item = map[string]types.AttributeValue

func pull(repository string, number int) item {
	return item{"pk": str("review#" + repository), "sk": str(strconv.Itoa(number))}
}

func open(reviewID string) item { return item{"pk": str("open#" + reviewID), "sk": str("open")} }

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func (s *Store) expires() types.AttributeValue { return num(s.now().Add(Kept).Unix()) }

// Claim implements review.Reviews with one conditional put. The review that is
// there may be our own: the same execution claims again after a lost answer.
func (s *Store) Claim(ctx context.Context, repository string, number int, c review.Claim) (review.Claim, error) {
	stored := pull(repository, number)
	stored[reviewAttr], stored[executionAttr], stored[headAttr] = str(c.ReviewID), str(c.Execution), str(c.Head)
	stored[updatedAttr], stored[ttlAttr] = num(c.Updated.UnixNano()), s.expires()
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.table), Item: stored,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #u < :u"),
		ExpressionAttributeNames:  map[string]string{"#u": updatedAttr},
		ExpressionAttributeValues: item{":u": num(c.Updated.UnixNano())},
	})
	if awserr.HasCode(err, conditional) {
		return s.Latest(ctx, repository, number)
	}
	return c, awserr.Classify("claim the review "+c.ReviewID, err)
}

// Latest implements review.Reviews.
func (s *Store) Latest(ctx context.Context, repository string, number int) (review.Claim, error) {
	found, err := s.get(ctx, "read the review of "+repository, pull(repository, number))
	if err != nil || found == nil {
		return review.Claim{}, err
	}
	c := review.Claim{ReviewID: text(found, reviewAttr), Execution: text(found, executionAttr), Head: text(found, headAttr)}
	if updated, ok := found[updatedAttr].(*types.AttributeValueMemberN); ok {
		n, err := strconv.ParseInt(updated.Value, 10, 64)
		if err != nil {
			return c, fault.Permanent("read the review of %s: %w", repository, err)
		}
		c.Updated = time.Unix(0, n).UTC()
	}
	return c, nil
}

// Keep implements review.Reviews.
func (s *Store) Keep(ctx context.Context, reviewID string, o review.Open) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fault.Permanent("keep what %s has open: %w", reviewID, err)
	}
	stored := open(reviewID)
	stored[openAttr], stored[ttlAttr] = str(string(data)), s.expires()
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: stored})
	return awserr.Classify("keep what "+reviewID+" has open", err)
}

// Opened implements review.Reviews.
func (s *Store) Opened(ctx context.Context, reviewID string) (o review.Open, ok bool, err error) {
	found, err := s.get(ctx, "read what "+reviewID+" has open", open(reviewID))
	if err != nil || found == nil {
		return o, false, err
	}
	if err := json.Unmarshal([]byte(text(found, openAttr)), &o); err != nil {
		return o, false, fault.Permanent("read what %s has open: %w", reviewID, err)
	}
	return o, true, nil
}

// Forget implements review.Reviews.
func (s *Store) Forget(ctx context.Context, reviewID string) error {
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(s.table), Key: open(reviewID)})
	return awserr.Classify("forget what "+reviewID+" had open", err)
}

func (s *Store) get(ctx context.Context, doing string, key item) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.table), Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awserr.Classify(doing, err)
	}
	return out.Item, nil
}

func text(i item, name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}
