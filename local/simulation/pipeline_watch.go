package simulation

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// watch holds the invariants of the pipeline:
//
//   - every run that started ends, with one outcome, and its execution agrees;
//   - no change set is executed twice, or by a run that does not hold the
//     repository's lock within its lease;
//   - where the stage wants an approval, none is used twice, after its expiry,
//     for anything but exactly what it was given for, or when an author gave it;
//   - two runs of a repository never take turns in changing it, but for one that
//     stood aside while a stage was closed;
//   - a stack has one operation at a time, under its own lock within its lease;
//     nobody takes or releases the lock of a run that goes on;
//   - nothing is begun in a stage that is closed, but the way back;
//   - nothing is promoted whose checks did not pass, and nothing is brought back
//     whose checks did not fail;
//   - no stack takes more transitions than maxTransitions in a stage;
//   - a stack is recovered under its lock, by nobody else at the same time; no
//     resource is skipped or lost but for a person;
//   - a side of a stack is changed only while nobody sends it traffic, and the
//     live side stays as it is until a rollout has ended;
//   - what the outcome says about the stacks is true, and every stack that a run
//     changed is named;
//   - where no call fails, a run ends as its commit deserves;
//   - in the end no lock is held and nobody waits.
type watch struct {
	p        *Pipeline
	runs     map[string]events.Run      // started
	finished map[string]string          // run → outcome
	ends     map[string]time.Time       // run → when it finished
	seen     map[string]bool            // facts that a person has looked at
	targets  map[string]events.Target   // stacks that were planned
	planned  map[string]events.Target   // change set → its stack
	executed map[string]int             // change set → times
	complete map[string][]string        // run → "stage/stack" of its operations that ended well
	used     map[string]int             // digest that was approved → times that it was executed
	rest     map[string]approval.Stack  // change set → its stack when it was planned
	order    map[string][]string        // repository → runs in the order in which they executed
	working  map[string]map[string]bool // run → ids of stacks that its operations are changing
	versions map[string]string          // run/stack id → version before its execution
	verified map[string]bool            // run/stage/stack
	failed   map[string]string          // run → what followed from a failed verification
	count    int                        // of executions looked at
	most     int                        // transitions that a stack took, without what recoveries may cost

	begun      int             // of recoveries looked at
	recoveries map[string]int  // by call, and those of people
	operations map[string]int  // run/stack name → recoveries by the run
	recovering map[string]bool // stacks that a person recovers
	touched    map[string]bool // and those that one ever has
	rang       map[string]bool // repositories whose alarm rang
}

func newWatch(p *Pipeline) watch {
	return watch{
		p: p, runs: map[string]events.Run{}, finished: map[string]string{}, ends: map[string]time.Time{}, seen: map[string]bool{}, targets: map[string]events.Target{},
		planned: map[string]events.Target{}, executed: map[string]int{}, used: map[string]int{}, rest: map[string]approval.Stack{}, complete: map[string][]string{}, order: map[string][]string{},
		working: map[string]map[string]bool{}, versions: map[string]string{},
		verified: map[string]bool{}, failed: map[string]string{},
		recoveries: map[string]int{}, operations: map[string]int{}, recovering: map[string]bool{}, touched: map[string]bool{}, rang: map[string]bool{},
	}
}

// first reports whether the fact is seen for the first time.
func (w *watch) first(f events.Fact) bool {
	if w.seen[f.Metadata.ID] {
		return false
	}
	w.seen[f.Metadata.ID] = true
	return true
}

func (w *watch) fact(f events.Fact) {
	switch data := f.Data.(type) {
	case events.RunStarted:
		w.runs[data.RunID] = data.Run
	case events.StackPlanned:
		w.targets[data.Account+data.StackName] = data.Target
		w.planned[data.ChangeSetID] = data.Target
		w.p.silently(func() { w.rest[data.ChangeSetID] = w.stack(data.Target) })
	case events.StackVerified:
		w.verified[data.RunID+"/"+data.Stage+"/"+data.Stack] = true
	case events.VerificationFailed:
		w.failed[data.RunID] += " " + data.Stage + ":" + data.Reaction
	case events.StageClosed: // the run stands aside, and comes back
		w.order[data.Repository] = slices.DeleteFunc(w.order[data.Repository], func(id string) bool { return id == data.RunID })
	case events.RunFinished:
		before, known := w.finished[data.RunID]
		if known && before != data.Outcome {
			w.p.Violate("run %s finished as %s and as %s", data.RunID, before, data.Outcome)
		}
		w.finished[data.RunID] = data.Outcome
		if !known {
			w.ends[data.RunID] = w.p.Clock.Now()
			w.p.Log("run %s: %s: %s", data.RunID, data.Outcome, data.Reason)
			w.p.silently(func() { w.truth(data) })
			w.deserved(data)
		}
	}
}

var changeSetName = regexp.MustCompile(`changeSet/evenkeel-([0-9a-f]{8}-[0-9a-f]{6})-([a-z]+)(-rollback)?/`)

var requestToken = regexp.MustCompile(`^evenkeel-([0-9a-f]{8}-[0-9a-f]{6})-([a-z]+)-([a-z]+)(-rollback)?$`)

// called hears every call to CloudFormation. An execution is looked at in the
// moment in which it takes effect.
func (w *watch) called(call string) {
	for w.begun < len(w.p.cloud.Begun) {
		did := w.p.cloud.Begun[w.begun]
		w.begun++ // a look calls, too
		w.p.silently(func() { w.recovered(did) })
	}
	if call != "Execute done" || len(w.p.cloud.Executed) == w.count {
		return
	}
	w.count = len(w.p.cloud.Executed)
	id := w.p.cloud.Executed[w.count-1]
	w.p.silently(func() { w.execution(id) })
}

func (w *watch) execution(id string) {
	match := changeSetName.FindStringSubmatch(id)
	target, planned := w.planned[id]
	if match == nil || !planned || target.Stage != match[2] {
		w.p.Violate("%s was executed but never planned", id)
		return
	}
	runID, run := match[1], w.runs[match[1]]
	w.p.Log("execute %s/%s of run %s", target.Stage, target.Stack, runID)
	if w.executed[id]++; w.executed[id] > 1 {
		w.p.Violate("%s was executed twice", id)
	}
	if outcome, ended := w.finished[runID]; ended && !w.inFlight(runID) {
		w.p.Violate("run %s changes %s after it ended as %s", runID, target.StackName, outcome)
	}
	w.lock(run)
	w.stackLock(run, target)
	w.p.rollouts.unused(run, target)
	w.turns(run)
	if match[3] != "" {
		if !strings.Contains(w.failed[runID], target.Stage+":rollback") {
			w.p.Violate("run %s brings %s back, whose checks did not fail: %q", runID, target.StackName, w.failed[runID])
		}
		w.works(run, target)
		return
	}
	w.open(run, target)
	w.approval(run, target, id)
	w.promotion(run, target)
	w.version(run, target)
}

// inFlight reports whether the run's execution was stopped by hand so recently
// that an invocation may still be at work: nothing can call it back, so that
// only its lock must last as long.
func (w *watch) inFlight(runID string) bool {
	return w.p.stopped && w.p.Clock.Now().Sub(w.ends[runID]) < 2*time.Minute
}

func (w *watch) lock(run events.Run) {
	queue, _, err := w.p.locks.Read(context.Background(), run.Repository)
	switch {
	case err != nil:
		w.p.Violate("%v", err)
	case queue.Holder == nil || queue.Holder.RunID != run.RunID:
		w.p.Violate("run %s changes %s but the lock is held by %+v", run.RunID, run.Repository, queue.Holder)
	case !w.p.Clock.Now().Before(queue.Holder.Expires):
		w.p.Violate("run %s changes %s past its lease, which ended %s", run.RunID, run.Repository, queue.Holder.Expires)
	}
}

// turns checks that the runs of a repository follow each other.
func (w *watch) turns(run events.Run) {
	order := w.order[run.Repository]
	if n := len(order); n == 0 || order[n-1] != run.RunID {
		if slices.Contains(order, run.RunID) {
			w.p.Violate("runs of %s take turns: %v, then %s again", run.Repository, order, run.RunID)
		}
		w.order[run.Repository] = append(order, run.RunID)
	}
	for _, other := range order {
		if other != run.RunID && w.finished[other] != events.OutcomeStuck && len(w.working[other]) > 0 {
			w.p.Violate("run %s changes %s while an operation of run %s goes on", run.RunID, run.Repository, other)
		}
	}
}

// promotion checks that the stage before works, as far as there are checks.
func (w *watch) promotion(run events.Run, target events.Target) {
	if target.Stage == "prod" && (!w.verified[run.RunID+"/test/site"] || !w.verified[run.RunID+"/test/data"]) {
		w.p.Violate("run %s changes %s, though test is not verified", run.RunID, target.StackName)
	}
}

// works notes that an operation of the run changes the stack, and returns the
// stack as it is before.
func (w *watch) works(run events.Run, target events.Target) deployment.Stack {
	stack, err := w.p.cloud.Stacks().Describe(context.Background(), target)
	if err != nil {
		w.p.Violate("%v", err)
	}
	for _, id := range slices.Sorted(maps.Keys(w.working)) {
		if w.working[id][stack.ID] {
			w.p.Violate("run %s executes a change set of %s while one of run %s is executed", run.RunID, target.StackName, id)
		}
	}
	if w.working[run.RunID] == nil {
		w.working[run.RunID] = map[string]bool{}
	}
	w.working[run.RunID][stack.ID] = true
	return stack
}

// version keeps what was deployed before an execution.
func (w *watch) version(run events.Run, target events.Target) {
	w.versions[run.RunID+target.StackName] = w.works(run, target).Outputs["Version"]
}

// status hears the cloud itself, before any event can get lost.
func (w *watch) status(e events.Envelope[events.StackStatusDetail]) {
	status := e.Detail.StatusDetails.Status
	if m := requestToken.FindStringSubmatch(e.Detail.ClientRequestToken); m != nil && (status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE") {
		stack := m[2] + "/" + m[3]
		w.complete[m[1]] = slices.DeleteFunc(w.complete[m[1]], func(s string) bool { return s == stack })
		if m[4] == "" { // else it is back
			w.complete[m[1]] = append(w.complete[m[1]], stack)
		}
	}
	if strings.HasSuffix(status, "_COMPLETE") || strings.HasSuffix(status, "_FAILED") {
		for _, stacks := range w.working {
			delete(stacks, e.Detail.StackID)
		}
	}
}

// truth compares what the end of a run says with the stacks.
func (w *watch) truth(data events.RunFinished) {
	c := w.p.commits[data.Commit]
	switch data.Outcome {
	case events.OutcomeSucceeded:
		for _, t := range w.stages(c) {
			if record, ok := w.p.rollouts.used(t); ok {
				t.StackName = record.Live.StackName
			}
			if got := w.deployed(t); got != fmt.Sprint(c.version) {
				w.p.Violate("run %s succeeded with version %d, but %s in %s has %q", data.RunID, c.version, t.StackName, t.Stage, got)
			}
		}
	case events.OutcomeRolledBack:
		if strings.Contains(data.Reason, "verification failed") {
			w.back(c, data)
			return
		}
		if data.Failure != nil && data.Failure.Stack == api && w.p.rollouts.aborted[data.RunID+"/"+data.Failure.Stage] {
			if !strings.Contains(data.Failure.Reason, "the rollout was aborted at 50 % of the traffic: errors is 7") {
				w.p.Violate("run %s does not say why its rollout was aborted: %+v", data.RunID, data.Failure)
			}
			return
		}
		alarm := data.Failure != nil && data.Failure.LogicalID == "" && strings.Contains(data.Failure.Reason, alarmOf(c.repository)) && w.rang[c.repository]
		if data.Failure == nil || !alarm && (data.Failure.LogicalID != "Queue" || data.Failure.Reason != "Quota exceeded") {
			w.p.Violate("run %s does not name what failed: %+v", data.RunID, data.Failure)
			return
		}
		t := w.p.rollouts.side(data.RunID, w.target(c, data.Failure.Stage, data.Failure.Stack))
		if got, want := w.deployed(t), w.versions[data.RunID+t.StackName]; got != want || !strings.HasSuffix(w.p.cloud.Status(t), "ROLLBACK_COMPLETE") && !w.touched[t.Account+t.StackName] {
			w.p.Violate("run %s rolled back, but %s is in %s with version %q, was %q", data.RunID, t.StackName, w.p.cloud.Status(t), got, want)
		}
	case events.OutcomeRejected:
		if strings.Contains("unknown key invalid", c.kind) && (len(data.Findings) == 0 || len(data.Changed) > 0) {
			w.p.Violate("run %s was rejected without findings, or after changes: %+v", data.RunID, data)
		}
	case events.OutcomeDeferred, events.OutcomeStuck:
	default:
		w.p.Violate("run %s ended as %q", data.RunID, data.Outcome)
	}
}

// back checks that what the run changed, and whose checks failed, is what it was.
func (w *watch) back(c *commit, data events.RunFinished) {
	if data.Failure == nil {
		w.p.Violate("run %s does not say what failed", data.RunID)
		return
	}
	for _, t := range w.stages(c) {
		record, ok := w.p.rollouts.used(t)
		if ok && t.Stage == data.Failure.Stage && data.Failure.Stack == "" && record.Live.Commit == c.id && record.Old != (rollout.Side{}) {
			w.p.Violate("run %s rolled %s out, whose traffic was not given back", data.RunID, t.StackName)
		}
		was, touched := w.versions[data.RunID+t.StackName]
		if t.Stage != data.Failure.Stage || data.Failure.Stack != "" && t.Stack != data.Failure.Stack || !touched {
			continue
		}
		if got := w.deployed(t); got != was {
			w.p.Violate("run %s brought %s back, but it has version %q, was %q", data.RunID, t.StackName, got, was)
		}
	}
}

// deserved says how a run may end where no call fails. Every run may be
// superseded, rejected by a person who does not decide or says no, or stuck at a
// stack that an earlier one left broken.
func (w *watch) deserved(data events.RunFinished) {
	if !w.undisturbed() || w.p.stopped {
		return
	}
	for _, stack := range w.complete[data.RunID] {
		if strings.HasSuffix(stack, "/"+api) && data.Outcome != events.OutcomeSucceeded {
			continue // what gets no traffic is not named
		}
		if !slices.Contains(data.Changed, stack) {
			w.p.Violate("run %s changed %s and does not say so: %v", data.RunID, stack, data.Changed)
		}
	}
	if data.Outcome == events.OutcomeDeferred {
		if strings.Contains(data.Reason, "no longer holds the lock") {
			w.p.Violate("run %s lost a lock that it had been given", data.RunID)
		}
		return
	}
	kind := w.p.commits[data.Commit].kind
	if data.Outcome == events.OutcomeStuck && w.left(data.Repository) && strings.Contains(data.Reason, "Next: ") {
		return
	}
	if data.Outcome == events.OutcomeRolledBack && w.rang[data.Repository] {
		return
	}
	if data.Outcome == events.OutcomeRolledBack && strings.Contains(data.Reason, "the rollout was aborted") ||
		data.Outcome == events.OutcomeStuck && w.p.rollouts.late[data.RunID] && strings.Contains(data.Reason, "evenkeel rollout status") {
		return
	}
	if w.failed[data.RunID] != "" && (data.Outcome == events.OutcomeStuck || data.Outcome == events.OutcomeRolledBack) {
		return
	}
	may := map[string][]string{
		"unknown key": {events.OutcomeRejected}, "invalid": {events.OutcomeRejected}, "problem": {events.OutcomeRejected},
		"no stage": {events.OutcomeSucceeded},
		"fail":     {events.OutcomeRolledBack, events.OutcomeRejected}, "fail both": {events.OutcomeRolledBack, events.OutcomeRejected}, "stuck": {events.OutcomeRejected},
		shaky: {events.OutcomeRolledBack, events.OutcomeRejected}, leftFailed: {events.OutcomeRejected}, leftShaky: {events.OutcomeRejected},
		retained: {events.OutcomeRolledBack, events.OutcomeRejected}, alarmed: {events.OutcomeSucceeded, events.OutcomeRejected}, noAlarm: {events.OutcomeRejected},
		brokenTest: {events.OutcomeSucceeded, events.OutcomeRejected}, brokenProd: {events.OutcomeSucceeded, events.OutcomeRejected}, // in develop, or where a person says no
		brokenTests: {events.OutcomeRejected}, brokenStage: {events.OutcomeSucceeded, events.OutcomeRejected},
		brokenSide:  {events.OutcomeSucceeded, events.OutcomeRejected}, // where there is no side
		"app fails": {events.OutcomeRejected}, "app": {events.OutcomeSucceeded, events.OutcomeRejected},
		"change": {events.OutcomeSucceeded, events.OutcomeRejected}, "same": {events.OutcomeSucceeded, events.OutcomeRejected},
		"shrink": {events.OutcomeSucceeded, events.OutcomeRejected}, "blocked": {events.OutcomeSucceeded, events.OutcomeRejected},
	}[kind]
	if !slices.Contains(may, data.Outcome) {
		w.p.Violate("run %s of a commit of kind %q ended as %s: %s", data.RunID, kind, data.Outcome, data.Reason)
	}
}

// left reports whether commits of the repository leave stacks that must be
// recovered.
func (w *watch) left(repository string) bool {
	for _, c := range w.p.commits {
		if c.repository == repository && slices.Contains([]string{"stuck", shaky, leftFailed, leftShaky, retained}, c.kind) {
			return true
		}
	}
	return false
}

func (w *watch) deployed(t events.Target) string {
	stack, err := w.p.cloud.Stacks().Describe(context.Background(), t)
	if err != nil {
		w.p.Violate("%v", err)
	}
	return stack.Outputs["Version"]
}

func (w *watch) target(c *commit, stage, stack string) events.Target {
	account := "222222222222"
	if stage == "prod" {
		account = "333333333333"
	}
	return events.Target{
		Stage: stage, Stack: stack, Account: account, Region: "us-east-1",
		StackName: strings.TrimPrefix(c.repository, "acme/") + "-" + stack + "-" + stage,
	}
}

// stages lists the stacks that a commit is deployed to.
func (w *watch) stages(c *commit) []events.Target {
	var targets []events.Target
	for _, stage := range map[string][]string{"main": {"test", "prod"}, "develop": {"dev"}}[c.branch] {
		for _, stack := range []string{"network", "site", "data"} {
			targets = append(targets, w.target(c, stage, stack))
		}
		if c.rolls {
			targets = append(targets, w.target(c, stage, api))
		}
	}
	return targets
}

// ended compares an execution's end with its run's.
func (w *watch) ended(e *interpreter.Execution) {
	w.transitions(e)
	if e.Machine != "pipeline" || e.Status != interpreter.Succeeded {
		if e.Status == interpreter.Failed && e.Error != "RolledBack" && e.Error != "Stuck" {
			w.p.Violate("%s failed with %s", e.Name, e.Error)
		}
		return
	}
	output, _ := e.Output.(map[string]any)
	if output["duplicate"] == true {
		return
	}
	runID, _ := output["runId"].(string)
	if got := w.finished[runID]; got != output["outcome"] {
		w.p.Violate("%s ended with the outcome %v, but its run %s finished as %q", e.Name, output["outcome"], runID, got)
	}
}

// End checks what must hold when everything has come to rest.
func (p *Pipeline) End() {
	p.quiet = true
	if n := p.stacks.Held(); n > 0 && p.watch.undisturbed() && !p.stopped {
		p.Violate("%d stacks are still locked", n)
	}
	for _, e := range p.Runs {
		if e.Status == interpreter.Running {
			p.Violate("%s never ended", e.Name)
		}
	}
	for _, f := range p.Facts {
		started, ok := f.Data.(events.RunStarted)
		if ok && p.watch.finished[started.RunID] == "" {
			p.Violate("run %s never ended", started.RunID)
		}
	}
	for _, repository := range repositories {
		queue, _, err := p.locks.Read(context.Background(), repository)
		if h := queue.Holder; h != nil && p.watch.finished[h.RunID] != "" && !p.Clock.Now().Before(h.Expires) {
			queue.Holder = nil // the lease of a run that was stopped; the next one takes over
		}
		if err != nil || queue.Holder != nil || len(queue.Waiting) > 0 {
			p.Violate("the lock of %s is left as %+v %v", repository, queue, err)
		}
	}
}
