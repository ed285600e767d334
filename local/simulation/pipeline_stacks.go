package simulation

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// open checks that the stage takes deployments.
func (w *watch) open(run events.Run, target events.Target) {
	c := w.p.commits[run.Commit]
	if now := w.p.Clock.Now().UTC(); c.windows && target.Stage == "prod" &&
		(now.Weekday() == time.Saturday || now.Weekday() == time.Sunday || now.Hour() < 9 || now.Hour()*60+now.Minute() > 10*60+31 || now.Day() == 3) {
		w.p.Violate("run %s changes %s in a closed stage", run.RunID, target.StackName)
	}
}

// stackLock checks the lock of the stack that is about to be changed.
func (w *watch) stackLock(run events.Run, target events.Target) {
	target.StackName = sideless(target.StackName)
	owner, expires := w.p.stacks.Holder(target)
	switch {
	case owner != run.RunID:
		w.p.Violate("run %s changes %s, whose lock %q has", run.RunID, target.StackName, owner)
	case !w.p.Clock.Now().Before(expires):
		w.p.Violate("run %s changes %s past the stack's lease, which ended %s", run.RunID, target.StackName, expires)
	}
}

// locked hears that a stack's lock changed hands. One that is taken from a run
// must have ended, by its lease or with the run.
func (w *watch) locked(target events.Target, from, to string, expires time.Time) {
	if from == "" || to == "" || !w.p.Clock.Now().Before(expires) || w.finished[from] != "" {
		return
	}
	w.p.Violate("run %s took the lock of %s from run %s, whose lease lasts until %s", to, target.StackName, from, expires)
}

// maxTransitions bounds what a stack may cost in a stage: the states that are
// entered, and their retries. Where calls to AWS fail, the retries that follow
// such a failure come on top.
const maxTransitions = 30

// transitions counts them. A stack is one iteration of a Map.
func (w *watch) transitions(e *interpreter.Execution) {
	wave, counts := 0, map[[2]int]int{}
	for _, v := range e.Visits {
		if v.Kind == interpreter.Entered && v.State == "Deploy" {
			wave++
		}
		waits := strings.HasPrefix(v.Error, "Verification") || v.Error == deployment.PlanPending || v.Error == fault.ConflictError
		if v.Item < 0 || v.Kind == interpreter.Caught || v.Kind == interpreter.Retried && !waits && !w.undisturbed() {
			continue
		}
		counts[[2]int{wave, v.Item}]++
	}
	for at, n := range counts {
		w.most = max(w.most, n-w.allowance(e))
		if n > maxTransitions+w.allowance(e) {
			w.p.Violate("%s took %d transitions for stack %d of wave %d", e.Name, n, at[1], at[0])
		}
	}
}

// undisturbed says that no call fails in this world.
func (w *watch) undisturbed() bool {
	c := w.p.chaos
	return c.Transient == 0 && c.Permanent == 0 && c.Lambda == 0 && c.Hang == 0 && c.Force == nil
}
