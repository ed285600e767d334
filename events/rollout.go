package events

import "time"

// RolloutMeasurement is one look at a metric that decided.
type RolloutMeasurement struct {
	Metric  string    `json:"metric"`
	Time    time.Time `json:"time"`
	Outcome string    `json:"outcome"` // successful, failed, inconclusive, noData, error
	Value   *float64  `json:"value,omitempty"`
	Why     string    `json:"why"`
}

// RolloutChange is what every fact of a rollout says.
type RolloutChange struct {
	Run
	Target
	Rollout   string               `json:"rollout"`   // its id
	Strategy  string               `json:"strategy"`  // blue-green, canary
	Router    string               `json:"router"`    // route53, alb, lambdaAlias
	Candidate string               `json:"candidate"` // blue, green: the side that it is for
	Weight    int                  `json:"weight"`    // percent of the traffic that the candidate has now
	Why       string               `json:"why"`       // one sentence
	By        string               `json:"by,omitempty"`
	Decided   []RolloutMeasurement `json:"decided,omitempty"` // by what
}

// Source implements Data.
func (RolloutChange) Source() string { return SourceRollout }

// SourceRollout is the source of the facts of rollouts.
const SourceRollout = "evenkeel.rollout"

// RolloutStarted says that traffic is about to be moved to a deployed side.
type RolloutStarted struct {
	RolloutChange
	Steps []int `json:"steps"` // percent
}

// DetailType implements Data.
func (RolloutStarted) DetailType() string { return "RolloutStarted.v1" }

// RolloutStepped says that another share of the traffic is in force.
type RolloutStepped struct{ RolloutChange }

// DetailType implements Data.
func (RolloutStepped) DetailType() string { return "RolloutStepped.v1" }

// RolloutPaused says that a rollout waits for a person: evenkeel rollout
// resume, promote or abort.
type RolloutPaused struct {
	RolloutChange
	Until time.Time `json:"until"`           // then it is aborted
	Cause string    `json:"cause,omitempty"` // gate, person: as somebody wanted it; failed, inconclusive, noData, foreign, stopped
}

// DetailType implements Data.
func (RolloutPaused) DetailType() string { return "RolloutPaused.v1" }

// RolloutResumed says that a person let a rollout go on.
type RolloutResumed struct{ RolloutChange }

// DetailType implements Data.
func (RolloutResumed) DetailType() string { return "RolloutResumed.v1" }

// RolloutPromoted says that the new side has all traffic and is the live one.
type RolloutPromoted struct {
	RolloutChange
	KeptUntil time.Time `json:"keptUntil"` // the old side takes the traffic back at once until then
}

// DetailType implements Data.
func (RolloutPromoted) DetailType() string { return "RolloutPromoted.v1" }

// RolloutAborted says that the old side has all traffic again.
type RolloutAborted struct {
	RolloutChange
	Highest int `json:"highest"` // percent that the candidate had at most
}

// DetailType implements Data.
func (RolloutAborted) DetailType() string { return "RolloutAborted.v1" }

// RolloutSwitchedBack says that a promoted side gave the traffic back to the
// old one.
type RolloutSwitchedBack struct{ RolloutChange }

// DetailType implements Data.
func (RolloutSwitchedBack) DetailType() string { return "RolloutSwitchedBack.v1" }

// RolloutRetired says that the old side can no longer take the traffic back at
// once, and what became of it.
type RolloutRetired struct {
	RolloutChange
	Old   string `json:"old"`   // name of its stack, or its version
	State string `json:"state"` // kept, deleted, notDeleted
}

// DetailType implements Data.
func (RolloutRetired) DetailType() string { return "RolloutRetired.v1" }
