package deploymentstate_test

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestStackLocks(t *testing.T) {
	stub, store := start(t)
	ctx, locks := context.Background(), store.StackLocks()
	stack := events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-data-test"}
	until := now.Add(30 * time.Minute)

	stub.Reply("dynamodb", "PutItem", `{}`)
	if holder, err := locks.Acquire(ctx, stack, "r1", "", until); err != nil || holder != "r1" {
		t.Errorf("a free lock: %s, %v", holder, err)
	}
	got := last(t, stub, "PutItem")
	if got.Item["pk"]["S"] != "stacklock#222222222222#us-east-1#shop-data-test" || got.Item["owner"]["S"] != "r1" ||
		got.Item["expires"]["N"] != "1795350600" || got.ConditionExpression != "attribute_not_exists(pk) OR #o = :o OR #e <= :n" || got.ExpressionAttributeValues[":n"]["N"] != "1795348800" {
		t.Errorf("wrote %+v", got)
	}
	if _, err := locks.Acquire(ctx, stack, "r1", "r0", until); err != nil {
		t.Error(err)
	}
	if got := last(t, stub, "PutItem"); got.ConditionExpression != "attribute_not_exists(pk) OR #o = :o OR #e <= :n OR #o = :over" || got.ExpressionAttributeValues[":over"]["S"] != "r0" {
		t.Errorf("wrote %+v", got)
	}

	stub.On("dynamodb", "PutItem", refused)
	stub.Reply("dynamodb", "GetItem", `{"Item":{"owner":{"S":"r2"}}}`, `{}`)
	for _, want := range []string{"r2", "somebody who has just released it"} {
		if holder, err := locks.Acquire(ctx, stack, "r1", "", until); err != nil || holder != want {
			t.Errorf("another's lock: %s, %v, want %s", holder, err, want)
		}
	}
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	if _, err := locks.Acquire(ctx, stack, "r1", "", until); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}

	stub.Reply("dynamodb", "DeleteItem", `{}`)
	if err := locks.Release(ctx, stack, "r1"); err != nil {
		t.Error(err)
	}
	if got := last(t, stub, "DeleteItem"); got.Key["pk"]["S"] != "stacklock#222222222222#us-east-1#shop-data-test" || got.ConditionExpression != "#o = :o" || got.ExpressionAttributeValues[":o"]["S"] != "r1" {
		t.Errorf("removed %+v", got)
	}
	stub.On("dynamodb", "DeleteItem", refused)
	if err := locks.Release(ctx, stack, "r1"); err != nil {
		t.Errorf("another's lock is not released, and that is no error: %v", err)
	}
}
