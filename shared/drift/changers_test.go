package drift_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
)

// someone made every change.
type someone struct{ name string }

func (s someone) Attribute(context.Context, attribution.Change) (*events.Attribution, error) {
	return &events.Attribution{
		Class: attribution.ClassPerson, Principal: s.name, SourceIP: "203.0.113.7", UserAgent: "console", EventName: "SetQueueAttributes", EventID: "e-1", Time: started, Exact: true,
	}, nil
}

// Who made drift is remembered for the deployment that would overwrite it, as
// long as the drift is there, and no address of a person with it.
func TestStandingRemembersWhoMadeDrift(t *testing.T) {
	w := newWorld(t)
	standings := &fake.DriftStandings{}
	w.service.Standings, w.service.Attributor = standings, someone{"arn:kim"}
	scan := func(id string) []attribution.Known {
		t.Helper()
		s := scanOf(network)
		s.ScanID = id
		w.scanned(s)
		w.clock.Advance(time.Hour)
		return must(standings.Standing(ctx, network))(t).Changed
	}
	got := scan("scan-1")
	want := events.Attribution{Class: attribution.ClassPerson, Principal: "arn:kim", EventName: "SetQueueAttributes", EventID: "e-1", Time: started, Exact: true}
	if len(got) != 1 || got[0].LogicalID != "Jobs" || !slices.Equal(got[0].Paths, []string{"/VisibilityTimeout"}) || got[0].By != want || got[0].Scanned.IsZero() {
		t.Fatalf("%+v", got)
	}
	w.stack.Resources["Jobs"].Unreadable = "AccessDenied"
	if got = scan("scan-2"); len(got) != 1 || got[0].By != want {
		t.Errorf("what was not looked at is forgotten: %+v", got)
	}
	w.stack.Resources["Jobs"].Unreadable = ""
	w.service.Attributor = nil // as in the verification of a revert
	if got = scan("scan-3"); len(got) != 1 || got[0].By != want {
		t.Errorf("nobody was asked: %+v", got)
	}
	w.service.Attributor = someone{""}
	if got = scan("scan-4"); len(got) != 0 {
		t.Errorf("nobody was found: %+v", got)
	}
	w.service.Attributor = someone{"arn:lee"}
	scan("scan-5")
	w.stack.Status = "ROLLBACK_COMPLETE"
	if got = scan("scan-6"); len(got) != 1 || got[0].By.Principal != "arn:lee" {
		t.Errorf("a stack that was skipped: %+v", got)
	}
	w.stack.Status = "UPDATE_COMPLETE"
	w.stack.Resources["Jobs"].Deleted = true
	if got = scan("scan-7"); len(got) != 1 || got[0].Paths != nil {
		t.Errorf("deleted: %+v", got)
	}
	w.stack.Resources["Jobs"].Deleted, w.stack.Resources["Jobs"].Actual = false, map[string]any{"VisibilityTimeout": 60.0}
	if got = scan("scan-8"); len(got) != 0 {
		t.Errorf("in sync again: %+v", got)
	}
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 1.0}
	scan("scan-9")
	w.stack.Status = ""
	if got = scan("scan-10"); len(got) != 0 {
		t.Errorf("a stack that is gone: %+v", got)
	}
}

var _ drift.Attributor = someone{}
