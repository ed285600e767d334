package deployment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var dataInTest = events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-data-test"}

// TestLockOfAStack: a stack that somebody else has locked is left alone, and
// so is their lock; a lease that is over, or whose run has ended, is taken over.
func TestLockOfAStack(t *testing.T) {
	tests := []struct {
		name    string
		lease   time.Duration
		ended   time.Duration // how long ago the holder's run ended; 0 for not
		outcome string
	}{
		{"held", time.Hour, 0, events.OutcomeDeferred},
		{"its lease is over", -time.Second, 0, events.OutcomeSucceeded},
		{"its run has ended", time.Hour, 3 * time.Minute, events.OutcomeSucceeded},
		{"its run has just ended", time.Hour, time.Minute, events.OutcomeDeferred},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deployed(t)
			w.source(map[string]string{"data.yaml": changedData})
			if holder, err := w.locks.Acquire(t.Context(), dataInTest, "other", "", w.clock.Now().Add(tt.lease)); err != nil || holder != "other" {
				t.Fatalf("%s, %v", holder, err)
			}
			if tt.ended > 0 {
				if _, err := w.service.Runs.Claim(t.Context(), "other", "arn:other"); err != nil {
					t.Fatal(err)
				}
				if _, err := w.service.Runs.Close(t.Context(), "other", deployment.End{At: w.clock.Now().Add(-tt.ended)}); err != nil {
					t.Fatal(err)
				}
			}
			r := w.run(push("bbbb", 10), stagesOf(t, shop)[:1])
			if r.Outcome != tt.outcome || tt.outcome == events.OutcomeDeferred && !strings.Contains(r.Reason, "shop-data-test is locked by other") {
				t.Errorf("ended %s: %s", r.Outcome, r.Reason)
			}
			want := ""
			if tt.outcome == events.OutcomeDeferred {
				want = "other"
			}
			if holder, _ := w.locks.Holder(dataInTest); holder != want {
				t.Errorf("the lock is held by %q, want %q", holder, want)
			}
		})
	}
}

// TestLockLostBeforeTheOperation: what was planned under a lease that ended
// meanwhile is not executed.
func TestLockLostBeforeTheOperation(t *testing.T) {
	w, r := planned(t)
	w.clock.Advance(time.Hour)
	if holder, err := w.locks.Acquire(t.Context(), dataInTest, "other", "", w.clock.Now().Add(time.Hour)); err != nil || holder != "other" {
		t.Fatalf("%s, %v", holder, err)
	}
	w.execute(r, "task")
	if got := answersTo(w, "task"); len(got) != 1 || got[0] != fault.ConflictError || len(w.cloud.Executed) != 4 {
		t.Errorf("the task was told %v; executed %v", got, w.cloud.Executed)
	}
	if end := w.endStack(r); end.Outcome == events.OutcomeSucceeded {
		t.Errorf("ended %+v", end)
	}
	if holder, _ := w.locks.Holder(dataInTest); holder != "other" {
		t.Errorf("the lock is held by %q", holder)
	}
}

const independent = `version: 1
name: shop
stacks:
  network: {template: network.yaml, parameters: {Cidr: 10.0.0.0/16}}
  site: {template: site.yaml}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: %s}
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: never}
`

const site = `
Resources:
  Topic: {Type: "AWS::SNS::Topic", Properties: {Name: site}}
`

// TestOneOfAWaveFails: the others run to their end, what they changed is
// listed, and the next stage is not begun.
func TestOneOfAWaveFails(t *testing.T) {
	w := newWorld(t)
	w.source(map[string]string{"network.yaml": strings.Replace(network, "Properties: {", `Metadata: {Fail: "no"}, Properties: {`, 1), "site.yaml": site})
	r := w.run(push("aaaa", 0), stagesOf(t, strings.Replace(independent, "%s", "never", 1)))
	if r.Outcome != events.OutcomeRolledBack || r.Reason != "The deployment of network in test failed and was rolled back: Vpc (AWS::EC2::VPC): no" {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	if changed := strings.Join(r.Changed(), " "); changed != "test/site" || len(w.cloud.Executed) != 2 {
		t.Errorf("changed %s; executed %v", changed, w.cloud.Executed)
	}
}

// TestAStageThatRefuses: validation has said that prod does not accept what it
// found; test is deployed all the same.
func TestAStageThatRefuses(t *testing.T) {
	w := newWorld(t)
	w.source(templates)
	r := w.begin(push("aaaa", 0))
	if _, caught := wait[deployment.LockAnswer](w, deployment.ActionLock, r, time.Minute); caught != nil {
		t.Fatal(caught)
	}
	r.SourceKey, r.Stages, r.Validation.Valid = sourceKey, stagesOf(t, shop), true
	r.Validation.Refused, r.Validation.Warnings, r.Validation.Files = []string{"prod"}, 1, 2
	if r = w.waves(r); r.Outcome != events.OutcomeRejected || !strings.Contains(r.Reason, "the stage prod does not accept what validation found: Validation found 1 warning in 2 templates") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	if changed := strings.Join(r.Changed(), " "); changed != "test/network test/data" {
		t.Errorf("changed %s", changed)
	}
}

// TestApprovalsSideBySide: each stack of a wave waits for its own approval, and
// they may be given in any order.
func TestApprovalsSideBySide(t *testing.T) {
	w := newWorld(t)
	w.source(map[string]string{"network.yaml": network, "site.yaml": site})
	r := w.begin(push("aaaa", 0))
	if _, caught := wait[deployment.LockAnswer](w, deployment.ActionLock, r, time.Minute); caught != nil {
		t.Fatal(caught)
	}
	r.SourceKey, r.Stages, r.Validation.Valid = sourceKey, stagesOf(t, strings.Replace(independent, "%s", "always", 1)), true
	r, err := w.do(deployment.ActionNext, r)
	if err != nil || len(r.Wave) != 2 {
		t.Fatalf("wave %+v, %v", r.Wave, err)
	}
	work := map[string]deployment.Release{}
	for _, step := range r.Wave {
		mine := r
		mine.Step = step
		mine, ok := w.try(deployment.ActionPlan, mine)
		if ok {
			mine, ok = w.readPlan(mine)
		}
		if !ok {
			t.Fatalf("%+v", mine.Error)
		}
		work[step.Stack] = mine
		if _, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionRequestApproval, Release: mine, Step: &mine.Step, Token: "approve-" + step.Stack}); err != nil {
			t.Fatal(err)
		}
	}
	if pending, err := w.approver().Pending(t.Context()); err != nil || len(pending) != 2 {
		t.Fatalf("pending %+v, %v", pending, err)
	}
	decide(true, "")(w, work["site"])
	if len(answersTo(w, "approve-site")) != 1 || len(answersTo(w, "approve-network")) != 0 {
		t.Errorf("answers %+v", w.tasks.Answers)
	}
	decide(false, "not this one")(w, work["network"])
	if got := answersTo(w, "approve-network"); len(got) != 1 || !strings.Contains(got[0], `"approved":false`) {
		t.Errorf("answers %v", got)
	}
}

// TestDeletionOfRemains: the deletion is one operation like any other: begun
// once, ended by its event, found in the history when the event is lost.
func TestDeletionOfRemains(t *testing.T) {
	failing := strings.ReplaceAll(data, `Properties: {TableName`, `Metadata: {Fail: "no"}, Properties: {TableName`)
	tests := []struct {
		name    string
		prepare func(w *world)
		outcome string
		reason  string
	}{
		{"heard", func(*world) {}, events.OutcomeSucceeded, "Deployed test/data."},
		{"not heard", func(w *world) { w.deaf = true }, events.OutcomeSucceeded, "Deployed test/data."},
		{"the answer is lost", func(w *world) {
			lost := false
			w.cloud.Fault = func(call string) error {
				if call == "DeleteStack done" && !lost {
					lost = true
					return fault.Transient("connection reset")
				}
				return nil
			}
		}, events.OutcomeSucceeded, "Deployed test/data."},
		{"it fails", func(w *world) { w.cloud.FailDelete = "a bucket is not empty" }, events.OutcomeStuck,
			"a bucket is not empty. Next: evenkeel recover 222222222222/us-east-1/shop-data-test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.source(map[string]string{"network.yaml": network, "data.yaml": failing})
			one := stagesOf(t, shop)[:1]
			if r := w.run(push("aaaa", 0), one); r.Outcome != events.OutcomeRolledBack {
				t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
			}
			w.source(templates)
			tt.prepare(w)
			w.heard = nil
			r := w.run(push("bbbb", 10), one)
			if r.Outcome != tt.outcome || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("ended %s: %s", r.Outcome, r.Reason)
			}
			deletions := 0
			for _, e := range w.heard {
				if e.Detail.StatusDetails.Status == "DELETE_IN_PROGRESS" {
					deletions++
				}
			}
			if deletions != 1 {
				t.Errorf("deleted %d times", deletions)
			}
		})
	}
}

// TestWindows: a run waits for its stage to open, gives way to a later push
// meanwhile, and begins nothing when the stage closes while a person decides.
func TestWindows(t *testing.T) {
	office := strings.Replace(shop, `333333333333", `, `333333333333", windows: [{days: [mon], from: "09:00", to: "10:00"}], `, 1)
	closed := func() (*world, deployment.Release) {
		w := deployed(t) // on a Sunday
		w.source(map[string]string{"data.yaml": changedData})
		r := w.run(push("bbbb", 10), stagesOf(t, office))
		if r.Step.Kind != deployment.StepWait || r.Step.Until.Format(time.RFC3339) != "2026-11-23T09:00:00Z" {
			t.Fatalf("step %+v", r.Step)
		}
		return w, r
	}
	again := func(w *world, r deployment.Release) deployment.Release {
		lock, caught := wait[deployment.LockAnswer](w, deployment.ActionLock, r, time.Minute)
		if r.Lock, r.Error = lock, caught; caught != nil || lock.State != deployment.LockHeld {
			return w.finish(r)
		}
		return w.waves(r)
	}

	w, r := closed()
	if queue, _, err := w.service.Locks.Read(t.Context(), "acme/shop"); err != nil || queue.Holder != nil || len(queue.Aside) != 1 {
		t.Errorf("the lock while the stage is closed: %+v, %v", queue, err)
	}
	if !strings.HasSuffix(w.types(), "StageClosed") || w.locks.Held() != 0 {
		t.Errorf("facts %s, %d stacks locked", w.types(), w.locks.Held())
	}
	w.clock.Advance(r.Step.Until.Sub(w.clock.Now()))
	if r = again(w, r); r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/data, prod/data." {
		t.Errorf("opened: %s: %s", r.Outcome, r.Reason)
	}

	w, r = closed()
	w.clock.Advance(30 * time.Minute)
	w.run(push("cccc", 1800), stagesOf(t, office))
	w.clock.Advance(r.Step.Until.Sub(w.clock.Now()))
	if r = again(w, r); r.Outcome != events.OutcomeDeferred || !strings.Contains(r.Reason, "took over") || strings.Join(r.Changed(), " ") != "test/data" {
		t.Errorf("after a later push: %s: %s, changed %v", r.Outcome, r.Reason, r.Changed())
	}

	w, r = closed()
	w.clock.Advance(r.Step.Until.Sub(w.clock.Now()))
	w.decide = func(w *world, r deployment.Release) {
		w.clock.Advance(2 * time.Hour)
		decide(true, "")(w, r)
	}
	executed := len(w.cloud.Executed)
	if r = again(w, r); r.Outcome != events.OutcomeDeferred || !strings.Contains(r.Reason, "it opens at 2026-11-30T09:00:00Z") || len(w.cloud.Executed) != executed {
		t.Errorf("closed while a person decided: %s: %s", r.Outcome, r.Reason)
	}

	frozen := strings.Replace(shop, `222222222222", `, `222222222222", freezes: [{from: 2026-11-01, to: 2027-04-01, reason: moving}], `, 1)
	w = deployed(t)
	if r := w.run(push("bbbb", 10), stagesOf(t, frozen)); r.Outcome != events.OutcomeDeferred || !strings.Contains(r.Reason, "the stage test is closed: frozen from 2026-11-01 to 2027-04-01: moving") {
		t.Errorf("frozen for months: %s: %s", r.Outcome, r.Reason)
	}
}
