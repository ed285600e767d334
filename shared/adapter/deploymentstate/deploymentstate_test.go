package deploymentstate_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func start(t *testing.T) (*awsstub.Stub, *deploymentstate.Store) {
	stub := awsstub.Start(t)
	return stub, deploymentstate.New(stub.Config(), "state", func() time.Time { return now })
}

// sent is the body of the last call of an action.
type sent struct {
	TableName                 string
	Key, Item                 map[string]map[string]string
	ConditionExpression       string
	UpdateExpression          string
	FilterExpression          string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]map[string]string
	ConsistentRead            bool
	ReturnValues              string
}

func last(t *testing.T, stub *awsstub.Stub, action string) sent {
	t.Helper()
	calls := stub.Calls("dynamodb", action)
	if len(calls) == 0 {
		t.Fatalf("no %s", action)
	}
	var body sent
	if err := json.Unmarshal(calls[len(calls)-1].Body, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func refused(awsstub.Call) awsstub.Answer {
	return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "The conditional request failed")
}

// quoted encodes a value as a DynamoDB string.
func quoted(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return `{"S":` + string(text) + `}`
}

func TestLocks(t *testing.T) {
	stub, store := start(t)
	ctx := context.Background()
	stub.Reply("dynamodb", "GetItem", `{}`, `{"Item":{"queue":{"S":"{\"holder\":{\"runId\":\"r1\",\"branch\":\"main\"}}"},"version":{"N":"7"}}}`)
	if queue, version, err := store.Locks().Read(ctx, "acme/shop"); err != nil || version != 0 || queue.Holder != nil {
		t.Errorf("a new lock: %+v, %d, %v", queue, version, err)
	}
	queue, version, err := store.Locks().Read(ctx, "acme/shop")
	if err != nil || version != 7 || queue.Holder.RunID != "r1" {
		t.Errorf("%+v, %d, %v", queue, version, err)
	}
	if got := last(t, stub, "GetItem"); got.Key["pk"]["S"] != "lock#acme/shop" || got.Key["sk"]["S"] != "lock" || !got.ConsistentRead {
		t.Errorf("read %+v", got)
	}
	stub.Reply("dynamodb", "PutItem", `{}`)
	if err := store.Locks().Write(ctx, "acme/shop", queue, 7); err != nil {
		t.Error(err)
	}
	got := last(t, stub, "PutItem")
	if got.Item["version"]["N"] != "8" || got.ExpressionAttributeValues[":v"]["N"] != "7" ||
		got.ConditionExpression != "attribute_not_exists(pk) OR #v = :v" || !strings.Contains(got.Item["queue"]["S"], `"runId":"r1"`) || got.Item["ttl"] != nil {
		t.Errorf("wrote %+v", got)
	}
	stub.On("dynamodb", "PutItem", refused)
	if err := store.Locks().Write(ctx, "acme/shop", queue, 6); !fault.Is(err, fault.ConflictError) {
		t.Errorf("a lost race: %v", err)
	}
}

func TestRuns(t *testing.T) {
	stub, store := start(t)
	ctx := context.Background()
	stub.Reply("dynamodb", "PutItem", `{}`)
	if record, err := store.Runs().Claim(ctx, "r1", "arn:one"); err != nil || record.Execution != "arn:one" {
		t.Errorf("%+v, %v", record, err)
	}
	got := last(t, stub, "PutItem")
	if got.Item["pk"]["S"] != "run#r1" || got.Item["sk"]["S"] != "run" || got.ConditionExpression != "attribute_not_exists(pk)" || got.Item["ttl"]["N"] != "1805716800" {
		t.Errorf("wrote %+v", got)
	}
	stub.On("dynamodb", "PutItem", refused)
	first := deployment.End{At: now, Finished: events.RunFinished{Outcome: "Stuck", Reason: "first"}}
	stub.Reply("dynamodb", "GetItem", `{"Item":{"execution":{"S":"arn:one"},"end":`+quoted(t, first)+`}}`)
	record, err := store.Runs().Claim(ctx, "r1", "arn:two")
	if err != nil || record.Execution != "arn:one" || record.End == nil || record.End.Finished.Outcome != "Stuck" {
		t.Errorf("claimed by another: %+v, %v", record, err)
	}
	mine := deployment.End{At: now, Finished: events.RunFinished{Outcome: "Succeeded"}}
	stub.Reply("dynamodb", "UpdateItem", `{}`)
	if end, err := store.Runs().Close(ctx, "r1", mine); err != nil || end.Finished.Outcome != "Succeeded" {
		t.Errorf("%+v, %v", end, err)
	}
	got = last(t, stub, "UpdateItem")
	if got.Key["pk"]["S"] != "run#r1" || got.ConditionExpression != "attribute_not_exists(#e)" || !strings.Contains(got.ExpressionAttributeValues[":e"]["S"], "Succeeded") || got.ExpressionAttributeNames["#t"] != "ttl" {
		t.Errorf("wrote %+v", got)
	}
	stub.On("dynamodb", "UpdateItem", refused)
	if end, err := store.Runs().Close(ctx, "r1", mine); err != nil || end.Finished.Reason != "first" {
		t.Errorf("the first end does not win: %+v, %v", end, err)
	}
}

func TestTokens(t *testing.T) {
	stub, store := start(t)
	ctx := context.Background()
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("dynamodb", "GetItem", `{"Item":{"token":{"S":"task"}}}`, `{}`)
	if err := store.Tokens().Put(ctx, "arn:stack", "evenkeel-r1", "task"); err != nil {
		t.Error(err)
	}
	if got := last(t, stub, "PutItem"); got.Item["pk"]["S"] != "token#arn:stack#evenkeel-r1" || got.Item["sk"]["S"] != "token" || got.ConditionExpression != "" {
		t.Errorf("wrote %+v", got)
	}
	for _, want := range []string{"task", ""} {
		if token, err := store.Tokens().Get(ctx, "arn:stack", "evenkeel-r1"); err != nil || token != want {
			t.Errorf("token %q, %v, want %q", token, err, want)
		}
	}
	stub.On("dynamodb", "DeleteItem", refused)
	if err := store.Tokens().Remove(ctx, "arn:stack", "evenkeel-r1", "task"); err != nil {
		t.Errorf("a newer token stands there: %v", err)
	}
	if got := last(t, stub, "DeleteItem"); got.ConditionExpression != "#t = :t" || got.ExpressionAttributeValues[":t"]["S"] != "task" {
		t.Errorf("removed %+v", got)
	}
	stub.On("dynamodb", "DeleteItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("ProvisionedThroughputExceededException", "slow")
	})
	if err := store.Tokens().Remove(ctx, "arn:stack", "evenkeel-r1", "task"); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}

func TestRegistry(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	ref := events.StackRef{StackID: "arn:stack", StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1", Repository: "acme/shop", Stage: "test", RunID: "r1"}
	if err := store.Registry().Record(context.Background(), ref); err != nil {
		t.Fatal(err)
	}
	item := last(t, stub, "PutItem").Item
	for name, want := range map[string]string{
		"pk": "stack#222222222222#us-east-1", "sk": "shop-data-test", "stackId": "arn:stack", "stackName": "shop-data-test",
		"account": "222222222222", "region": "us-east-1", "repository": "acme/shop", "stage": "test", "runId": "r1",
	} {
		if item[name]["S"] != want {
			t.Errorf("%s = %q, want %q", name, item[name]["S"], want)
		}
	}
}

func TestForgetsADeletedStack(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "DeleteItem", `{}`)
	if err := store.Registry().Forget(context.Background(), "222222222222", "us-east-1", "shop-api-test-blue"); err != nil {
		t.Fatal(err)
	}
	if got := last(t, stub, "DeleteItem"); got.Key["pk"]["S"] != "stack#222222222222#us-east-1" || got.Key["sk"]["S"] != "shop-api-test-blue" {
		t.Errorf("deleted %v", got.Key)
	}
}

func TestApprovals(t *testing.T) {
	stub, store := start(t)
	ctx := context.Background()
	approvals := store.Approvals()
	one := deployment.Approval{
		Run: events.Run{RunID: "r1"}, Target: events.Target{Stage: "prod", Stack: "data"}, Digest: "d", Token: "task", Requested: now, Expires: now.Add(time.Hour),
	}
	earlier := one
	earlier.Requested = now.Add(-time.Hour)
	decision := deployment.Decision{Approved: true, By: "ann", Digest: "d", At: now}

	stub.Reply("dynamodb", "PutItem", `{}`)
	if err := approvals.Put(ctx, one); err != nil {
		t.Error(err)
	}
	if got := last(t, stub, "PutItem"); got.Item["pk"]["S"] != "approval#r1" || got.Item["sk"]["S"] != "prod/data" || got.ConditionExpression != "attribute_not_exists(decision)" {
		t.Errorf("wrote %+v", got)
	}
	stub.Reply("dynamodb", "GetItem", `{"Item":{"approval":`+quoted(t, one)+`}}`, `{"Item":{"approval":`+quoted(t, one)+`,"decision":`+quoted(t, decision)+`}}`, `{}`)
	if got, ok, err := approvals.Get(ctx, "r1", "prod", "data"); err != nil || !ok || got.Token != "task" || got.Decision != nil {
		t.Errorf("undecided: %+v, %v, %v", got, ok, err)
	}
	if got, ok, err := approvals.Get(ctx, "r1", "prod", "data"); err != nil || !ok || got.Decision == nil || *got.Decision != decision {
		t.Errorf("decided: %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := approvals.Get(ctx, "r1", "prod", "data"); err != nil || ok {
		t.Errorf("none: %v, %v", ok, err)
	}

	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{"approval":`+quoted(t, one)+`,"decision":`+quoted(t, decision)+`}}`)
	if got, err := approvals.Settle(ctx, "r1", "prod", "data", decision); err != nil || got.Token != "task" || *got.Decision != decision {
		t.Errorf("settled: %+v, %v", got, err)
	}
	if got := last(t, stub, "UpdateItem"); got.ConditionExpression != "attribute_exists(pk) AND attribute_not_exists(decision)" || got.ReturnValues != "ALL_NEW" {
		t.Errorf("wrote %+v", got)
	}
	stub.On("dynamodb", "UpdateItem", refused)
	if _, err := approvals.Settle(ctx, "r1", "prod", "data", decision); !fault.Is(err, fault.ConflictError) {
		t.Errorf("settled twice: %v", err)
	}

	stub.Reply("dynamodb", "Scan", `{"Items":[{"approval":`+quoted(t, one)+`}],"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"S":"b"}}}`, `{"Items":[{"approval":`+quoted(t, earlier)+`}]}`)
	pending, err := approvals.Pending(ctx)
	if err != nil || len(pending) != 2 || !pending[0].Requested.Before(pending[1].Requested) {
		t.Errorf("pending %+v, %v", pending, err)
	}
	if got := last(t, stub, "Scan"); got.FilterExpression != "begins_with(pk, :p) AND attribute_not_exists(decision)" {
		t.Errorf("scanned %+v", got)
	}
}

func TestUnreadableItems(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "GetItem", `{"Item":{"queue":{"S":"{"},"approval":{"S":"{"}}}`)
	if _, _, err := store.Locks().Read(context.Background(), "x"); !fault.Is(err, fault.PermanentError) {
		t.Errorf("lock: %v", err)
	}
	if _, _, err := store.Approvals().Get(context.Background(), "x", "y", "z"); !fault.Is(err, fault.PermanentError) {
		t.Errorf("approval: %v", err)
	}
}
