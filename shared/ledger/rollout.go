package ledger

import (
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// RolloutView is how the rollout of a stack stands.
type RolloutView struct {
	ID        string     `json:"id"`
	Strategy  string     `json:"strategy"`            // blue-green, canary
	Router    string     `json:"router"`              // route53, alb, lambdaAlias
	Candidate string     `json:"candidate"`           // blue, green
	Steps     []int      `json:"steps"`               // percent
	Weight    int        `json:"weight"`              // percent that the candidate has
	Until     *time.Time `json:"until,omitempty"`     // a pause is aborted then
	KeptUntil *time.Time `json:"keptUntil,omitempty"` // the old side takes the traffic back at once until then
	Old       string     `json:"old,omitempty"`       // of a retired side: the name of its stack, or its version
	OldState  string     `json:"oldState,omitempty"`  // kept, deleted, notDeleted
	Moves     []MoveView `json:"moves"`               // oldest first
}

// MoveView is one change of a rollout, and what decided it.
type MoveView struct {
	Time    time.Time                   `json:"time"`
	Fact    string                      `json:"fact"`   // detail-type
	Weight  int                         `json:"weight"` // percent that the candidate has after it
	Why     string                      `json:"why"`
	By      string                      `json:"by,omitempty"` // caller ARN
	Decided []events.RolloutMeasurement `json:"decided,omitempty"`
}

func (v *RunView) addRollout(e Entry) error {
	switch e.DetailType {
	case events.RolloutStarted{}.DetailType():
		return apply(e, func(d events.RolloutStarted) {
			v.rollout(d.RolloutChange, e, StackRollingOut).Steps = d.Steps
		})
	case events.RolloutStepped{}.DetailType():
		return apply(e, func(d events.RolloutStepped) { v.rollout(d.RolloutChange, e, StackRollingOut) })
	case events.RolloutPaused{}.DetailType():
		return apply(e, func(d events.RolloutPaused) { v.rollout(d.RolloutChange, e, StackPaused).Until = &d.Until })
	case events.RolloutResumed{}.DetailType():
		return apply(e, func(d events.RolloutResumed) { v.rollout(d.RolloutChange, e, StackRollingOut) })
	case events.RolloutPromoted{}.DetailType():
		return apply(e, func(d events.RolloutPromoted) {
			v.rollout(d.RolloutChange, e, StackPromoted).KeptUntil = &d.KeptUntil
		})
	case events.RolloutAborted{}.DetailType():
		return apply(e, func(d events.RolloutAborted) { v.rollout(d.RolloutChange, e, StackAborted) })
	case events.RolloutSwitchedBack{}.DetailType():
		return apply(e, func(d events.RolloutSwitchedBack) { v.rollout(d.RolloutChange, e, StackAborted) })
	case events.RolloutRetired{}.DetailType():
		return apply(e, func(d events.RolloutRetired) {
			r := v.rollout(d.RolloutChange, e, StackPromoted)
			r.Old, r.OldState = d.Old, d.State
		})
	}
	return nil
}

// rollout notes a change of a stack's rollout, and what it makes of the stack
// and of a run that has not finished. What the last change said to end at some
// time holds no longer.
func (v *RunView) rollout(c events.RolloutChange, e Entry, state string) *RolloutView {
	s := v.stack(c.Target, e.Time)
	s.State = state
	if s.Rollout == nil || s.Rollout.ID != c.Rollout {
		s.Rollout = &RolloutView{ID: c.Rollout, Steps: []int{}}
	}
	r := s.Rollout
	r.Strategy, r.Router, r.Candidate, r.Weight = c.Strategy, c.Router, c.Candidate, c.Weight
	r.Until, r.KeptUntil = nil, nil
	r.Moves = append(r.Moves, MoveView{Time: e.Time, Fact: e.DetailType, Weight: c.Weight, Why: c.Why, By: c.By, Decided: c.Decided})
	if v.Finished {
		return r
	}
	v.identify(c.Run)
	v.settled(c.Target)
	switch state {
	case StackRollingOut:
		v.goesOn(StateRollingOut)
	case StackPaused:
		v.goesOn(StatePaused)
	default:
		v.goesOn(StatePlanning)
	}
	return r
}

// Paused returns the stacks whose rollouts wait for a person, in the order of
// Stages.
func (v *RunView) Paused() []StackView {
	var paused []StackView
	for _, stage := range v.Stages {
		for _, s := range stage.Stacks {
			if s.State == StackPaused {
				paused = append(paused, s)
			}
		}
	}
	return paused
}
