package writes

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var kept = attribution.Write{
	Account: "222222222222", Region: "us-east-1", EventID: "e-1", Time: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
	EventSource: "iam.amazonaws.com", EventName: "PutRolePolicy", Kind: "IAMUser", Principal: "arn:aws:iam::222222222222:user/dana", MFA: true,
	Tags: map[string]string{"ticket": "INC-1"}, Resources: []string{"shop-Api", "write"}, Properties: []string{"/Policies"},
}

// start is a table that does not wait, and notes how long it would have.
func start(t *testing.T) (*awsstub.Stub, *Table, *[]time.Duration) {
	stub := awsstub.Start(t)
	table := New(stub.Config(), "writes", 90*24*time.Hour)
	var waited []time.Duration
	table.pause = func(_ context.Context, d time.Duration) error {
		waited = append(waited, d)
		return nil
	}
	return stub, table, &waited
}

type put struct {
	RequestItems map[string][]struct {
		PutRequest struct{ Item map[string]map[string]string }
	}
}

func sent(t *testing.T, call awsstub.Call) []map[string]map[string]string {
	t.Helper()
	var p put
	if err := json.Unmarshal(call.Body, &p); err != nil {
		t.Fatal(err)
	}
	var items []map[string]map[string]string
	for _, r := range p.RequestItems["writes"] {
		items = append(items, r.PutRequest.Item)
	}
	return items
}

// TestKeepAndRead: what is kept under each key is read again as it was.
func TestKeepAndRead(t *testing.T) {
	stub, table, _ := start(t)
	stub.Reply("dynamodb", "BatchWriteItem", `{}`)
	for range 2 { // at least once
		if err := table.Keep(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
	}
	calls := stub.Calls("dynamodb", "BatchWriteItem")
	items := sent(t, calls[0])
	if len(items) != 2 || !reflect.DeepEqual(items, sent(t, calls[1])) {
		t.Fatalf("sent %s, then %s", calls[0].Body, calls[1].Body)
	}
	if i := items[0]; i["resource"]["S"] != "222222222222/global/iam/shop-Api" || i["at"]["S"] != "2026-03-02T10:00:00Z#e-1" ||
		i["ttl"]["N"] != fmt.Sprint(kept.Time.Add(90*24*time.Hour).Unix()) {
		t.Errorf("item %v", i)
	}
	item, _ := json.Marshal(items[0])
	stub.Reply("dynamodb", "Query", `{"Items":[`+string(item)+`],"LastEvaluatedKey":{"resource":{"S":"x"},"at":{"S":"y"}}}`, `{"Items":[`+string(item)+`,`+string(item)+`],"LastEvaluatedKey":{"resource":{"S":"x"},"at":{"S":"z"}}}`)
	got, err := table.Writes(t.Context(), []string{"222222222222/global/iam/shop-Api"}, 2)
	if err != nil || len(got) != 2 || !reflect.DeepEqual(got[0], kept) {
		t.Errorf("read %+v, %v", got, err)
	}
	queries := stub.Calls("dynamodb", "Query")
	if body := string(queries[0].Body); len(queries) != 2 || !strings.Contains(body, `"ScanIndexForward":false`) || !strings.Contains(body, `"Limit":2`) || !strings.Contains(body, "222222222222/global/iam/shop-Api") {
		t.Errorf("%d queries, first %s", len(queries), body)
	}
}

// TestBusyTable: what the table does not take is sent again, alone.
func TestBusyTable(t *testing.T) {
	stub, table, waited := start(t)
	again := `{"UnprocessedItems":{"writes":[{"PutRequest":{"Item":{"resource":{"S":"second"},"at":{"S":"a"}}}}]}}`
	stub.Reply("dynamodb", "BatchWriteItem", again, `{}`)
	if err := table.Keep(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	calls := stub.Calls("dynamodb", "BatchWriteItem")
	if items := sent(t, calls[1]); len(calls) != 2 || len(items) != 1 || items[0]["resource"]["S"] != "second" || len(*waited) != 1 {
		t.Errorf("%d calls, second %v, waited %v", len(calls), items, *waited)
	}
	stub.Reply("dynamodb", "BatchWriteItem", again)
	if err := table.Keep(t.Context(), kept); fault.Kind(err) != fault.TransientError || !strings.Contains(err.Error(), "did not take 1 of its items in 5 attempts") {
		t.Errorf("error %v", err)
	}
	if last := (*waited)[len(*waited)-1]; last != 8*pause {
		t.Errorf("the last wait is %s, want it doubled each time", last)
	}
}

func TestManyKeysAreSplit(t *testing.T) {
	stub, table, _ := start(t)
	stub.Reply("dynamodb", "BatchWriteItem", `{}`)
	many := kept
	many.Resources = nil
	for i := range 30 {
		many.Resources = append(many.Resources, fmt.Sprintf("role-%02d", i))
	}
	if err := table.Keep(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	calls := stub.Calls("dynamodb", "BatchWriteItem")
	if len(calls) != 2 || len(sent(t, calls[0])) != 25 || len(sent(t, calls[1])) != 5 {
		t.Errorf("%d calls", len(calls))
	}
}

func TestErrors(t *testing.T) {
	stub, table, _ := start(t)
	throttle := func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow") }
	stub.On("dynamodb", "BatchWriteItem", throttle)
	stub.On("dynamodb", "Query", throttle)
	if err := table.Keep(t.Context(), kept); fault.Kind(err) != fault.TransientError {
		t.Errorf("keep: %v", err)
	}
	if _, err := table.Writes(t.Context(), []string{"k"}, 1); fault.Kind(err) != fault.TransientError {
		t.Errorf("read: %v", err)
	}
	stub.Reply("dynamodb", "Query", `{"Items":[{"write":{"S":"{"}}]}`)
	if _, err := table.Writes(t.Context(), []string{"k"}, 1); fault.Kind(err) != fault.PermanentError {
		t.Errorf("a broken item: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait(ctx, time.Hour); err == nil {
		t.Error("a wait outlives its context")
	}
	if err := wait(t.Context(), 2*time.Millisecond); err != nil {
		t.Error(err)
	}
}
