package drift_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func nestedResource(id string) drift.Resource {
	return drift.Resource{LogicalID: id, PhysicalID: childOf(id).StackID, Type: "AWS::CloudFormation::Stack"}
}

// childOf is a stack that is nested in the network stack.
func childOf(id string) events.StackRef {
	ref := network
	ref.StackName = "shop-network-test-" + id + "-1A2B3C"
	ref.StackID = fmt.Sprintf("arn:aws:cloudformation:us-east-1:222222222222:stack/%s/0a1b", ref.StackName)
	ref.Parent = network.StackID
	return ref
}

// CloudFormation API reference, DetectStackDrift: "When detecting drift on a
// stack, CloudFormation doesn't detect drift on any nested stacks belonging to
// that stack. Perform DetectStackDrift directly on the nested stack itself."
// So what a parent is follows from the scans of its nested stacks.
func TestNestedStacksCountForTheirParent(t *testing.T) {
	is := func(statuses ...string) (nested []events.NestedStack) {
		for i, status := range statuses {
			nested = append(nested, events.NestedStack{LogicalID: fmt.Sprintf("Child%d", i), StackID: childOf(fmt.Sprintf("Child%d", i)).StackID, Status: status, Reason: "access denied"})
		}
		return nested
	}
	tests := []struct {
		name   string
		own    string // status of a queue of the parent; "" when it has none
		nested []events.NestedStack
		want   string
		named  int // nested stacks
		reason string
	}{
		{"only nested, all in sync", "", is("IN_SYNC", "IN_SYNC"), "IN_SYNC", 0, ""},
		{"only nested, one drifted", "", is("IN_SYNC", "DRIFTED"), "DRIFTED", 1, "the nested stack Child1 has drifted: see `evenkeel drift show shop-network-test-Child1-1A2B3C`"},
		{"only nested, one unknown", "", is("UNKNOWN", "IN_SYNC"), "UNKNOWN", 1, "the nested stack Child0 is not known to be in sync: access denied"},
		{"only nested, one of a status of tomorrow", "", is("NOT_CHECKED"), "UNKNOWN", 1, "Child0 is not known"},
		{"only nested, one drifted and one unknown", "", is("DRIFTED", "UNKNOWN"), "DRIFTED", 2, "Child1 is not known"},
		{"only nested, nobody looked", "", nil, "UNKNOWN", 0, "no resource of the stack could be checked"},
		{"in sync beside in sync", "IN_SYNC", is("IN_SYNC"), "IN_SYNC", 0, ""},
		{"in sync beside drifted", "IN_SYNC", is("DRIFTED"), "DRIFTED", 1, "Child0 has drifted"},
		{"in sync beside unknown", "IN_SYNC", is("UNKNOWN"), "UNKNOWN", 1, "Child0 is not known"},
		{"drifted beside in sync", "MODIFIED", is("IN_SYNC"), "DRIFTED", 0, ""},
		{"drifted beside unknown", "MODIFIED", is("UNKNOWN"), "DRIFTED", 1, "Child0 is not known"},
		{"unknown beside in sync", "UNKNOWN", is("IN_SYNC"), "UNKNOWN", 0, "A could not be checked"},
		{"unknown beside drifted", "UNKNOWN", is("DRIFTED"), "DRIFTED", 1, "A could not be checked"},
	}
	for _, engine := range []string{drift.EngineCloudFormation, drift.EngineLive} {
		for _, tt := range tests {
			t.Run(engine+" "+tt.name, func(t *testing.T) {
				found := drift.Findings{Engine: engine, Detection: drift.Detection{State: drift.DetectionDone}, Resources: []drift.Resource{nestedResource("Child0")}, Nested: tt.nested}
				if tt.own != "" {
					found.Resources = append(found.Resources, queue("A"))
					found.Drifts = []drift.ResourceDrift{row("A", tt.own)}
					found.Live = []drift.LiveResult{{ResourceDrift: drift.ResourceDrift{Resource: queue("A"), Status: tt.own, Differences: row("A", tt.own).Differences}}}
				}
				if engine == drift.EngineCloudFormation {
					found.Live = nil
				} else {
					found.Drifts = nil
				}
				got := drift.Merge(network, found)
				if got.Status != tt.want || len(got.Nested) != tt.named || got.Coverage.Nested != 1 {
					t.Errorf("%s %+v %+v, want %s", got.Status, got.Nested, got.Coverage, tt.want)
				}
				if text := strings.Join(got.Reasons, "; "); !strings.Contains(text, tt.reason) || tt.reason == "" && text != "" {
					t.Errorf("reasons %q, want %q", text, tt.reason)
				}
				if drifted := tt.own == "MODIFIED"; len(got.Resources) > 0 != drifted {
					t.Errorf("what drifted in a nested stack is its own: %+v", got.Resources)
				}
			})
		}
	}
}

// A detection of the parent that failed is no reason to call it clean.
func TestNestedStacksOfAFailedDetection(t *testing.T) {
	got := drift.Merge(network, drift.Findings{
		Engine: drift.EngineCloudFormation, Detection: drift.Detection{State: drift.DetectionFailed, Reason: "internal"},
		Resources: []drift.Resource{nestedResource("Child")}, Nested: []events.NestedStack{{LogicalID: "Child", Status: "IN_SYNC"}},
	})
	if got.Status != "UNKNOWN" || !strings.Contains(strings.Join(got.Reasons, "; "), "the detection failed") {
		t.Errorf("%s %q", got.Status, got.Reasons)
	}
}

// FuzzWithNested: a parent is in sync only if it and all that is nested in it
// are, and drifted if and only if one of them is.
func FuzzWithNested(f *testing.F) {
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		statuses := []string{"IN_SYNC", "DRIFTED", "UNKNOWN", "", "NOT_CHECKED"}
		if len(data) < 2 {
			return
		}
		own := statuses[int(data[0])%3]
		all := []string{own}
		r := drift.Report{Status: own, Own: own, Coverage: events.Coverage{Checked: 1, Nested: len(data) - 1}}
		var nested []events.NestedStack
		for i, b := range data[1:] {
			n := events.NestedStack{LogicalID: fmt.Sprintf("N%d", i), Status: statuses[int(b)%len(statuses)]}
			nested, all = append(nested, n), append(all, n.Status)
		}
		got := r.WithNested(nested)
		clean := !slices.ContainsFunc(all, func(s string) bool { return s != "IN_SYNC" })
		if (got.Status == "IN_SYNC") != clean || (got.Status == "DRIFTED") != slices.Contains(all, "DRIFTED") || got.Own != own {
			t.Errorf("%q is %s, its own %s", all, got.Status, got.Own)
		}
	})
}

// nest makes the network stack one that holds only nested stacks, and remembers
// how stacks stand.
func (w *world) nest(ids ...string) {
	clear(w.stack.Resources)
	for _, id := range ids {
		w.stack.Resources[id] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack", PhysicalID: childOf(id).StackID}
		w.cloud.Stack(childOf(id), map[string]*fake.DriftResource{
			"Deep": {Type: "AWS::SQS::Queue", Expected: map[string]any{"VisibilityTimeout": 60.0}, Actual: map[string]any{"VisibilityTimeout": 60.0}},
		})
	}
	w.service.Standings = &fake.DriftStandings{}
}

func (w *world) scanned(scan drift.Scan) drift.Scan {
	w.t.Helper()
	scan.Revert = false
	return must(w.service.Report(ctx, w.detect(scan, "token-"+scan.ScanID+scan.Stack.StackName)))(w.t)
}

// A parent's report waits for the scans of its nested stacks, says what they
// found, and gives up in the end.
func TestReportWaitsForNestedStacks(t *testing.T) {
	w := newWorld(t)
	w.nest("Red", "Blue")
	scan := scanOf(network)
	parent := w.scanned(scan)
	if !parent.Waiting || parent.WaitSeconds != 2 || parent.Reads != 1 || len(w.facts.Facts()) > 0 {
		t.Fatalf("waiting %t after %d reads, facts %v", parent.Waiting, parent.Reads, w.facts.Types())
	}
	for _, id := range []string{"Red", "Blue"} {
		child := scan
		child.Stack = childOf(id)
		if done := w.scanned(child); done.Waiting || done.Result.Status != "IN_SYNC" {
			t.Fatalf("%s: %+v", id, done.Result)
		}
	}
	if parent = must(w.service.Report(ctx, parent))(t); parent.Waiting || parent.Result.Status != "IN_SYNC" || parent.Result.Outcome != drift.OutcomeInSync || parent.Result.Coverage.Nested != 2 {
		t.Errorf("waiting %t, %+v", parent.Waiting, parent.Result)
	}

	// The next scan: one has drifted, and the other one's scan fails.
	next := scan
	next.ScanID = "scan-2"
	w.cloud.Stack(childOf("Red"), map[string]*fake.DriftResource{
		"Deep": {Type: "AWS::SQS::Queue", Expected: map[string]any{"VisibilityTimeout": 60.0}, Actual: map[string]any{"VisibilityTimeout": 7.0}},
	})
	if parent = w.scanned(next); !parent.Waiting {
		t.Fatalf("does not wait for the second scan: %+v", parent.Result)
	}
	child := next
	child.Stack = childOf("Red")
	w.scanned(child)
	child.Stack, child.Revert, child.Error = childOf("Blue"), false, &drift.Caught{Error: fault.PermanentError, Cause: "AccessDenied"}
	must(w.service.Fail(ctx, child))(t)
	parent = must(w.service.Report(ctx, parent))(t)
	if parent.Result.Status != "DRIFTED" || parent.Result.Drifted != 0 || parent.Drift.Found {
		t.Errorf("%+v, want drift that is not its own", parent.Result)
	}
	facts := w.facts.Facts()
	last := facts[len(facts)-1].Data.(events.DriftScanned)
	if len(last.Nested) != 2 || last.Nested[0].Status != "UNKNOWN" || !strings.Contains(last.Nested[0].Reason, "AccessDenied") || last.Nested[1].LogicalID != "Red" || last.Nested[1].Status != "DRIFTED" {
		t.Errorf("nested %+v", last.Nested)
	}

	// One whose scan never ends is unknown, not as it was.
	next.ScanID = "scan-3"
	child.ScanID, child.Stack, child.Error = "scan-3", childOf("Red"), nil
	w.scanned(child)
	parent = w.scanned(next)
	waited := 0
	for parent.Waiting {
		waited += parent.WaitSeconds
		parent = must(w.service.Report(ctx, parent))(t)
	}
	if waited != 600 {
		t.Errorf("gave up after %d seconds, want ten minutes", waited)
	}
	if text := strings.Join(parent.Result.Reasons, "; "); parent.Waiting || parent.Result.Status != "DRIFTED" || !strings.Contains(text, "Blue is not known to be in sync: its scan has not ended") {
		t.Errorf("%t %s %q", parent.Waiting, parent.Result.Status, text)
	}
}

// A scan for a revert names its stack and does not follow what is nested: the
// last scans count, and nobody waits.
func TestRevertOfAParentWaitsForNobody(t *testing.T) {
	w := newWorld(t)
	w.nest("Red", "Blue")
	w.stack.Resources["Coming"] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack"}
	child := scanOf(network)
	child.ScanID, child.Stack = "scan-0", childOf("Red")
	w.scanned(child)
	scan := scanOf(network)
	scan.Seen = "digest"
	parent := must(w.service.Report(ctx, w.detect(scan, "token")))(t)
	text := strings.Join(parent.Result.Reasons, "; ")
	if parent.Waiting || parent.Result.Status != "UNKNOWN" || strings.Contains(text, "Red") ||
		!strings.Contains(text, "Blue is not known to be in sync: it has not been scanned") || !strings.Contains(text, "Coming is not known to be in sync: it has not been created") {
		t.Errorf("%t %s %q", parent.Waiting, parent.Result.Status, text)
	}
}

// Another scan of the nested stack, which is not older than the parent's
// detection, counts as well: nobody waits for one that was overtaken.
func TestAnotherScanOfANestedStackCounts(t *testing.T) {
	w := newWorld(t)
	w.nest("Red")
	parent := w.scanned(scanOf(network))
	child := scanOf(network)
	child.ScanID, child.Stack = "scan-of-somebody-else", childOf("Red")
	w.scanned(child)
	if parent = must(w.service.Report(ctx, parent))(t); parent.Waiting || parent.Result.Status != "IN_SYNC" {
		t.Errorf("waiting %t, %+v", parent.Waiting, parent.Result)
	}
}

// What verifies a revert never takes a nested stack that it knows nothing of for
// a parent that has nothing to report.
func TestVerificationWaitsForNobody(t *testing.T) {
	w, _ := parentWorld(t)
	scan := w.executed(w.planned())
	w.service.Standings = &fake.DriftStandings{}
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 1.0}
	scan = must(w.service.VerifyReverted(ctx, w.detect(scan, "verification")))(t)
	if scan.Waiting || scan.Result.Outcome != drift.OutcomeRevertRefused || !strings.Contains(strings.Join(scan.Result.Reasons, "; "), "Jobs is still drifted") {
		t.Errorf("waiting %t, %+v", scan.Waiting, scan.Result)
	}
}

// The drift of a parent is resolved whatever its nested stacks are: theirs is
// told for themselves.
func TestNestedStacksResolveForThemselves(t *testing.T) {
	w := newWorld(t)
	w.nest("Red")
	w.stack.Resources["Jobs"] = &fake.DriftResource{Type: "AWS::SQS::Queue", Expected: map[string]any{"VisibilityTimeout": 60.0}, Actual: map[string]any{"VisibilityTimeout": 30.0}}
	scan := scanOf(network)
	scan.Seen = "x" // follows nobody
	w.scanned(scan)
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 60.0}
	w.clock.Advance(time.Hour)
	scan.ScanID = "scan-2"
	if done := w.scanned(scan); done.Result.Status != "UNKNOWN" {
		t.Errorf("%+v", done.Result)
	}
	if types := w.facts.Types(); !slices.Contains(types, "DriftResolved.v1") {
		t.Errorf("facts %v, want DriftResolved", types)
	}
}
