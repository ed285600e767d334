package deployment_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var inProd = events.Target{Stage: "prod", Stack: "data", StackName: "shop-data-prod", Account: "333333333333", Region: "us-east-1"}

// onlyProd is the shop with prod alone, whose keys are added to.
func onlyProd(t *testing.T, keys string) []pipeline.Stage {
	return stagesOf(t, strings.Replace(shop, "approval: always", "approval: always"+keys, 1))[1:]
}

// TestWhatWasApprovedIsExecutedOrNothing: between the approval and the
// execution one thing changes. The execution names it and refuses.
func TestWhatWasApprovedIsExecutedOrNothing(t *testing.T) {
	tamper := func(change func(*deployment.ChangeSet, *[]byte)) func(*world, deployment.Release) {
		return func(w *world, r deployment.Release) { w.cloud.Tamper(r.Plan.ChangeSetID, change) }
	}
	tests := []struct {
		name   string
		change func(*world, deployment.Release)
		want   string // "" is executed
	}{
		{"nothing", func(*world, deployment.Release) {}, ""},
		{"a scan finds no drift", func(w *world, _ deployment.Release) { w.cloud.Drift(inProd) }, ""},
		{"a scan finds drift", func(w *world, _ deployment.Release) { w.cloud.Drift(inProd, "Queue MODIFIED") }, "different: the drift of the stack."},
		{"the changes", tamper(func(c *deployment.ChangeSet, _ *[]byte) { c.Changes[0].Action = "Remove" }), "different: its changes."},
		{"a value", tamper(func(c *deployment.ChangeSet, _ *[]byte) { c.Changes[0].Details[0].After = "61" }), "different: its changes."},
		{"the template", tamper(func(_ *deployment.ChangeSet, text *[]byte) { *text = append(*text, '\n') }), "different: its template."},
		{"a parameter", tamper(func(c *deployment.ChangeSet, _ *[]byte) { c.Parameters = map[string]string{"VpcId": "vpc-2"} }), "different: its parameters."},
		{"a capability", tamper(func(c *deployment.ChangeSet, _ *[]byte) { c.Capabilities = []string{"CAPABILITY_IAM"} }), "different: its capabilities, tags or rollback settings."},
		{"a tag", tamper(func(c *deployment.ChangeSet, _ *[]byte) {
			c.Tags = map[string]string{"evenkeel:repository": "acme/blog"}
		}), "different: its capabilities, tags"},
		{"another change set", tamper(func(c *deployment.ChangeSet, _ *[]byte) { c.ID += "x" }), "different: it is another change set"},
		{"obsolete by another execution", tamper(func(c *deployment.ChangeSet, _ *[]byte) { c.ExecutionStatus = "OBSOLETE" }), "can no longer be executed (CREATE_COMPLETE, OBSOLETE)"},
		{"a new commit", func(w *world, r deployment.Release) {
			// Another run executed a change set of its own: CloudFormation deletes all others.
			if err := w.service.ChangeSets.Delete(context.Background(), inProd, r.Plan.ChangeSetID); err != nil {
				w.t.Fatal(err)
			}
		}, "can no longer be executed (DELETE_COMPLETE"},
		{"the state of the stack", func(w *world, _ deployment.Release) { w.cloud.Break(inProd, "UPDATE_ROLLBACK_COMPLETE") }, "different: the state of the stack."},
		{"the approval expired", func(w *world, _ deployment.Release) { w.clock.Advance(2 * time.Hour) }, "expired at"},
		{"the decision was written over", func(w *world, r deployment.Release) {
			stored, _, err := w.service.Approvals.Get(context.Background(), r.RunID, "prod", "data")
			if err != nil {
				w.t.Fatal(err)
			}
			stored.Decision.By = "arn:aws:iam::111111111111:user/eve"
		}, "not the one that is recorded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deployed(t)
			w.source(map[string]string{"data.yaml": changedData})
			w.decide = func(w *world, r deployment.Release) {
				decide(true, "")(w, r)
				tt.change(w, r)
			}
			r := w.run(push("bbbb", 10), onlyProd(t, ", approvalTimeout: 1h"))
			switch {
			case tt.want == "":
				if r.Outcome != events.OutcomeSucceeded || len(w.cloud.Executed) != 5 {
					t.Errorf("ended %s: %s; executed %v", r.Outcome, r.Reason, w.cloud.Executed)
				}
			case r.Outcome != events.OutcomeRejected || !strings.Contains(r.Reason, tt.want) || len(w.cloud.Executed) != 4:
				t.Errorf("ended %s: %s; want %q and nothing executed; executed %v", r.Outcome, r.Reason, tt.want, w.cloud.Executed)
			}
		})
	}
}

// TestForgedDecision: whoever can answer the task, or write the table, still
// meets the checks of the execution.
func TestForgedDecision(t *testing.T) {
	tests := []struct {
		name   string
		forge  func(*deployment.Decision)
		stored bool // the table has the same
		want   string
	}{
		{"as it was given", func(*deployment.Decision) {}, true, ""},
		{"by the author, in both", func(d *deployment.Decision) { d.By = "arn:aws:iam::111111111111:user/dev" }, true, "you are dev, whose push this is"},
		{"of another digest, in both", func(d *deployment.Decision) { d.Digest = "v1:0" }, true, "was not approved with the digest"},
		{"after the expiry, in both", func(d *deployment.Decision) { d.At = d.At.Add(25 * time.Hour) }, true, "expired at"},
		{"by another, in the task only", func(d *deployment.Decision) { d.By = "arn:aws:iam::111111111111:user/eve" }, false, "not the one that is recorded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deployed(t)
			w.source(map[string]string{"data.yaml": changedData})
			w.decide = func(w *world, r deployment.Release) {
				d := deployment.Decision{Approved: true, By: "arn:aws:iam::111111111111:user/ann", Digest: r.Plan.Digest, At: w.clock.Now().UTC()}
				forged := d
				tt.forge(&forged)
				if tt.stored {
					d = forged
				}
				stored, err := w.service.Approvals.Settle(context.Background(), r.RunID, "prod", "data", d)
				if err != nil {
					w.t.Fatal(err)
				}
				if _, err := w.tasks.Answer(context.Background(), stored.Token, forged); err != nil {
					w.t.Fatal(err)
				}
			}
			r := w.run(push("bbbb", 10), onlyProd(t, ""))
			if executed := len(w.cloud.Executed) == 5; executed != (tt.want == "") || !strings.Contains(r.Reason, tt.want) {
				t.Errorf("ended %s: %s; executed %v", r.Outcome, r.Reason, w.cloud.Executed)
			}
		})
	}
}

// TestSelfApproval: who may approve, by what the stage and the registration say.
func TestSelfApproval(t *testing.T) {
	const ann, dev = "arn:aws:iam::111111111111:user/ann", "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_1/dev"
	tests := []struct {
		name       string
		keys       string
		identities map[string][]string
		by         string
		want       string // relation that is recorded, or part of the refusal
	}{
		{"no identities", "", nil, ann, approval.Unmapped},
		{"the author", "", nil, dev, "you are dev"},
		{"the author, allowed", ", selfApproval: allowed", nil, dev, approval.Self},
		{"the author by pattern", "", map[string][]string{"dev": {"*:user/ANN"}}, ann, "you are dev"},
		{"somebody else by pattern", "", map[string][]string{"Dev": {"*:user/dev"}}, ann, approval.Separate},
		{"who pushed is not registered", "", map[string][]string{"kim": {"*:user/kim"}}, ann, "register the identity with"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deployed(t)
			w.source(map[string]string{"data.yaml": changedData})
			w.identities = tt.identities
			var err error
			w.decide = func(w *world, r deployment.Release) {
				_, err = w.approver().Decide(t.Context(), deployment.Verdict{RunID: r.RunID, Stage: "prod", Stack: "data", Approve: true, By: tt.by})
			}
			w.run(push("bbbb", 10), onlyProd(t, tt.keys))
			if err != nil {
				if !fault.Is(err, fault.InvalidError) || !deployment.IsDuties(err) || !strings.Contains(err.Error(), tt.want) || len(w.cloud.Executed) != 4 {
					t.Errorf("refused: %v, want %q", err, tt.want)
				}
				return
			}
			for _, fact := range w.facts.Facts {
				if d, ok := fact.Data.(events.ApprovalDecided); ok && (d.Relation != tt.want || d.By != tt.by || d.Expires == nil || d.At == nil || d.Session != approval.Session(tt.by)) {
					t.Errorf("decided %+v, want the relation %q", d, tt.want)
				}
			}
			if len(w.cloud.Executed) != 5 {
				t.Errorf("executed %v", w.cloud.Executed)
			}
		})
	}
}

// TestSafePlansGoByPolicy: on-risk asks nobody about a safe plan, and says so.
func TestSafePlansGoByPolicy(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	r := w.run(push("bbbb", 10), stagesOf(t, strings.Replace(shop, "approval: always", "approval: on-risk", 1)))
	var decided []events.ApprovalDecided
	for _, fact := range w.facts.Facts {
		if d, ok := fact.Data.(events.ApprovalDecided); ok {
			decided = append(decided, d)
		}
	}
	if r.Outcome != events.OutcomeSucceeded || len(decided) != 1 {
		t.Fatalf("ended %s: %s, decided %+v", r.Outcome, r.Reason, decided)
	}
	d := decided[0]
	if d.By != "policy: on-risk" || d.Stage != "prod" || d.Risk != "safe" || !d.Approved || !strings.HasPrefix(d.Digest, "v1:") || d.ChangeSetID == "" || d.Via.Client != "policy" || d.Seen.SHA256 == "" {
		t.Errorf("decided %+v", d)
	}
}

// TestDriftRaisesTheRisk: a harmless change of a resource that somebody changed
// outside of the stack is not safe any more, and the plan shows why.
func TestDriftRaisesTheRisk(t *testing.T) {
	for _, tt := range []struct {
		drift string
		risk  string
	}{
		{"", deployment.RiskSafe},
		{"Other MODIFIED x", deployment.RiskSafe},
		{"Queue MODIFIED x", deployment.RiskReview},
		{"Queue DELETED x", deployment.RiskReview},
	} {
		w := deployed(t)
		w.source(map[string]string{"data.yaml": changedData})
		if tt.drift != "" {
			w.cloud.Drift(inProd, tt.drift)
		}
		r := w.run(push("bbbb", 10), onlyProd(t, ""))
		var planned *events.StackPlanned
		for _, fact := range w.facts.Facts {
			if data, ok := fact.Data.(events.StackPlanned); ok && data.RunID == r.RunID {
				planned = &data
			}
		}
		if planned == nil || planned.Risk != tt.risk || tt.risk != deployment.RiskSafe && !strings.Contains(strings.Join(planned.Reasons, ";"), "outside of the stack") {
			t.Errorf("%s: planned %+v", tt.drift, planned)
		}
	}
}
