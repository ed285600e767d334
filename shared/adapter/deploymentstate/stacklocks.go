package deploymentstate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

var _ deployment.StackLocks = StackLocks{}

// StackLocks implements deployment.StackLocks: an item a lock, written under a
// condition, so that two writers cannot both have it.
type StackLocks struct{ *Store }

// StackLocks is the store as deployment.StackLocks.
func (s *Store) StackLocks() StackLocks { return StackLocks{s} }

// locksKept is how long a lock that nobody released is kept after its end. The
// condition looks at the end itself: DynamoDB may delete an item days late.
const locksKept = 24 * time.Hour

func stackLockID(t events.Target) string {
	return "stacklock#" + t.Account + "#" + t.Region + "#" + t.StackName
}

// Acquire implements deployment.StackLocks. Times are compared as seconds.
func (l StackLocks) Acquire(ctx context.Context, t events.Target, owner, over string, until time.Time) (string, error) {
	stored := key(stackLockID(t), "lock")
	stored["owner"], stored["expires"], stored[ttlAttr] = str(owner), num(until.Unix()), num(until.Add(locksKept).Unix())
	condition, values := "attribute_not_exists(pk) OR #o = :o OR #e <= :n", item{":o": str(owner), ":n": num(l.now().Unix())}
	if over != "" {
		condition, values[":over"] = condition+" OR #o = :over", str(over)
	}
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(l.table), Item: stored, ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: map[string]string{"#o": "owner", "#e": "expires"}, ExpressionAttributeValues: values,
	})
	if !awserr.HasCode(err, conditional) {
		return owner, awserr.Classify("lock the stack "+t.StackName, err)
	}
	found, err := l.get(ctx, "read the lock of the stack "+t.StackName, stackLockID(t), "lock")
	if holder := text(found, "owner"); holder != "" && holder != owner {
		return holder, err
	}
	return "somebody who has just released it", err
}

// Release implements deployment.StackLocks.
func (l StackLocks) Release(ctx context.Context, t events.Target, owner string) error {
	_, err := l.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(l.table), Key: key(stackLockID(t), "lock"), ConditionExpression: aws.String("#o = :o"),
		ExpressionAttributeNames: map[string]string{"#o": "owner"}, ExpressionAttributeValues: item{":o": str(owner)},
	})
	if awserr.HasCode(err, conditional) {
		return nil
	}
	return awserr.Classify("unlock the stack "+t.StackName, err)
}
