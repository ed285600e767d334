package healingstate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
)

type clock struct{ now time.Time }

func start(t *testing.T) (*awsstub.Stub, *healingstate.State, *clock) {
	stub, c := awsstub.Start(t), &clock{noon}
	return stub, healingstate.New(stub.Config(), "state", "/evenkeel", func() time.Time { return c.now }), c
}

// sent decodes the body of the only call of an action.
func sent(t *testing.T, stub *awsstub.Stub, action string) (body struct {
	TableName, UpdateExpression, ConditionExpression string
	Key, Item                                        map[string]map[string]any
	ExpressionAttributeValues                        map[string]map[string]any
}) {
	t.Helper()
	calls := stub.Calls("dynamodb", action)
	if len(calls) != 1 {
		t.Fatalf("%d calls of %s, want 1", len(calls), action)
	}
	if err := json.Unmarshal(calls[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	if body.TableName != "state" {
		t.Errorf("table %q", body.TableName)
	}
	return body
}

func TestClaim(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		want   healing.Claim
	}{
		"new":         {`{"Attributes":{"pk":{"S":"event#e1"},"sk":{"S":"heal"},"begun":{"S":"x"},"ttl":{"N":"1"}}}`, healing.Claim{}},
		"interrupted": {`{"Attributes":{"pk":{"S":"event#e1"},"heals":{"SS":["heal-1","heal-2"]}}}`, healing.Claim{Heals: []string{"heal-1", "heal-2"}}},
		"done":        {`{"Attributes":{"pk":{"S":"event#e1"},"done":{"BOOL":true}}}`, healing.Claim{Done: true}},
	} {
		t.Run(name, func(t *testing.T) {
			stub, state, _ := start(t)
			stub.Reply("dynamodb", "UpdateItem", tt.answer)
			got, err := state.Claim(ctx, "e1")
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v", got, err)
			}
			call := sent(t, stub, "UpdateItem")
			if call.Key["pk"]["S"] != "event#e1" || call.Key["sk"]["S"] != "heal" || call.ExpressionAttributeValues[":ttl"]["N"] != "1796212800" {
				t.Errorf("request %+v, want the event's key and a TTL of 30 days", call)
			}
		})
	}
}

var kept = healing.Heal{
	ID: "heal-1", Mode: healing.Enforce, Planned: noon,
	Group:   events.SecurityGroup{GroupID: "sg-1", Account: "222222222222", Region: "us-east-1"},
	Removed: []events.Removal{{Reason: "open", Rule: events.SecurityGroupRule{RuleID: "sgr-1", GroupID: "sg-1", Protocol: "tcp", CIDRv4: "0.0.0.0/0", Tags: map[string]string{"a": "b"}}}},
}

func stored(t *testing.T, h healing.Heal) string {
	t.Helper()
	document, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(string(document))
	if err != nil {
		t.Fatal(err)
	}
	return `{"Item":{"pk":{"S":"heal#heal-1"},"sk":{"S":"heal"},"document":{"S":` + string(quoted) + `},"progress":{"N":"0"}}}`
}

func TestSaveKeepsTheFirst(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{}}`)
	stub.Reply("dynamodb", "PutItem", `{}`)
	got, err := state.Save(ctx, "e1", kept)
	if err != nil || !reflect.DeepEqual(got, []healing.Heal{kept}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if call := sent(t, stub, "PutItem"); call.ConditionExpression != "attribute_not_exists(pk)" || call.Item["pk"]["S"] != "heal#heal-1" {
		t.Errorf("request %+v", call)
	}
	if call := sent(t, stub, "UpdateItem"); call.UpdateExpression != "ADD #heals :heals" || call.Key["pk"]["S"] != "event#e1" {
		t.Errorf("request %+v", call)
	}

	earlier := kept
	earlier.Planned = noon.Add(-time.Minute)
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "The conditional request failed")
	})
	stub.Reply("dynamodb", "GetItem", stored(t, earlier))
	if got, err = state.Save(ctx, "e1", kept); err != nil || !reflect.DeepEqual(got, []healing.Heal{earlier}) {
		t.Errorf("got %+v, %v, want what was kept before", got, err)
	}
}

// Many heals are noted by one call, before any is written.
func TestSaveMany(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{}}`)
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer { return awsstub.Answer{Body: "{}"} })
	heals := make([]healing.Heal, 25)
	for i := range heals {
		heals[i] = kept
		heals[i].ID = fmt.Sprintf("heal-%02d", i)
	}
	got, err := state.Save(ctx, "e1", heals...)
	if err != nil || !reflect.DeepEqual(got, heals) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if call := sent(t, stub, "UpdateItem"); !strings.Contains(fmt.Sprint(call.ExpressionAttributeValues[":heals"]["SS"]), "heal-24") || stub.Calls("dynamodb", "")[0].Action != "UpdateItem" {
		t.Errorf("request %+v, want every id before the first record", call)
	}
	if n := len(stub.Calls("dynamodb", "PutItem")); n != len(heals) {
		t.Errorf("%d records, want %d", n, len(heals))
	}
}

func TestAdvanceOnlyForward(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	undone := kept
	undone.Closed, undone.Undone = noon, noon
	if _, err := state.Advance(ctx, undone); err != nil {
		t.Fatal(err)
	}
	call := sent(t, stub, "PutItem")
	if call.ConditionExpression != "attribute_not_exists(pk) OR #progress < :progress" || call.ExpressionAttributeValues[":progress"]["N"] != "2" || call.Item["progress"]["N"] != "2" {
		t.Errorf("request %+v", call)
	}
}

func TestHeal(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("dynamodb", "GetItem", stored(t, kept), `{}`, `{"Item":{"pk":{"S":"x"}}}`)
	if got, ok, err := state.Heal(ctx, "heal-1"); err != nil || !ok || !reflect.DeepEqual(got, kept) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := state.Heal(ctx, "heal-1"); err != nil || ok {
		t.Errorf("an absent heal: %v, %v", ok, err)
	}
	if _, _, err := state.Heal(ctx, "heal-1"); !fault.Is(err, fault.PermanentError) {
		t.Errorf("an item without a document: %v", err)
	}
}

func TestExceptions(t *testing.T) {
	stub, state, _ := start(t)
	e := healing.Exception{Group: "sg-1", Rule: "tcp/22/0.0.0.0/0", Owner: "dana", Reason: "undo of heal-1", Expires: noon.Add(time.Hour)}
	stub.Reply("dynamodb", "PutItem", `{}`)
	if err := state.Except(ctx, e); err != nil {
		t.Fatal(err)
	}
	call := sent(t, stub, "PutItem")
	if call.Item["pk"]["S"] != "healexception#sg-1" || call.Item["sk"]["S"] != e.Rule || call.Item["ttl"]["N"] != "1793624400" {
		t.Errorf("request %+v", call)
	}
	written, err := json.Marshal(call.Item)
	if err != nil {
		t.Fatal(err)
	}
	stub.Reply("dynamodb", "Query", `{"Items":[`+string(written)+`],"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"S":"b"}}}`, `{"Items":[]}`)
	if got, err := state.Exceptions(ctx, "sg-1"); err != nil || !reflect.DeepEqual(got, []healing.Exception{e}) || len(stub.Calls("dynamodb", "Query")) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAllExceptions(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("dynamodb", "Scan",
		`{"Items":[{"document":{"S":"{\"group\":\"sg-1\",\"rule\":\"*\",\"by\":\"kim\"}"}}],"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"S":"b"}}}`,
		`{"Items":[{"document":{"S":"{\"group\":\"sg-2\",\"rule\":\"*\"}"}}]}`, `{"Items":[{"pk":{"S":"healexception#x"}}]}`)
	want := []healing.Exception{{Group: "sg-1", Rule: "*", By: "kim"}, {Group: "sg-2", Rule: "*"}}
	if got, err := state.AllExceptions(ctx); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if body := string(stub.Calls("dynamodb", "Scan")[0].Body); !strings.Contains(body, "begins_with(pk, :pk)") || !strings.Contains(body, "healexception#") {
		t.Errorf("request %s", body)
	}
	if _, err := state.AllExceptions(ctx); !fault.Is(err, fault.PermanentError) {
		t.Errorf("an item without a document: %v", err)
	}
}

func TestSpend(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{"n":{"N":"7"}}}`)
	if n, err := state.Spend(ctx, "sg-1", noon, -1); err != nil || n != 7 {
		t.Errorf("got %d, %v", n, err)
	}
	if call := sent(t, stub, "UpdateItem"); call.Key["pk"]["S"] != "healactions#sg-1" || call.Key["sk"]["S"] != "2026-11-02T12:00:00Z" || call.ExpressionAttributeValues[":actions"]["N"] != "-1" {
		t.Errorf("request %+v", call)
	}
}

func TestPolicyIsReadAgainWhenTooOld(t *testing.T) {
	stub, state, c := start(t)
	stub.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"{\"mode\":\"enforce\"}"}}`, `{"Parameter":{"Value":"{\"mode\":\"observe\"}"}}`)
	for _, step := range []struct {
		after, maxAge time.Duration
		want          healing.Mode
		calls         int
	}{{0, 30 * time.Second, healing.Enforce, 1}, {29 * time.Second, 30 * time.Second, healing.Enforce, 1}, {0, time.Second, healing.Observe, 2}} {
		c.now = c.now.Add(step.after)
		p, err := state.Policy(ctx, step.maxAge)
		if err != nil || p.Mode != step.want || len(stub.Calls("ssm", "GetParameter")) != step.calls {
			t.Errorf("after %s: mode %s, %v, %d calls", step.after, p.Mode, err, len(stub.Calls("ssm", "GetParameter")))
		}
	}
	if body := string(stub.Calls("ssm", "GetParameter")[0].Body); body != `{"Name":"/evenkeel/healing/policy"}` {
		t.Errorf("request %s", body)
	}
}

func TestPolicyMissingOrBroken(t *testing.T) {
	stub, state, _ := start(t)
	stub.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"{\"mode\":\"enforced\"}"}}`)
	if _, err := state.Policy(ctx, time.Minute); !fault.Is(err, fault.InvalidError) {
		t.Errorf("a broken policy: %v", err)
	}
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	if p, err := state.Policy(ctx, time.Minute); err != nil || p.Mode != healing.Observe {
		t.Errorf("without a policy: %+v, %v", p.Mode, err)
	}
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "") })
	if _, err := uncached(stub).Policy(ctx, time.Minute); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}

// uncached is a state without a cached policy.
func uncached(stub *awsstub.Stub) *healingstate.State {
	return healingstate.New(stub.Config(), "state", "/evenkeel", func() time.Time { return noon })
}

func TestPlaces(t *testing.T) {
	stub, state, _ := start(t)
	answer := func(value string) {
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		stub.Reply("ssm", "GetParameter", `{"Parameter":{"Value":`+string(quoted)+`}}`)
	}
	answer(`[{"account":"222222222222","region":"us-east-1"}]`)
	if got, err := state.Places(ctx); err != nil || !reflect.DeepEqual(got, []healing.Place{{Account: "222222222222", Region: "us-east-1"}}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, broken := range []string{`{`, `[{"account":"222222222222"}]`} {
		answer(broken)
		if _, err := state.Places(ctx); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "/evenkeel/accounts") {
			t.Errorf("%s: %v", broken, err)
		}
	}
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	if got, err := state.Places(ctx); err != nil || got != nil {
		t.Errorf("without the parameter: %+v, %v", got, err)
	}
}

// A closed heal is found by its group and by its rule, before it is noted as
// closed; one that was undone since is not.
func TestClosed(t *testing.T) {
	stub, state, _ := start(t)
	var keys, conditions []string
	stub.On("dynamodb", "PutItem", func(c awsstub.Call) awsstub.Answer {
		var put struct {
			Item                map[string]map[string]any
			ConditionExpression string
		}
		if err := json.Unmarshal(c.Body, &put); err != nil {
			t.Error(err)
		}
		keys = append(keys, fmt.Sprint(put.Item["pk"]["S"], " ", put.Item["sk"]["S"], " ", put.Item["heal"]["S"]))
		conditions = append(conditions, put.ConditionExpression)
		return awsstub.Answer{Body: "{}"}
	})
	closed := kept
	closed.Closed = noon
	if _, err := state.Advance(ctx, closed); err != nil {
		t.Fatal(err)
	}
	want := []string{"healof#sg-1 tcp/0/0.0.0.0/0 heal-1", "healof#sgr-1 tcp/0/0.0.0.0/0 heal-1", "heal#heal-1 heal <nil>"}
	if strings.Join(keys, "\n") != strings.Join(want, "\n") || conditions[0] != "attribute_not_exists(pk) OR #closed < :closed" {
		t.Errorf("put %q on %q", keys, conditions)
	}
	undone := closed
	undone.Undone = noon
	observed := closed
	observed.Mode = healing.Observe
	for _, h := range []healing.Heal{undone, observed} {
		keys = nil
		if _, err := state.Advance(ctx, h); err != nil || len(keys) != 1 {
			t.Errorf("put %q, %v; want only the heal", keys, err)
		}
	}

	stub.Reply("dynamodb", "Query", `{"Items":[{"heal":{"S":"heal-1"}},{"heal":{"S":"heal-2"}}]}`)
	stub.Reply("dynamodb", "GetItem", stored(t, closed), stored(t, undone))
	if got, err := state.Closed(ctx, "sg-1"); err != nil || len(got) != 1 || got[0].ID != "heal-1" {
		t.Errorf("got %+v, %v", got, err)
	}
}
