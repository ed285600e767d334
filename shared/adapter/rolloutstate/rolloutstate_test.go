package rolloutstate_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var target = events.Target{Stage: "test", Stack: "api", StackName: "shop-api-test", Account: "222222222222", Region: "us-east-1"}

func start(t *testing.T) (*awsstub.Stub, *rolloutstate.Store) {
	stub := awsstub.Start(t)
	return stub, rolloutstate.New(stub.Config(), "state")
}

// sent is the body of the last call of an action.
type sent struct {
	TableName                 string
	Key, Item                 map[string]map[string]string
	ConditionExpression       string
	FilterExpression          string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]map[string]string
	ConsistentRead            bool
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

func record(name string) rollout.Record {
	to := target
	to.StackName = name
	return rollout.Record{
		ID: "r1-test-api", ReleaseTask: "token", Request: rollout.Request{Target: to},
		State: rollout.State{Phase: rollout.Stepping, Step: 1, Weight: 10, Target: 25, Since: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)},
		Live:  rollout.Side{Name: rollout.Blue, StackName: name + "-blue"},
	}
}

func stored(t *testing.T, r rollout.Record, version string) string {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return `{"record":{"S":` + string(text) + `},"version":{"N":"` + version + `"}}`
}

func TestRead(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "GetItem", `{}`, `{"Item":`+stored(t, record("shop-api-test"), "7")+`}`)
	if got, ok, err := store.Read(t.Context(), target); ok || err != nil || got.ID != "" {
		t.Errorf("before the first rollout: %+v, %v, %v", got, ok, err)
	}
	got, ok, err := store.Read(t.Context(), target)
	want := record("shop-api-test")
	want.Version = 7
	if err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	call := last(t, stub, "GetItem")
	if call.TableName != "state" || call.Key["pk"]["S"] != "rollout#222222222222/us-east-1/shop-api-test" || call.Key["sk"]["S"] != "rollout" || !call.ConsistentRead {
		t.Errorf("asked %+v", call)
	}
}

func TestWriteIsBoundToTheVersion(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	r := record("shop-api-test")
	if err := store.Write(t.Context(), target, r); err != nil {
		t.Fatal(err)
	}
	if call := last(t, stub, "PutItem"); call.ConditionExpression != "attribute_not_exists(pk)" || call.Item["version"]["N"] != "1" || !strings.Contains(call.Item["record"]["S"], `"r1-test-api"`) {
		t.Errorf("a first one: %+v", call)
	}
	r.Version = 7
	stub.Reply("dynamodb", "PutItem", `{}`)
	if err := store.Write(t.Context(), target, r); err != nil {
		t.Fatal(err)
	}
	call := last(t, stub, "PutItem")
	if call.ConditionExpression != "#v = :v" || call.ExpressionAttributeNames["#v"] != "version" || call.ExpressionAttributeValues[":v"]["N"] != "7" || call.Item["version"]["N"] != "8" {
		t.Errorf("a later one: %+v", call)
	}
	if strings.Contains(call.Item["record"]["S"], "ersion\":7") {
		t.Errorf("the version is kept twice: %s", call.Item["record"]["S"])
	}
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "The conditional request failed")
	})
	if err := store.Write(t.Context(), target, r); !fault.Is(err, fault.ConflictError) {
		t.Errorf("a stale write: %v", err)
	}
}

func TestListIsSorted(t *testing.T) {
	stub, store := start(t)
	stub.Reply("dynamodb", "Scan",
		`{"Items":[`+stored(t, record("web"), "2")+`],"LastEvaluatedKey":{"pk":{"S":"x"},"sk":{"S":"rollout"}}}`,
		`{"Items":[`+stored(t, record("api"), "1")+`]}`)
	got, err := store.List(t.Context())
	if err != nil || len(got) != 2 || got[0].Request.Target.StackName != "api" || got[0].Version != 1 || got[1].Request.Target.StackName != "web" {
		t.Fatalf("%+v, %v", got, err)
	}
	call := last(t, stub, "Scan")
	if call.FilterExpression != "begins_with(pk, :p)" || call.ExpressionAttributeValues[":p"]["S"] != "rollout#" || !call.ConsistentRead {
		t.Errorf("asked %+v", call)
	}
}

func TestFailures(t *testing.T) {
	for body, kind := range map[string]string{
		`{"Item":{"record":{"S":"{"},"version":{"N":"1"}}}`:  fault.PermanentError,
		`{"Item":{"record":{"S":"{}"},"version":{"N":"x"}}}`: fault.PermanentError,
		`{"Item":{"pk":{"S":"rollout#x"}}}`:                  fault.PermanentError,
	} {
		stub, store := start(t)
		stub.Reply("dynamodb", "GetItem", body)
		if _, ok, err := store.Read(t.Context(), target); ok || !fault.Is(err, kind) {
			t.Errorf("%s: %v, %v", body, ok, err)
		}
	}
	stub, store := start(t)
	for _, action := range []string{"GetItem", "Scan"} {
		stub.On("dynamodb", action, func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	}
	if _, _, err := store.Read(t.Context(), target); !fault.Is(err, fault.TransientError) {
		t.Errorf("read: %v", err)
	}
	if _, err := store.List(t.Context()); !fault.Is(err, fault.TransientError) {
		t.Errorf("list: %v", err)
	}
}
