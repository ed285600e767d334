package deployment_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// waiting walks a change up to its approval in prod.
func waiting(t *testing.T) (*world, deployment.Release) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	var at deployment.Release
	w.decide = func(w *world, r deployment.Release) { at = r; w.clock.Advance(25 * time.Hour) }
	w.run(push("bbbb", 10), stagesOf(t, shop))
	return w, at
}

func TestDecide(t *testing.T) {
	const ann, bob = "arn:aws:iam::111111111111:user/ann", "arn:aws:iam::111111111111:user/bob"
	verdict := func(r deployment.Release) deployment.Verdict {
		return deployment.Verdict{RunID: r.RunID, Stage: "prod", Stack: "data", Approve: true, Digest: r.Plan.Digest, By: ann}
	}
	tests := []struct {
		name   string
		before []func(*deployment.Verdict) // decided before
		change func(*deployment.Verdict)
		kind   string
		want   string
	}{
		{"approved", nil, func(*deployment.Verdict) {}, "", ""},
		{"approved without a digest", nil, func(v *deployment.Verdict) { v.Digest = "" }, "", ""},
		{"unknown run", nil, func(v *deployment.Verdict) { v.RunID = "x" }, fault.InvalidError, "no plan of data in prod"},
		{"another plan was seen", nil, func(v *deployment.Verdict) { v.Digest = "0" }, fault.ConflictError, "not the one that was shown"},
		{"repeated", []func(*deployment.Verdict){func(*deployment.Verdict) {}}, func(*deployment.Verdict) {}, "", ""},
		{"decided by another", []func(*deployment.Verdict){func(*deployment.Verdict) {}}, func(v *deployment.Verdict) { v.By = bob }, fault.ConflictError, "already approved by " + ann},
		{"changed mind", []func(*deployment.Verdict){func(v *deployment.Verdict) { v.Approve = false }}, func(*deployment.Verdict) {}, fault.ConflictError, "already rejected by " + ann},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deployed(t)
			w.source(map[string]string{"data.yaml": changedData})
			var err error
			w.decide = func(w *world, r deployment.Release) {
				for _, earlier := range tt.before {
					v := verdict(r)
					earlier(&v)
					if _, err := w.approver().Decide(t.Context(), v); err != nil {
						t.Fatal(err)
					}
				}
				v := verdict(r)
				tt.change(&v)
				_, err = w.approver().Decide(t.Context(), v)
			}
			w.run(push("bbbb", 10), stagesOf(t, shop))
			if tt.kind == "" && err != nil || tt.kind != "" && (!fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %s %q", err, tt.kind, tt.want)
			}
			decided := strings.Count(w.types(), "ApprovalDecided")
			if want := min(1, len(tt.before)+btoi(tt.kind == "")); decided != want {
				t.Errorf("%d decisions announced, want %d: a decision is made once", decided, want)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestExpiredApprovalIsNotPending(t *testing.T) {
	w, r := waiting(t)
	pending, err := w.approver().Pending(t.Context())
	if err != nil || len(pending) != 0 {
		t.Errorf("pending %v, %v", pending, err)
	}
	_, err = w.approver().Decide(t.Context(), deployment.Verdict{RunID: r.RunID, Stage: "prod", Stack: "data", Approve: true, By: "ann"})
	if !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), "expired at 2026-11-23T12:00") {
		t.Errorf("error %v", err)
	}
}

func TestPendingShowsThePlan(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	w.decide = func(w *world, r deployment.Release) {
		pending, err := w.approver().Pending(t.Context())
		if err != nil || len(pending) != 1 || pending[0].Run.RunID != r.RunID || pending[0].Target.StackName != "shop-data-prod" {
			t.Errorf("pending %+v, %v", pending, err)
			return
		}
		document, err := deployment.LoadDocument(t.Context(), w.files, pending[0].Document)
		if err != nil {
			t.Error(err)
			return
		}
		for _, want := range []string{"shop-data-prod (data in prod, account 333333333333, us-east-1)", "~ Queue  AWS::SQS::Queue", "/Properties/VisibilityTimeout: 30 → 60", "risk: safe", "0 to add, 1 to modify, 0 to replace, 0 to remove"} {
			if !strings.Contains(document.Text(), want) {
				t.Errorf("the plan lacks %q:\n%s", want, document.Text())
			}
		}
		decide(true, "")(w, r)
	}
	w.run(push("bbbb", 10), stagesOf(t, shop))
	requested := 0
	for _, fact := range w.facts.Facts {
		if a, ok := fact.Data.(events.ApprovalRequested); ok {
			requested++
			if len(a.Changes) != 1 || a.Changes[0].Properties[0] != "/Properties/VisibilityTimeout: 30 → 60" || a.Digest == "" || !a.Expires.Equal(a.Expires.UTC()) {
				t.Errorf("requested %+v", a)
			}
		}
	}
	if requested != 1 {
		t.Errorf("%d approvals requested", requested)
	}
}

// TestRepeatedRequestAfterTheDecision: the state is repeated after the person
// decided; it must not wait for a second decision.
func TestRepeatedRequestAfterTheDecision(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	w.decide = func(w *world, r deployment.Release) {
		decide(true, "")(w, r)
		answered, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionRequestApproval, Release: r, Step: &r.Step, Token: "again"})
		if err != nil || answered.State != "answered" || len(answersTo(w, "again")) != 1 {
			t.Errorf("%+v, %v", answered, err)
		}
	}
	w.run(push("bbbb", 10), stagesOf(t, shop))
}

// TestDecisionDuringARepeatedRequest: the person decides after the repeated
// state has looked for a decision, and before it has written its question.
func TestDecisionDuringARepeatedRequest(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	w.decide = func(w *world, r deployment.Release) {
		once := false
		w.service.Approvals.(*fake.DeploymentApprovals).Faults = func(call string) error {
			if call == "PutApproval" && !once {
				once = true
				decide(true, "")(w, r)
			}
			return nil
		}
		answered, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionRequestApproval, Release: r, Step: &r.Step, Token: "again"})
		if got := answersTo(w, "again"); err != nil || answered.State != "answered" || len(got) != 1 || !strings.Contains(got[0], `"approved":true`) {
			t.Errorf("%+v, %v: the task that waits was told %v", answered, err, got)
		}
	}
	w.run(push("bbbb", 10), stagesOf(t, shop))
}

// TestDecisionWhileNobodyWaits: the state is between two tries; the decision
// is recorded and announced, and found by the next try.
func TestDecisionWhileNobodyWaits(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	var err error
	w.decide = func(w *world, r deployment.Release) {
		w.tasks.Succeeded = func(string, json.RawMessage) bool { return false }
		_, err = w.approver().Decide(t.Context(), deployment.Verdict{RunID: r.RunID, Stage: "prod", Stack: "data", Approve: true, By: "ann"})
		w.tasks.Succeeded = nil
		if _, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionRequestApproval, Release: r, Step: &r.Step, Token: "again"}); err != nil {
			t.Error(err)
		}
		if got := answersTo(w, "again"); len(got) != 1 || !strings.Contains(got[0], `"approved":true`) {
			t.Errorf("the next try was told %v", got)
		}
	}
	w.run(push("bbbb", 10), stagesOf(t, shop))
	if err != nil {
		t.Errorf("the decision counts, but: %v", err)
	}
	if !strings.Contains(w.types(), "ApprovalDecided") {
		t.Errorf("facts %s", w.types())
	}
}

func TestDecisionOnAnEndedRun(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	var err error
	w.decide = func(w *world, r deployment.Release) {
		if _, err := w.service.Runs.Close(t.Context(), r.RunID, deployment.End{Finished: events.RunFinished{Outcome: events.OutcomeStuck}}); err != nil {
			t.Fatal(err)
		}
		_, err = w.approver().Decide(t.Context(), deployment.Verdict{RunID: r.RunID, Stage: "prod", Stack: "data", Approve: true, By: "ann"})
	}
	w.run(push("bbbb", 10), stagesOf(t, shop))
	if !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), "has ended as Stuck") || strings.Contains(w.types(), "ApprovalDecided") {
		t.Errorf("error %v, facts %s", err, w.types())
	}
}
