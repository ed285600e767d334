package cloudtrail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var (
	stack = events.StackRef{StackName: "shop", Account: "222222222222", Region: "eu-west-1"}
	until = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	from  = until.Add(-90 * 24 * time.Hour)
)

func start(t *testing.T) (*awsstub.Stub, *History) {
	stub := awsstub.Start(t)
	history := New(session.NewWorkloads(stub.Config(), "evenkeel-drift"))
	history.between = time.Millisecond
	return stub, history
}

// page is an answer with events of these names, and a token of a next page.
func page(t *testing.T, token string, names ...string) string {
	t.Helper()
	var list []string
	for i, name := range names {
		record := fmt.Sprintf(`{"eventSource":"sqs.amazonaws.com","eventName":%q,"eventTime":"2026-03-02T10:00:00Z","eventID":"e-%s-%d","awsRegion":"eu-west-1",`+
			`"recipientAccountId":"222222222222","requestParameters":{"queueUrl":"q","attributes":{"DelaySeconds":"1"}}}`, name, token, i)
		text, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, `{"EventId":"e","EventName":"`+name+`","CloudTrailEvent":`+string(text)+`}`)
	}
	next := ""
	if token != "" {
		next = `,"NextToken":"` + token + `"`
	}
	return `{"Events":[` + strings.Join(list, ",") + `]` + next + `}`
}

func TestFind(t *testing.T) {
	stub, history := start(t)
	stub.Reply("cloudtrail", "LookupEvents", page(t, "p2", "SetQueueAttributes", "GetQueueAttributes"), page(t, "", "TagQueue"))
	got, err := history.Find(t.Context(), stack, "sqs", "q", from, until)
	if err != nil || len(got) != 2 || got[0].EventName != "SetQueueAttributes" || got[1].EventName != "TagQueue" {
		t.Fatalf("found %+v, %v", got, err)
	}
	calls := stub.Calls("cloudtrail", "LookupEvents")
	var asked struct {
		LookupAttributes []struct{ AttributeKey, AttributeValue string }
		MaxResults       int
		NextToken        string
		StartTime        float64
	}
	if err := json.Unmarshal(calls[0].Body, &asked); err != nil {
		t.Fatal(err)
	}
	if calls[0].Account != "222222222222" || len(asked.LookupAttributes) != 1 || asked.LookupAttributes[0].AttributeKey != "ResourceName" ||
		asked.LookupAttributes[0].AttributeValue != "q" || asked.MaxResults != 50 || int64(asked.StartTime) != from.Unix() {
		t.Errorf("asked %s in %s", calls[0].Body, calls[0].Account)
	}
	if len(calls) != 2 || !strings.Contains(string(calls[1].Body), `"NextToken":"p2"`) {
		t.Errorf("%d calls", len(calls))
	}
}

// TestBusyResource: however many events there are, only some pages are read.
func TestBusyResource(t *testing.T) {
	stub, history := start(t)
	stub.Reply("cloudtrail", "LookupEvents", page(t, "more1", "TagQueue"), page(t, "more2", "TagQueue"), page(t, "more3", "TagQueue"), page(t, "more4", "TagQueue"))
	got, err := history.Find(t.Context(), stack, "sqs", "q", from, until)
	if err != nil || len(got) != maxPages || len(stub.Calls("cloudtrail", "LookupEvents")) != maxPages {
		t.Errorf("%d writes, %v, %d calls", len(got), err, len(stub.Calls("cloudtrail", "LookupEvents")))
	}
}

// TestThrottled: the call is not repeated, and what was found before stays.
func TestThrottled(t *testing.T) {
	stub, history := start(t)
	n := 0
	first := page(t, "more", "TagQueue")
	stub.On("cloudtrail", "LookupEvents", func(awsstub.Call) awsstub.Answer {
		if n++; n == 1 {
			return awsstub.Answer{Body: first}
		}
		return awsstub.JSONError("ThrottlingException", "Rate exceeded")
	})
	got, err := history.Find(t.Context(), stack, "sqs", "q", from, until)
	if fault.Kind(err) != fault.TransientError || len(got) != 1 || n != 2 {
		t.Errorf("%d writes, %v, %d calls", len(got), err, n)
	}
}

// TestGlobalServicesAreAskedWhereTheyAre: the records of IAM are in us-east-1.
func TestGlobalServicesAreAskedWhereTheyAre(t *testing.T) {
	stub, history := start(t)
	stub.Reply("cloudtrail", "LookupEvents", page(t, ""))
	for _, service := range []string{"sqs", "iam"} {
		if _, err := history.Find(t.Context(), stack, service, "r", from, until); err != nil {
			t.Fatal(err)
		}
	}
	for i, region := range []string{"/eu-west-1/cloudtrail/", "/us-east-1/cloudtrail/"} {
		if signed := stub.Calls("cloudtrail", "LookupEvents")[i].Header.Get("Authorization"); !strings.Contains(signed, region) {
			t.Errorf("call %d is signed %s, want %s", i, signed, region)
		}
	}
}

// TestCallsAreApart: two calls in one place are not closer than the limit.
func TestCallsAreApart(t *testing.T) {
	stub, history := start(t)
	history.between = 60 * time.Millisecond
	stub.Reply("cloudtrail", "LookupEvents", page(t, ""))
	began := time.Now()
	for range 3 {
		if _, err := history.Find(t.Context(), stack, "sqs", "r", from, until); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 2*history.between {
		t.Errorf("three calls in %s", took)
	}
}
