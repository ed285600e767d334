package deployment_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// ask is one invocation of the recover action.
func (w *world) ask(q deployment.Recovery) (deployment.Recovered, error) {
	if q.ID == "" {
		q.ID = "5f0c2b7d9e"
	}
	if q.Target.StackName == "" {
		q.Target, q.By = soloQueue, "arn:aws:iam::111111111111:user/ann"
	}
	if q.Begin && q.Operation == "" { // ann agrees to what she is told
		look := q
		look.Begin = false
		found, err := handle[deployment.Recovered](w, deployment.Request{Action: deployment.ActionRecover, Recovery: look})
		if err != nil {
			return found, err
		}
		q.Operation = found.Operation
	}
	return handle[deployment.Recovered](w, deployment.Request{Action: deployment.ActionRecover, Recovery: q})
}

// recover asks until the recovery has ended.
func (w *world) recover(t *testing.T, q deployment.Recovery) deployment.Recovered {
	t.Helper()
	q.Begin = true
	for {
		found, err := w.ask(q)
		if err != nil {
			t.Fatal(err)
		}
		if found.State != deployment.RecoveryRunning {
			return found
		}
		holder, until := w.locks.Holder(soloQueue)
		if holder != "recovery-5f0c2b7d9e" || !w.clock.Now().Before(until) {
			t.Errorf("the lock is held by %q until %s", holder, until)
		}
		if !w.clock.Step() {
			t.Fatalf("it never ends: %+v", found)
		}
	}
}

// TestRecoverByAPerson: each state that a person can end, with and without
// resources that are left as they are.
func TestRecoverByAPerson(t *testing.T) {
	retained := func(fails string) string {
		return strings.Replace(queue("20", fails), "  Before: {", "  Before: {DeletionPolicy: Retain, ", 1)
	}
	undeletable := strings.Replace(queue("20", "Fail: no quota"), "  Before: {", "  Before: {Metadata: {FailDelete: not empty}, ", 1)
	tests := []struct {
		name      string
		updates   bool
		template  string // of the push that fails
		more      string
		operation string // that the look names
		resources int    // that it lists
		skip      []string
		state     string
		status    string // of the stack afterwards; "" when it is gone
		next      string
	}{
		{"a rollback that fails once more", true, queue("20", "Fail: no quota, FailRollback: in use, RollbackTries: 2"), "",
			deployment.OperationContinue, 0, nil, deployment.RecoveryDone, "UPDATE_ROLLBACK_COMPLETE", ""},
		{"a rollback that always fails", true, queue("20", "Fail: no quota, FailRollback: in use"), "",
			deployment.OperationContinue, 0, nil, deployment.RecoveryStuck, "UPDATE_ROLLBACK_FAILED", "evenkeel recover 222222222222/us-east-1/solo-queue-test, and when that fails again, to leave them as they are: --skip Jobs"},
		{"a rollback that always fails, without the resource", true, queue("20", "Fail: no quota, FailRollback: in use"), "",
			deployment.OperationContinue, 0, []string{"Jobs"}, deployment.RecoveryDone, "UPDATE_ROLLBACK_COMPLETE", ""},
		{"an update that was left", true, queue("20", "Fail: no quota"), "disableRollback: true",
			deployment.OperationRollback, 0, nil, deployment.RecoveryDone, "UPDATE_ROLLBACK_COMPLETE", ""},
		{"a creation that was left", false, queue("20", "Fail: no quota"), "disableRollback: true",
			deployment.OperationRollback, 0, nil, deployment.RecoveryDone, "ROLLBACK_COMPLETE", ""},
		{"remains with a retained resource", false, retained("Fail: no quota"), "",
			deployment.OperationDelete, 1, nil, deployment.RecoveryDone, "", ""},
		{"remains that cannot be deleted", false, undeletable, "",
			deployment.OperationDelete, 1, nil, deployment.RecoveryStuck, "DELETE_FAILED", "evenkeel recover 222222222222/us-east-1/solo-queue-test, with --skip for each resource that is to be left behind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.updates {
				w.pushed(t, 0, queue("10", ""), "")
			}
			w.pushed(t, 1, tt.template, tt.more)
			found, err := w.ask(deployment.Recovery{})
			if err != nil || found.State != deployment.RecoveryNeeded || found.Operation != tt.operation || len(found.Resources) != tt.resources {
				t.Fatalf("found %+v, %v", found, err)
			}
			w.facts.Facts = nil
			found = w.recover(t, deployment.Recovery{Skip: tt.skip})
			if found.State != tt.state || w.cloud.Status(soloQueue) != tt.status || found.Next != tt.next {
				t.Errorf("ended %+v in %s", found, w.cloud.Status(soloQueue))
			}
			if requested, ok := last[events.StackRecoveryRequested](w); !ok || requested.By == "" || requested.Operation != tt.operation || len(requested.Skip) != len(tt.skip) || w.types() != "StackRecoveryRequested" {
				t.Errorf("recorded %+v", requested)
			}
			if holder, _ := w.locks.Holder(soloQueue); holder != "" {
				t.Errorf("the lock is left to %s", holder)
			}
		})
	}
	t.Run("remains that are left behind", func(t *testing.T) {
		w := newWorld(t)
		w.pushed(t, 1, undeletable, "")
		if _, err := w.ask(deployment.Recovery{Begin: true, Skip: []string{"Before"}}); !fault.Is(err, fault.InvalidError) {
			t.Errorf("CloudFormation would refuse it: %v", err)
		}
		w.recover(t, deployment.Recovery{})
		found, err := w.ask(deployment.Recovery{ID: "aaaaaaaa", Begin: true, Skip: []string{"Before"}})
		w.clock.Run()
		if err != nil || found.State != deployment.RecoveryRunning || w.cloud.Status(soloQueue) != "" {
			t.Errorf("%+v, %v; in %s", found, err, w.cloud.Status(soloQueue))
		}
	})
}

func TestRecoverRefuses(t *testing.T) {
	w := newWorld(t)
	if _, err := w.ask(deployment.Recovery{ID: "no"}); !fault.Is(err, fault.InvalidError) {
		t.Errorf("a request without an id: %v", err)
	}
	w.pushed(t, 0, queue("10", ""), "")
	if found, err := w.ask(deployment.Recovery{Begin: true}); err != nil || found.State != deployment.RecoveryDone || strings.Contains(w.types(), "Requested") {
		t.Errorf("a stack in order: %+v, %v", found, err)
	}
	w.pushed(t, 1, queue("20", "Fail: no quota, FailRollback: in use"), "")
	if _, err := w.locks.Acquire(t.Context(), soloQueue, "another-run", "", w.clock.Now().Add(1e12)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ask(deployment.Recovery{Begin: true}); !fault.Is(err, fault.ConflictError) {
		t.Errorf("a locked stack: %v", err)
	}
	if err := w.locks.Release(t.Context(), soloQueue, "another-run"); err != nil {
		t.Fatal(err)
	}
	w.cloud.Protect(soloQueue)
	w.cloud.Break(soloQueue, "ROLLBACK_COMPLETE")
	if found, err := w.ask(deployment.Recovery{Begin: true}); err != nil || found.State != deployment.RecoveryStuck || !strings.Contains(found.Next, "update-termination-protection") {
		t.Errorf("a protected stack: %+v, %v", found, err)
	}
	w.cloud.Break(soloQueue, "CREATE_FAILED")
	if found, err := w.ask(deployment.Recovery{Begin: true, Operation: deployment.OperationDelete}); err != nil || found.State != deployment.RecoveryNeeded || found.Operation != deployment.OperationRollback {
		t.Errorf("begun what nobody agreed to: %+v, %v", found, err)
	}
	if _, err := w.ask(deployment.Recovery{Begin: true, Skip: []string{"Jobs"}}); !fault.Is(err, fault.InvalidError) {
		t.Errorf("a rollback without a resource: %v", err)
	}
}
