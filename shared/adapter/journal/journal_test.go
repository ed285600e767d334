package journal_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/journal"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

var entry = ledger.Entry{
	Subject: "run#r-1", Kind: "run", Sequence: "2026-01-02T03:04:05.000000000Z#e-1", EventID: "e-1", DetailType: "RunStarted.v1",
	Source: "evenkeel.pipeline", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Detail: json.RawMessage(`{"metadata":{},"data":{}}`),
}

func table(t *testing.T) (*journal.Table, *awsstub.Stub) {
	stub := awsstub.Start(t)
	return journal.New(stub.Config(), "ledger"), stub
}

func TestAppendIsOnceAndClassified(t *testing.T) {
	tests := []struct {
		code  string
		added bool
		kind  string
	}{
		{"", true, ""},
		{"ConditionalCheckFailedException", false, ""},
		{"ProvisionedThroughputExceededException", false, fault.TransientError},
		{"ResourceNotFoundException", false, fault.PermanentError},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			ledger, stub := table(t)
			stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
				if tt.code == "" {
					return awsstub.Answer{Body: `{}`}
				}
				return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#"+tt.code, "no")
			})
			added, err := ledger.Append(t.Context(), entry)
			if added != tt.added || (tt.kind == "") != (err == nil) || tt.kind != "" && !fault.Is(err, tt.kind) {
				t.Errorf("added %v, %v", added, err)
			}
		})
	}
}

// What Append writes is what Of reads: the stub hands the item back.
func TestRoundTrip(t *testing.T) {
	ledger, stub := table(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	if _, err := ledger.Append(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	var put struct{ Item json.RawMessage }
	if err := json.Unmarshal(stub.Calls("dynamodb", "PutItem")[0].Body, &put); err != nil {
		t.Fatal(err)
	}
	stub.Reply("dynamodb", "Query", `{"Items":[`+string(put.Item)+`],"LastEvaluatedKey":{"subject":{"S":"x"},"sequence":{"S":"y"}}}`, `{"Items":[]}`)
	got, err := ledger.Of(t.Context(), "run#r-1")
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if string(got[0].Detail) != string(entry.Detail) || got[0].Sequence != entry.Sequence || !got[0].Time.Equal(entry.Time) || got[0].EventID != "e-1" || got[0].Kind != "run" {
		t.Errorf("%+v", got[0])
	}
	if calls := stub.Calls("dynamodb", "Query"); len(calls) != 2 || !strings.Contains(string(calls[1].Body), "ExclusiveStartKey") {
		t.Errorf("the second page was not read")
	}
}

func TestSubjectsAreDistinctAndBounded(t *testing.T) {
	ledger, stub := table(t)
	stub.Reply("dynamodb", "Query",
		`{"Items":[{"subject":{"S":"run#c"}},{"subject":{"S":"run#b"}},{"subject":{"S":"run#c"}}],"LastEvaluatedKey":{"subject":{"S":"x"}}}`,
		`{"Items":[{"subject":{"S":"run#b"}},{"subject":{"S":"run#a"}},{"subject":{"S":"run#z"}}],"LastEvaluatedKey":{"subject":{"S":"x"}}}`)
	got, err := ledger.Subjects(t.Context(), "run", 3)
	if err != nil || !slices.Equal(got, []string{"run#c", "run#b", "run#a"}) {
		t.Errorf("%v, %v", got, err)
	}
	calls := stub.Calls("dynamodb", "Query")
	if body := string(calls[0].Body); len(calls) != 2 || !strings.Contains(body, `"byKind"`) || !strings.Contains(body, `"ScanIndexForward":false`) {
		t.Errorf("%d calls, first %s", len(calls), body)
	}
}
