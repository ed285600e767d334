package bus_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func fact(id string) events.Fact {
	return events.Fact{
		Metadata: events.Metadata{ID: id, CorrelationID: "r-1", Time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)},
		Data:     events.RunStarted{Run: events.Run{RunID: "r-1"}},
	}
}

// entries decodes what a PutEvents call carried.
func entries(t *testing.T, call awsstub.Call) []struct{ EventBusName, Source, DetailType, Detail string } {
	t.Helper()
	var put struct {
		Entries []struct{ EventBusName, Source, DetailType, Detail string }
	}
	if err := json.Unmarshal(call.Body, &put); err != nil {
		t.Fatal(err)
	}
	return put.Entries
}

func TestPublishSendsTheEnvelope(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	if err := bus.New(stub.Config(), "evenkeel").Publish(t.Context(), fact("a")); err != nil {
		t.Fatal(err)
	}
	got := entries(t, stub.Calls("events", "PutEvents")[0])[0]
	if got.EventBusName != "evenkeel" || got.Source != "evenkeel.pipeline" || got.DetailType != "RunStarted.v1" {
		t.Errorf("entry %+v", got)
	}
	if !strings.HasPrefix(got.Detail, `{"metadata":{"id":"a","correlationId":"r-1"`) || !strings.Contains(got.Detail, `"data":{"runId":"r-1"`) {
		t.Errorf("detail %s", got.Detail)
	}
}

// TestPublishLooksAtEachEntry: PutEvents answers 200 when single entries
// failed (EventBridge API reference, PutEvents, FailedEntryCount).
func TestPublishLooksAtEachEntry(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("events", "PutEvents",
		`{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"ThrottlingException"}]}`,
		`{"FailedEntryCount":0,"Entries":[{"EventId":"2"}]}`)
	if err := bus.New(stub.Config(), "evenkeel").Publish(t.Context(), fact("a"), fact("b")); err != nil {
		t.Fatal(err)
	}
	calls := stub.Calls("events", "PutEvents")
	if len(calls) != 2 {
		t.Fatalf("%d calls, want 2", len(calls))
	}
	again := entries(t, calls[1])
	if len(again) != 1 || !strings.Contains(again[0].Detail, `"id":"b"`) {
		t.Errorf("the second call carried %+v, want only b", again)
	}
}

func TestPublishReportsWhatTheBusRefuses(t *testing.T) {
	stub := awsstub.Start(t)
	refused := `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}`
	stub.Reply("events", "PutEvents", refused, refused)
	err := bus.New(stub.Config(), "evenkeel").Publish(t.Context(), fact("a"))
	if !fault.Is(err, fault.TransientError) || !strings.Contains(err.Error(), "RunStarted.v1") {
		t.Errorf("error %v, want a TransientError that names the fact", err)
	}
}

func TestPublishSplitsInTens(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("events", "PutEvents", func(c awsstub.Call) awsstub.Answer {
		results := make([]string, len(entries(t, c)))
		for i := range results {
			results[i] = `{"EventId":"1"}`
		}
		return awsstub.Answer{Body: `{"FailedEntryCount":0,"Entries":[` + strings.Join(results, ",") + `]}`}
	})
	facts := make([]events.Fact, 21)
	for i := range facts {
		facts[i] = fact("f")
	}
	if err := bus.New(stub.Config(), "evenkeel").Publish(t.Context(), facts...); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, c := range stub.Calls("events", "PutEvents") {
		sizes = append(sizes, len(entries(t, c)))
	}
	if len(sizes) != 3 || sizes[0] != 10 || sizes[2] != 1 {
		t.Errorf("calls of %v entries, want 10, 10 and 1", sizes)
	}
}

func TestPublishRefusesWhatIsTooLarge(t *testing.T) {
	stub := awsstub.Start(t)
	large := fact("a")
	large.Data = events.RunFinished{Reason: strings.Repeat("x", 300*1024)}
	if err := bus.New(stub.Config(), "evenkeel").Publish(t.Context(), large); !fault.Is(err, fault.PermanentError) {
		t.Errorf("error %v, want a PermanentError", err)
	}
	if len(stub.Calls("events", "PutEvents")) != 0 {
		t.Error("it was sent all the same")
	}
}
