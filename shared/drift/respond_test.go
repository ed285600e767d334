package drift_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// policies answers with one policy, or an error.
type policies struct {
	policy response.Policy
	err    error
}

func (p *policies) Policy(context.Context) (response.Policy, error) { return p.policy, p.err }

// responding is a world with a policy, baselines and locks.
func responding(t *testing.T) (*world, *policies, *fake.DeploymentStackLocks) {
	w := newWorld(t)
	p, locks := &policies{policy: response.Default()}, &fake.DeploymentStackLocks{Now: w.clock.Now}
	w.service.Policies, w.service.Baselines, w.service.Locks = p, &fake.DriftBaselines{}, locks
	return w, p, locks
}

// reverting is a policy that wishes everything back.
func reverting() response.Policy {
	row := response.Row{}
	for _, s := range response.Severities() {
		row[s] = response.Revert
	}
	return response.Policy{Responses: map[string]response.Row{"default": row}}
}

func (w *world) report(scan drift.Scan) drift.Scan {
	w.t.Helper()
	return must(w.service.Report(ctx, w.detect(scan, "detection")))(w.t)
}

// scheduled is a scan that nobody asked for.
func scheduled() drift.Scan {
	scan := scanOf(network)
	scan.Revert, scan.RequestedBy = false, ""
	return scan
}

func (w *world) holder() string {
	w.t.Helper()
	target := events.Target{StackName: network.StackName, Account: network.Account, Region: network.Region}
	holder := must(w.service.Locks.Acquire(ctx, target, "somebody", "", w.clock.Now().Add(time.Second)))(w.t)
	if err := w.service.Locks.Release(ctx, target, "somebody"); err != nil {
		w.t.Fatal(err)
	}
	return holder
}

func TestRespond(t *testing.T) {
	w, _, _ := responding(t)
	scan := w.report(scheduled())
	r := scan.Drift.Resources[0]
	if r.Severity != "medium" || r.Response != "notify" || !strings.Contains(r.Why, "unknown") || scan.Revert || len(scan.Drift.Kept) != 0 {
		t.Errorf("%+v, revert %v, kept %v", r, scan.Revert, scan.Drift.Kept)
	}
	scanned := w.facts.Facts()[0].Data.(events.DriftScanned)
	if scanned.Digest != scan.Drift.Digest || scanned.Digest == "" || scanned.Resources[0].Response != "notify" {
		t.Errorf("scanned %+v", scanned)
	}
}

// The digest is of what drifted, whatever is thought of it.
func TestDigestIsOfWhatDrifted(t *testing.T) {
	w, p, _ := responding(t)
	before := w.report(scheduled()).Drift.Digest
	p.policy = reverting()
	if after := w.report(scheduled()).Drift.Digest; after != before {
		t.Error("another policy is another digest")
	}
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 31.0}
	if after := w.report(scheduled()).Drift.Digest; after == before {
		t.Error("another value has the same digest")
	}
}

func TestRevertByPolicy(t *testing.T) {
	w, p, _ := responding(t)
	p.policy = reverting()
	scan := w.report(scheduled())
	if !scan.Revert || scan.RequestedBy != "the drift policy" || scan.Seen != scan.Drift.Digest {
		t.Errorf("%+v", scan)
	}
	asked := scanOf(network)
	asked.Revert = false
	if scan = w.report(asked); scan.Revert {
		t.Error("a scan that a person asked for reverted what was not asked for")
	}
	p.policy.Ignore = []response.Exception{{LogicalID: "Jobs", Reason: "a test", Until: w.clock.Now().Add(time.Hour)}}
	if scan = w.report(scheduled()); scan.Revert || len(scan.Drift.Kept) != 1 || scan.Drift.Kept[0].LogicalID != "Jobs" {
		t.Errorf("revert %v, kept %v", scan.Revert, scan.Drift.Kept)
	}
}

// A policy that cannot be read hides nothing and reverts nothing.
func TestBrokenPolicy(t *testing.T) {
	w, p, _ := responding(t)
	p.err = fault.Invalid("policy:2:1: unknown key")
	scan := w.report(scheduled())
	scanned := w.facts.Facts()[0].Data.(events.DriftScanned)
	if scan.Drift.Resources[0].Response != "notify" || !strings.Contains(scanned.Reason, "policy:2:1: unknown key") {
		t.Errorf("%+v, %s", scan.Drift.Resources, scanned.Reason)
	}
	p.err = fault.Transient("throttled")
	if _, err := w.service.Report(ctx, scan); !fault.Is(err, fault.TransientError) {
		t.Errorf("error %v", err)
	}
}

func TestRevertOfWhatWasSeen(t *testing.T) {
	w, _, _ := responding(t)
	seen := w.report(scheduled()).Drift.Digest
	scan := scanOf(network)
	scan.Seen = seen
	if scan = w.report(scan); !scan.Revert {
		t.Errorf("refused what was seen: %+v", scan.Result)
	}
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 31.0}
	scan = scanOf(network)
	scan.Seen = seen
	if scan = w.report(scan); scan.Revert || scan.Result.Outcome != drift.OutcomeRevertRefused || !strings.Contains(scan.Result.Reasons[0], "not the one that was seen") {
		t.Errorf("%+v", scan.Result)
	}
	if types := w.facts.Types(); types[len(types)-1] != "DriftRevertRefused.v1" {
		t.Errorf("facts %v", types)
	}
	w.stack.Resources["Jobs"].Actual = w.stack.Resources["Jobs"].Expected
	scan = scanOf(network)
	scan.Seen = seen
	if scan = w.report(scan); scan.Result.Outcome != drift.OutcomeInSync {
		t.Errorf("nothing is left: %+v", scan.Result)
	}
	if _, err := w.service.List(ctx, drift.Request{Revert: true, Seen: seen}, "x"); err != nil {
		t.Errorf("one stack: %v", err)
	}
	w.service.Inventory = fake.DriftInventory{network, {StackName: "other"}}
	if _, err := w.service.List(ctx, drift.Request{Revert: true, Seen: seen}, "x"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("two stacks: %v", err)
	}
}

// TestRevertOfWhatChangedMeanwhile: between the report and the change set.
func TestRevertOfWhatChangedMeanwhile(t *testing.T) {
	w, _, _ := responding(t)
	scan := w.report(scanOf(network))
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 31.0}
	scan = must(w.service.PlanRevert(ctx, scan))(t)
	w.clock.Advance(time.Minute)
	scan = must(w.service.ReadRevert(ctx, scan))(t)
	scan = must(w.service.Guard(ctx, scan))(t)
	if scan.Plan.State != drift.PlanRefused || scan.Result.Reasons[0] != "Jobs/VisibilityTimeout has another value than in the report" {
		t.Errorf("%+v", scan.Result)
	}
}

func TestAccept(t *testing.T) {
	w, p, _ := responding(t)
	p.policy = reverting()
	seen := w.report(scheduled()).Drift.Digest
	ask := drift.Acceptance{Stack: network.StackName, LogicalID: "Jobs", Path: "/VisibilityTimeout", Seen: seen, Reason: "load test", By: "arn:kim"}
	for want, change := range map[string]func(*drift.Acceptance){
		"say who accepts it and why":     func(a *drift.Acceptance) { a.Reason = " " },
		"is over":                        func(a *drift.Acceptance) { a.Until = w.clock.Now() },
		"not the one that was seen":      func(a *drift.Acceptance) { a.Seen = "another" },
		"what did is /VisibilityTimeout": func(a *drift.Acceptance) { a.Path = "/DelaySeconds" },
		"what did is Jobs":               func(a *drift.Acceptance) { a.LogicalID = "News" },
		"no deployed stack":              func(a *drift.Acceptance) { a.Stack = "nothing" },
	} {
		wrong := ask
		change(&wrong)
		if _, err := w.service.Accept(ctx, wrong); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	accepted := must(w.service.Accept(ctx, ask))(t)
	if accepted.Actual != "30" || accepted.By != "arn:kim" || accepted.StackID != network.StackID {
		t.Errorf("accepted %+v", accepted)
	}
	if types := w.facts.Types(); types[len(types)-1] != "DriftAccepted.v1" {
		t.Errorf("facts %v", types)
	}
	scan := w.report(scheduled())
	if r := scan.Drift.Resources[0]; r.Response != "ignore" || r.Why != "accepted by arn:kim: load test" || scan.Revert {
		t.Errorf("%+v", r)
	}

	// What was accepted is not brought back unless that is asked for.
	scan = must(w.service.Guard(ctx, w.planned()))(t)
	if scan.Plan.State != drift.PlanRefused || !strings.Contains(scan.Result.Reasons[0], "Jobs would be overwritten, which is accepted by arn:kim: load test") {
		t.Errorf("%+v", scan.Result)
	}
	scan = w.planned()
	scan.IncludeKept = true
	if scan = must(w.service.Guard(ctx, scan))(t); scan.Plan.State != drift.PlanApproved {
		t.Errorf("%+v", scan.Result)
	}

	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 31.0}
	if r := w.report(scheduled()).Drift.Resources[0]; r.Response != "revert" || !strings.Contains(r.Why, "changed since") {
		t.Errorf("another value is drift again: %+v", r)
	}
	w.stack.Resources["Jobs"].Actual = map[string]any{"VisibilityTimeout": 30.0}
	out, _, err := w.service.Handle(ctx, []byte(`{"action":"unaccept","accept":{"stack":"shop-network-test","logicalId":"Jobs","path":"/VisibilityTimeout","by":"arn:kim"}}`))
	if withdrawn, ok := out.(events.DriftAccepted); err != nil || !ok || !withdrawn.Withdrawn {
		t.Errorf("%+v, %v", out, err)
	}
	if r := w.report(scheduled()).Drift.Resources[0]; r.Response != "revert" {
		t.Errorf("%+v", r)
	}
	if _, err := w.service.Unaccept(ctx, ask); !fault.Is(err, fault.InvalidError) {
		t.Errorf("error %v", err)
	}
}

// TestRevertHoldsTheStack: from the plan to the verification, and never longer.
func TestRevertHoldsTheStack(t *testing.T) {
	t.Run("verified", func(t *testing.T) {
		w, _, _ := responding(t)
		scan := w.planned()
		if got := w.holder(); got != scan.ScanID {
			t.Errorf("planned: held by %q", got)
		}
		scan = w.executed(scan)
		if got := w.holder(); got != scan.ScanID {
			t.Errorf("executed: held by %q", got)
		}
		scan = must(w.service.VerifyReverted(ctx, w.detect(scan, "verification")))(t)
		if got := w.holder(); got != "somebody" || scan.Result.Outcome != drift.OutcomeReverted {
			t.Errorf("verified: held by %q, %+v", got, scan.Result)
		}
	})
	t.Run("refused", func(t *testing.T) {
		w, _, _ := responding(t)
		scan := w.planned()
		scan.Drift.Resources = nil
		if scan = must(w.service.Guard(ctx, scan))(t); scan.Plan.State != drift.PlanRefused || w.holder() != "somebody" {
			t.Errorf("%+v", scan.Plan)
		}
	})
	t.Run("failed", func(t *testing.T) {
		w, _, _ := responding(t)
		scan := w.planned()
		scan.Error = &drift.Caught{Error: fault.PermanentError, Cause: "broken"}
		if scan = must(w.service.Fail(ctx, scan))(t); scan.Result.Outcome != drift.OutcomeFailed || w.holder() != "somebody" {
			t.Errorf("%+v", scan.Result)
		}
	})
	t.Run("a deployment has it", func(t *testing.T) {
		w, _, locks := responding(t)
		target := events.Target{StackName: network.StackName, Account: network.Account, Region: network.Region}
		must(locks.Acquire(ctx, target, "run-1", "", w.clock.Now().Add(time.Hour)))(t)
		scan := w.report(scanOf(network))
		_, err := w.service.PlanRevert(ctx, scan)
		if !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), "locked by run-1") {
			t.Fatalf("error %v", err)
		}
		scan.Error = &drift.Caught{Error: fault.ConflictError, Cause: err.Error()}
		scan = must(w.service.Fail(ctx, scan))(t)
		if got := w.holder(); scan.Result.Outcome != drift.OutcomeSkipped || got != "run-1" || !slices.Contains(w.facts.Types(), "DriftRevertRefused.v1") {
			t.Errorf("%+v, held by %s", scan.Result, got)
		}
	})
	t.Run("a side of a rollout", func(t *testing.T) {
		w, _, locks := responding(t)
		blue := network
		blue.StackName = "shop-web-blue"
		must(locks.Acquire(ctx, events.Target{StackName: "shop-web", Account: blue.Account, Region: blue.Region}, "run-1", "", w.clock.Now().Add(time.Hour)))(t)
		if _, err := w.service.PlanRevert(ctx, scanOf(blue)); !fault.Is(err, fault.ConflictError) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("lost before the execution", func(t *testing.T) {
		w, _, locks := responding(t)
		scan := must(w.service.Guard(ctx, w.planned()))(t)
		w.clock.Advance(time.Hour)
		target := events.Target{StackName: network.StackName, Account: network.Account, Region: network.Region}
		must(locks.Acquire(ctx, target, "run-1", "", w.clock.Now().Add(time.Hour)))(t)
		if err := w.service.ExecuteRevert(ctx, scan, "execution"); err != nil {
			t.Fatal(err)
		}
		if a := w.tasks.Answer("execution"); a.Kind != fault.PermanentError || !strings.Contains(a.Cause, "locked by run-1") {
			t.Errorf("%+v", a)
		}
	})
}
