package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// The kinds of commits whose deployment fails in other ways than by a failed
// resource that is rolled back.
const (
	shaky      = "rollback fails once"
	leftFailed = "left as it failed"
	leftShaky  = "left, and its rollback fails twice"
	retained   = "fails, and retains a resource"
	alarmed    = "an alarm rings"
	noAlarm    = "an alarm is missing"
)

// alarmOf is the alarm that the deployments of a repository are watched with.
func alarmOf(repository string) string { return strings.TrimPrefix(repository, "acme/") + "-errors" }

// ring sets the repository's alarm: it rings for a while some time after the
// push of a commit of that kind.
func (p *Pipeline) ring(c *commit) {
	name := alarmOf(c.repository)
	if p.alarms.State[name] == "" {
		p.alarms.State[name] = verification.AlarmOK
	}
	if c.kind != alarmed {
		return
	}
	p.Clock.After(p.upTo(time.Hour), func() {
		p.alarms.State[name] = verification.AlarmALARM
		p.watch.rang[c.repository] = true
		p.Clock.After(p.upTo(20*time.Minute), func() { p.alarms.State[name] = verification.AlarmOK })
	})
}

// recover is a person who types evenkeel recover for each stack that a failed
// operation left, as often as it takes, in the end without the resource that
// cannot be restored.
func (p *Pipeline) recover() {
	for _, key := range slices.Sorted(maps.Keys(p.watch.targets)) {
		t := p.watch.targets[key]
		status := p.cloud.Status(t)
		if p.watch.recovering[key] || !strings.HasSuffix(status, "_FAILED") && status != "ROLLBACK_COMPLETE" {
			continue
		}
		p.watch.recovering[key], p.watch.touched[key] = true, true
		p.people++
		p.ask(key, deployment.Recovery{ID: fmt.Sprintf("person%04d", p.people), Target: t, By: "alice", Begin: true}, 0)
	}
}

// patient is how often a person asks.
const patient = 300

func (p *Pipeline) ask(key string, q deployment.Recovery, asked int) {
	found, err := p.service.Recover(context.Background(), q)
	p.Log("alice recovers %s with %v: %s %s %v", q.Target.StackName, q.Skip, found.State, found.Status, err)
	again := func(after time.Duration) { p.Clock.After(after, func() { p.ask(key, q, asked+1) }) }
	switch {
	case asked == patient:
		delete(p.watch.recovering, key)
	case err != nil && !fault.Is(err, fault.InvalidError):
		again(time.Minute)
	case err == nil && found.State == deployment.RecoveryRunning:
		again(30 * time.Second)
	case err == nil && found.State == deployment.RecoveryNeeded: // alice is told what it takes, and agrees
		q.Operation = found.Operation
		again(time.Second)
	case err == nil && found.State == deployment.RecoveryStuck && found.Status == "UPDATE_ROLLBACK_FAILED":
		p.people++
		q.ID, q.Skip, q.Operation = fmt.Sprintf("person%04d", p.people), []string{"Queue"}, ""
		again(time.Minute)
	default:
		delete(p.watch.recovering, key)
	}
}

// recovered looks at an operation that was begun to recover a stack, in the
// moment in which it takes effect: under the stack's lock, alone, skipping
// nothing and losing nothing but for a person.
func (w *watch) recovered(did fake.DeploymentRecovery) {
	whole := did.Target
	whole.StackName = sideless(whole.StackName)
	owner, expires := w.p.stacks.Holder(whole)
	person := strings.HasPrefix(did.Token, "evenkeel-recover-")
	w.p.Log("%s of %s with %s", did.Call, did.Target.StackName, did.Token)
	holds := strings.HasPrefix(did.Token, "evenkeel-"+owner+"-")
	if person {
		holds = owner == "recovery-"+strings.TrimPrefix(did.Token, "evenkeel-recover-")
	}
	w.recoveries[did.Call]++
	if person {
		w.recoveries["by a person"]++
	} else {
		w.operations[owner+"/"+did.Target.StackName]++
	}
	switch {
	case owner == "" || !holds:
		w.p.Violate("%s with %s, but the stack's lock has %q", did.Call, did.Token, owner)
	case !w.p.Clock.Now().Before(expires):
		w.p.Violate("%s with %s past the stack's lease, which ended %s", did.Call, did.Token, expires)
	case did.Busy:
		w.p.Violate("%s with %s while another operation goes on", did.Call, did.Token)
	case !person && len(did.Skip) > 0:
		w.p.Violate("%s with %s leaves out %v, which only a person may", did.Call, did.Token, did.Skip)
	case !person && did.Call == "DeleteStack" && len(did.Left) > 0:
		w.p.Violate("%s with %s loses %v", did.Call, did.Token, did.Left)
	}
	if !person {
		run := w.runs[owner]
		if outcome, ended := w.finished[owner]; ended && !w.inFlight(owner) {
			w.p.Violate("run %s recovers %s after it ended as %s", owner, did.Target.StackName, outcome)
		}
		w.lock(run)
		w.turns(run)
		w.works(run, did.Target)
	}
}

// perRecovery is what each operation that ends what a failed one left may cost a
// stack on top of maxTransitions.
const perRecovery = 7

// allowance is what the recoveries of a run's stacks cost at most.
func (w *watch) allowance(e *interpreter.Execution) int {
	most := 0
	for _, run := range w.runs {
		if !ranIn(e, run) {
			continue
		}
		for key, n := range w.operations {
			if strings.HasPrefix(key, run.RunID+"/") {
				most = max(most, n)
			}
		}
	}
	return most * perRecovery
}

// ranIn reports whether the execution is of the run's push.
func ranIn(e *interpreter.Execution, run events.Run) bool {
	input, _ := e.Input.(map[string]any)
	detail, _ := input["detail"].(map[string]any)
	data, _ := detail["data"].(map[string]any)
	return data["commit"] == run.Commit
}
