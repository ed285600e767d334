// Package deploymentstate keeps what deployments remember in the state table:
// the lock of each repository, runs, approvals, task tokens and the registry
// of deployed stacks.
package deploymentstate

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var (
	_ deployment.Locks     = Locks{}
	_ deployment.Runs      = Runs{}
	_ deployment.Approvals = Approvals{}
	_ deployment.Tokens    = Tokens{}
	_ deployment.Registry  = Registry{}
)

// How long items are kept; DynamoDB deletes them some time after.
const (
	runsKept      = 120 * 24 * time.Hour // more than a run that waits for a stage to open, and any redelivery of an event
	approvalsKept = 90 * 24 * time.Hour  // the ledger keeps the facts for longer
	tokensKept    = 7 * 24 * time.Hour   // more than any wait for a stack operation
)

const (
	ttlAttr     = "ttl" // epoch seconds
	conditional = "ConditionalCheckFailedException"
)

// Store is the state table.
type Store struct {
	client *dynamodb.Client
	table  string
	now    func() time.Time
}

// New returns the store in table. now is used for expiry only.
func New(cfg aws.Config, table string, now func() time.Time) *Store {
	return &Store{client: dynamodb.NewFromConfig(cfg), table: table, now: now}
}

// Locks is the store as deployment.Locks.
func (s *Store) Locks() Locks { return Locks{s} }

// Runs is the store as deployment.Runs.
func (s *Store) Runs() Runs { return Runs{s} }

// Approvals is the store as deployment.Approvals.
func (s *Store) Approvals() Approvals { return Approvals{s} }

// Tokens is the store as deployment.Tokens.
func (s *Store) Tokens() Tokens { return Tokens{s} }

// Registry is the store as deployment.Registry.
func (s *Store) Registry() Registry { return Registry{s} }

type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{"pk": str(pk), "sk": str(sk)} }

func str(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }

func num(v int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(v, 10)}
}

func text(i item, name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func number(i item, name string) int {
	if v, ok := i[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.Atoi(v.Value) // written by us
		return n
	}
	return 0
}

func (s *Store) expires(d time.Duration) types.AttributeValue { return num(s.now().Add(d).Unix()) }

func (s *Store) get(ctx context.Context, doing, pk, sk string) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.table), Key: key(pk, sk), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awserr.Classify(doing, err)
	}
	return out.Item, nil
}

// Locks implements deployment.Locks: the queue as JSON beside a version.
type Locks struct{ *Store }

// Read implements deployment.Locks.
func (l Locks) Read(ctx context.Context, repository string) (deployment.Queue, int, error) {
	found, err := l.get(ctx, "read the lock of "+repository, "lock#"+repository, "lock")
	if err != nil || found == nil {
		return deployment.Queue{}, 0, err
	}
	var queue deployment.Queue
	if err := json.Unmarshal([]byte(text(found, "queue")), &queue); err != nil {
		return deployment.Queue{}, 0, fault.Permanent("read the lock of %s: %w", repository, err)
	}
	return queue, number(found, "version"), nil
}

// Write implements deployment.Locks.
func (l Locks) Write(ctx context.Context, repository string, queue deployment.Queue, version int) error {
	data, err := json.Marshal(queue)
	if err != nil {
		return fault.Permanent("write the lock of %s: %w", repository, err)
	}
	stored := key("lock#"+repository, "lock")
	stored["queue"], stored["version"] = str(string(data)), num(int64(version)+1)
	_, err = l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(l.table), Item: stored,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #v = :v"),
		ExpressionAttributeNames:  map[string]string{"#v": "version"},
		ExpressionAttributeValues: item{":v": num(int64(version))},
	})
	return awserr.Classify("write the lock of "+repository, err)
}

// Runs implements deployment.Runs.
type Runs struct{ *Store }

// Claim implements deployment.Runs.
func (r Runs) Claim(ctx context.Context, runID, execution string) (deployment.RunRecord, error) {
	stored := key("run#"+runID, "run")
	stored["execution"], stored[ttlAttr] = str(execution), r.expires(runsKept)
	_, err := r.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(r.table), Item: stored, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	})
	if awserr.HasCode(err, conditional) {
		return r.Read(ctx, runID)
	}
	return deployment.RunRecord{Execution: execution}, awserr.Classify("claim the run "+runID, err)
}

// Read implements deployment.Runs.
func (r Runs) Read(ctx context.Context, runID string) (deployment.RunRecord, error) {
	found, err := r.get(ctx, "read the run "+runID, "run#"+runID, "run")
	if err != nil {
		return deployment.RunRecord{}, err
	}
	return decodeRun(found)
}

func decodeRun(found item) (deployment.RunRecord, error) {
	record := deployment.RunRecord{Execution: text(found, "execution")}
	if stored := text(found, "end"); stored != "" {
		record.End = &deployment.End{}
		if err := json.Unmarshal([]byte(stored), record.End); err != nil {
			return record, fault.Permanent("read the end of a run: %w", err)
		}
	}
	return record, nil
}

// Close implements deployment.Runs.
func (r Runs) Close(ctx context.Context, runID string, end deployment.End) (deployment.End, error) {
	data, err := json.Marshal(end)
	if err != nil {
		return end, fault.Permanent("close the run %s: %w", runID, err)
	}
	_, err = r.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(r.table), Key: key("run#"+runID, "run"),
		UpdateExpression:          aws.String("SET #e = :e, #t = :t"),
		ConditionExpression:       aws.String("attribute_not_exists(#e)"),
		ExpressionAttributeNames:  map[string]string{"#e": "end", "#t": ttlAttr},
		ExpressionAttributeValues: item{":e": str(string(data)), ":t": r.expires(runsKept)},
	})
	if !awserr.HasCode(err, conditional) {
		return end, awserr.Classify("close the run "+runID, err)
	}
	record, err := r.Read(ctx, runID)
	if err != nil {
		return end, err
	}
	if record.End == nil {
		return end, fault.Transient("close the run %s: its end was written and expired meanwhile", runID)
	}
	return *record.End, nil
}

// Tokens implements deployment.Tokens.
type Tokens struct{ *Store }

func tokenKey(stackID, requestToken string) item {
	return key("token#"+stackID+"#"+requestToken, "token")
}

// Put implements deployment.Tokens.
func (t Tokens) Put(ctx context.Context, stackID, requestToken, taskToken string) error {
	stored := tokenKey(stackID, requestToken)
	stored["token"], stored[ttlAttr] = str(taskToken), t.expires(tokensKept)
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(t.table), Item: stored})
	return awserr.Classify("keep the task token of "+requestToken, err)
}

// Get implements deployment.Tokens.
func (t Tokens) Get(ctx context.Context, stackID, requestToken string) (string, error) {
	found, err := t.get(ctx, "read the task token of "+requestToken, "token#"+stackID+"#"+requestToken, "token")
	return text(found, "token"), err
}

// Remove implements deployment.Tokens.
func (t Tokens) Remove(ctx context.Context, stackID, requestToken, taskToken string) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(t.table), Key: tokenKey(stackID, requestToken),
		ConditionExpression:      aws.String("#t = :t"),
		ExpressionAttributeNames: map[string]string{"#t": "token"}, ExpressionAttributeValues: item{":t": str(taskToken)},
	})
	if awserr.HasCode(err, conditional) {
		return nil
	}
	return awserr.Classify("forget the task token of "+requestToken, err)
}

// Registry implements deployment.Registry. Drift detection reads the items by
// the JSON names of events.StackRef.
type Registry struct{ *Store }

// Record implements deployment.Registry.
func (r Registry) Record(ctx context.Context, s events.StackRef) error {
	stored := key("stack#"+s.Account+"#"+s.Region, s.StackName)
	for name, value := range map[string]string{
		"stackId": s.StackID, "stackName": s.StackName, "account": s.Account, "region": s.Region,
		"repository": s.Repository, "stage": s.Stage, "runId": s.RunID,
	} {
		stored[name] = str(value)
	}
	_, err := r.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(r.table), Item: stored})
	return awserr.Classify("list the stack "+s.StackName, err)
}

// Forget takes a stack that was deleted off the list; one that is not there is
// no error.
func (r Registry) Forget(ctx context.Context, account, region, stackName string) error {
	_, err := r.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(r.table), Key: key("stack#"+account+"#"+region, stackName)})
	return awserr.Classify("take the stack "+stackName+" off the list", err)
}
