package drift_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

var jobs = drift.Resource{LogicalID: "Jobs", PhysicalID: "https://sqs/jobs", Type: "AWS::SQS::Queue"}

func differs(path, kind, expected, actual string) events.PropertyDifference {
	return events.PropertyDifference{Path: path, Type: kind, Expected: expected, Actual: actual}
}

var (
	timeout = differs("/VisibilityTimeout", "NOT_EQUAL", "60", "30")
	delay   = differs("/DelaySeconds", "NOT_EQUAL", "0", "5")
)

func TestMerge(t *testing.T) {
	cfn := func(status string, d ...events.PropertyDifference) []drift.ResourceDrift {
		return []drift.ResourceDrift{{Resource: jobs, Status: status, Reason: "no permission", Differences: d}}
	}
	live := func(status string, d ...events.PropertyDifference) drift.LiveResult {
		return drift.LiveResult{ResourceDrift: drift.ResourceDrift{Resource: jobs, Status: status, Reason: "denied", Differences: d}}
	}
	unresolved := func(l drift.LiveResult, pointers ...string) drift.LiveResult { l.Unresolved = pointers; return l }
	checked := events.Coverage{Checked: 1, Live: 1}
	tests := []struct {
		name     string
		cfn      []drift.ResourceDrift
		live     drift.LiveResult
		status   string // of the stack
		coverage events.Coverage
		resource string // status, "" if it is not reported
		engine   string
		found    []events.PropertyDifference
		disagree string
	}{
		{"both in sync", cfn("IN_SYNC"), live("IN_SYNC"), "IN_SYNC", checked, "", "", nil, ""},
		{"both modified alike", cfn("MODIFIED", timeout), live("MODIFIED", timeout), "DRIFTED", checked, "MODIFIED", "both", []events.PropertyDifference{timeout}, ""},
		{"unsupported, live in sync", nil, live("IN_SYNC"), "IN_SYNC", checked, "", "", nil, ""},
		{"unsupported, live modified", nil, live("MODIFIED", timeout), "DRIFTED", checked, "MODIFIED", "live", []events.PropertyDifference{timeout}, ""},
		{"unsupported by both", nil, live("UNSUPPORTED"), "UNKNOWN", events.Coverage{Unsupported: 1}, "", "", nil, ""},
		{"unsupported, live unknown", nil, live("UNKNOWN"), "UNKNOWN", events.Coverage{Unknown: 1}, "", "", nil, ""},
		{"unknown, live in sync", cfn("UNKNOWN"), live("IN_SYNC"), "IN_SYNC", checked, "", "", nil, ""},
		{"unknown, live deleted", cfn("UNKNOWN"), live("DELETED"), "DRIFTED", checked, "DELETED", "live", nil, ""},
		{"unknown to both", cfn("UNKNOWN"), live("UNKNOWN"), "UNKNOWN", events.Coverage{Unknown: 1}, "", "", nil, ""},
		{"unknown, unsupported live", cfn("UNKNOWN"), live("UNSUPPORTED"), "UNKNOWN", events.Coverage{Unknown: 1}, "", "", nil, ""},
		{"in sync, live unknown", cfn("IN_SYNC"), live("UNKNOWN"), "IN_SYNC", events.Coverage{Checked: 1}, "", "", nil, ""},
		{"modified, live unsupported", cfn("MODIFIED", timeout), live("UNSUPPORTED"), "DRIFTED", events.Coverage{Checked: 1}, "MODIFIED", "cloudformation", []events.PropertyDifference{timeout}, ""},
		{"in sync, live modified", cfn("IN_SYNC"), live("MODIFIED", timeout), "DRIFTED", checked, "MODIFIED", "live", []events.PropertyDifference{timeout}, "only Cloud Control reports /VisibilityTimeout"},
		{"modified, live in sync", cfn("MODIFIED", timeout), live("IN_SYNC"), "DRIFTED", checked, "MODIFIED", "cloudformation", []events.PropertyDifference{timeout}, "only CloudFormation reports /VisibilityTimeout"},
		{"modified differently", cfn("MODIFIED", timeout), live("MODIFIED", delay), "DRIFTED", checked, "MODIFIED", "both", []events.PropertyDifference{delay, timeout},
			"only CloudFormation reports /VisibilityTimeout, only Cloud Control reports /DelaySeconds"},
		{"modified where live could not resolve", cfn("MODIFIED", timeout), unresolved(live("IN_SYNC"), "/VisibilityTimeout"), "DRIFTED",
			events.Coverage{Checked: 1, Live: 1, Unresolved: 1}, "MODIFIED", "cloudformation", []events.PropertyDifference{timeout}, ""},
		{"deleted, live modified", cfn("DELETED"), live("MODIFIED", timeout), "DRIFTED", checked, "DELETED", "both", []events.PropertyDifference{timeout}, "CloudFormation says DELETED, Cloud Control says MODIFIED"},
		{"in sync, live deleted", cfn("IN_SYNC"), live("DELETED"), "DRIFTED", checked, "DELETED", "live", nil, "CloudFormation says IN_SYNC, Cloud Control says DELETED"},
		{"the same list item, numbered differently", cfn("MODIFIED", differs("/Tags/3", "ADD", "", "x")), live("MODIFIED", differs("/Tags/1", "ADD", "", "x")), "DRIFTED", checked,
			"MODIFIED", "both", []events.PropertyDifference{differs("/Tags/3", "ADD", "", "x")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := drift.Merge(network, drift.Findings{
				Engine: drift.EngineAuto, Detection: drift.Detection{State: drift.DetectionDone},
				Resources: []drift.Resource{jobs}, Drifts: tt.cfn, Live: []drift.LiveResult{tt.live},
			})
			if got.Status != tt.status || got.Coverage != tt.coverage || (len(got.Reasons) > 0) != (tt.status == "UNKNOWN") {
				t.Errorf("%s %+v %q, want %s %+v", got.Status, got.Coverage, got.Reasons, tt.status, tt.coverage)
			}
			if tt.resource == "" {
				if len(got.Resources) > 0 {
					t.Errorf("reported %+v", got.Resources)
				}
				return
			}
			r := got.Resources[0]
			if r.Status != tt.resource || r.Engine != tt.engine || r.Disagreement != tt.disagree || !slices.Equal(r.Differences, tt.found) {
				t.Errorf("reported %+v", r)
			}
		})
	}
}

// A detection that failed for what the other engine read is no reason to call
// the stack unknown; nested stacks stay nested; undeclared changes are no drift.
func TestMergeOfAStack(t *testing.T) {
	child := drift.Resource{LogicalID: "Child", PhysicalID: "arn", Type: "AWS::CloudFormation::Stack"}
	undeclared := drift.LiveResult{ResourceDrift: drift.ResourceDrift{Resource: jobs, Status: "IN_SYNC"}, Undeclared: []events.PropertyDifference{delay}}
	got := drift.Merge(network, drift.Findings{
		Engine: drift.EngineAuto, Detection: drift.Detection{State: drift.DetectionFailed, Reason: "no permission for Jobs"},
		Resources: []drift.Resource{child, jobs}, Live: []drift.LiveResult{undeclared},
	})
	if got.Status != "IN_SYNC" || got.Coverage != (events.Coverage{Checked: 1, Live: 1, Nested: 1}) || len(got.Resources) > 0 {
		t.Errorf("%s %+v %v", got.Status, got.Coverage, got.Resources)
	}
	if len(got.Undeclared) != 1 || got.Undeclared[0].Status != "IN_SYNC" || !slices.Equal(got.Undeclared[0].Undeclared, []events.PropertyDifference{delay}) {
		t.Errorf("undeclared %+v", got.Undeclared)
	}
	if text := strings.Join(got.Reasons, "; "); !strings.Contains(text, "no permission for Jobs") {
		t.Errorf("reasons %q do not say that the detection failed", text)
	}
}

func TestMergeWithOneEngine(t *testing.T) {
	modified := []drift.ResourceDrift{{Resource: jobs, Status: "MODIFIED", Differences: []events.PropertyDifference{timeout}}}
	done := drift.Detection{State: drift.DetectionDone}
	alone := drift.Findings{Engine: drift.EngineCloudFormation, Detection: done, Resources: []drift.Resource{jobs}, Drifts: modified}
	if got, want := drift.Merge(network, alone), drift.Assess(network, done, alone.Resources, modified); !reflect.DeepEqual(got, want) {
		t.Errorf("cloudformation: %+v, want %+v", got, want)
	}
	live := drift.Findings{Engine: drift.EngineLive, Detection: drift.Detection{State: drift.DetectionNone}, Resources: []drift.Resource{jobs},
		Live: []drift.LiveResult{{ResourceDrift: modified[0]}}}
	if got := drift.Merge(network, live); got.Status != "DRIFTED" || got.Resources[0].Engine != "live" || got.Resources[0].Disagreement != "" {
		t.Errorf("live: %+v", got)
	}
	live.Live = nil
	if got := drift.Merge(network, live); got.Status != "UNKNOWN" {
		t.Errorf("live without results: %s, want UNKNOWN", got.Status)
	}
}

// FuzzMerge: whatever the engines say, coverage adds up, what either saw
// drifted is reported with every path that it named, and a stack of which
// something is unknown is never in sync.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 200, 255})
	f.Add([]byte{2, 34, 68, 102, 136})
	f.Fuzz(func(t *testing.T, data []byte) {
		statuses := []string{"", "IN_SYNC", "MODIFIED", "DELETED", "UNKNOWN", "NOT_CHECKED"}
		liveStatuses := []string{"IN_SYNC", "MODIFIED", "DELETED", "UNKNOWN", "UNSUPPORTED"}
		pool := []events.PropertyDifference{timeout, delay, differs("/Tags/0", "ADD", "", "a"), differs("/Tags/1", "REMOVE", "b", "")}
		pick := func(bits byte) (out []events.PropertyDifference) {
			for i, d := range pool {
				if bits&(1<<i) != 0 {
					out = append(out, d)
				}
			}
			return out
		}
		found := drift.Findings{Engine: drift.EngineAuto, Detection: drift.Detection{State: drift.DetectionDone}}
		drifted := map[string][]string{} // logical id → paths
		for i := 0; i+2 < len(data) && i < 90; i += 3 {
			r := jobs
			r.LogicalID = "R" + string(rune('A'+i/3))
			if data[i]%11 == 0 {
				r.Type = "AWS::CloudFormation::Stack"
			}
			found.Resources = append(found.Resources, r)
			if r.Type != jobs.Type {
				continue
			}
			cfn := drift.ResourceDrift{Resource: r, Status: statuses[int(data[i+1])%len(statuses)]}
			live := drift.LiveResult{ResourceDrift: drift.ResourceDrift{Resource: r, Status: liveStatuses[int(data[i+1]/8)%len(liveStatuses)]}}
			if cfn.Status == "MODIFIED" {
				cfn.Differences = pick(data[i+2] | 1)
			}
			if live.Status == "MODIFIED" {
				live.Differences = pick(data[i+2]>>4 | 2)
			}
			if data[i]%3 == 0 {
				live.Unresolved = []string{"/VisibilityTimeout"}
			}
			for _, d := range slices.Concat(cfn.Differences, live.Differences) {
				drifted[r.LogicalID] = append(drifted[r.LogicalID], d.Path)
			}
			if cfn.Status == "DELETED" || live.Status == "DELETED" {
				drifted[r.LogicalID] = append(drifted[r.LogicalID], "")
			}
			if cfn.Status != "" {
				found.Drifts = append(found.Drifts, cfn)
			}
			found.Live = append(found.Live, live)
		}
		got := drift.Merge(network, found)
		c := got.Coverage
		if c.Checked+c.Unsupported+c.Unknown+c.Nested != len(found.Resources) || c.Live > c.Checked {
			t.Errorf("coverage %+v of %d resources", c, len(found.Resources))
		}
		reported := map[string]events.DriftedResource{}
		for _, r := range got.Resources {
			reported[r.LogicalID] = r
		}
		if len(reported) != len(drifted) || (len(drifted) > 0) != (got.Status == "DRIFTED") || c.Unknown > 0 && got.Status == "IN_SYNC" {
			t.Errorf("%s: reported %d of %d drifted resources", got.Status, len(reported), len(drifted))
		}
		for id, paths := range drifted {
			for _, path := range paths {
				if path == "" && reported[id].Status != "DELETED" {
					t.Errorf("%s is %q, one engine says DELETED", id, reported[id].Status)
				}
				if path != "" && !slices.ContainsFunc(reported[id].Differences, func(d events.PropertyDifference) bool { return d.Path == path }) {
					t.Errorf("%s has lost %s", id, path)
				}
			}
		}
		again, _ := json.Marshal(drift.Merge(network, found))
		if first, _ := json.Marshal(got); string(first) != string(again) {
			t.Error("the same findings gave another report")
		}
	})
}
