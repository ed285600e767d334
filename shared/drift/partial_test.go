package drift_test

import (
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

// A detection that breaks off after A has a result of A, and for B the row of
// the scan before, if there was one. CloudFormation API reference,
// DescribeStackDriftDetectionStatus: "Results will be available for resources
// on which CloudFormation successfully completed drift detection."
func TestPartialDetectionIsNeverClean(t *testing.T) {
	failed := drift.Detection{State: drift.DetectionFailed, Started: started, Reason: "Failed to detect drift on resources [B]: Rate exceeded"}
	resources := []drift.Resource{queue("A"), queue("B")}
	before := func(status string) drift.ResourceDrift {
		b := row("B", status)
		b.Checked = started.Add(-time.Second)
		return b
	}
	then := row("B", "IN_SYNC")
	then.Checked = started
	live := func(id, status string) drift.LiveResult {
		return drift.LiveResult{ResourceDrift: drift.ResourceDrift{Resource: queue(id), Status: status}}
	}
	tests := []struct {
		name    string
		engine  string
		drifts  []drift.ResourceDrift
		live    []drift.LiveResult
		status  string
		checked int
		unknown []string
		drifted []string
	}{
		{"B never had a result", drift.EngineCloudFormation, []drift.ResourceDrift{row("A", "IN_SYNC")}, nil, "UNKNOWN", 1, []string{"B"}, nil},
		{"B was in sync a second ago", drift.EngineCloudFormation, []drift.ResourceDrift{row("A", "IN_SYNC"), before("IN_SYNC")}, nil, "UNKNOWN", 1, []string{"B"}, nil},
		{"B was in sync when the detection began", drift.EngineCloudFormation, []drift.ResourceDrift{row("A", "IN_SYNC"), then}, nil, "UNKNOWN", 1, []string{"B"}, nil},
		{"B had drifted a second ago", drift.EngineCloudFormation, []drift.ResourceDrift{row("A", "IN_SYNC"), before("MODIFIED")}, nil, "UNKNOWN", 1, []string{"B"}, nil},
		{"A has drifted", drift.EngineCloudFormation, []drift.ResourceDrift{row("A", "MODIFIED"), before("IN_SYNC")}, nil, "DRIFTED", 1, []string{"B"}, []string{"A"}},
		{"the live engine cannot read B either", drift.EngineAuto, []drift.ResourceDrift{row("A", "IN_SYNC"), before("IN_SYNC")},
			[]drift.LiveResult{live("A", "IN_SYNC"), live("B", "UNSUPPORTED")}, "UNKNOWN", 1, []string{"B"}, nil},
		{"the live engine fails for B, too", drift.EngineAuto, []drift.ResourceDrift{row("A", "MODIFIED"), before("IN_SYNC")},
			[]drift.LiveResult{live("A", "MODIFIED"), live("B", "UNKNOWN")}, "DRIFTED", 1, []string{"B"}, []string{"A"}},
		{"the live engine reads B", drift.EngineAuto, []drift.ResourceDrift{row("A", "IN_SYNC"), before("MODIFIED")},
			[]drift.LiveResult{live("A", "IN_SYNC"), live("B", "IN_SYNC")}, "IN_SYNC", 2, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := drift.Merge(events.StackRef{}, drift.Findings{Engine: tt.engine, Detection: failed, Resources: resources, Drifts: tt.drifts, Live: tt.live})
			var drifted []string
			for _, d := range r.Resources {
				drifted = append(drifted, d.LogicalID)
			}
			if r.Status != tt.status || r.Coverage.Checked != tt.checked || r.Coverage.Unknown != len(tt.unknown) || !slices.Equal(r.Unknown, tt.unknown) || !slices.Equal(drifted, tt.drifted) {
				t.Errorf("%s, checked %d, unknown %v, drifted %v; want %s, %d, %v, %v", r.Status, r.Coverage.Checked, r.Unknown, drifted, tt.status, tt.checked, tt.unknown, tt.drifted)
			}
			if why := "the detection failed for at least one resource: " + failed.Reason; !slices.Contains(r.Reasons, why) {
				t.Errorf("reasons %q do not say that the detection failed", r.Reasons)
			}
		})
	}
}

// What was told is open until it was looked at and found in sync, and nothing is
// called resolved while anything is unknown.
func TestPartialDetectionResolvesNothing(t *testing.T) {
	open := func(ids ...string) []drift.Open {
		var out []drift.Open
		for _, id := range ids {
			out = append(out, drift.Open{LogicalID: id, Status: "MODIFIED", Digest: id})
		}
		return out
	}
	tests := []struct {
		name   string
		told   []drift.Open
		now    drift.Seen
		change string
		open   int
	}{
		{"what drifted was not reached", open("B"), drift.Seen{Unknown: true, Unchecked: []string{"B"}}, drift.ChangeNone, 1},
		{"what drifted is right again, another one was not reached", open("A"), drift.Seen{Unknown: true, Unchecked: []string{"B"}}, drift.ChangeNone, 0},
		{"one of two is right again, the other was not reached", open("A", "B"), drift.Seen{Unknown: true, Unchecked: []string{"B"}}, drift.ChangeDetected, 1},
		{"all was reached and is right", open("A", "B"), drift.Seen{}, drift.ChangeResolved, 0},
		{"the stack was never looked at", open("A"), drift.Seen{Unknown: true, Nothing: true}, drift.ChangeNone, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.now.ScanID = "second"
			next, change := drift.ChangeSince(drift.Standing{ScanID: "first", Open: tt.told, Told: tt.told}, tt.now)
			if change != tt.change || len(next.Open) != tt.open {
				t.Errorf("%s with %d open, want %s with %d", change, len(next.Open), tt.change, tt.open)
			}
		})
	}
}
