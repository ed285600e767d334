package drift_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// world is a service over fakes, with one stack that has one drifted queue.
type world struct {
	t       *testing.T
	clock   *fake.Clock
	cloud   *fake.DriftCloud
	stack   *fake.DriftStack
	tokens  *fake.DriftTokens
	tasks   *fake.DriftTasks
	facts   *fake.DriftFacts
	service *drift.Service
	held    []json.RawMessage // events not delivered yet
}

var network = events.StackRef{
	StackID:   "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-network-test/5d0c1a70-1623-11f1-9c3e-0affd1e2a301",
	StackName: "shop-network-test", Account: "222222222222", Region: "us-east-1", Repository: "acme/shop", Stage: "test",
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: fake.NewClock(started), tokens: &fake.DriftTokens{}, tasks: &fake.DriftTasks{}, facts: &fake.DriftFacts{}}
	w.cloud = &fake.DriftCloud{Time: w.clock, Detecting: 20 * time.Second, Planning: 5 * time.Second, Executing: time.Minute}
	w.cloud.Emit = func(_ string, envelope any) {
		raw, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		w.held = append(w.held, raw)
	}
	w.stack = w.cloud.Stack(network, map[string]*fake.DriftResource{
		"Jobs": {Type: "AWS::SQS::Queue", Expected: map[string]any{"VisibilityTimeout": 60.0}, Actual: map[string]any{"VisibilityTimeout": 30.0}},
		"News": {Type: "AWS::SNS::Topic", Expected: map[string]any{"TopicName": "news"}, Actual: map[string]any{"TopicName": "news"}},
	})
	w.service = &drift.Service{
		Stacks: w.cloud, ChangeSets: w.cloud, Tokens: w.tokens, Tasks: w.tasks,
		Inventory: fake.DriftInventory{network}, Publisher: w.facts, Now: w.clock.Now,
	}
	return w
}

// deliver gives every held event to the service, times times.
func (w *world) deliver(times int) {
	w.t.Helper()
	held := w.held
	w.held = nil
	for _, raw := range held {
		for range times {
			if _, _, err := w.service.Handle(context.Background(), raw); err != nil {
				w.t.Fatalf("%s: %v", raw, err)
			}
		}
	}
}

// detect starts a detection, waits for it and returns the scan with it.
func (w *world) detect(scan drift.Scan, token string) drift.Scan {
	w.t.Helper()
	scan = must(w.service.StartDetection(context.Background(), scan))(w.t)
	if scan.Detection.State != drift.DetectionStarted {
		return scan
	}
	if err := w.service.AwaitDetection(context.Background(), scan, token); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	w.deliver(1)
	w.output(token, &scan.Detection)
	return scan
}

// output decodes how the task with the token ended.
func (w *world) output(token string, into any) {
	w.t.Helper()
	a := w.tasks.Answer(token)
	if a.Times == 0 || a.Kind != "" {
		w.t.Fatalf("task %s: %+v, want a success", token, a)
	}
	if err := json.Unmarshal(a.Output, into); err != nil {
		w.t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var ctx = context.Background()

func scanOf(stack events.StackRef) drift.Scan {
	return drift.Scan{ScanID: "scan-1", Stack: stack, Revert: true, RequestedBy: "arn:aws:iam::111111111111:role/ops"}
}

// The detection's id is known only after DetectStackDrift, so its event can
// come before anybody could keep a token. In whatever order the end of the
// detection, its event and the token come, the task is completed, and a
// repeated event changes nothing.
func TestDetectionEventAndTokenInAnyOrder(t *testing.T) {
	tests := []struct {
		name string
		run  func(w *world, scan drift.Scan)
	}{
		{"token, end, event", func(w *world, scan drift.Scan) {
			w.await(scan)
			w.clock.Advance(time.Minute)
			if w.tasks.Answer("token").Times != 0 {
				w.t.Error("completed without an event")
			}
			w.deliver(1)
		}},
		{"token, end, event twice", func(w *world, scan drift.Scan) {
			w.await(scan)
			w.clock.Advance(time.Minute)
			w.deliver(2)
		}},
		{"end, event, token", func(w *world, scan drift.Scan) {
			w.clock.Advance(time.Minute)
			w.deliver(1)
			w.await(scan)
		}},
		{"end, token, event", func(w *world, scan drift.Scan) {
			w.clock.Advance(time.Minute)
			w.await(scan)
			w.deliver(1)
		}},
		{"token, and the event while it is read", func(w *world, scan drift.Scan) {
			w.cloud.Fault = func(call string, _ events.StackRef) error {
				if call == "Detection" {
					w.cloud.Fault = nil
					w.clock.Advance(time.Minute)
					w.deliver(1)
				}
				return nil
			}
			w.await(scan)
		}},
		{"end and event while the token is kept", func(w *world, scan drift.Scan) {
			w.tokens.Fault = func(call string) error {
				if call == "Keep" {
					w.tokens.Fault = nil
					w.clock.Advance(time.Minute)
					w.deliver(1)
				}
				return nil
			}
			w.await(scan)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			scan := must(w.service.StartDetection(ctx, scanOf(network)))(t)
			tt.run(w, scan)
			var d drift.Detection
			w.output("token", &d)
			if d.State != drift.DetectionDone || d.ID != scan.Detection.ID {
				t.Errorf("detection %+v", d)
			}
			if w.tokens.Len() != 0 {
				t.Error("the token is still kept")
			}
		})
	}
}

func (w *world) await(scan drift.Scan) {
	w.t.Helper()
	if err := w.service.AwaitDetection(ctx, scan, "token"); err != nil {
		w.t.Fatal(err)
	}
}

// A repeated task has a new token: the answer to the first attempt must not
// take the second one's token away.
func TestForgetLeavesANewerToken(t *testing.T) {
	w := newWorld(t)
	scan := must(w.service.StartDetection(ctx, scanOf(network)))(t)
	if err := w.service.AwaitDetection(ctx, scan, "first"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	w.tokens.Fault = func(call string) error {
		if call == "Forget" { // the second attempt begins between the first answer and its clearing
			w.tokens.Fault = nil
			return w.service.AwaitDetection(ctx, scan, "second")
		}
		return nil
	}
	w.deliver(1)
	for _, token := range []string{"first", "second"} {
		if w.tasks.Answer(token).Times == 0 {
			t.Errorf("the %s token was never answered", token)
		}
	}
}

func TestAwaitAnswersFailuresThroughTheToken(t *testing.T) {
	w := newWorld(t)
	scan := must(w.service.StartDetection(ctx, scanOf(network)))(t)
	w.cloud.Fault = func(call string, _ events.StackRef) error { return fault.Transient("%s: throttled", call) }
	w.await(scan)
	if a := w.tasks.Answer("token"); a.Kind != fault.TransientError || !strings.Contains(a.Cause, "throttled") {
		t.Errorf("answer %+v", a)
	}
	w.tasks.Fault = func(string) error { return fault.Transient("states: throttled") }
	if err := w.service.AwaitDetection(ctx, scan, "other"); !fault.Is(err, fault.TransientError) {
		t.Errorf("with no way to answer, the error must be the function's own: %v", err)
	}
}

func TestStartDetection(t *testing.T) {
	t.Run("busy stack", func(t *testing.T) {
		w := newWorld(t)
		w.stack.Status = "UPDATE_IN_PROGRESS"
		if _, err := w.service.StartDetection(ctx, scanOf(network)); !fault.Is(err, fault.ConflictError) {
			t.Errorf("error %v, want a conflict", err)
		}
	})
	t.Run("a detection runs already", func(t *testing.T) {
		w := newWorld(t)
		must(w.service.StartDetection(ctx, scanOf(network)))(t)
		if _, err := w.service.StartDetection(ctx, scanOf(network)); !fault.Is(err, fault.ConflictError) {
			t.Errorf("error %v, want a conflict", err)
		}
	})
	for _, status := range []string{"ROLLBACK_COMPLETE", ""} {
		t.Run("skipped in "+status, func(t *testing.T) {
			w := newWorld(t)
			w.stack.Status = status
			scan := must(w.service.StartDetection(ctx, scanOf(network)))(t)
			scan = must(w.service.Report(ctx, scan))(t)
			if scan.Result.Outcome != drift.OutcomeSkipped || scan.Result.Status != "UNKNOWN" || len(scan.Result.Reasons) != 1 {
				t.Errorf("result %+v", scan.Result)
			}
			if got := w.facts.Types(); !slices.Equal(got, []string{"DriftScanned.v1"}) {
				t.Errorf("facts %v", got)
			}
		})
	}
}

func TestReadDetectionWithoutEvent(t *testing.T) {
	w := newWorld(t)
	scan := must(w.service.StartDetection(ctx, scanOf(network)))(t)
	if _, err := w.service.ReadDetection(ctx, scan); !fault.Is(err, fault.ConflictError) {
		t.Errorf("error %v, want a conflict while it runs", err)
	}
	w.clock.Advance(time.Minute)
	if scan = must(w.service.ReadDetection(ctx, scan))(t); scan.Detection.State != drift.DetectionDone {
		t.Errorf("detection %+v", scan.Detection)
	}
}

func TestReport(t *testing.T) {
	w := newWorld(t)
	scan := w.detect(scanOf(network), "token")
	first := must(w.service.Report(ctx, scan))(t)
	again := must(w.service.Report(ctx, scan))(t) // a repeated task
	if first.Result.Outcome != drift.OutcomeDrifted || first.Result.Drifted != 1 || first.Drift.Digest != again.Drift.Digest {
		t.Errorf("result %+v", first.Result)
	}
	if got := w.facts.Types(); !slices.Equal(got, []string{"DriftScanned.v1", "DriftDetected.v1"}) {
		t.Errorf("facts %v, want each once", got)
	}
	detected := w.facts.Facts()[1]
	want := events.PropertyDifference{Path: "/VisibilityTimeout", Type: "NOT_EQUAL", Expected: "60", Actual: "30"}
	data := detected.Data.(events.DriftDetected)
	if data.Resources[0].LogicalID != "Jobs" || data.Resources[0].Differences[0] != want || data.Coverage.Checked != 2 {
		t.Errorf("detected %+v", data)
	}
	if m := detected.Metadata; m.CorrelationID != "scan-1" || m.CausationID != w.facts.Facts()[0].Metadata.ID || m.Time.IsZero() {
		t.Errorf("metadata %+v", m)
	}
}

// A failed detection has results for what worked; why it failed is read, since
// the event does not say it.
func TestReportOfAFailedDetection(t *testing.T) {
	w := newWorld(t)
	w.stack.Resources["News"].Unreadable = "User is not authorized to perform: sns:GetTopicAttributes"
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "token")))(t)
	if scan.Result.Status != "DRIFTED" || scan.Result.Coverage != (events.Coverage{Checked: 1, Unknown: 1}) {
		t.Errorf("result %+v", scan.Result)
	}
	text := strings.Join(scan.Result.Reasons, "; ")
	for _, part := range []string{"News could not be checked: User is not authorized", "Failed to detect drift on resources [News]"} {
		if !strings.Contains(text, part) {
			t.Errorf("reasons %q lack %q", text, part)
		}
	}
}

func TestList(t *testing.T) {
	data := events.StackRef{StackID: strings.Replace(network.StackID, "network", "data", 1), StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1"}
	foreign := "arn:aws:cloudformation:eu-west-1:333333333333:stack/legacy/0a1b"
	tests := []struct {
		name  string
		ask   drift.Request
		want  []string
		fault string
	}{
		{"all, sorted", drift.Request{}, []string{"shop-data-test", "shop-network-test"}, ""},
		{"by name", drift.Request{Stacks: []string{"shop-network-test"}}, []string{"shop-network-test"}, ""},
		{"by name and ARN, once", drift.Request{Stacks: []string{"shop-network-test", network.StackID}}, []string{"shop-network-test"}, ""},
		{"a stack of somebody else", drift.Request{Stacks: []string{foreign}}, []string{"legacy"}, ""},
		{"unknown", drift.Request{Stacks: []string{"nope"}}, nil, fault.InvalidError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.service.Inventory = fake.DriftInventory{network, data}
			list, err := w.service.List(ctx, tt.ask, "execution-1")
			var names []string
			for _, s := range list.Scans {
				names = append(names, s.Stack.StackName)
				if s.ScanID != "execution-1" || s.Result.Outcome != drift.OutcomeFailed {
					t.Errorf("scan %+v", s)
				}
			}
			if !slices.Equal(names, tt.want) || (err != nil) != (tt.fault != "") || err != nil && !fault.Is(err, tt.fault) {
				t.Errorf("got %v, %v, want %v", names, err, tt.want)
			}
		})
	}
}

// The sample events decode for ever.
func TestSampleEvents(t *testing.T) {
	tests := []struct{ file, did string }{
		{"cloudformation-drift-detection-in-progress.json", "ignored: nobody waits"},
		{"cloudformation-drift-detection-complete.json", "completed a waiting task"},
		{"cloudformation-drift-detection-failed.json", "completed a waiting task"},
		{"cloudformation-drift-revert-stack-status.json", "completed a waiting task"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			raw, err := os.ReadFile("../../testdata/events/" + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			for _, wait := range []drift.Wait{
				{Kind: drift.WaitDetection, StackID: network.StackID, ID: "b1d0e7a0-1625-11f1-8a55-0affd1e2a302"},
				{Kind: drift.WaitExecution, StackID: network.StackID, ID: "evenkeel-revert-0f1e2d3c4b5a69788796a5b4"},
			} {
				if err := w.tokens.Keep(ctx, wait, wait.Kind, time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
			if _, did, err := w.service.Handle(ctx, raw); err != nil || !strings.HasPrefix(did, tt.did) {
				t.Errorf("did %q, %v, want %q", did, err, tt.did)
			}
		})
	}
}

func TestHandleBadInput(t *testing.T) {
	tests := []struct{ name, message, did, fault string }{
		{"not JSON", `{`, "", fault.InvalidError},
		{"unknown action", `{"action":"dance"}`, "dance", fault.InvalidError},
		{"unknown event", `{"detail-type":"EC2 Instance State-change Notification","detail":{}}`, "ignored an event", ""},
		{"poison", `{"detail-type":"CloudFormation Stack Status Change","detail":7}`, "dropped", ""},
		{"a schedule's event", `{"detail-type":"Scheduled Event","detail":{}}`, "ignored an event", ""},
		{"somebody else's update", `{"detail-type":"CloudFormation Stack Status Change","detail":{"stack-id":"a","status-details":{"status":"UPDATE_COMPLETE"},"client-request-token":"x"}}`, "ignored: nobody", ""},
		{"an update by hand", `{"detail-type":"CloudFormation Stack Status Change","detail":{"stack-id":"a","status-details":{"status":"UPDATE_COMPLETE"}}}`, "ignored: nobody", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, did, err := newWorld(t).service.Handle(ctx, json.RawMessage(tt.message))
			if !strings.HasPrefix(did, tt.did) || (err != nil) != (tt.fault != "") || err != nil && !fault.Is(err, tt.fault) {
				t.Errorf("did %q, %v", did, err)
			}
		})
	}
}
