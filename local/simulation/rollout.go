package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// Rollout is a world in which pushes of one stack are rolled out one after the
// other, while metrics come, are late, flap and stop, people give commands,
// somebody sets weights by hand, and executions are stopped. The release is the
// RollOut state of the real pipeline; the clock is the real rollout workflow.
type Rollout struct {
	*World
	service  *rollout.Service
	traffic  *fake.RolloutTraffic
	records  *fake.RolloutRecords
	stacks   *fake.RolloutStacks
	locks    *fake.DeploymentStackLocks
	pushes   int // that are still to come
	orderly  bool
	releases []*interpreter.Execution
	health   [2]condition // of blue and green
	late     time.Duration
	watch    rolloutWatch
}

// condition is how a side is now, as CloudWatch would tell.
type condition int

const (
	good condition = iota
	bad
	unclear
	silent // no data
)

var rolloutTarget = events.Target{Stage: "test", Stack: "api", StackName: "shop-api-test", Account: "222222222222", Region: "us-east-1", Owner: "acme/shop"}

// NewRollout makes a world with everything scheduled that will happen. A world
// whose chaos forces a fault is orderly otherwise, so that the fault is met.
func NewRollout(seed uint64, chaos Chaos) *Rollout {
	w := NewWorld(seed, chaos)
	r := &Rollout{
		World: w, orderly: chaos.Force != nil,
		traffic: &fake.RolloutTraffic{Now: w.Clock.Now}, records: &fake.RolloutRecords{Faults: w.port},
		stacks: &fake.RolloutStacks{Faults: w.port, Timeline: w.Clock, Known: map[string]*rollout.Stack{}, Templates: map[string]string{}},
		locks:  &fake.DeploymentStackLocks{Faults: w.port, Now: w.Clock.Now},
	}
	r.traffic.Faults = r.router
	r.watch = newRolloutWatch(r)
	r.traffic.Settling = []time.Duration{0, 30 * time.Second, 2 * time.Minute}[w.rng.IntN(3)]
	r.stacks.Deleting = []time.Duration{time.Second, 5 * time.Minute, 3 * time.Hour}[w.rng.IntN(3)]
	r.late = []time.Duration{0, time.Minute, 2 * time.Minute}[w.rng.IntN(3)]
	r.wire()
	r.pushes = 2 + w.rng.IntN(3)
	w.Clock.After(w.upTo(time.Minute), r.push)
	if r.orderly {
		return r
	}
	for range w.rng.IntN(8) {
		w.Clock.After(w.upTo(6*time.Hour), r.weather)
	}
	for range w.rng.IntN(5) {
		w.Clock.After(w.upTo(6*time.Hour), func() { r.person(commands[w.rng.IntN(len(commands))], 0) })
	}
	if w.chance(0.3) {
		w.Clock.After(w.upTo(3*time.Hour), r.meddle)
	}
	for w.chance(0.3) {
		w.Clock.After(w.upTo(6*time.Hour), r.stop)
	}
	return r
}

func (r *Rollout) wire() {
	tasks := &fake.DeploymentTasks{Faults: r.port, Succeeded: r.succeed, Failed: r.failTask}
	executions := &fake.RolloutExecutions{Faults: r.port, Begin: func(name string, input json.RawMessage) {
		r.StartNamed(programs()["rollout"], name, input)
	}}
	r.service = &rollout.Service{
		Traffic: r.traffic, Metrics: &fake.RolloutMetrics{Faults: r.port, Read: r.read}, Records: r.records, Executions: executions, Tasks: tasks,
		Files: &fake.DeploymentFiles{Faults: r.port}, Stacks: watchedStacks{r.stacks, r}, Locks: r.locks, Registry: &fake.DeploymentRegistry{Faults: r.port}, Publisher: r.World, Now: r.Clock.Now,
	}
	r.Functions["rollout"] = func(ctx context.Context, raw json.RawMessage) (any, error) {
		out, err := r.service.Handle(ctx, raw)
		if answered, ok := out.(rollout.Answered); ok {
			action, id := rollout.Describe(raw)
			r.Log("rollout: %s %s: %s %s", action, id, answered.State, answered.Error)
		}
		return out, err
	}
	r.traffic.Changed, r.records.Stored = r.watch.changed, r.watch.stored
	r.onFact = append(r.onFact, r.watch.fact)
	r.onEnd = append(r.onEnd, r.watch.ended)
}

// router is asked around every call of the router. Now and then a person gives a
// command while a call is under way, so that it comes too late.
func (r *Rollout) router(call string) error {
	if call == "SetWeight" && !r.orderly && r.depth == 0 && r.chance(r.chaos.Interleave/4) {
		r.depth++
		r.person([]string{rollout.CommandAbort, rollout.CommandAbort, rollout.CommandPromote}[r.rng.IntN(3)], 0)
		r.depth--
	}
	return r.port(call)
}

// read is what CloudWatch tells of a side.
func (r *Rollout) read(q rollout.Query) (float64, time.Time, bool) {
	first := q.From.Add(time.Duration(q.Metric.Period) + r.late)
	if r.Clock.Now().Before(first) {
		return 0, first, false
	}
	side := q.Metric.Queries[0].Dimensions["Side"]
	value, ok := 0.0, true
	switch r.health[indexOf(side)] {
	case bad:
		value = 9
	case unclear:
		value = 3
	case silent:
		ok = false
	}
	r.watch.read(side, value, ok)
	return value, r.Clock.Now(), ok
}

func indexOf(side string) int { return slices.Index([]string{rollout.Blue, rollout.Green}, side) }

// weather changes how a side is, for a while.
func (r *Rollout) weather() {
	side := r.rng.IntN(2)
	r.health[side] = condition(r.rng.IntN(4))
	r.Log("weather: %s is %d", []string{rollout.Blue, rollout.Green}[side], r.health[side])
	lasts := []time.Duration{90 * time.Second, 20 * time.Minute, 10 * time.Hour}[r.rng.IntN(3)]
	r.Clock.After(r.upTo(lasts), func() { r.health[side] = good })
}

// quiet is how long after its end a rollout's weights are surely right: what
// came too late was looked for.
const quiet = 30 * time.Minute

// push deploys a commit to the side that is not live, and lets the release roll
// it out. What the release holds is the lock of the repository: the next push
// comes after it.
func (r *Rollout) push() {
	r.pushes--
	if at := r.watch.current.State.Since; r.watch.current.State.Phase.Ended() && r.Clock.Now().Sub(at) > quiet {
		r.traffiked(r.watch.current)
	}
	n := len(r.releases)
	q := r.request(fmt.Sprintf("r%d", n))
	seconds := int(rollout.NewPlan(q, rollout.Side{}).Longest() / time.Second)
	input, err := json.Marshal(map[string]any{"release": map[string]any{"plan": map[string]any{"rolloutSeconds": seconds}, "rollout": q}})
	if err != nil {
		r.Violate("%v", err)
		return
	}
	r.Log("push %s to %s: %s, steps %d, keep %s, %s", q.Run.RunID, q.Candidate.Name, q.Rollout.Promotion, len(q.Rollout.Steps), q.Rollout.Keep, q.Rollout.Retire)
	r.watch.request(q)
	if e := r.StartNamed(releaseProgram(), "release-"+q.Run.RunID, input); e != nil {
		r.releases = append(r.releases, e)
	}
}

// request is the push as evenkeel.yaml and the deployment make it.
func (r *Rollout) request(run string) rollout.Request {
	to := rolloutTarget
	side := rollout.Blue
	r.silently(func() { // the deployment of the new side is not simulated here
		before := r.watch.current
		if before.Live.Name == rollout.Blue {
			side = rollout.Green
		}
		if before.State.Phase == rollout.Promoted { // its old side is taken
			before.State, before.Left, before.Ended = rollout.Retire(before.State), rollout.LeftKept, r.Clock.Now()
			if err := r.records.Write(context.Background(), to, before); err != nil {
				r.Violate("%v", err)
			}
			r.watch.taken[before.ID] = true
		}
	})
	bake := pipeline.Duration([]time.Duration{30 * time.Second, 5 * time.Minute, 17 * time.Minute}[r.rng.IntN(3)])
	q := rollout.Request{
		Run: events.Run{RunID: run, Repository: "acme/shop", Branch: "main", Commit: run + "00000000"}, Target: to, Candidate: fake.RolloutSide(to, side, run),
		Rollout: pipeline.Rollout{
			Strategy: pipeline.StrategyCanary, Promotion: pipeline.PromotionAuto, Retire: pipeline.RetireKeep,
			Keep: pipeline.Duration([]time.Duration{0, 10 * time.Minute, 2 * time.Hour}[r.rng.IntN(3)]), PauseTimeout: pipeline.Duration([]time.Duration{20 * time.Minute, 24 * time.Hour}[r.rng.IntN(2)]),
			Router: pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1", Name: "api.example.com", Type: "CNAME", TTL: pipeline.Duration(time.Minute)}},
			Steps:  []pipeline.RolloutStep{{Weight: 100, Bake: bake}},
		},
	}
	q.Candidate.StackID += run
	metric := fake.RolloutErrors("errors")
	metric.FailureLimit, metric.InconclusiveLimit, metric.ErrorLimit = r.rng.IntN(2), r.rng.IntN(2), r.rng.IntN(4)
	metric.NoData = []string{pipeline.NoDataPause, pipeline.NoDataAbort}[r.rng.IntN(2)]
	if r.rng.IntN(5) > 0 {
		q.Rollout.Analysis.Metrics = []pipeline.Metric{metric}
	}
	if r.rng.IntN(3) > 0 {
		q.Rollout.Steps = []pipeline.RolloutStep{{Weight: 5, Bake: bake}, {Weight: 25, Bake: bake, Pause: r.rng.IntN(4) == 0}, {Weight: 50, Bake: bake}, {Weight: 100, Bake: bake}}
	} else {
		q.Rollout.Strategy = pipeline.StrategyBlueGreen
	}
	asks := r.orderly && strings.HasPrefix(r.chaos.Force.State, "Ask")
	if asks || r.rng.IntN(4) == 0 {
		q.Rollout.Promotion = pipeline.PromotionManual
	}
	if r.orderly && strings.HasPrefix(r.chaos.Force.State, "Retire") || r.rng.IntN(3) == 0 {
		q.Rollout.Retire = pipeline.RetireDelete
	}
	r.stacks.Known[q.Candidate.StackName] = &rollout.Stack{ID: q.Candidate.StackID, Status: "UPDATE_COMPLETE", Repository: "acme/shop"}
	r.stacks.Templates[q.Candidate.StackName] = []string{"Resources: {}", "Resources: {}", "Resources: {Table: {Type: AWS::DynamoDB::Table}}"}[r.rng.IntN(3)]
	return q
}

// releaseProgram is the RollOut state of the real pipeline, alone.
var releaseProgram = sync.OnceValue(func() *interpreter.Program {
	var document struct {
		States map[string]struct {
			ItemProcessor struct{ States map[string]map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(workflow.Definitions()[workflow.Pipeline]), &document); err != nil {
		panic(err) // the definition is embedded, and linted by a test
	}
	for _, state := range document.States {
		rollOut := state.ItemProcessor.States["RollOut"]
		if rollOut == nil {
			continue
		}
		rollOut["Next"] = "Told"
		catches, _ := rollOut["Catch"].([]any)
		for _, caught := range catches {
			if entry, ok := caught.(map[string]any); ok {
				entry["Next"] = "NotTold"
			}
		}
		text, err := json.Marshal(map[string]any{"StartAt": "RollOut", "States": map[string]any{
			"RollOut": rollOut, "Told": map[string]any{"Type": "Succeed"}, "NotTold": map[string]any{"Type": "Fail", "Error": "NotTold"},
		}})
		if err != nil {
			panic(err)
		}
		program, err := interpreter.Load("release", text)
		if err != nil {
			panic(err)
		}
		return program
	}
	panic("the pipeline has no state RollOut")
})

var commands = []string{rollout.CommandPromote, rollout.CommandPause, rollout.CommandPause, rollout.CommandResume, rollout.CommandAbort}

// person gives a command, and gives it again when it failed for no reason of
// theirs.
func (r *Rollout) person(name string, tries int) {
	record := r.watch.current
	if record.ID == "" {
		return
	}
	raw, err := json.Marshal(rollout.CommandRequest{
		Action: rollout.ActionCommand, ID: record.ID, Target: rolloutTarget, Command: rollout.Command{Name: name, By: "dana", Reason: "it is time"},
	})
	if err != nil {
		r.Violate("%v", err)
		return
	}
	r.Log("dana wants %s of %s, which is %s", name, record.ID, record.State.Phase)
	_, err = r.Call("rollout", raw)
	switch {
	case err == nil:
		r.watch.counts["command "+name]++
	case fault.Is(err, fault.ConflictError), fault.Is(err, fault.InvalidError):
		r.watch.counts["command refused"]++
	case tries < 20:
		r.Clock.After(time.Minute, func() { r.person(name, tries+1) })
	}
}

// caretaker is a person who looks after a rollout of which the release says
// that nothing drives it any more.
func (r *Rollout) caretaker(tries int) {
	record := r.watch.current
	if record.ID == "" || record.State.Phase.Ended() || record.State.Phase == rollout.Promoted && record.Execution != "" || tries > 50 {
		return
	}
	if record.Execution == "" {
		r.person(rollout.CommandAbort, 0)
	}
	r.Clock.After(6*time.Hour, func() { r.caretaker(tries + 1) })
}

// meddle is somebody who sets weights by hand.
func (r *Rollout) meddle() {
	percent := []int{0, 5, 33, 100}[r.rng.IntN(4)]
	shares := map[string]int{
		fake.RolloutSide(rolloutTarget, rollout.Blue, "").Endpoint: 100 - percent, fake.RolloutSide(rolloutTarget, rollout.Green, "").Endpoint: percent,
	}
	if r.rng.IntN(4) == 0 {
		shares = map[string]int{"elsewhere.example.com": 100}
	}
	r.Log("somebody sets %v", shares)
	r.watch.meddled = true
	r.traffic.Meddle(rolloutTarget, shares)
}

// stop is an operator who stops an execution of the rollout.
func (r *Rollout) stop() {
	for _, e := range r.Runs {
		if e.Machine == "rollout" && e.Status == interpreter.Running {
			r.watch.counts["stopped executions"]++
			r.Log("stop %s", e.Name)
			e.Stop("Operator", "stopped by hand")
			return
		}
	}
}
