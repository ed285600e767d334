// Package rollout brings a deployed side of a stack into use: it moves traffic
// to it step by step, measures it, and decides whether to go on, to hold, to
// ask a person, to promote it or to give the traffic back. Decide is pure;
// Service applies what it decides, one method for each workflow action.
//
// The record of a stack (Record) is the truth. The workflow is its clock: it
// may come late, twice or not at all, and a person may act in between.
package rollout

import (
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// The sides of a stack.
const (
	Blue  = "blue"
	Green = "green"
)

// Phase is how far a rollout is.
type Phase string

// The phases. A rollout ends Aborted, or Promoted and then Retired or
// SwitchedBack.
const (
	Stepping     Phase = "stepping"     // a step bakes, or the next one is to begin
	Paused       Phase = "paused"       // a person decides
	Promoting    Phase = "promoting"    // the new side gets all traffic, and is the live one
	Promoted     Phase = "promoted"     // the old side is kept for a while
	Aborting     Phase = "aborting"     // the traffic goes back
	Aborted      Phase = "aborted"      // the old side has all traffic
	SwitchedBack Phase = "switchedBack" // the same, after it was promoted
	Retired      Phase = "retired"      // the time to switch back is over
)

// Ended reports whether nothing is left to do or to wait for.
func (p Phase) Ended() bool { return p == Aborted || p == SwitchedBack || p == Retired }

// Side is one of the two things between which traffic is moved.
type Side struct {
	Name      string `json:"name"`                // Blue or Green; of an alias, Blue is the version that it had
	StackName string `json:"stackName"`           // in CloudFormation
	StackID   string `json:"stackId,omitempty"`   // ARN
	Commit    string `json:"commit,omitempty"`    // what is deployed there
	Digest    string `json:"digest,omitempty"`    // of what it was deployed from; the same one need not be deployed again
	Endpoint  string `json:"endpoint,omitempty"`  // what the router knows it by: record value, target group ARN, version
	AliasZone string `json:"aliasZone,omitempty"` // Route 53 alias records only
}

// Request asks for a rollout. Deployment makes it once the new side is deployed
// and its checks passed; all references are resolved.
type Request struct {
	Run       events.Run       `json:"run"`
	Target    events.Target    `json:"target"` // StackName is the stack's without a side
	Rollout   pipeline.Rollout `json:"rollout"`
	Candidate Side             `json:"candidate"`
	// Outputs are those of the candidate and, where there is one, of the live side.
	Outputs     map[string]string `json:"outputs,omitempty"`
	LiveOutputs map[string]string `json:"liveOutputs,omitempty"`
	// SwitchBack asks to give the traffic back to the old side of a promoted
	// rollout, because a check of the whole stage failed.
	SwitchBack bool   `json:"switchBack,omitempty"`
	Why        string `json:"why,omitempty"` // of SwitchBack
}

// Result is what the pipeline is told. It is the answer to its RollOut state.
type Result struct {
	Outcome string `json:"outcome"` // one of the Outcome constants
	Why     string `json:"why"`     // one sentence; "" when it was promoted
	Weight  int    `json:"weight"`  // the highest percentage that the new side got
	ID      string `json:"id"`
}

// How a rollout went for the pipeline.
const (
	OutcomePromoted     = "promoted"
	OutcomeAborted      = "aborted"
	OutcomeSwitchedBack = "switchedBack"
	OutcomeNothing      = "nothing" // the candidate has all traffic already
)

// Plan is what a rollout does. It is fixed when it begins.
type Plan struct {
	Steps        []pipeline.RolloutStep `json:"steps"` // never empty; the last has weight 100
	Metrics      []pipeline.Metric      `json:"metrics,omitempty"`
	Manual       bool                   `json:"manual"`  // a person lets it take the last step
	MinStep      time.Duration          `json:"minStep"` // no step is shorter: what resolvers may remember (TTL)
	PauseTimeout time.Duration          `json:"pauseTimeout"`
	Keep         time.Duration          `json:"keep"`
	// First says that there is no live side: nothing can be given back, and the
	// traffic goes to the candidate at once.
	First bool `json:"first"`
}

// State is where a rollout is.
type State struct {
	Phase Phase `json:"phase"`
	// Step is the index of the step whose weight is in force; -1 before the first.
	Step int `json:"step"`
	// Weight is the percentage of the candidate that is known to be in force, and
	// Target the one that is wanted. While they differ, the router is asked again.
	Weight int       `json:"weight"`
	Target int       `json:"target"`
	Since  time.Time `json:"since"`            // when Weight came into force, or its bake began anew; of Promoted, when it was
	Change string    `json:"change,omitempty"` // of the router: the last change of weights, until it is settled
	Stable int       `json:"stable"`           // the weight that an abort returns to: 0, of a first rollout 100
	// Measured is what was measured since Since, oldest first; Earlier counts what
	// of it is no longer in Measured.
	Measured []Measurement `json:"measured,omitempty"`
	Earlier  []Tally       `json:"earlier,omitempty"`
	// Deadline is when it is aborted, whatever it waits for.
	Deadline time.Time `json:"deadline,omitzero"`
	// Command is what a person wants and was not done yet.
	Command  *Command  `json:"command,omitempty"`
	Why      string    `json:"why,omitempty"`      // of Paused, Aborting, Aborted, SwitchedBack
	Cause    Cause     `json:"cause,omitempty"`    // what Why is about
	Approved int       `json:"approved,omitempty"` // the pauses before the steps below this index are over
	Paused   time.Time `json:"paused,omitzero"`    // since when
	// Found says which weights somebody else has set. While it is there nothing
	// but an abort or a promotion touches the router; resume sets ours again.
	Found string `json:"found,omitempty"`
}

// Cause is the kind of a reason.
type Cause string

// The causes. What a person can do depends on them.
const (
	CauseGate         Cause = "gate"         // evenkeel.yaml wants a person here
	CausePerson       Cause = "person"       // a person wanted it
	CauseFailed       Cause = "failed"       // a metric passed its failure limit
	CauseInconclusive Cause = "inconclusive" // a metric passed its inconclusive limit
	CauseNoData       Cause = "noData"       // a metric could not be judged
	CauseTimeout      Cause = "timeout"      // nobody answered, or it took too long
	CauseForeign      Cause = "foreign"      // somebody else has set the weights
	CauseSwitchBack   Cause = "switchBack"   // a person, or a check of the stage, after it was promoted
	CauseStopped      Cause = "stopped"      // its workflow failed too often
	CausePassed       Cause = "passed"       // of Stepping: a person let the step pass although it was inconclusive
)

// Tally counts measurements of a metric.
type Tally struct {
	Metric       string    `json:"metric"`
	Looked       int       `json:"looked"`       // all
	Measured     int       `json:"measured"`     // those that say something about the candidate
	Failed       int       `json:"failed"`       // of them
	Inconclusive int       `json:"inconclusive"` // of them
	Missing      int       `json:"missing"`      // without data or in error, in a row at the end
	Last         time.Time `json:"last"`         // time of the newest
	Outcome      string    `json:"outcome"`      // of the newest
}

// The outcomes of a measurement.
const (
	Successful   = "successful"
	Failed       = "failed"
	Inconclusive = "inconclusive"
	NoData       = "noData" // there is no value, or none that is new enough
	Errored      = "error"  // it could not be made
)

// Measurement is one look at a metric.
type Measurement struct {
	Metric  string    `json:"metric"`
	Time    time.Time `json:"time"`
	Outcome string    `json:"outcome"`
	Value   *float64  `json:"value,omitempty"` // of a CloudWatch metric
	Why     string    `json:"why"`             // one sentence
}

// The healths of the live side.
const (
	Healthy   = "healthy"
	Unhealthy = "unhealthy"
	Unknown   = "unknown" // it is not measured
)

// Health is what is known at a time.
type Health struct {
	At time.Time
	// Measured are the measurements since the step began, those of State and the
	// new ones, oldest first.
	Measured []Measurement
	Live     string // one of the healths
	// Awaited are metrics that are due and cannot have a value yet, and from when
	// they can: that is no missing data.
	Awaited map[string]time.Time
}

// Action is what to do now.
type Action string

// The actions.
const (
	Advance Action = "advance" // set Weight, the next step's
	Hold    Action = "hold"    // look again in Wait
	Pause   Action = "pause"   // ask a person, for Wait
	Promote Action = "promote" // the candidate is the live side from now on
	Abort   Action = "abort"   // give the traffic back
	Finish  Action = "finish"  // the rollout has ended, or only its Keep time is left: Wait
)

// Decision is what Decide decides.
type Decision struct {
	Action Action        `json:"action"`
	Weight int           `json:"weight"`          // of Advance and Abort
	Wait   time.Duration `json:"wait"`            // of Hold, Pause, Finish
	Why    string        `json:"why"`             // one sentence for a person
	Cause  Cause         `json:"cause,omitempty"` // of Pause and Abort
	// Decided are the measurements that decided.
	Decided []Measurement `json:"decided,omitempty"`
}

// The commands of a person.
const (
	CommandPromote = "promote" // take all traffic now, whatever is left
	CommandPause   = "pause"
	CommandResume  = "resume" // go on after a pause, with the next step
	CommandAbort   = "abort"  // of a promoted one, while the old side is kept: switch back
)

// Command is what a person wants.
type Command struct {
	Name   string     `json:"name"`
	By     string     `json:"by"` // caller ARN
	Via    events.Via `json:"via"`
	Reason string     `json:"reason,omitempty"`
	At     time.Time  `json:"at"`
}

// Record is what is kept of a stack's last rollout, and which side is live.
type Record struct {
	ID          string    `json:"id"`        // of the rollout
	Execution   string    `json:"execution"` // ARN of its workflow execution
	Request     Request   `json:"request"`
	Plan        Plan      `json:"plan"`
	State       State     `json:"state"`
	Live        Side      `json:"live"`                // has the traffic when nothing is rolled out; zero before the first
	Old         Side      `json:"old,omitzero"`        // of a promoted rollout: the side that was live before
	ReleaseTask string    `json:"releaseTask"`         // token of the pipeline's RollOut state; "" once it is answered
	PauseTask   string    `json:"pauseTask,omitempty"` // token of the workflow's AskPerson state
	Began       time.Time `json:"began"`
	Ended       time.Time `json:"ended,omitzero"`
	Timeline    []Entry   `json:"timeline"` // oldest first, bounded
	// Intent is the entry that is added once State.Target is in force.
	Intent  *Entry `json:"intent,omitempty"`
	Left    string `json:"left,omitempty"`   // of a retired one, what became of the old side: one of the Left constants
	Starts  int    `json:"starts,omitempty"` // of its workflow: an execution that failed is followed by another one
	Version int    `json:"-"`                // of the stored item
}

// What became of the old side once nothing is given back to it any more.
const (
	LeftKept       = "kept"
	LeftDeleted    = "deleted"
	LeftNotDeleted = "notDeleted" // it was to be deleted, and could not be
)

// Entry is a change of a rollout and what decided it.
type Entry struct {
	Time     time.Time     `json:"time"`
	Action   string        `json:"action"` // started, stepped, held, paused, resumed, promoted, aborted, switchedBack, retired
	Weight   int           `json:"weight"` // in force after it
	Why      string        `json:"why"`
	By       string        `json:"by,omitempty"`
	Measured []Measurement `json:"measured,omitempty"`
	Told     bool          `json:"told,omitempty"` // its fact was published
}
