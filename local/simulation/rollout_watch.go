package simulation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// rolloutWatch holds the invariants of rollouts:
//
//   - a greater weight is only ever wanted while what was read last of the new
//     side was good, but for a person who promotes, or lets a step pass that was
//     inconclusive, and for a stack that has no other side;
//   - the router is only ever set to what a record wanted before;
//   - no step is shorter than the TTL, unless a person promotes;
//   - what is over stays so: an ended rollout never moves on, and one that is
//     aborted ends with all traffic at the live side of the record;
//   - a release is told once how its rollout ended, and that is how it ended;
//   - a rollout is announced promoted or aborted once, and its steps rise;
//   - a stack that gets traffic is not deleted;
//   - every rollout ends.
type rolloutWatch struct {
	r        *Rollout
	requests map[string]rollout.Request // by id
	last     map[string]reading         // side → what was read last
	wanted   map[string]map[int]bool    // id → weights that its record wanted
	said     map[string][]string        // id → facts
	weights  map[string]int             // id → last weight that was announced
	taken    map[string]bool            // ids whose old side a later push took
	over     map[string]time.Time       // id → when its end was announced
	meddled  bool                       // somebody has set weights by hand
	current  rollout.Record             // as it is stored
	counts   map[string]int
}

type reading struct {
	ok    bool
	value float64
}

func newRolloutWatch(r *Rollout) rolloutWatch {
	return rolloutWatch{
		r: r, requests: map[string]rollout.Request{}, last: map[string]reading{}, wanted: map[string]map[int]bool{},
		said: map[string][]string{}, weights: map[string]int{}, taken: map[string]bool{}, over: map[string]time.Time{}, counts: map[string]int{},
	}
}

func (w *rolloutWatch) request(q rollout.Request) {
	id := rollout.ID(q.Run.RunID, q.Target.Stage, q.Target.Stack)
	w.requests[id], w.wanted[id] = q, map[int]bool{0: true}
}

func (w *rolloutWatch) read(side string, value float64, ok bool) { w.last[side] = reading{ok, value} }

// stored looks at a change of the record, in the moment in which it is stored.
func (w *rolloutWatch) stored(after rollout.Record) {
	before := w.current
	w.current = after
	if before.ID != after.ID {
		w.r.Log("record %s: %s, first %v", after.ID, after.State.Phase, after.Plan.First)
		if before.ID != "" && !before.State.Phase.Ended() && before.State.Phase != rollout.Promoted {
			w.r.Violate("%s took the place of %s, which was %s", after.ID, before.ID, before.State.Phase)
		}
		before = rollout.Record{State: rollout.State{Step: -1}}
	}
	id, was, is := after.ID, before.State, after.State
	w.wanted[id][is.Target] = true
	if was.Phase != is.Phase || was.Target != is.Target || was.Weight != is.Weight {
		w.r.Log("record %s: %s %d→%d (%s)", id, is.Phase, is.Weight, is.Target, is.Why)
		w.counts["phase "+string(is.Phase)]++
	}
	if was.Phase.Ended() && is.Phase != was.Phase {
		w.r.Violate("%s was %s and is %s", id, was.Phase, is.Phase)
	}
	person := is.Phase == rollout.Promoting && is.Cause == rollout.CausePerson
	first := after.Plan.First || was.Step < 0 || len(after.Plan.Metrics) == 0
	if is.Target > was.Target && !person && !first && was.Cause != rollout.CausePassed && was.Cause != rollout.CauseInconclusive {
		if last := w.last[after.Request.Candidate.Name]; !last.ok || last.value >= 1 {
			w.r.Violate("%s wants %d %% after %d %% although the last value was %+v", id, is.Target, was.Target, last)
		}
	}
	if is.Target > was.Target && was.Phase != rollout.Stepping && was.Phase != "" && !person {
		w.r.Violate("%s wants %d %% in %s", id, is.Target, was.Phase)
	}
	const ttl = time.Minute
	if is.Target > was.Target && !person && was.Weight > 0 && !after.Plan.First && w.r.Clock.Now().Sub(was.Since) < ttl {
		w.r.Violate("%s wants %d %% %s after %d %% came into force", id, is.Target, w.r.Clock.Now().Sub(was.Since), was.Weight)
	}
}

// changed looks at the router in the moment in which a call takes effect.
func (w *rolloutWatch) changed(r rollout.Routing, from, to int) {
	now := w.current
	w.r.Log("router: %s gets %d after %d, for %s", r.Candidate.Name, to, from, now.ID)
	id := rollout.ID(r.Candidate.Commit, r.Target.Stage, r.Target.Stack)
	const all = 100
	if r.Live == (rollout.Side{}) && to == all && now.Live.Name == r.Candidate.Name {
		return // the other side is taken out
	}
	if !w.wanted[id][to] {
		w.r.Violate("the router gave %s %d %%, which no record of %s ever wanted", r.Candidate.Name, to, id)
	}
	if to > from && now.ID == id && to != now.State.Target {
		w.counts["late weights"]++
		w.r.Log("late: the record wants %d %% now", now.State.Target)
	}
}

// watchedStacks sees what is deleted.
type watchedStacks struct {
	*fake.RolloutStacks
	r *Rollout
}

func (s watchedStacks) Delete(ctx context.Context, to events.Target, stackID, token string) error {
	shares := s.r.traffic.Shares(rolloutTarget)
	deleted := len(s.Deleted)
	err := s.RolloutStacks.Delete(ctx, to, stackID, token)
	if len(s.Deleted) > deleted {
		s.r.Log("delete %s", to.StackName)
		if percent := shares[to.StackName+".example.com"]; percent > 0 && !s.r.watch.meddled {
			s.r.Violate("%s is deleted, and gets %d %% of the traffic", to.StackName, percent)
		}
	}
	return err
}

func (w *rolloutWatch) fact(f events.Fact) {
	change, steps := rolloutChange(f.Data)
	if change == nil {
		return
	}
	name := f.Data.DetailType()
	if slices.Contains(w.said[change.Rollout], f.Metadata.ID) {
		return // again
	}
	w.said[change.Rollout] = append(w.said[change.Rollout], f.Metadata.ID, name)
	w.counts[name]++
	if change.Why == "" {
		w.r.Violate("%s without a reason", f.Metadata.ID)
	}
	if name == "RolloutPromoted.v1" || name == "RolloutAborted.v1" {
		w.over[change.Rollout] = w.r.Clock.Now()
	}
	if steps {
		if change.Weight <= w.weights[change.Rollout] {
			w.r.Violate("%s announces %d %% after %d %%", f.Metadata.ID, change.Weight, w.weights[change.Rollout])
		}
		w.weights[change.Rollout] = change.Weight
	}
}

// unkind worlds lose the last word of some things for good, as calls that fail
// for ever do, and invocations that never answer.
func (r *Rollout) unkind() bool {
	return r.chaos.Permanent > 0 || r.chaos.Hang > 0 || r.chaos.Force != nil
}

// rolloutChange is what the fact of a rollout says; nil for other facts.
func rolloutChange(data events.Data) (change *events.RolloutChange, stepped bool) {
	switch d := data.(type) {
	case events.RolloutStarted:
		return &d.RolloutChange, false
	case events.RolloutStepped:
		return &d.RolloutChange, true
	case events.RolloutPaused:
		return &d.RolloutChange, false
	case events.RolloutResumed:
		return &d.RolloutChange, false
	case events.RolloutPromoted:
		return &d.RolloutChange, false
	case events.RolloutAborted:
		return &d.RolloutChange, false
	case events.RolloutSwitchedBack:
		return &d.RolloutChange, false
	case events.RolloutRetired:
		return &d.RolloutChange, false
	default:
		return nil, false
	}
}

// ended looks at a release that was told, or was not, and lets the next push
// come.
func (w *rolloutWatch) ended(e *interpreter.Execution) {
	if e.Machine != "release" {
		return
	}
	w.counts["release "+e.Status]++
	if w.r.pushes > 0 {
		wait := []time.Duration{time.Second, 5 * time.Minute, 3 * time.Hour}[w.r.rng.IntN(3)]
		w.r.Clock.After(w.r.upTo(wait), w.r.push)
	}
	if e.Status != interpreter.Succeeded {
		id := strings.TrimPrefix(e.Name, "release-") + "-test-api"
		if end := w.over[id]; !end.IsZero() && w.r.Clock.Now().Sub(end) > time.Hour && !w.r.unkind() {
			w.r.Violate("%s was never told that %s had ended %s before", e.Name, id, w.r.Clock.Now().Sub(end))
		}
		// Somebody reads what the run says, and gives the traffic back.
		w.r.Clock.After(time.Hour, func() { w.r.caretaker(0) })
		return
	}
	var told struct {
		Release struct{ RolledOut rollout.Result }
	}
	raw, err := json.Marshal(e.Output)
	if err == nil {
		err = json.Unmarshal(raw, &told)
	}
	if err != nil {
		w.r.Violate("%s put out %s: %v", e.Name, raw, err)
		return
	}
	result := told.Release.RolledOut
	w.counts["outcome "+result.Outcome]++
	want := map[string]string{
		rollout.OutcomePromoted: "RolloutPromoted.v1", rollout.OutcomeAborted: "RolloutAborted.v1", rollout.OutcomeSwitchedBack: "RolloutSwitchedBack.v1",
	}[result.Outcome]
	if want != "" && !slices.Contains(w.said[result.ID], want) {
		w.r.Violate("%s was told %s, and no %s was announced: %v", e.Name, result.Outcome, want, w.said[result.ID])
	}
}

// End checks what must hold when everything has come to rest.
func (r *Rollout) End() {
	r.quiet = true
	for _, e := range r.Runs {
		if e.Status == interpreter.Running {
			r.Violate("%s never ended", e.Name)
		}
	}
	for id, facts := range r.watch.said {
		ends := 0
		for _, name := range facts {
			if name == "RolloutPromoted.v1" || name == "RolloutAborted.v1" {
				ends++
			}
		}
		if ends > 1 {
			r.Violate("%s was announced to end %d times: %v", id, ends, facts)
		}
	}
	record := r.watch.current
	if record.ID == "" {
		return
	}
	if !record.State.Phase.Ended() {
		r.Violate("%s never ended: it is %s, %s", record.ID, record.State.Phase, record.State.Why)
	}
	r.traffiked(record)
}

// traffiked checks that the traffic is where the record says.
func (r *Rollout) traffiked(record rollout.Record) {
	shares := r.traffic.Shares(rolloutTarget)
	side := record.Live
	if record.Plan.First && record.State.Phase == rollout.Aborted {
		side = record.Request.Candidate
	}
	const all = 100
	if got := shares[side.Endpoint]; got != all && !r.watch.meddled {
		r.Violate("the live side of %s is %s, which has %d %% of %v; it is %s", record.ID, side.Name, got, shares, record.State.Phase)
	}
}
