package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/ledger"
	"github.com/evenkeel/evenkeel/shared/metrics"
)

func sample(t testing.TB, detailType string) json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("../../testdata/events/" + detailType + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func entryOf(t testing.TB, event json.RawMessage) ledger.Entry {
	t.Helper()
	var e events.Envelope[json.RawMessage]
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatal(err)
	}
	entry, known, err := ledger.NewEntry(e)
	if err != nil || !known {
		t.Fatalf("%s: known %v, %v", e.DetailType, known, err)
	}
	return entry
}

func TestEveryFactHasASubject(t *testing.T) {
	want := map[string]string{
		ledger.KindRun:    "run#1f0c9a7b-1bee13",
		ledger.KindDrift:  "drift#222222222222/us-east-1/shop-network-test",
		ledger.KindHeal:   "heal#h-0d4c3b2a",
		ledger.KindReview: "review#acme/shop#7",
		ledger.KindSweep:  "sweep#heal",
	}
	kinds := map[string]int{}
	for _, fact := range events.Facts() {
		e := entryOf(t, sample(t, fact.DetailType()))
		subject := want[e.Kind]
		switch fact.DetailType() {
		case "DriftDigest.v1":
			subject = "drift#digest" // of all stacks
		case "SecurityGroupHealingStopped.v1":
			subject = "heal#h-0d4c3b2b" // a heal that never closed
		}
		if e.Subject != subject || e.EventID == "" || !strings.HasSuffix(e.Sequence, "#"+e.EventID) {
			t.Errorf("%s: %s %s %s", fact.DetailType(), e.Kind, e.Subject, e.Sequence)
		}
		kinds[e.Kind]++
		lines, err := ledger.Timeline([]ledger.Entry{e})
		if err != nil || len(lines) != 1 || lines[0].Text == "" || lines[0].Text == e.DetailType {
			t.Errorf("%s has no sentence: %v, %v", fact.DetailType(), lines, err)
		}
	}
	if kinds[ledger.KindRun] != 25 || kinds[ledger.KindDrift] != 7 || kinds[ledger.KindHeal] != 4 || kinds[ledger.KindReview] != 2 || kinds[ledger.KindSweep] != 1 {
		t.Errorf("kinds = %v", kinds)
	}
}

func TestWhatIsNoFact(t *testing.T) {
	for _, event := range []string{
		`{"source":"aws.s3","detail-type":"Object Created","detail":{}}`,
		`{"source":"aws.s3","detail-type":"RunStarted.v1","detail":{}}`,
		`{"source":"evenkeel.pipeline","detail-type":"RunStarted.v2","detail":{}}`,
		`{}`,
	} {
		journal := &journal{}
		got, err := recorder(journal, nil).Handle(t.Context(), json.RawMessage(event))
		if err != nil || got.Known || got.Result() != "unknown event" || len(journal.entries) != 0 {
			t.Errorf("%s: %+v, %v", event, got, err)
		}
	}
	for _, event := range []string{
		`[]`,
		`{"source":"evenkeel.pipeline","detail-type":"RunStarted.v1","detail":[]}`,
		`{"source":"evenkeel.pipeline","detail-type":"RunStarted.v1","detail":{"metadata":{"id":"1","time":"2026-01-01T00:00:00Z"},"data":{}}}`,
		`{"source":"evenkeel.pipeline","detail-type":"RunStarted.v1","detail":{"metadata":{"time":"2026-01-01T00:00:00Z"},"data":{"runId":"r"}}}`,
		`{"source":"evenkeel.pipeline","detail-type":"RunStarted.v1","detail":{"metadata":{"id":"1"},"data":{"runId":"r"}}}`,
		`{"source":"evenkeel.source","detail-type":"GitPushed.v1","detail":{"metadata":{"id":"1","time":"2026-01-01T00:00:00Z"},"data":{"commit":5}}}`,
		`{"source":"evenkeel.healing","detail-type":"SecurityGroupHealed.v1","detail":{"metadata":{"id":"1","time":"2026-01-01T00:00:00Z"},"data":{}}}`,
	} {
		if _, err := recorder(&journal{}, nil).Handle(t.Context(), json.RawMessage(event)); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%s: %v, want InvalidError", event, err)
		}
	}
}

// RFC 3339 with nanoseconds drops zeros, and "05Z" would sort after "05.1Z".
func TestSequenceSortsAsTimeDoes(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var sequences []string
	for _, offset := range []time.Duration{0, 1, 100 * time.Millisecond, 120 * time.Millisecond, time.Second} {
		event := strings.ReplaceAll(string(sample(t, "RunStarted.v1")), "2026-01-02T03:04:06Z", base.Add(offset).Format(time.RFC3339Nano))
		sequences = append(sequences, entryOf(t, json.RawMessage(event)).Sequence)
	}
	if !slices.IsSorted(sequences) || len(slices.Compact(slices.Clone(sequences))) != 5 {
		t.Errorf("not in order: %v", sequences)
	}
}

// journal is an in-memory Journal and Entries.
type journal struct {
	entries []ledger.Entry
	err     error
}

func (j *journal) Append(_ context.Context, e ledger.Entry) (bool, error) {
	if j.err != nil {
		return false, j.err
	}
	for _, other := range j.entries {
		if other.Subject == e.Subject && other.Sequence == e.Sequence {
			return false, nil
		}
	}
	j.entries = append(j.entries, e)
	return true, nil
}

func (j *journal) Subjects(_ context.Context, kind string, limit int) ([]string, error) {
	sorted := slices.Clone(j.entries)
	slices.SortFunc(sorted, func(a, b ledger.Entry) int { return strings.Compare(b.Sequence, a.Sequence) })
	var subjects []string
	for _, e := range sorted {
		if e.Kind == kind && !slices.Contains(subjects, e.Subject) && len(subjects) < limit {
			subjects = append(subjects, e.Subject)
		}
	}
	return subjects, j.err
}

func (j *journal) Of(_ context.Context, subject string) ([]ledger.Entry, error) {
	var found []ledger.Entry
	for _, e := range j.entries {
		if e.Subject == subject {
			found = append(found, e)
		}
	}
	return found, j.err
}

type gauge struct{ names []string }

func (g *gauge) Put(dimensions map[string]string, values ...metrics.Value) error {
	for _, v := range values {
		g.names = append(g.names, v.Name+dimensions["Outcome"]+dimensions["Cause"]+dimensions["Severity"])
	}
	return nil
}

func recorder(j *journal, g *gauge) *ledger.Recorder {
	if g == nil {
		g = &gauge{}
	}
	return &ledger.Recorder{Journal: j, Metrics: g}
}

func TestRecordedAndMeasuredOnce(t *testing.T) {
	j, g := &journal{}, &gauge{}
	for _, name := range []string{"RunFinished.v1", "DriftDetected.v1", "SecurityGroupHealed.v1", "SecurityGroupHealingStopped.v1", "SecurityGroupsSwept.v1", "StackPlanned.v1", "RolloutPaused.v1", "RolloutPromoted.v1", "RolloutAborted.v1", "RolloutSwitchedBack.v1"} {
		for i, want := range []string{"recorded", "repeated"} {
			got, err := recorder(j, g).Handle(t.Context(), sample(t, name))
			if err != nil || got.Result() != want {
				t.Errorf("%s, time %d: %+v, %v", name, i+1, got, err)
			}
		}
	}
	if want := []string{"RunsFinishedRolledBack", "DriftDetected", "DriftedResources",
		"Heals", "HealExposureSeconds", "Healshigh", "HealExposureSecondshigh", "HealsStopped", "OpeningsMissed", "SweepFaults",
		"RolloutsPausedunplanned", "RolloutsEndedPromoted", "RolloutsEndedAborted", "RolloutsEndedSwitchedBack"}; !slices.Equal(g.names, want) {
		t.Errorf("measured %v, want %v", g.names, want)
	}
	j.err = fault.Transient("throttled")
	if _, err := recorder(j, g).Handle(t.Context(), sample(t, "RunStarted.v1")); !fault.Is(err, fault.TransientError) {
		t.Errorf("error = %v", err)
	}
}

func entries(t testing.TB, names ...string) []ledger.Entry {
	t.Helper()
	var all []ledger.Entry
	for _, name := range names {
		all = append(all, entryOf(t, sample(t, name)))
	}
	return all
}

func TestRunState(t *testing.T) {
	story := []struct {
		fact     string
		state    string
		approval bool
	}{
		{"GitPushed.v1", ledger.StateReceived, false},
		{"RunStarted.v1", ledger.StateValidating, false},
		{"TemplatesValidated.v1", ledger.StatePlanning, false},
		{"StackPlanned.v1", ledger.StateDeploying, false},
		{"StackDeployed.v1", ledger.StatePlanning, false},
		{"StageClosed.v1", ledger.StateClosed, false},
		{"ApprovalRequested.v1", ledger.StateWaiting, true},
		{"ApprovalDecided.v1", ledger.StateDeploying, false},
		{"StackRolledBack.v1", ledger.StatePlanning, false},
		{"RunFinished.v1", events.OutcomeRolledBack, false},
	}
	var seen []string
	for _, step := range story {
		seen = append(seen, step.fact)
		v, err := ledger.Run(entries(t, seen...))
		if err != nil || v.State != step.state || (len(v.Approvals) > 0) != step.approval {
			t.Errorf("after %s: %s, approval %v, %v; want %s", step.fact, v.State, v.Approvals, err, step.state)
		}
		if v.RunID != "1f0c9a7b-1bee13" || v.Repository != "acme/shop" || v.Branch != "main" || v.Actor != "dana" {
			t.Errorf("after %s: %+v", step.fact, v)
		}
	}
	v, err := ledger.Run(entries(t, seen...))
	if err != nil {
		t.Fatal(err)
	}
	if !v.Finished || v.Seconds != 416 || v.Failure == nil || v.Failure.LogicalID != "Table" || len(v.Findings) != 1 || v.Validation.Warnings != 1 {
		t.Errorf("%+v", v)
	}
	if len(v.Stages) != 2 || v.Stages[0].Name != "test" || len(v.Stages[0].Stacks) != 2 {
		t.Fatalf("stages = %+v", v.Stages)
	}
	network, data, prod := v.Stages[0].Stacks[0], v.Stages[0].Stacks[1], v.Stages[1].Stacks[0]
	if network.State != ledger.StackDeployed || len(network.Changes) != 2 || network.Duration != 28 || network.Outputs["VpcId"] == "" {
		t.Errorf("test/network = %+v", network)
	}
	if data.State != ledger.StackRolledBack || data.Failure == nil || prod.State != ledger.StackApproved || !strings.Contains(prod.Decided, "kim") ||
		prod.Decision == nil || prod.Decision.Relation != "separate" || prod.Decision.Via.Host != "kims-laptop" || prod.Decision.Seen.SHA256 == "" || prod.Decision.Expires == nil {
		t.Errorf("test/data = %+v, prod/network = %+v", data, prod)
	}
}

// Facts arrive in any order, and more than once: the view is the same.
func TestTheFoldDoesNotDependOnOrder(t *testing.T) {
	names := []string{"GitPushed.v1", "RunStarted.v1", "TemplatesValidated.v1", "StackPlanned.v1", "StackDeployed.v1", "ApprovalRequested.v1", "ApprovalDecided.v1", "StackRolledBack.v1", "RunFinished.v1"}
	all := entries(t, names...)
	want, err := ledger.Run(all)
	if err != nil {
		t.Fatal(err)
	}
	republished := all[0]
	republished.Sequence = "2026-01-02T03:04:59.000000000Z#" + republished.EventID
	random := rand.New(rand.NewSource(1))
	for range 50 {
		shuffled := append(slices.Clone(all), all[random.Intn(len(all))], republished)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got, err := ledger.Run(shuffled)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	}
}

func TestRejectedAndUnchanged(t *testing.T) {
	change := func(name, old, replacement string) ledger.Entry {
		changed := strings.Replace(string(sample(t, name)), old, replacement, 1)
		if changed == string(sample(t, name)) {
			t.Fatalf("%s has no %s", name, old)
		}
		return entryOf(t, json.RawMessage(changed))
	}
	v, err := ledger.Run([]ledger.Entry{change("ApprovalDecided.v1", `"approved": true`, `"approved": false`)})
	if err != nil || v.State != ledger.StatePlanning || v.Stages[0].Stacks[0].State != ledger.StackRejected {
		t.Errorf("%+v, %v", v, err)
	}
	v, err = ledger.Run([]ledger.Entry{change("StackPlanned.v1", `"empty": false`, `"empty": true`)})
	if err != nil || v.State != ledger.StatePlanning {
		t.Errorf("an empty plan is not deployed: %+v, %v", v, err)
	}
	v, err = ledger.Run([]ledger.Entry{change("StackDeployed.v1", `"unchanged": false`, `"unchanged": true`)})
	if err != nil || v.Stages[0].Stacks[0].State != ledger.StackUnchanged {
		t.Errorf("%+v, %v", v, err)
	}
	v, err = ledger.Run([]ledger.Entry{change("RunFinished.v1", `"changed": [`, `"findings": [{"file":"a.yaml","line":1,"column":1,"rule":"E0000","severity":"error","message":"no"}], "changed": [`)})
	if err != nil || len(v.Findings) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestReader(t *testing.T) {
	j := &journal{}
	for _, fact := range events.Facts() {
		if fact.DetailType() == (events.TemplatesRejected{}).DetailType() {
			continue // a run whose templates are rejected deploys nothing
		}
		if _, err := j.Append(t.Context(), entryOf(t, sample(t, fact.DetailType()))); err != nil {
			t.Fatal(err)
		}
	}
	other := strings.ReplaceAll(strings.ReplaceAll(string(sample(t, "RunStarted.v1")), "1f0c9a7b-1bee13", "later"), "03:04:06", "05:00:00")
	if _, err := j.Append(t.Context(), entryOf(t, json.RawMessage(other))); err != nil {
		t.Fatal(err)
	}
	r := &ledger.Reader{Entries: j}

	runs, err := r.Runs(t.Context(), 10)
	if err != nil || len(runs) != 2 || runs[0].RunID != "later" || runs[1].State != "RolledBack" {
		t.Errorf("runs = %+v, %v", runs, err)
	}
	if runs, err := r.Runs(t.Context(), 1); err != nil || len(runs) != 1 || runs[0].RunID != "later" {
		t.Errorf("the newest run = %+v, %v", runs, err)
	}
	report, err := r.Run(t.Context(), "1f0c9a7b-1bee13")
	if err != nil || len(report.Timeline) != 24 || report.Timeline[0].Text != "dana pushed 1f0c9a7b to main of acme/shop" {
		t.Errorf("report = %+v, %v", report, err)
	}
	if _, err := r.Run(t.Context(), "nope"); !errors.Is(err, ledger.ErrUnknown) {
		t.Errorf("error = %v", err)
	}
	drifts, err := r.Drifts(t.Context())
	if err != nil || len(drifts) != 1 || drifts[0].Status != "DRIFTED" || drifts[0].Reverted == nil || len(drifts[0].Resources) != 1 {
		t.Errorf("drifts = %+v, %v", drifts, err)
	}
	if scan := drifts[0].Scan(); scan.StackName != "shop-network-test" || scan.Coverage.Unsupported != 1 {
		t.Errorf("scan = %+v", scan)
	}
	heals, err := r.Heals(t.Context(), 10)
	if err != nil || len(heals) != 2 || heals[0].State != ledger.HealUndone || len(heals[0].Restored) != 1 || heals[1].State != ledger.HealStopped {
		t.Errorf("heals = %+v, %v", heals, err)
	}
	heal, err := r.Heal(t.Context(), "h-0d4c3b2a")
	if err != nil || len(heal.Timeline) != 3 {
		t.Errorf("heal = %+v, %v", heal, err)
	}
	if _, err := r.Heal(t.Context(), "nope"); !errors.Is(err, ledger.ErrUnknown) {
		t.Errorf("error = %v", err)
	}
}

// TestApprovalsSideBySide: several stacks of a run may wait for a person, and a
// run waits as long as one of them does.
func TestApprovalsSideBySide(t *testing.T) {
	other := strings.NewReplacer(`"stack": "network"`, `"stack": "site"`, "10c5ee93e3ed4ac94bdfa4984f13825b", "another")
	list := entries(t, "RunStarted.v1", "ApprovalRequested.v1")
	list = append(list, entryOf(t, json.RawMessage(other.Replace(string(sample(t, "ApprovalRequested.v1"))))))
	v, err := ledger.Run(list)
	if err != nil || v.State != ledger.StateWaiting || len(v.Approvals) != 2 {
		t.Errorf("%s, %+v, %v", v.State, v.Approvals, err)
	}
	v, err = ledger.Run(append(list, entries(t, "ApprovalDecided.v1")...))
	if err != nil || v.State != ledger.StateWaiting || len(v.Approvals) != 1 || v.Approvals[0].Stack != "site" {
		t.Errorf("%s, %+v, %v", v.State, v.Approvals, err)
	}
}
