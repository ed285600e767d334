package review_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
)

func edited(name, old, updated string) map[string]string {
	out := map[string]string{}
	for path, text := range files {
		out[path] = text
	}
	out[name] = strings.Replace(out[name], old, updated, 1)
	return out
}

// A deployed pair of stacks, of which a pull request changes one.
func TestPlanned(t *testing.T) {
	w := newWorld(t)
	w.deploy("network", files["network.yaml"], own)
	w.deploy("data", files["data.yaml"], own)
	r := w.run(event(head, 0), edited("network.yaml", "Size: 1", "Size: 2"), nil)
	w.clean()
	if r.State != events.ReviewPassed || !r.Published {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	found := w.reviewed()
	states := map[string]string{}
	for _, s := range found.Stacks {
		states[s.Stack] = s.State
	}
	if states["network"] != review.StackPlanned || found.Comment == "" {
		t.Errorf("%+v", found)
	}
	statuses := w.forge.Statuses[head]
	if len(statuses) != 2 || statuses[0].State != review.StatusPending || statuses[1].State != review.StatusSuccess || statuses[1].TargetURL != found.Comment || statuses[1].Context != "evenkeel/plan" {
		t.Errorf("statuses %+v", statuses)
	}
	comments := w.forge.Comments["acme/shop#7"]
	if len(comments) != 1 || !strings.Contains(comments[0], "- /Properties/Size: 1\n+ /Properties/Size: 2\n") || !strings.Contains(comments[0], "`1f0c9a7b`") {
		t.Errorf("comments %q", comments)
	}
	// The next commit changes the same comment.
	w.run(event(later, 10), edited("network.yaml", "Size: 1", "Size: 3"), nil)
	w.clean()
	if comments = w.forge.Comments["acme/shop#7"]; len(comments) != 1 || !strings.Contains(comments[0], "+ /Properties/Size: 3\n") || strings.Contains(comments[0], "+ /Properties/Size: 2\n") {
		t.Errorf("comments %q", comments)
	}
}

// The whole project is new: the first stack is planned in a stack that is
// removed again, and the second needs what does not exist yet.
func TestNewStacks(t *testing.T) {
	w := newWorld(t)
	r := w.run(event(head, 0), files, nil)
	w.clean()
	if r.State != events.ReviewPassed || len(w.cloud.StackNames()) != 0 {
		t.Errorf("%s: %s; stacks %v", r.State, r.Reason, w.cloud.StackNames())
	}
	found := w.reviewed()
	if found.Stacks[0].State != review.StackPlanned || found.Stacks[1].State != review.StackNotPlanned || !strings.Contains(found.Stacks[1].Note, "parameter VpcId is the output network.VpcId, which does not exist before the merge") {
		t.Errorf("%+v", found.Stacks)
	}
}

func TestWhatIsNotPlanned(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*world)
		files   map[string]string
		change  func(*review.Review)
		state   string // of the review
		stack   string // state of the first one; "" for none listed
		note    string // in the comment
	}{
		{"busy", func(w *world) {
			w.deploy("network", files["network.yaml"], own)
			w.cloud.Break(target("network"), "UPDATE_IN_PROGRESS")
		}, files, nil, events.ReviewPassed, review.StackNotPlanned, `is busy (UPDATE\_IN\_PROGRESS)`},
		{"broken", func(w *world) {
			w.deploy("network", files["network.yaml"], own)
			w.cloud.Break(target("network"), "UPDATE_ROLLBACK_FAILED")
		}, files, nil, events.ReviewPassed, review.StackNotPlanned, "must be repaired first"},
		{"somebody else's", func(w *world) {
			w.deploy("network", files["network.yaml"], map[string]string{"evenkeel:repository": "acme/blog"})
		},
			files, nil, events.ReviewRejected, review.StackRefused, "belongs to the repository acme/blog"},
		{"early validation", func(*world) {}, edited("network.yaml", "Properties", "Metadata: {Problem: Size is too large}, Properties"), nil,
			events.ReviewRejected, review.StackRefused, "network.yaml: CloudFormation refused the plan: "},
		{"blocked", func(w *world) {
			w.deploy("data", data+"  Guarded: {Type: AWS::SNS::Topic}\n", own)
			w.deploy("network", files["network.yaml"], own)
		},
			files, nil, events.ReviewRejected, "", "**blocked**"},
		{"fork", func(*world) {}, files, func(r *review.Review) { r.PullRequest.Fork = true }, events.ReviewPassed, "", "from a fork is validated and not planned"},
		{"invalid", func(*world) {}, files, func(r *review.Review) {
			v := &r.Validated.Release.Validation
			v.Valid, v.Errors, v.Files = false, 1, 2
			v.Findings = []events.Finding{{File: "network.yaml", Line: 3, Column: 7, Rule: "E3002", Severity: "error", Message: "no <b>@dana</b>"}}
		}, events.ReviewRejected, "", "`network.yaml:3:7`"},
		{"refused stage", func(*world) {}, files, func(r *review.Review) { r.Validated.Release.Validation.Refused = []string{"test"} },
			events.ReviewPassed, review.StackNotPlanned, "validation refuses the stage"},
		{"no stage", func(*world) {}, edited("evenkeel.yaml", "branch: main", "branch: next"), nil, events.ReviewPassed, "", "no stage follows the branch main"},
		{"too long", func(w *world) { w.between = func(string) { w.clock.Advance(31 * time.Minute) } }, files, nil, events.ReviewPassed, review.StackNotPlanned, "longer than 30 minutes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.prepare(w)
			r := w.run(event(head, 0), tt.files, tt.change)
			w.clean()
			if r.State != tt.state || !r.Published {
				t.Errorf("%s: %s, want %s", r.State, r.Reason, tt.state)
			}
			found := w.reviewed()
			if tt.stack != "" && (len(found.Stacks) == 0 || found.Stacks[0].State != tt.stack) {
				t.Errorf("stacks %+v", found.Stacks)
			}
			if comment := strings.Join(w.forge.Comments["acme/shop#7"], ""); !strings.Contains(comment, tt.note) {
				t.Errorf("%q is not in\n%s", tt.note, comment)
			}
			if want := map[string]string{events.ReviewPassed: "success", events.ReviewRejected: "failure"}[tt.state]; w.forge.Status(head, review.StatusContext).State != want {
				t.Errorf("status %+v", w.forge.Status(head, review.StatusContext))
			}
		})
	}
	if slices.Contains(newWorldVisits(t), review.ActionPlan) {
		t.Error("a fork was planned")
	}
}

func newWorldVisits(t *testing.T) []string {
	w := newWorld(t)
	w.run(event(head, 0), files, func(r *review.Review) { r.PullRequest.Fork = true })
	return w.visited
}

// Whatever breaks while a change set is made or read, it is deleted, and the
// other stacks are still looked at.
func TestFailures(t *testing.T) {
	for _, action := range []string{review.ActionPlan, review.ActionReadPlan} {
		t.Run(action, func(t *testing.T) {
			w := newWorld(t)
			w.fail[action] = fault.Permanent("AccessDenied: not authorized")
			r := w.run(event(head, 0), files, nil)
			w.clean()
			found := w.reviewed()
			if r.State != events.ReviewFailed || len(found.Stacks) != 2 || found.Stacks[0].State != review.StackFailed || !strings.Contains(found.Stacks[0].Note, "AccessDenied") {
				t.Errorf("%s: %s, %+v", r.State, r.Reason, found.Stacks)
			}
			if w.forge.Status(head, review.StatusContext).State != review.StatusError {
				t.Errorf("%+v", w.forge.Statuses)
			}
		})
	}
	t.Run("what cannot be deleted is named", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Fault = func(call string) error {
			if call == "DeleteChangeSet" {
				return fault.Permanent("AccessDenied: not authorized")
			}
			return nil
		}
		r := w.run(event(head, 0), files, nil)
		if found := w.reviewed(); len(found.Remaining) != 1 || !strings.Contains(found.Remaining[0], "evenkeel-pr-7-1f0c9a7b-") || r.State != events.ReviewPassed {
			t.Errorf("%s, %v", r.State, found.Remaining)
		}
	})
	t.Run("the provider refuses", func(t *testing.T) {
		w := newWorld(t)
		w.forge.Faults = func(string) error { return fault.Permanent("the token may not") }
		r := w.run(event(head, 0), files, nil)
		w.clean()
		if found := w.reviewed(); r.Published || !strings.Contains(found.Problem, "the token may not") || !strings.Contains(r.Reason, "the token may not") {
			t.Errorf("%+v, %+v", r, found)
		}
	})
}

// A stack in review that somebody else made, or plans, is not deleted with our
// change set.
func TestTheStacksOfOthersStay(t *testing.T) {
	w := newWorld(t)
	input := deployment.ChangeSetInput{Name: "theirs", Type: "CREATE", Template: []byte(files["network.yaml"])}
	if _, _, err := w.cloud.ChangeSets().Create(t.Context(), target("network"), input); err != nil {
		t.Fatal(err)
	}
	w.run(event(head, 0), files, nil)
	if open := w.cloud.OpenChangeSets(); len(open) != 1 || !strings.HasSuffix(open[0], "theirs") {
		t.Errorf("%v", open)
	}
	// A deployment begins to plan the stack that our change set brought.
	w = newWorld(t)
	w.between = func(action string) {
		if action == review.ActionDiscard && w.cloud.StackNames()["shop-network-test"] == "REVIEW_IN_PROGRESS" {
			w.between = nil
			if _, _, err := w.cloud.ChangeSets().Create(t.Context(), target("network"), input); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.run(event(head, 0), files, nil)
	if open := w.cloud.OpenChangeSets(); len(open) != 1 || !strings.HasSuffix(open[0], "theirs") || w.cloud.StackNames()["shop-network-test"] != "REVIEW_IN_PROGRESS" {
		t.Errorf("%v, %v", open, w.cloud.StackNames())
	}
}

// A commit that comes while an older one is reviewed ends that review.
func TestSuperseded(t *testing.T) {
	w := newWorld(t)
	w.between = func(action string) {
		if action == review.ActionReadPlan {
			w.between = nil
			w.run(event(later, 10), files, nil)
		}
	}
	r := w.run(event(head, 0), files, nil)
	w.clean()
	if r.State != events.ReviewSuperseded || w.forge.Status(head, review.StatusContext).State != review.StatusError {
		t.Errorf("%s, %+v", r.State, w.forge.Statuses[head])
	}
	if comments := w.forge.Comments["acme/shop#7"]; len(comments) != 1 || !strings.Contains(comments[0], later[:8]) {
		t.Errorf("%q", comments)
	}
	// One that comes late does not begin; the same event again is a duplicate.
	if late := w.run(event("3"+head[1:], 5), files, nil); late.State != events.ReviewSuperseded || late.Due {
		t.Errorf("%+v", late)
	}
	again, err := w.service.Begin(t.Context(), event(later, 10), "arn:another")
	if err != nil || !again.Duplicate || again.Due {
		t.Errorf("%+v, %v", again, err)
	}
}

// An execution that breaks off leaves its change set to ExecutionEnded.
func TestExecutionEnded(t *testing.T) {
	w := newWorld(t)
	e := event(head, 0)
	r, err := w.service.Begin(t.Context(), e, "arn:1")
	if err != nil {
		t.Fatal(err)
	}
	r, _ = w.do(review.ActionNext, w.validated(r, files))
	if r, _ = w.do(review.ActionPlan, r); len(w.cloud.OpenChangeSets()) != 1 {
		t.Fatalf("%+v", r)
	}
	input, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	ended := func(execution, status, name string) review.Handled {
		payload, err := json.Marshal(events.Envelope[events.ExecutionStatusDetail]{DetailType: events.ExecutionStatusChange, Detail: events.ExecutionStatusDetail{
			ExecutionARN: execution, Status: status, Error: name, Input: string(input)}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.service.Handle(context.Background(), payload)
		handled, _ := out.(review.Handled)
		if err != nil {
			t.Fatal(err)
		}
		return handled
	}
	for _, ignored := range []review.Handled{ended("arn:1", "SUCCEEDED", ""), ended("arn:2", "ABORTED", ""), ended("arn:1", "FAILED", review.NotPublished)} {
		if ignored.State != "ignored" || len(w.cloud.OpenChangeSets()) != 1 {
			t.Errorf("%+v", ignored)
		}
	}
	if got := ended("arn:1", "ABORTED", ""); got.State != "cleaned" {
		t.Errorf("%+v", got)
	}
	w.clean()
	if found := w.reviewed(); found.State != events.ReviewFailed || !strings.Contains(found.Reason, "ABORTED") {
		t.Errorf("%+v", found)
	}
}

// An invocation that goes on while its execution is stopped removes what it
// makes after everything was removed.
func TestStoppedInTheMiddle(t *testing.T) {
	w := newWorld(t)
	r, err := w.service.Begin(t.Context(), event(head, 0), "arn:1")
	if err != nil {
		t.Fatal(err)
	}
	r, _ = w.do(review.ActionNext, w.validated(r, files))
	w.cloud.Fault = func(call string) error {
		if call == "Create" {
			w.cloud.Fault = nil
			return w.reviews.Forget(t.Context(), r.ReviewID)
		}
		return nil
	}
	if r, ok := w.do(review.ActionPlan, r); ok || !strings.Contains(r.Error.Cause, "was stopped") {
		t.Errorf("%+v", r)
	}
	w.clean()
}

// A run's commit carries its outcome; a fact that comes late changes nothing.
func TestRunStatuses(t *testing.T) {
	w := newWorld(t)
	run := events.Run{RunID: "1f0c9a7b-1bee13", Repository: "acme/shop", Commit: head}
	hear := func(data events.Data) {
		payload, err := json.Marshal(events.Envelope[events.Detail[events.Data]]{DetailType: data.DetailType(), Detail: events.Detail[events.Data]{Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.service.Handle(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
	}
	hear(events.RunStarted{Run: run})
	if got := w.forge.Status(head, review.RunContext); got.State != review.StatusPending {
		t.Errorf("%+v", got)
	}
	for outcome, want := range map[string]string{"Succeeded": "success", "Rejected": "failure", "RolledBack": "failure", "Deferred": "error", "Stuck": "error"} {
		hear(events.RunFinished{Run: run, Outcome: outcome, Reason: strings.Repeat("long ", 100)})
		if got := w.forge.Status(head, review.RunContext); got.State != want || !strings.HasPrefix(got.Description, outcome+": ") {
			t.Errorf("%s: %+v", outcome, got)
		}
	}
	if _, err := w.runs.Claim(t.Context(), run.RunID, "arn:1"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.runs.Close(t.Context(), run.RunID, deployment.End{}); err != nil {
		t.Fatal(err)
	}
	before := len(w.forge.Statuses[head])
	hear(events.RunStarted{Run: run})
	hear(events.RunFinished{Run: events.Run{Repository: "acme/unknown"}})
	if len(w.forge.Statuses[head]) != before {
		t.Errorf("%+v", w.forge.Statuses[head])
	}
}
