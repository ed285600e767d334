package drift_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

// nestedRow is the row of a nested stack that nobody changed. CloudFormation API
// reference, ResourceChangeDetail: "If you made no changes to the
// AWS::CloudFormation::Stack resource, CloudFormation sets the ChangeSource to
// Automatic because the nested stack's template might have changed."
func nestedRow() drift.Change {
	return drift.Change{
		Action: "Modify", LogicalID: "Inner", PhysicalID: childOf("Inner").StackID, ResourceType: "AWS::CloudFormation::Stack", Replacement: "False",
		Details: []drift.ChangeDetail{{Source: "Automatic", RequiresRecreation: "Never"}},
	}
}

// The CloudFormation template reference, AWS::CloudFormation::Stack, says that
// an update of a parent "updates the resources of modified nested stacks, but
// doesn't update the resources of unmodified nested stacks": the row of one
// that is proved to be unmodified may pass, any other one may not.
func TestGuardOfNestedStacks(t *testing.T) {
	unmodified := &drift.ChangeSet{Status: "FAILED", Reason: noChanges}
	others := &drift.ChangeSet{Status: "CREATE_COMPLETE", Changes: []drift.Change{{Action: "Modify", LogicalID: "Other", ResourceType: "AWS::CloudFormation::Stack"}}}
	its := &drift.ChangeSet{Status: "CREATE_COMPLETE", Changes: []drift.Change{{Action: "Modify", LogicalID: "Inner", ResourceType: "AWS::CloudFormation::Stack"}}}
	tests := []struct {
		name  string
		row   drift.Change
		probe *drift.ChangeSet
		deep  []string
		want  string // part of the only reason; empty means that it may pass
	}{
		{"unmodified", nestedRow(), unmodified, nil, ""},
		{"unmodified, with a transform", nestedRow(), &drift.ChangeSet{Status: "FAILED", Reason: "No updates are to be performed."}, nil, ""},
		{"unmodified beside a modified one", nestedRow(), others, nil, ""},
		{"its template was released anew", nestedRow(), its, nil, "an update of the stack would change it too"},
		{"no probe", nestedRow(), nil, nil, "nothing tells whether its template is still the one"},
		{"a probe that failed", nestedRow(), &drift.ChangeSet{Status: "FAILED", Reason: "S3 error: Access Denied"}, nil, "could not be found out whether its template is still the one that it was deployed from: S3 error: Access Denied"},
		{"a probe that is not finished", nestedRow(), &drift.ChangeSet{Status: "CREATE_IN_PROGRESS", Reason: "CloudFormation did not finish it in time"}, nil, "did not finish it in time"},
		{"a probe that is gone", nestedRow(), &drift.ChangeSet{Status: drift.ChangeSetGone}, nil, "could not be found out"},
		{"nested stacks of its own", nestedRow(), unmodified, []string{"Inner"}, "it has nested stacks of its own"},
		{"another one has nested stacks of its own", nestedRow(), unmodified, []string{"Other"}, ""},
		{"other values", with(nestedRow(), func(c *drift.Change) {
			c.Details = append(c.Details, drift.ChangeDetail{Source: "ResourceAttribute", Path: "/Properties/Parameters/Arn", RequiresRecreation: "Never"})
		}), unmodified, nil, "the change set would give it other values"},
		{"without details", with(nestedRow(), func(c *drift.Change) { c.Details = nil }), unmodified, nil, "would give it other values"},
		{"a value that is known only after apply", with(nestedRow(), func(c *drift.Change) { c.After = `{"Properties":{"Parameters":{"Arn":"` + unknownValue + `"}}}` }), unmodified, nil, "known only after apply"},
		{"replaced", with(nestedRow(), func(c *drift.Change) { c.Replacement = "True" }), unmodified, nil, "might be replaced"},
		{"removed", with(nestedRow(), func(c *drift.Change) { c.Action = "Remove" }), unmodified, nil, `action "Remove"`},
		{"deleted by somebody, and made again", with(nestedRow(), func(c *drift.Change) { c.Action, c.Details = "Add", nil }), unmodified, nil, "the change set would create it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := drift.ChangeSet{Changes: []drift.Change{modify("Table"), tt.row}, Probe: tt.probe, Deep: tt.deep}
			reasons := drift.Guard(set, found())
			switch {
			case tt.want == "" && len(reasons) > 0:
				t.Errorf("refused: %q", reasons)
			case tt.want != "" && (len(reasons) != 1 || !strings.Contains(reasons[0], tt.want)):
				t.Errorf("reasons %q, want one with %q", reasons, tt.want)
			}
			if strings.Contains(tt.want, "template") && !strings.Contains(reasons[0], "`evenkeel drift revert "+childOf("Inner").StackID+"`") {
				t.Errorf("%q does not say what to do", reasons)
			}
		})
	}
	if reasons := drift.Guard(drift.ChangeSet{Changes: []drift.Change{nestedRow()}, Probe: unmodified}, found()); len(reasons) != 1 || !strings.Contains(reasons[0], "no drifted resource back") {
		t.Errorf("a change set of nothing but a nested stack: %q", reasons)
	}
}

// FuzzGuardOfNestedStacks: a row of a nested stack passes only if it is
// Automatic and nothing else, and a probe has said that nothing of it changes.
func FuzzGuardOfNestedStacks(f *testing.F) {
	f.Add("Modify", "False", "", "Automatic", "Never", "", "FAILED", noChanges, "", false)
	f.Add("Modify", "False", "", "Automatic", "Never", "", "CREATE_COMPLETE", "", "Inner", false)
	f.Add("Modify", "False", "", "ResourceAttribute", "Never", unknownValue, "CREATE_COMPLETE", "", "", true)
	f.Fuzz(func(t *testing.T, action, replacement, policy, source, recreation, after, status, reason, probed string, deep bool) {
		row := nestedRow()
		row.Action, row.Replacement, row.PolicyAction, row.After = action, replacement, policy, after
		row.Details = append(row.Details, drift.ChangeDetail{Source: source, RequiresRecreation: recreation})
		set := drift.ChangeSet{Changes: []drift.Change{modify("Table"), row}}
		if status != "" {
			set.Probe = &drift.ChangeSet{Status: status, Reason: reason, Changes: []drift.Change{{Action: "Modify", LogicalID: probed}}}
		}
		if deep {
			set.Deep = []string{"Inner"}
		}
		if len(drift.Guard(set, found())) > 0 {
			return
		}
		proved := status == "CREATE_COMPLETE" && probed != "Inner" ||
			status == "FAILED" && (strings.HasPrefix(reason, "The submitted information didn't contain changes.") || strings.HasPrefix(reason, "No updates are to be performed."))
		switch {
		case !proved, deep, source != "Automatic":
			t.Errorf("passes what nothing proves: %+v beside %+v", row, set.Probe)
		case action != "Modify" && action != "SyncWithActual", replacement != "" && replacement != "False", policy != "", recreation != "" && recreation != "Never", strings.Contains(after, unknownValue):
			t.Errorf("passes %+v", row)
		}
	})
}

// parentWorld has a drifted queue beside a nested stack whose queue drifted too.
func parentWorld(t *testing.T) (w *world, child *fake.DriftStack) {
	w = newWorld(t)
	w.stack.Resources["Inner"] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack", PhysicalID: childOf("Inner").StackID, Unsupported: true}
	child = w.cloud.Stack(childOf("Inner"), map[string]*fake.DriftResource{
		"Deep": {Type: "AWS::SQS::Queue", Expected: map[string]any{"VisibilityTimeout": 60.0}, Actual: map[string]any{"VisibilityTimeout": 7.0}},
	})
	return w, child
}

// A parent's own drift is reverted although its nested stack drifted too: that
// one stays as it is, and the probe is gone before the execution.
func TestRevertOfAParent(t *testing.T) {
	w, child := parentWorld(t)
	scan := w.planned()
	if scan.Plan.ProbeID == "" || scan.Plan.State != drift.PlanReady {
		t.Fatalf("plan %+v", scan.Plan)
	}
	scan = must(w.service.Guard(ctx, scan))(t) // and again, as a repeated task
	scan = w.executed(scan)
	if set, err := w.cloud.Read(ctx, network, scan.Plan.ProbeID); err != nil || set.Status != drift.ChangeSetGone {
		t.Errorf("the probe is left: %+v, %v", set, err)
	}
	scan = must(w.service.VerifyReverted(ctx, w.detect(scan, "verification")))(t)
	if scan.Result.Outcome != drift.OutcomeReverted || child.Resources["Deep"].Actual["VisibilityTimeout"] != 7.0 {
		t.Errorf("result %+v, nested %v", scan.Result, child.Resources["Deep"].Actual)
	}
}

// What cannot be proved is left to a person, who reads what to do.
func TestRevertOfAParentRefused(t *testing.T) {
	tests := []struct {
		name    string
		arrange func(w *world, child *fake.DriftStack)
		want    string
	}{
		{"a template that was released anew", func(w *world, _ *fake.DriftStack) { w.stack.Resources["Inner"].Released = true }, "would change it too"},
		{"a probe that is refused", func(w *world, _ *fake.DriftStack) {
			w.cloud.Fault = func(call string, _ events.StackRef) error {
				if call == "Probe" {
					return fault.Permanent("Access Denied")
				}
				return nil
			}
		}, "could not be found out whether its template is still the one that it was deployed from: Access Denied"},
		{"stacks in the nested stack", func(_ *world, child *fake.DriftStack) {
			child.Resources["Core"] = &fake.DriftResource{Type: "AWS::CloudFormation::Stack", PhysicalID: childOf("Core").StackID}
		}, "nested stacks of its own"},
		{"a nested stack that cannot be listed", func(w *world, _ *fake.DriftStack) {
			w.cloud.Fault = func(call string, ref events.StackRef) error {
				if call == "Resources" && ref.StackID == childOf("Inner").StackID {
					return fault.Permanent("AccessDenied")
				}
				return nil
			}
		}, "nested stacks of its own"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, child := parentWorld(t)
			tt.arrange(w, child)
			scan := must(w.service.Guard(ctx, w.planned()))(t)
			if text := strings.Join(scan.Result.Reasons, "; "); scan.Plan.State != drift.PlanRefused || !strings.Contains(text, tt.want) || !strings.Contains(text, "evenkeel drift revert arn:aws:cloudformation") {
				t.Errorf("plan %+v, %q", scan.Plan, text)
			}
			for _, id := range []string{scan.Plan.ChangeSetID, scan.Plan.ProbeID} {
				if set, err := w.cloud.Read(ctx, network, id); id != "" && (err != nil || set.Status != drift.ChangeSetGone) {
					t.Errorf("%s is left: %+v, %v", id, set, err)
				}
			}
			if len(w.stack.Executed) > 0 {
				t.Error("it was executed")
			}
		})
	}
}

// A throttled probe is asked for again; one that takes longer is waited for.
func TestProbeThatTakesLonger(t *testing.T) {
	w, _ := parentWorld(t)
	scan := must(w.service.Report(ctx, w.detect(scanOf(network), "detection")))(t)
	w.cloud.Fault = func(call string, _ events.StackRef) error {
		if call == "Probe" {
			return fault.Transient("Rate exceeded")
		}
		return nil
	}
	if _, err := w.service.PlanRevert(ctx, scan); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
	w.cloud.Fault = nil
	w.clock.Advance(time.Minute) // the revert's change set is there, the probe's is not begun
	scan = must(w.service.PlanRevert(context.Background(), scan))(t)
	if scan = must(w.service.ReadRevert(ctx, scan))(t); scan.Plan.State != drift.PlanPending {
		t.Errorf("does not wait for the probe: %+v", scan.Plan)
	}
	w.clock.Advance(time.Minute)
	if scan = must(w.service.ReadRevert(ctx, scan))(t); scan.Plan.State != drift.PlanReady {
		t.Errorf("plan %+v", scan.Plan)
	}
	// A scan that fails then leaves no probe behind.
	scan.Error = &drift.Caught{Error: fault.PermanentError, Cause: "x"}
	must(w.service.Fail(ctx, scan))(t)
	if set, err := w.cloud.Read(ctx, network, scan.Plan.ProbeID); err != nil || set.Status != drift.ChangeSetGone || !slices.Contains(w.facts.Types(), "DriftRevertRefused.v1") {
		t.Errorf("%+v, %v, %v", set, err, w.facts.Types())
	}
}
