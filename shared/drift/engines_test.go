package drift_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// liveEngine answers with these results.
type liveEngine struct {
	results []drift.LiveResult
	err     error
	asked   int
}

func (l *liveEngine) Check(context.Context, events.StackRef, []drift.Resource) ([]drift.LiveResult, error) {
	l.asked++
	return slices.Clone(l.results), l.err
}

func liveResult(id, typ, status string, d ...events.PropertyDifference) drift.LiveResult {
	return drift.LiveResult{ResourceDrift: drift.ResourceDrift{
		Resource: drift.Resource{LogicalID: id, PhysicalID: id + "-1", Type: typ}, Status: status, Differences: d,
	}}
}

func TestReportOfBothEngines(t *testing.T) {
	w := newWorld(t)
	w.stack.Resources["News"].Unsupported = true
	news := liveResult("News", "AWS::SNS::Topic", "IN_SYNC")
	news.Undeclared = []events.PropertyDifference{differs("/Subscription/0", "ADD", "", "eve")}
	w.service.Live = &liveEngine{results: []drift.LiveResult{liveResult("Jobs", "AWS::SQS::Queue", "MODIFIED", timeout), news}}
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "token")))(t)
	if want := (events.Coverage{Checked: 2, Live: 2}); scan.Result.Coverage != want || scan.Result.Drifted != 1 || len(scan.Drift.Resources) != 1 {
		t.Errorf("result %+v", scan.Result)
	}
	facts := w.facts.Facts()
	scanned, detected := facts[0].Data.(events.DriftScanned), facts[1].Data.(events.DriftDetected)
	if len(scanned.Resources) != 2 || scanned.Resources[0].Engine != "both" || scanned.Resources[1].Status != "IN_SYNC" || len(scanned.Resources[1].Undeclared) != 1 {
		t.Errorf("scanned %+v", scanned.Resources)
	}
	if len(detected.Resources) != 1 || detected.Resources[0].LogicalID != "Jobs" {
		t.Errorf("detected %+v: what is undeclared is no drift", detected.Resources)
	}
}

// What CloudFormation cannot check, the live engine finds.
func TestReportOfWhatCloudFormationCannotCheck(t *testing.T) {
	w := newWorld(t)
	w.service.Live = w.cloud
	w.stack.Resources["Jobs"].Actual = w.stack.Resources["Jobs"].Expected
	news := w.stack.Resources["News"]
	news.Unsupported, news.Readable, news.Actual = true, true, map[string]any{"TopicName": "olds"}
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "token")))(t)
	if len(scan.Drift.Resources) != 1 {
		t.Fatalf("result %+v", scan.Result)
	}
	found, want := scan.Drift.Resources[0], differs("/TopicName", "NOT_EQUAL", "news", "olds")
	if found.LogicalID != "News" || found.Engine != drift.EngineLive || !slices.Equal(found.Differences, []events.PropertyDifference{want}) {
		t.Errorf("found %+v", found)
	}
	if scanned := w.facts.Facts()[0].Data.(events.DriftScanned); len(scanned.Drifted()) != 1 || scan.Result.Coverage != (events.Coverage{Checked: 2, Live: 2}) {
		t.Errorf("scanned %+v", scanned)
	}
}

// The live engine alone needs no detection.
func TestLiveEngineAlone(t *testing.T) {
	w := newWorld(t)
	w.service.Live = &liveEngine{results: []drift.LiveResult{liveResult("Jobs", "AWS::SQS::Queue", "MODIFIED", timeout), liveResult("News", "AWS::SNS::Topic", "IN_SYNC")}}
	w.cloud.Fault = func(call string, _ events.StackRef) error {
		if call == "StartDetection" || call == "Drifts" {
			t.Errorf("%s was called", call)
		}
		return nil
	}
	scan := scanOf(network)
	scan.Engine = drift.EngineLive
	scan = must(w.service.StartDetection(ctx, scan))(t)
	first := scan.Detection.ID
	scan = must(w.service.Report(ctx, scan))(t)
	if scan.Result.Outcome != drift.OutcomeDrifted || scan.Result.Coverage != (events.Coverage{Checked: 2, Live: 2}) || len(scan.Result.Reasons) > 0 {
		t.Errorf("result %+v", scan.Result)
	}
	w.clock.Advance(1e9)
	if scan = must(w.service.StartDetection(ctx, scan))(t); scan.Detection.ID == first || scan.Detection.Ended.IsZero() {
		t.Errorf("a second look %+v has the id of the first: its facts would be dropped as repeated", scan.Detection)
	}
}

func TestLiveEngineFails(t *testing.T) {
	denied := fault.Permanent("read the template of shop-network-test: AccessDenied")
	tests := []struct {
		engine string
		err    error
		fails  bool
	}{
		{drift.EngineAuto, denied, false},
		{drift.EngineLive, denied, true},
		{drift.EngineAuto, fault.Transient("Rate exceeded"), true}, // the workflow asks again
		{drift.EngineCloudFormation, errors.New("not asked"), false},
	}
	for _, tt := range tests {
		w := newWorld(t)
		engine := &liveEngine{err: tt.err}
		w.service.Live = engine
		scan := w.detect(scanOf(network), "token")
		scan.Engine = tt.engine
		scan, err := w.service.Report(ctx, scan)
		if (err != nil) != tt.fails || err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%s, %v: %v", tt.engine, tt.err, err)
		}
		if err != nil {
			continue
		}
		if told := strings.Contains(strings.Join(scan.Result.Reasons, "; "), "AccessDenied"); scan.Result.Status != "DRIFTED" || told != (engine.asked > 0) {
			t.Errorf("%s, %v: %+v", tt.engine, tt.err, scan.Result)
		}
	}
}

func TestListTakesAnEngine(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string]string{"": drift.EngineAuto, "live": drift.EngineLive, "cloudformation": drift.EngineCloudFormation} {
		list := must(w.service.List(ctx, drift.Request{Engine: name}, "e"))(t)
		if list.Scans[0].Engine != want {
			t.Errorf("engine %q is %q, want %q", name, list.Scans[0].Engine, want)
		}
	}
	if _, err := w.service.List(ctx, drift.Request{Engine: "magic"}, "e"); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "cloudformation") {
		t.Errorf("an unknown engine: %v", err)
	}
}

// Nested stacks have scans of their own, each once, however deep the stacks
// name each other.
func TestListFollowsNestedStacks(t *testing.T) {
	w := newWorld(t)
	child := func(n int) events.StackRef {
		ref := network
		ref.StackName = fmt.Sprintf("shop-network-test-Child%02d", n)
		ref.StackID = fmt.Sprintf("arn:aws:cloudformation:us-east-1:222222222222:stack/%s/0a1b", ref.StackName)
		return ref
	}
	nest := func(parent *fake.DriftStack, into events.StackRef) {
		parent.Resources["Nested"] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack", PhysicalID: into.StackID}
	}
	nest(w.stack, child(1))
	for n := 1; n <= 12; n++ {
		s := w.cloud.Stack(child(n), map[string]*fake.DriftResource{})
		nest(s, child(n+1))
		s.Resources["Again"] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack", PhysicalID: child(1).StackID}
		s.Resources["Coming"] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack"}
	}
	list := must(w.service.List(ctx, drift.Request{Stacks: []string{"shop-network-test"}}, "e"))(t)
	if len(list.Scans) != 11 {
		t.Fatalf("%d scans, want the stack and ten levels", len(list.Scans))
	}
	for at, scan := range list.Scans {
		n := len(list.Scans) - 1 - at // the deepest first: reports of parents wait for theirs
		want, parent := network, ""
		if n > 0 {
			want, parent = child(n), network.StackID
			if n > 1 {
				parent = child(n - 1).StackID
			}
		}
		want.Parent = parent
		if scan.Stack != want {
			t.Errorf("scan %d of %+v, want %+v", n, scan.Stack, want)
		}
	}

	w.cloud.Fault = func(call string, _ events.StackRef) error { return fault.Permanent("%s: AccessDenied", call) }
	if list = must(w.service.List(ctx, drift.Request{}, "e"))(t); len(list.Scans) != 1 {
		t.Errorf("%d scans, want the stack itself although its resources cannot be listed", len(list.Scans))
	}
	w.cloud.Fault = func(call string, _ events.StackRef) error { return fault.Transient("%s: throttled", call) }
	if _, err := w.service.List(ctx, drift.Request{}, "e"); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v, want to be asked again", err)
	}
}
