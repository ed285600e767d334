package deploymentstate

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/build"
)

var _ build.Records = Builds{}

// Builds is the store as build.Records: an item for each run, below "build#".
type Builds struct{ *Store }

// Builds is the store as build.Records.
func (s *Store) Builds() Builds { return Builds{s} }

func buildKey(runID string) item { return key("build#"+runID, "build") }

func record(i item) build.Record {
	return build.Record{BuildID: text(i, "buildId"), Token: text(i, "token")}
}

// Await implements build.Records.
func (b Builds) Await(ctx context.Context, runID, token string) (build.Record, error) {
	out, err := b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(b.table), Key: buildKey(runID), ReturnValues: types.ReturnValueAllNew,
		UpdateExpression:          aws.String("SET #k = :k, #t = :t"),
		ExpressionAttributeNames:  map[string]string{"#k": "token", "#t": ttlAttr},
		ExpressionAttributeValues: item{":k": str(token), ":t": b.expires(tokensKept)},
	})
	if err != nil {
		return build.Record{}, awserr.Classify("keep the task token of the build of "+runID, err)
	}
	return record(out.Attributes), nil
}

// Started implements build.Records.
func (b Builds) Started(ctx context.Context, runID, buildID string) (build.Record, error) {
	out, err := b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(b.table), Key: buildKey(runID), ReturnValues: types.ReturnValueAllNew,
		UpdateExpression:          aws.String("SET #b = if_not_exists(#b, :b), #t = :t"),
		ExpressionAttributeNames:  map[string]string{"#b": "buildId", "#t": ttlAttr},
		ExpressionAttributeValues: item{":b": str(buildID), ":t": b.expires(tokensKept)},
	})
	if err != nil {
		return build.Record{}, awserr.Classify("keep the build of "+runID, err)
	}
	return record(out.Attributes), nil
}

// Read implements build.Records.
func (b Builds) Read(ctx context.Context, runID string) (build.Record, error) {
	found, err := b.get(ctx, "read the build of "+runID, "build#"+runID, "build")
	return record(found), err
}

// Forget implements build.Records.
func (b Builds) Forget(ctx context.Context, runID, token string) error {
	_, err := b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(b.table), Key: buildKey(runID),
		UpdateExpression: aws.String("REMOVE #k"), ConditionExpression: aws.String("#k = :k"),
		ExpressionAttributeNames: map[string]string{"#k": "token"}, ExpressionAttributeValues: item{":k": str(token)},
	})
	if awserr.HasCode(err, conditional) {
		return nil
	}
	return awserr.Classify("forget the task token of the build of "+runID, err)
}
