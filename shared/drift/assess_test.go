package drift_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

var started = time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)

func row(id, status string) drift.ResourceDrift {
	d := drift.ResourceDrift{Resource: drift.Resource{LogicalID: id}, Status: status, Checked: started.Add(time.Second)}
	if status == "MODIFIED" {
		d.Differences = []events.PropertyDifference{difference("NOT_EQUAL", "/DelaySeconds", "5", "6")}
	}
	return d
}

func queue(id string) drift.Resource { return drift.Resource{LogicalID: id, Type: "AWS::SQS::Queue"} }

// CloudFormation API reference, DescribeStackDriftDetectionStatus:
// "DETECTION_FAILED: … Results will be available for resources on which
// CloudFormation successfully completed drift detection."
// DescribeStackResourceDrifts: "Resources that do not currently support drift
// detection aren't checked, and so not included."
func TestAssess(t *testing.T) {
	complete := drift.Detection{State: drift.DetectionDone, Started: started}
	failed := drift.Detection{State: drift.DetectionFailed, Started: started, Reason: "Failed to detect drift on resource [B]"}
	nested := drift.Resource{LogicalID: "Child", Type: "AWS::CloudFormation::Stack"}
	old := row("B", "IN_SYNC")
	old.Checked = started.Add(-time.Hour)
	recent := row("B", "IN_SYNC")
	recent.Checked = started.Add(-5 * time.Second)
	oldDrift := row("B", "MODIFIED")
	oldDrift.Checked = old.Checked
	reordered := row("A", "MODIFIED")
	reordered.Differences = []events.PropertyDifference{difference("NOT_EQUAL", "/DelaySeconds", "5", "5.0")}

	tests := []struct {
		name      string
		detection drift.Detection
		resources []drift.Resource
		drifts    []drift.ResourceDrift
		status    string
		coverage  events.Coverage
		drifted   []string
		reason    string // part of the reasons
	}{
		{"in sync", complete, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "IN_SYNC"), row("B", "IN_SYNC")},
			"IN_SYNC", events.Coverage{Checked: 2}, nil, ""},
		{"modified and deleted, sorted", complete, []drift.Resource{queue("B"), queue("A")}, []drift.ResourceDrift{row("B", "DELETED"), row("A", "MODIFIED")},
			"DRIFTED", events.Coverage{Checked: 2}, []string{"A", "B"}, ""},
		{"a type without support", complete, []drift.Resource{queue("A"), {LogicalID: "C", Type: "Custom::X"}}, []drift.ResourceDrift{row("A", "IN_SYNC")},
			"IN_SYNC", events.Coverage{Checked: 1, Unsupported: 1}, nil, ""},
		{"the statuses for no support", complete, []drift.Resource{queue("A"), queue("B"), queue("C")},
			[]drift.ResourceDrift{row("A", "IN_SYNC"), row("B", "NOT_CHECKED"), row("C", "UNSUPPORTED")},
			"IN_SYNC", events.Coverage{Checked: 1, Unsupported: 2}, nil, ""},
		{"nothing could be checked", complete, []drift.Resource{{LogicalID: "C", Type: "Custom::X"}}, nil,
			"UNKNOWN", events.Coverage{Unsupported: 1}, nil, "no resource of the stack could be checked"},
		{"a nested stack is not followed", complete, []drift.Resource{queue("A"), nested}, []drift.ResourceDrift{row("A", "IN_SYNC"), row("Child", "IN_SYNC")},
			"IN_SYNC", events.Coverage{Checked: 1, Nested: 1}, nil, ""},
		{"unknown is not clean", complete, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "IN_SYNC"), row("B", "UNKNOWN")},
			"UNKNOWN", events.Coverage{Checked: 1, Unknown: 1}, nil, "B could not be checked"},
		{"unknown beside drift", complete, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "MODIFIED"), row("B", "UNKNOWN")},
			"DRIFTED", events.Coverage{Checked: 1, Unknown: 1}, []string{"A"}, "B could not be checked"},
		{"a failed detection has results", failed, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "MODIFIED"), row("B", "UNKNOWN")},
			"DRIFTED", events.Coverage{Checked: 1, Unknown: 1}, []string{"A"}, "Failed to detect drift on resource [B]"},
		{"a failed detection is not clean", failed, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "IN_SYNC")},
			"UNKNOWN", events.Coverage{Checked: 1, Unknown: 1}, nil, "B could not be checked: there is no result for it"},
		{"an old result after a failed detection", failed, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "IN_SYNC"), old},
			"UNKNOWN", events.Coverage{Checked: 1, Unknown: 1}, nil, "B could not be checked"},
		{"a result of a scan just before the one that failed", failed, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "IN_SYNC"), recent},
			"UNKNOWN", events.Coverage{Checked: 1, Unknown: 1}, nil, "B could not be checked"},
		{"old drift after a failed detection is not reported", failed, []drift.Resource{queue("A"), queue("B")}, []drift.ResourceDrift{row("A", "IN_SYNC"), oldDrift},
			"UNKNOWN", events.Coverage{Checked: 1, Unknown: 1}, nil, "B could not be checked"},
		{"the same value in another form is in sync", complete, []drift.Resource{queue("A")}, []drift.ResourceDrift{reordered},
			"IN_SYNC", events.Coverage{Checked: 1}, nil, ""},
		{"an empty stack", complete, nil, nil, "IN_SYNC", events.Coverage{}, nil, ""},
		{"skipped", drift.Detection{State: drift.DetectionSkipped, Reason: "the stack does not exist"}, nil, nil,
			"UNKNOWN", events.Coverage{}, nil, "the stack does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := drift.Assess(events.StackRef{}, tt.detection, tt.resources, tt.drifts)
			var drifted []string
			for _, r := range got.Resources {
				drifted = append(drifted, r.LogicalID)
			}
			if got.Status != tt.status || got.Coverage != tt.coverage || !reflect.DeepEqual(drifted, tt.drifted) {
				t.Errorf("got %s %+v %v, want %s %+v %v", got.Status, got.Coverage, drifted, tt.status, tt.coverage, tt.drifted)
			}
			if reasons := strings.Join(got.Reasons, "; "); !strings.Contains(reasons, tt.reason) || tt.reason == "" && reasons != "" {
				t.Errorf("reasons %q, want %q", reasons, tt.reason)
			}
		})
	}
}

func TestAssessNamesWhatIsTheSame(t *testing.T) {
	d := row("A", "MODIFIED")
	d.Differences = append(d.Differences, difference("NOT_EQUAL", "/VisibilityTimeout", "60", "60.0"))
	got := drift.Assess(events.StackRef{}, drift.Detection{State: drift.DetectionDone}, []drift.Resource{queue("A")}, []drift.ResourceDrift{d})
	if len(got.Resources) != 1 || len(got.Resources[0].Differences) != 1 {
		t.Errorf("resources %+v, want the one real difference", got.Resources)
	}
	if want := "A/VisibilityTimeout"; !strings.Contains(got.SameNote(), want) {
		t.Errorf("note %q does not name %s", got.SameNote(), want)
	}
}

// CloudFormation user guide, "Detect drift on an entire CloudFormation stack":
// drift can be detected in CREATE_COMPLETE, UPDATE_COMPLETE,
// UPDATE_ROLLBACK_COMPLETE and UPDATE_ROLLBACK_FAILED.
func TestUndetectable(t *testing.T) {
	tests := []struct {
		status, reason string
		busy           bool
	}{
		{"CREATE_COMPLETE", "", false},
		{"UPDATE_COMPLETE", "", false},
		{"UPDATE_ROLLBACK_COMPLETE", "", false},
		{"UPDATE_ROLLBACK_FAILED", "", false},
		{"", "does not exist", false},
		{"ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", false},
		{"REVIEW_IN_PROGRESS", "REVIEW_IN_PROGRESS", false},
		{"DELETE_FAILED", "DELETE_FAILED", false},
		{"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", true},
		{"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "CLEANUP", true},
	}
	for _, tt := range tests {
		reason, busy := drift.Undetectable(drift.StackState{Status: tt.status})
		if busy != tt.busy || (reason == "") != (tt.reason == "") || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %q, busy %v", tt.status, reason, busy)
		}
	}
}
