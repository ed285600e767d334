package reviewstate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/reviewstate"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	claim = review.Claim{ReviewID: "pr-7-1f0c9a7b-000000", Execution: "arn:1", Head: "1f0c9a7b", Updated: now}
)

func start(t *testing.T) (*awsstub.Stub, *reviewstate.Store) {
	stub := awsstub.Start(t)
	return stub, reviewstate.New(stub.Config(), "state", func() time.Time { return now })
}

// item is one recorded put or delete.
type item struct {
	Item, Key                 map[string]map[string]string
	ConditionExpression       string
	ExpressionAttributeValues map[string]map[string]string
}

func recorded(t *testing.T, stub *awsstub.Stub, action string) item {
	t.Helper()
	calls := stub.Calls("dynamodb", action)
	if len(calls) == 0 {
		t.Fatalf("no %s", action)
	}
	var i item
	if err := json.Unmarshal(calls[len(calls)-1].Body, &i); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestClaim(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	if got, err := store.Claim(t.Context(), "acme/shop", 7, claim); err != nil || got != claim {
		t.Errorf("%+v, %v", got, err)
	}
	put := recorded(t, stub, "PutItem")
	if put.Item["pk"]["S"] != "review#acme/shop" || put.Item["sk"]["S"] != "7" || put.Item["updated"]["N"] != "1767323045000000006" ||
		put.ConditionExpression != "attribute_not_exists(pk) OR #u < :u" || put.ExpressionAttributeValues[":u"]["N"] != "1767323045000000006" || put.Item["ttl"]["N"] == "" {
		t.Errorf("%+v", put)
	}
	// Another one is there.
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "no")
	})
	stub.Reply("dynamodb", "GetItem", `{"Item":{"reviewId":{"S":"pr-7-2"},"execution":{"S":"arn:2"},"head":{"S":"2f"},"updated":{"N":"1767323045000000007"}}}`)
	want := review.Claim{ReviewID: "pr-7-2", Execution: "arn:2", Head: "2f", Updated: now.Add(1)}
	if got, err := store.Claim(t.Context(), "acme/shop", 7, claim); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow") })
	if _, err := store.Claim(t.Context(), "acme/shop", 7, claim); !fault.Is(err, fault.TransientError) {
		t.Errorf("%v", err)
	}
	stub.Reply("dynamodb", "GetItem", `{}`)
	if got, err := store.Latest(t.Context(), "acme/shop", 8); err != nil || got != (review.Claim{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOpen(t *testing.T) {
	stub, store := start(t)
	open := review.Open{Target: events.Target{Stage: "test", Stack: "data", StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1"}, Name: "evenkeel-pr-7-x-test", Created: true}
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("dynamodb", "DeleteItem", `{}`)
	if err := store.Keep(t.Context(), "pr-7-x", open); err != nil {
		t.Fatal(err)
	}
	put := recorded(t, stub, "PutItem")
	if put.Item["pk"]["S"] != "open#pr-7-x" || !strings.Contains(put.Item["open"]["S"], "shop-data-test") {
		t.Errorf("%+v", put)
	}
	stored, err := json.Marshal(map[string]any{"Item": put.Item})
	if err != nil {
		t.Fatal(err)
	}
	stub.Reply("dynamodb", "GetItem", string(stored))
	if got, ok, err := store.Opened(t.Context(), "pr-7-x"); err != nil || !ok || got != open {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	stub.Reply("dynamodb", "GetItem", `{}`)
	if _, ok, err := store.Opened(t.Context(), "pr-7-x"); err != nil || ok {
		t.Errorf("%v, %v", ok, err)
	}
	if err := store.Forget(t.Context(), "pr-7-x"); err != nil || recorded(t, stub, "DeleteItem").Key["pk"]["S"] != "open#pr-7-x" {
		t.Errorf("%v", err)
	}
}
