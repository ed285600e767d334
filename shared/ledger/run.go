package ledger

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// The states of a run that has not finished. A finished one has its outcome as
// state.
const (
	StateReceived   = "Received"   // the push is known; nothing was done yet
	StateValidating = "Validating" // the source is fetched and checked
	StatePlanning   = "Planning"   // a change set is being computed, or the run ends
	StateWaiting    = "WaitingForApproval"
	StateDeploying  = "Deploying"
	StateClosed     = "WaitingForOpening" // of a stage
	StateRollingOut = "RollingOut"        // traffic is moved to a new side
	StatePaused     = "RolloutPaused"     // a person decides about a rollout
)

// The states of a stack in a run.
const (
	StackPlanned    = "Planned"
	StackWaiting    = "WaitingForApproval"
	StackApproved   = "Approved"
	StackRejected   = "Rejected"
	StackDeployed   = "Deployed"
	StackUnchanged  = "Unchanged"
	StackRolledBack = "RolledBack"
	StackRollingOut = "RollingOut"
	StackPaused     = "RolloutPaused" // a person decides
	StackPromoted   = "Promoted"      // the new side has all traffic
	StackAborted    = "Aborted"       // the old side has all traffic: what was deployed is not in use
)

// RunView is how a run stands.
type RunView struct {
	RunID      string    `json:"runId"`
	State      string    `json:"state"` // a State constant, or the outcome
	Repository string    `json:"repository"`
	Branch     string    `json:"branch"`
	Commit     string    `json:"commit"`
	Actor      string    `json:"actor"`
	Started    time.Time `json:"started"`
	Updated    time.Time `json:"updated"` // time of the last fact
	Finished   bool      `json:"finished"`
	Seconds    float64   `json:"seconds"` // from the push to the end, or to the last fact

	Outcome    string           `json:"outcome,omitempty"` // one of the Outcome constants of events
	Reason     string           `json:"reason,omitempty"`
	Changed    []string         `json:"changed"` // "stage/stack"
	Failure    *events.Failure  `json:"failure,omitempty"`
	Validation *ValidationView  `json:"validation,omitempty"`
	Findings   []events.Finding `json:"findings"` // of the validation, or why it was rejected
	Stages     []StageView      `json:"stages"`   // in the order in which they were reached
	Approvals  []ApprovalView   `json:"approvals"`
	Closed     *ClosedView      `json:"closed,omitempty"`
}

// ValidationView is what validation counted.
type ValidationView struct {
	Files    int `json:"files"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
}

// StageView is a stage of a run.
type StageView struct {
	Name   string      `json:"name"`
	Stacks []StackView `json:"stacks"`
}

// StackView is a stack in a stage of a run.
type StackView struct {
	events.Target
	State    string            `json:"state"` // one of the Stack constants
	Risk     string            `json:"risk,omitempty"`
	Reasons  []string          `json:"reasons,omitempty"`
	Changes  []events.Change   `json:"changes"`
	Decided  string            `json:"decidedBy,omitempty"` // caller ARN
	Decision *DecisionView     `json:"decision,omitempty"`
	Comment  string            `json:"comment,omitempty"`
	Outputs  map[string]string `json:"outputs,omitempty"`
	Failure  *events.Failure   `json:"failure,omitempty"`
	Updated  time.Time         `json:"updated"`
	Planned  time.Time         `json:"planned"`
	Duration float64           `json:"seconds"` // from the plan to the last fact
	Rollout  *RolloutView      `json:"rollout,omitempty"`
}

// DecisionView is what is recorded of a decision, as far as the client that
// made it told.
type DecisionView struct {
	Approved    bool         `json:"approved"`
	By          string       `json:"by"` // caller ARN, or "policy: on-risk"
	Session     string       `json:"session,omitempty"`
	At          time.Time    `json:"at"`
	Expires     *time.Time   `json:"expires,omitempty"`
	Relation    string       `json:"relation,omitempty"` // to the authors of the push: separate, unmapped, self
	Via         *events.Via  `json:"via,omitempty"`
	Seen        *events.Seen `json:"seen,omitempty"`
	ChangeSetID string       `json:"changeSetId,omitempty"`
	Digest      string       `json:"digest"`
}

// ApprovalView is an approval that is waited for now.
type ApprovalView struct {
	events.Target
	Digest  string          `json:"digest"` // of the plan that is shown; an approval is bound to it
	Changes []events.Change `json:"changes"`
	Risk    string          `json:"risk"`
	Reasons []string        `json:"reasons"`
	Expires time.Time       `json:"expires"`
	Authors []string        `json:"authors,omitempty"` // who may not approve, unless SelfAllowed
	Self    bool            `json:"selfAllowed,omitempty"`
}

// ClosedView is a stage that is waited for now.
type ClosedView struct {
	Stage  string    `json:"stage"`
	Reason string    `json:"reason"`
	Opens  time.Time `json:"opens"`
}

// Run folds the facts of one run, in any order. There is one terminal fact a
// run; what comes later changes nothing but its rollouts, whose old sides
// outlive it.
func Run(entries []Entry) (RunView, error) {
	v := RunView{State: StateReceived, Changed: []string{}, Findings: []events.Finding{}, Stages: []StageView{}, Approvals: []ApprovalView{}}
	for _, e := range Order(entries) {
		if v.Finished {
			if err := v.addRollout(e); err != nil {
				return v, err
			}
			continue
		}
		if err := v.add(e); err != nil {
			return v, err
		}
		if v.Started.IsZero() {
			v.Started = e.Time
		}
		v.Updated = e.Time
		v.Seconds = v.Updated.Sub(v.Started).Seconds()
	}
	return v, nil
}

func (v *RunView) identify(r events.Run) {
	v.RunID, v.Repository, v.Branch, v.Commit, v.Actor = r.RunID, r.Repository, r.Branch, r.Commit, r.Actor
}

func (v *RunView) add(e Entry) error {
	switch e.DetailType {
	case events.GitPushed{}.DetailType():
		return apply(e, v.pushed)
	case events.RunStarted{}.DetailType():
		return apply(e, func(d events.RunStarted) { v.identify(d.Run); v.State = StateValidating })
	case events.TemplatesValidated{}.DetailType():
		return apply(e, func(d events.TemplatesValidated) { v.validated(d.Run, d.Validated); v.State = StatePlanning })
	case events.TemplatesRejected{}.DetailType():
		return apply(e, func(d events.TemplatesRejected) { v.validated(d.Run, d.Validated) })
	case events.StackPlanned{}.DetailType():
		return apply(e, func(d events.StackPlanned) { v.planned(d, e.Time) })
	case events.ApprovalRequested{}.DetailType():
		return apply(e, func(d events.ApprovalRequested) { v.waiting(d, e.Time) })
	case events.ApprovalDecided{}.DetailType():
		return apply(e, func(d events.ApprovalDecided) { v.decided(d, e.Time) })
	case events.StackDeployed{}.DetailType():
		return apply(e, func(d events.StackDeployed) { v.deployed(d, e.Time) })
	case events.StackRolledBack{}.DetailType():
		return apply(e, func(d events.StackRolledBack) { v.rolledBack(d, e.Time) })
	case events.StageClosed{}.DetailType():
		return apply(e, v.closed)
	case events.RunFinished{}.DetailType():
		return apply(e, v.finished)
	}
	return v.addRollout(e) // or it is a fact of a later version of the suite
}

func apply[T events.Data](e Entry, f func(T)) error {
	data, err := DataOf[T](e)
	if err == nil {
		f(data)
	}
	return err
}

func (v *RunView) pushed(d events.GitPushed) {
	v.identify(events.Run{RunID: d.RunID(), Repository: d.Repository, Branch: d.Branch, Commit: d.Commit, Actor: d.Actor})
}

func (v *RunView) validated(run events.Run, d events.Validated) {
	v.identify(run)
	v.Validation = &ValidationView{Files: d.Files, Errors: d.Errors, Warnings: d.Warnings}
	v.Findings = append(v.Findings, d.Findings...)
}

func (v *RunView) planned(d events.StackPlanned, at time.Time) {
	v.identify(d.Run)
	s := v.stack(d.Target, at)
	s.State, s.Risk, s.Reasons, s.Changes, s.Planned = StackPlanned, d.Risk, d.Reasons, d.Changes, at
	if d.Empty {
		v.goesOn(StatePlanning)
	} else {
		v.goesOn(StateDeploying)
	}
}

// goesOn sets the state after something happened to a stack. Others of its
// wave may wait for a person all the same.
func (v *RunView) goesOn(state string) {
	v.State, v.Closed = state, nil
	switch {
	case len(v.Approvals) > 0:
		v.State = StateWaiting
	case len(v.Paused()) > 0:
		v.State = StatePaused
	}
}

// settled takes the approval of a stack off the list.
func (v *RunView) settled(t events.Target) {
	v.Approvals = slices.DeleteFunc(v.Approvals, func(a ApprovalView) bool { return a.Stage == t.Stage && a.Stack == t.Stack })
}

func (v *RunView) waiting(d events.ApprovalRequested, at time.Time) {
	v.identify(d.Run)
	s := v.stack(d.Target, at)
	s.State, s.Risk, s.Reasons, s.Changes = StackWaiting, d.Risk, d.Reasons, d.Changes
	v.settled(d.Target)
	v.Approvals = append(v.Approvals, ApprovalView{Target: d.Target, Digest: d.Digest, Changes: d.Changes, Risk: d.Risk, Reasons: d.Reasons, Expires: d.Expires, Authors: d.Authors, Self: d.SelfAllowed})
	v.goesOn(StateWaiting)
}

func (v *RunView) decided(d events.ApprovalDecided, at time.Time) {
	v.identify(d.Run)
	v.settled(d.Target)
	s := v.stack(d.Target, at)
	s.Decided, s.Comment = d.By, d.Comment
	s.Decision = &DecisionView{
		Approved: d.Approved, By: d.By, Session: d.Session, At: at, Expires: d.Expires, Relation: d.Relation, Via: d.Via, Seen: d.Seen,
		ChangeSetID: d.ChangeSetID, Digest: d.Digest,
	}
	if d.At != nil {
		s.Decision.At = *d.At
	}
	if s.State = StackApproved; d.Approved {
		v.goesOn(StateDeploying)
		return
	}
	s.State = StackRejected
	v.goesOn(StatePlanning)
}

func (v *RunView) deployed(d events.StackDeployed, at time.Time) {
	v.identify(d.Run)
	v.settled(d.Target)
	v.goesOn(StatePlanning)
	s := v.stack(d.Target, at)
	s.State, s.Outputs = StackDeployed, d.Outputs
	if d.Unchanged {
		s.State = StackUnchanged
	}
}

func (v *RunView) rolledBack(d events.StackRolledBack, at time.Time) {
	v.identify(d.Run)
	v.settled(d.Target)
	v.goesOn(StatePlanning)
	s := v.stack(d.Target, at)
	s.State, s.Failure = StackRolledBack, &d.Failure
}

func (v *RunView) closed(d events.StageClosed) {
	v.identify(d.Run)
	v.State, v.Closed = StateClosed, &ClosedView{Stage: d.Stage, Reason: d.Reason, Opens: d.Opens}
}

func (v *RunView) finished(d events.RunFinished) {
	v.identify(d.Run)
	v.State, v.Outcome, v.Finished = d.Outcome, d.Outcome, true
	v.Approvals, v.Closed = []ApprovalView{}, nil
	v.Reason, v.Failure = d.Reason, d.Failure
	if d.Changed != nil {
		v.Changed = d.Changed
	}
	if len(v.Findings) == 0 && d.Findings != nil {
		v.Findings = d.Findings
	}
}

// stack finds or adds the stack and notes that something happened to it.
func (v *RunView) stack(t events.Target, at time.Time) *StackView {
	i := slices.IndexFunc(v.Stages, func(s StageView) bool { return s.Name == t.Stage })
	if i < 0 {
		v.Stages = append(v.Stages, StageView{Name: t.Stage})
		i = len(v.Stages) - 1
	}
	stage := &v.Stages[i]
	j := slices.IndexFunc(stage.Stacks, func(s StackView) bool { return s.Stack == t.Stack })
	if j < 0 {
		stage.Stacks = append(stage.Stacks, StackView{Target: t, Planned: at, Changes: []events.Change{}})
		j = len(stage.Stacks) - 1
	}
	s := &stage.Stacks[j]
	s.Updated = at
	if !v.Finished { // how long the old side of a rollout is kept is not the run's time
		s.Duration = at.Sub(s.Planned).Seconds()
	}
	return s
}
