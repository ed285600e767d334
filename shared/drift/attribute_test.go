package drift_test

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// attributor answers by logical id, and notes what it was asked.
type attributor struct {
	answers map[string]*events.Attribution
	err     error
	changes []attribution.Change
}

func (a *attributor) Attribute(_ context.Context, change attribution.Change) (*events.Attribution, error) {
	a.changes = append(a.changes, change)
	return a.answers[change.Resource.LogicalID], a.err
}

var dana = events.Attribution{
	Class: "person", Principal: "arn:aws:iam::222222222222:user/dana", SourceIP: "198.51.100.7", UserAgent: "aws-cli/2", EventName: "SetQueueAttributes",
	EventID: "e-1", Time: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Exact: true, Why: "an IAM user",
}

func TestReportSaysWhoChangedIt(t *testing.T) {
	w := newWorld(t)
	a := &attributor{answers: map[string]*events.Attribution{"Jobs": &dana}}
	w.service.Attributor, w.stack.Updated = a, started.Add(-time.Hour)
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "token")))(t)
	if got := scan.Drift.Resources[0].Attribution; got == nil || *got != dana {
		t.Errorf("got %+v", got)
	}
	if len(a.changes) != 1 || a.changes[0].Stack != network || a.changes[0].Resource.LogicalID != "Jobs" ||
		!a.changes[0].From.Equal(w.stack.Updated) || !a.changes[0].Until.Equal(scan.Detection.Ended) || a.changes[0].Until.IsZero() {
		t.Errorf("asked %+v", a.changes)
	}
	for _, f := range w.facts.Facts() {
		var resources []events.DriftedResource
		switch data := f.Data.(type) {
		case events.DriftScanned:
			resources = data.Resources
		case events.DriftDetected:
			resources = data.Resources
		}
		if len(resources) != 1 || resources[0].Attribution == nil || resources[0].Attribution.EventID != "e-1" {
			t.Errorf("%T has %+v", f.Data, resources)
		}
	}
}

// TestReportWithoutAnAnswer: the scan never fails because nobody knows who it
// was, and what drifted is the same whoever made it.
func TestReportWithoutAnAnswer(t *testing.T) {
	w := newWorld(t)
	digest := must(w.service.Report(ctx, w.detect(scanOf(network), "token")))(t).Drift.Digest
	w.service.Attributor = &attributor{err: fault.Transient("ask CloudTrail: Rate exceeded")}
	detected := w.detect(scanOf(network), "second")
	w.cloud.Fault = func(call string, _ events.StackRef) error {
		if call == "State" {
			return fault.Transient("DescribeStacks: Rate exceeded")
		}
		return nil
	}
	scan := must(w.service.Report(ctx, detected))(t)
	got := scan.Drift.Resources[0].Attribution
	if got == nil || got.Class != "unknown" || !strings.Contains(got.Why, "Rate exceeded") || scan.Result.Outcome != drift.OutcomeDrifted {
		t.Errorf("got %+v, outcome %s", got, scan.Result.Outcome)
	}
	if scan.Drift.Digest != digest {
		t.Error("who made the drift changed its digest")
	}
}

// TestFurtherNames: what no call names by its physical id is asked for by what
// it belongs to.
func TestFurtherNames(t *testing.T) {
	changed := func(kind string, properties map[string]any) *fake.DriftResource {
		actual := maps.Clone(properties)
		properties["Description"], actual["Description"] = "a", "b"
		return &fake.DriftResource{Type: kind, Expected: properties, Actual: actual}
	}
	w := newWorld(t)
	w.stack.Resources = map[string]*fake.DriftResource{
		"Inline": changed("AWS::IAM::Policy", map[string]any{"PolicyName": "write", "Roles": []any{"web", "api"}, "Users": []any{"dana"}}),
		"Queue":  changed("AWS::SQS::QueuePolicy", map[string]any{"Queues": []any{"https://q/1", map[string]any{}}}),
		"Bucket": changed("AWS::S3::BucketPolicy", map[string]any{"Bucket": "assets"}),
		"Table":  changed("AWS::DynamoDB::Table", map[string]any{"TableName": "orders"}),
	}
	a := &attributor{}
	w.service.Attributor = a
	must(w.service.Report(ctx, w.detect(scanOf(network), "token")))(t)
	got := map[string]string{}
	for _, c := range a.changes {
		got[c.Resource.LogicalID] = strings.Join(c.Names, " ")
	}
	want := map[string]string{"Inline": "write|api write|dana write|web", "Queue": "https://q/1", "Bucket": "assets", "Table": ""}
	if !maps.Equal(got, want) {
		t.Errorf("asked by %v, want %v", got, want)
	}
}

func TestAttributionText(t *testing.T) {
	hostile := dana
	hostile.Exact, hostile.UserAgent, hostile.Session, hostile.Why = false, "evil\x1b[2J\nFAKE ROW\u202e", "s\tx", "a\nb"
	tests := map[string]*events.Attribution{
		"": nil,
		"by: arn:aws:iam::222222222222:user/dana, at 2026-03-02T10:00:00Z, from 198.51.100.7, with aws-cli/2, call SetQueueAttributes, event e-1, class person: an IAM user":                          &dana,
		"by: arn:aws:iam::222222222222:user/dana, session s x, at 2026-03-02T10:00:00Z, from 198.51.100.7, with evil [2J FAKE ROW , last known call SetQueueAttributes, event e-1, class person: a b": &hostile,
		"by: unknown: nobody knows": {Class: "unknown", Why: "nobody\nknows"},
	}
	for want, a := range tests {
		if got := drift.AttributionText(a); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// TestTextHasWhoUnderEachResource: the line stands below the rows of its
// resource, and the columns stay in line.
func TestTextHasWhoUnderEachResource(t *testing.T) {
	difference := events.PropertyDifference{Path: "/A", Type: "NOT_EQUAL", Expected: "1", Actual: "2"}
	other := dana
	other.EventID = "e-2"
	scan := events.DriftScanned{StackRef: network, Status: "DRIFTED", Resources: []events.DriftedResource{
		{LogicalID: "Gone", ResourceType: "AWS::SQS::Queue", Status: "DELETED", Attribution: &other},
		{LogicalID: "Jobs", ResourceType: "AWS::SQS::Queue", Status: "MODIFIED", Differences: []events.PropertyDifference{difference, difference}, Attribution: &dana},
		{LogicalID: "Last", ResourceType: "AWS::SQS::Queue", Status: "MODIFIED"},
	}}
	var out bytes.Buffer
	if err := drift.RenderText(&out, []events.DriftScanned{scan}); err != nil {
		t.Fatal(err)
	}
	var shape []string
	for line := range strings.Lines(out.String()) {
		shape = append(shape, strings.Fields(line)[0])
		if strings.Contains(line, "by: ") && !strings.Contains(line, map[int]string{5: "e-2", 8: "e-1"}[len(shape)]) {
			t.Errorf("line %d: %s", len(shape), line)
		}
	}
	if got := strings.Join(shape, " "); got != "shop-network-test coverage: RESOURCE Gone by: Jobs Jobs by: Last" {
		t.Errorf("lines %s\n%s", got, out.String())
	}
}
