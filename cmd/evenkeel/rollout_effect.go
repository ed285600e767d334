//go:build !validator

package main

import (
	"fmt"
	"reflect"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// effect is what a command does to a rollout as it stands. The function that
// does it decides again, on what it finds then.
type effect struct {
	already  bool   // it is so, or about to be
	weight   int    // that the new side has afterwards
	question string // for a person
	then     string // what follows, besides the weights
	done     string // what it is called when it is done
}

// effectOf says what a command does, or why it cannot be done.
func effectOf(c rollout.Command, r rollout.Record) (effect, error) {
	state, err := rollout.Obey(r.Plan, r.State, c)
	if err != nil {
		return effect{}, fmt.Errorf("%s: %w", rolloutName(r), err)
	}
	if reflect.DeepEqual(state, r.State) {
		return effect{already: true}, nil
	}
	e := effect{weight: state.Target, done: deeds()[c.Name].done}
	switch c.Name {
	case rollout.CommandPromote:
		e.question = fmt.Sprintf("Give %s all traffic now?", r.Request.Candidate.Name)
		e.then = "at once, and nothing more is measured"
		if r.State.Cause == rollout.CauseGate {
			e.then += "; resume goes on with what evenkeel.yaml says"
		}
	case rollout.CommandPause:
		e.question = "Hold it there?"
		e.then = "it is aborted if nobody decides within " + pipeline.Duration(r.Plan.PauseTimeout).String()
	case rollout.CommandResume:
		e.question = "Let it go on?"
		e.resumed(state, r)
	case rollout.CommandAbort:
		e.givesBack(r)
	}
	return e, nil
}

// resumed says how a rollout goes on: after a gate, and after metrics that say
// nothing, with the next step; after everything else, and when somebody has changed the
// weights, with the same one, anew.
func (e *effect) resumed(state rollout.State, r rollout.Record) {
	following := state.Step + 1
	switch {
	case r.State.Found != "":
		e.then = "our weights are set again, and the step is watched anew"
	case state.Approved <= r.State.Approved:
		e.then = "the step is watched anew"
	case following >= len(r.Plan.Steps):
		e.then = r.Request.Candidate.Name + " is promoted"
	default:
		e.weight = r.Plan.Steps[following].Weight
		if r.State.Cause == rollout.CauseGate && len(r.Plan.Metrics) > 0 && state.Step >= 0 {
			e.then = "as soon as its metrics are good again"
		}
	}
}

func (e *effect) givesBack(r rollout.Record) {
	other := otherSide(r).Name
	switch {
	case r.State.Phase == rollout.Promoted:
		e.question, e.then, e.done = fmt.Sprintf("Switch back to %s?", other), other+" is the live side again", "switched back"
	case r.Plan.First:
		e.question, e.then = "End it?", "there is no other side that could take the traffic, and the run ends RolledBack"
	default:
		e.question, e.then = fmt.Sprintf("Give all traffic back to %s?", other), "and the run ends RolledBack"
	}
}
