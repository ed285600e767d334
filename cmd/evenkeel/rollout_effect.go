//go:build !validator

package main

import (
	"fmt"

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
	done     string // what it is called when it is done, where that is not the command's name
}

// effectOf says what a command does, or why it cannot be done.
func effectOf(command string, r rollout.Record) (effect, error) {
	switch command {
	case rollout.CommandPromote:
		return promoting(r)
	case rollout.CommandPause:
		return pausing(r)
	case rollout.CommandResume:
		return resuming(r)
	default:
		return aborting(r)
	}
}

func promoting(r rollout.Record) (effect, error) {
	side := r.Request.Candidate.Name
	switch r.State.Phase {
	case rollout.Stepping, rollout.Paused:
		e := effect{weight: 100, question: fmt.Sprintf("Give %s all traffic now?", side), then: "without the steps and the measurements that are left"}
		return e, nil
	case rollout.Promoting, rollout.Promoted, rollout.Retired:
		return effect{already: true}, nil
	default:
		return effect{}, unfit(r, "cannot be promoted: push the commit again")
	}
}

func pausing(r rollout.Record) (effect, error) {
	switch r.State.Phase {
	case rollout.Stepping:
		until := fmt.Sprintf("it is aborted if nobody resumes or promotes it within %s", pipeline.Duration(r.Plan.PauseTimeout))
		return effect{weight: r.State.Weight, question: "Hold it there?", then: until}, nil
	case rollout.Paused:
		return effect{already: true}, nil
	default:
		return effect{}, unfit(r, "has nothing left to hold")
	}
}

func resuming(r rollout.Record) (effect, error) {
	switch r.State.Phase {
	case rollout.Paused:
		following := min(max(r.State.Step+1, 0), len(r.Plan.Steps)-1)
		e := effect{weight: r.Plan.Steps[following].Weight, question: "Let it go on?"}
		if r.State.Step >= len(r.Plan.Steps)-1 {
			e.then = "and is promoted, since no step is left"
		}
		return e, nil
	case rollout.Stepping:
		return effect{already: true}, nil
	default:
		return effect{}, unfit(r, "does not wait for a person")
	}
}

func aborting(r rollout.Record) (effect, error) {
	other := otherSide(r)
	switch r.State.Phase {
	case rollout.Aborting, rollout.Aborted, rollout.SwitchedBack:
		return effect{already: true}, nil
	case rollout.Retired:
		return effect{}, unfit(r, "can no longer be switched back at once: push the commit that worked")
	}
	if other.Name == "" {
		return effect{}, unfit(r, "has no other side that could take the traffic: push a commit that works")
	}
	if r.State.Phase == rollout.Promoted {
		return effect{question: fmt.Sprintf("Switch back to %s?", other.Name), done: "switched back", then: other.Name + " is the live side again"}, nil
	}
	return effect{question: fmt.Sprintf("Give all traffic back to %s?", other.Name), then: "and the run ends RolledBack"}, nil
}

// unfit says why a command does not fit a rollout.
func unfit(r rollout.Record, why string) error {
	phase := phases[r.State.Phase]
	if phase == "" {
		phase = string(r.State.Phase)
	}
	return fmt.Errorf("the rollout %s of %s is %s and %s", r.ID, rolloutName(r), phase, why)
}
