package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/emulator"
)

// handlers answers for the simulator.
type handlers struct{ cloudFormation, cloudControl http.HandlerFunc }

func (h handlers) CloudFormation(_, _ string) http.Handler { return h.cloudFormation }
func (h handlers) CloudControl(_, _ string) http.Handler   { return h.cloudControl }
func (h handlers) Admin() http.Handler                     { return http.NotFoundHandler() }

// isolated is a gateway without emulators. events gives what it put on the bus
// once it is closed.
func isolated(t *testing.T, h handlers) (g *Gateway, events func() []emulator.Event) {
	t.Helper()
	var put []emulator.Event
	g, err := New(Options{
		Hub: "000000000000", Region: "us-east-1", Ministack: "http://127.0.0.1:1", Moto: "http://127.0.0.1:1", Simulator: h,
		Now: func() time.Time { return time.Unix(1e9, 0) }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Put: func(events ...emulator.Event) error { put = append(put, events...); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, func() []emulator.Event { g.Close(); return put }
}

func call222(service, target, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=222222222222/20260102/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func TestCloudControlGoesToTheSimulatorAndIsReported(t *testing.T) {
	g, events := isolated(t, handlers{cloudControl: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"TypeName":"AWS::SNS::Topic","Identifier":"x"}` {
			t.Errorf("the simulator got %s", body)
		}
		_, _ = io.WriteString(w, `{"ProgressEvent":{"OperationStatus":"IN_PROGRESS"}}`)
	}})
	w := httptest.NewRecorder()
	g.ServeHTTP(w, call222("cloudcontrolapi", "CloudApiService.DeleteResource", `{"TypeName":"AWS::SNS::Topic","Identifier":"x"}`))
	if w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	put := events()
	if len(put) != 1 || put[0].Account != "222222222222" || put[0].Region != "eu-west-1" || put[0].Source != "aws.cloudcontrolapi" || put[0].Time != 1e9 {
		t.Fatalf("events %+v", put)
	}
	var record map[string]any
	if err := json.Unmarshal(put[0].Detail, &record); err != nil || record["eventName"] != "DeleteResource" {
		t.Errorf("the record is %v (%v)", record, err)
	}
}

// The history has what AWS's would have: the request, and the call of its handler.
func TestHistoryOfAWorkload(t *testing.T) {
	g, events := isolated(t, handlers{cloudControl: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ProgressEvent":{"OperationStatus":"IN_PROGRESS"}}`)
	}})
	const queue = "https://sqs.eu-west-1.amazonaws.com/222222222222/jobs"
	g.ServeHTTP(httptest.NewRecorder(), call222("cloudcontrolapi", "CloudApiService.UpdateResource",
		`{"TypeName":"AWS::SQS::Queue","Identifier":"`+queue+`","PatchDocument":"[{\"op\":\"replace\",\"path\":\"/VisibilityTimeout\",\"value\":5}]"}`))
	w := httptest.NewRecorder()
	g.ServeHTTP(w, call222("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
		`{"LookupAttributes":[{"AttributeKey":"ResourceName","AttributeValue":"`+queue+`"}]}`))
	var found struct {
		Events []struct{ EventName, EventSource string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || len(found.Events) != 2 || found.Events[0].EventName != "SetQueueAttributes" || found.Events[1].EventName != "UpdateResource" {
		t.Errorf("%s (%v)", w.Body, err)
	}
	if put := events(); len(put) != 2 || put[0].Source != "aws.cloudcontrolapi" || put[1].Source != "aws.sqs" || put[0].ID == put[1].ID {
		t.Errorf("events %+v", put)
	}
	if calls := g.journal.list(); len(calls) != 2 || calls[1].Service != "cloudtrail" || calls[1].Action != "LookupEvents" {
		t.Errorf("calls %+v", calls)
	}
}

// What a call did in the account is done, even when the caller hung up.
func TestACallIsReportedAlthoughTheCallerHungUp(t *testing.T) {
	g, events := isolated(t, handlers{cloudFormation: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	}})
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Error("the abort was swallowed")
			}
		}()
		g.ServeHTTP(httptest.NewRecorder(), call222("cloudformation", "", "Action=ExecuteChangeSet&ChangeSetName=c"))
	}()
	if put := events(); len(put) != 1 || put[0].DetailType != "AWS API Call via CloudTrail" {
		t.Errorf("events %+v", put)
	}
	if calls := g.journal.list(); len(calls) != 1 || calls[0].Action != "ExecuteChangeSet" {
		t.Errorf("recorded %+v", calls)
	}
}

func TestReadingCallsAreNotReported(t *testing.T) {
	g, events := isolated(t, handlers{cloudFormation: func(w http.ResponseWriter, _ *http.Request) {}})
	g.ServeHTTP(httptest.NewRecorder(), call222("cloudformation", "", "Action=DescribeStacks"))
	hub := call222("cloudformation", "", "Action=CreateStack")
	hub.Header.Set("Authorization", strings.ReplaceAll(hub.Header.Get("Authorization"), "222222222222", "000000000000"))
	w := httptest.NewRecorder()
	g.ServeHTTP(w, hub) // the hub's goes to MiniStack, which is not there
	if w.Code != http.StatusBadGateway {
		t.Errorf("the hub's CloudFormation was answered with %d", w.Code)
	}
	if put := events(); len(put) != 0 {
		t.Errorf("events %+v", put)
	}
}

func TestNothingIsEmittedAfterClose(t *testing.T) {
	g, events := isolated(t, handlers{})
	g.Bus().Emit(emulator.Event{ID: "1"})
	put := events()
	g.Bus().Emit(emulator.Event{ID: "2"})
	g.Close()
	if len(put) != 1 {
		t.Errorf("events %+v", put)
	}
}

func TestOwnRoutes(t *testing.T) {
	g, _ := isolated(t, handlers{})
	defer g.Close()
	g.Register("GET "+Prefix+"mine", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for path, want := range map[string]int{Prefix + "health": 200, Prefix + "calls": 200, Prefix + "faults/events": 200, Prefix + "mine": 418, "/elsewhere": 502} {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s was answered with %d, not %d", path, w.Code, want)
		}
	}
}
