// Package deployment takes a release through its stages: it plans each stack
// as a change set, rates the plan, waits for approval, executes it and finds
// out how it ended. Decisions (Next, Assess, Conclude, the lock queue) are pure;
// Service calls its ports around them, one method for each workflow action.
package deployment

import (
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// Release is the one document that travels through the workflow. Every state
// receives it whole and gives it back whole; the answer of a callback and a
// caught error are put beside its other fields by the workflow (Lock, Results,
// Decision, Signal, Error). Fields that a Choice state reads are always present.
//
// The stacks of a wave are deployed side by side, each with a copy of the
// document of its own (Work): Plan and what follows belong to that copy.
type Release struct {
	RunID       string `json:"runId"`
	Execution   string `json:"execution"`   // ARN of the workflow execution
	CausationID string `json:"causationId"` // id of the GitPushed fact
	Repository  string `json:"repository"`
	Provider    string `json:"provider"`
	CloneURL    string `json:"cloneUrl"`
	Branch      string `json:"branch"`
	Commit      string `json:"commit"`
	Actor       string `json:"actor"`
	// Authors are who the push is by; validation adds what the registration
	// knows of them.
	Authors    approval.Authors `json:"authors"`
	DeliveryID string           `json:"deliveryId"`
	Pushed     time.Time        `json:"pushed"`    // when the push was published; orders pushes of a branch
	Duplicate  bool             `json:"duplicate"` // another execution owns the run

	PullRequest *PullRequest `json:"pullRequest,omitempty"` // nil for a push

	SourceKey  string           `json:"sourceKey"` // S3 key of the zip; set by validation
	Build      Build            `json:"build"`     // of the cloud assembly
	Validation Validation       `json:"validation"`
	Stages     []pipeline.Stage `json:"stages"` // that follow the branch; set by validation

	Step      Step          `json:"step"`                // what Next decided; inside a wave, the stack
	Wave      []Step        `json:"wave"`                // the stacks to deploy now, side by side
	Results   []StackResult `json:"results"`             // how the stacks of the wave ended; Next keeps those that failed
	Done      []Deployed    `json:"done"`                // the stacks that are through, in order
	Verified  []string      `json:"verified,omitempty"`  // the stages whose own checks passed
	Rollbacks []Step        `json:"rollbacks,omitempty"` // that are still to be done, because a verification failed
	Kept      []StackResult `json:"kept,omitempty"`      // while rollbacks run: the results that asked for them, and other failures

	Outcome string          `json:"outcome"`
	Reason  string          `json:"reason"` // one sentence for a person
	Failure *events.Failure `json:"failure,omitempty"`

	Plan        Plan `json:"plan"`        // of the step's stack
	Transitions int  `json:"transitions"` // of the workflow for the step's stack until now; see maxTransitions

	Rollout   *rollout.Request `json:"rollout,omitempty"`   // of the step's stack, when plan.next is NextRollOut
	RolledOut *rollout.Result  `json:"rolledOut,omitempty"` // answer to the RollOut state

	Lock     *LockAnswer `json:"lock,omitempty"`     // answer to the Lock state
	Decision *Decision   `json:"decision,omitempty"` // answer to the RequestApproval state
	Signal   *Signal     `json:"signal,omitempty"`   // answer to the Operate state
	Built    *BuildEnd   `json:"built,omitempty"`    // answer to the Build state
	Error    *Caught     `json:"error,omitempty"`    // what a Catch put there
}

// Validation is what validation found, bounded so that the document stays
// small. The zero value is "not valid".
type Validation struct {
	// Valid says that the first stage accepts the templates.
	Valid bool `json:"valid"`
	events.Validated
}

// The kinds of Step.
const (
	StepDeploy = "deploy"
	StepWait   = "wait"   // for the stage to open
	StepVerify = "verify" // the stage, whose stacks are all through
	StepFinish = "finish"
)

// Step is what to do next.
type Step struct {
	Kind   string     `json:"kind"` // deploy, wait, finish
	Stage  string     `json:"stage"`
	Stack  string     `json:"stack"`
	Until  *time.Time `json:"until,omitempty"`  // wait: when the stage opens
	Reason string     `json:"reason,omitempty"` // wait: why it is closed

	Rollback      bool `json:"rollback,omitempty"`      // deploy: back to what was before the run
	VerifySeconds int  `json:"verifySeconds,omitempty"` // verify: for how long a round is waited for
}

// Work is what the workflow holds while it deploys one stack of a wave. The
// step stands beside the release, because the release that the wave began with
// is the same for all.
type Work struct {
	Release Release `json:"release"`
	Step    Step    `json:"step"`
}

// The operations on a stack that a plan can ask for.
const (
	OperationExecute = "execute" // the change set
	OperationDelete  = "delete"  // what a failed creation or deletion left

	OperationRollback = "rollback" // what failed with rollback disabled
	OperationContinue = "continue" // a rollback that failed
)

// What a plan must pass before it is executed.
const (
	GateAuto     = "auto"
	GateApproval = "approval"
	GateBlocked  = "blocked"
)

// Results of an operation on a stack.
const (
	ResultDeployed   = "deployed"
	ResultPlanAgain  = "planAgain"  // the stack is in order again, and is planned anew
	ResultRunning    = "running"    // the operation has not ended
	ResultNotStarted = "notStarted" // the operation was not begun
	ResultRefused    = "refused"    // the same, and trying again would not help; Error says why
	ResultUndo       = "undo"       // the operation failed, and another one that undoes it is to be begun
	ResultRolledBack = "rolledBack"
	ResultStuck      = "stuck"      // a person is needed
	ResultUnverified = "unverified" // deployed, but its checks did not pass
	ResultUnused     = "unused"     // the same, of what gets traffic by a rollout only: it gets none
)

// Plan is the change set of one stack in one stage: enough to decide and to
// find it again. Its rows are kept as a document in S3.
type Plan struct {
	// Operation is what is to be done to the stack, one of the Operation
	// constants; "" while the change set is made.
	Operation   string   `json:"operation"`
	WaitSeconds int      `json:"waitSeconds"` // for the event of the operation
	StackID     string   `json:"stackId"`     // ARN
	ChangeSetID string   `json:"changeSetId"` // ARN
	Empty       bool     `json:"empty"`
	Digest      string   `json:"digest"` // of all that an approval is bound to; see approval.Subject
	Risk        string   `json:"risk"`
	Reasons     []string `json:"reasons"`
	Gate        string   `json:"gate"`       // one of the Gate constants
	Document    string   `json:"document"`   // S3 key of the rows
	Result      string   `json:"result"`     // of the operation; one of the Result constants
	Attempts    int      `json:"attempts"`   // times that beginning the operation failed
	Recoveries  int      `json:"recoveries"` // operations that ended what a failed one left
	Failed      bool     `json:"failed"`     // the change set was executed and failed; the operation undoes it
	Ringing     []string `json:"ringing"`    // alarms that were in ALARM when it was planned
	Verified    bool     `json:"verified"`

	// Parts are the digests of the parts of Digest, so that a difference can be named.
	Parts approval.Parts `json:"parts"`
	// ApprovalSeconds is for how long a person is waited for, and Expires when
	// their approval ends; zero where nobody is asked.
	ApprovalSeconds int       `json:"approvalSeconds"`
	Expires         time.Time `json:"expires"`
	Seen            string    `json:"seen"` // SHA-256 of the document
	Undo            bool      `json:"undo"` // the checks did not pass: bring the stack back
	// VerifySeconds is for how long a round of checks is waited for.
	VerifySeconds int `json:"verifySeconds"`

	// Side is the side of the stack that the plan is of, "" of a stack without
	// sides, and Live says that it is the live one, which is what was pushed already.
	// SideDigest is of what it is deployed from.
	Side       string `json:"side,omitempty"`
	Live       bool   `json:"live,omitempty"`
	SideDigest string `json:"sideDigest,omitempty"`
	// Next is NextRollOut when traffic is to be moved, and RolloutSeconds for how
	// long that is waited for.
	Next           string `json:"next"`
	RolloutSeconds int    `json:"rolloutSeconds"`
}

// wait is for how long the event of the operation is waited for.
func (p Plan) wait() time.Duration { return time.Duration(p.WaitSeconds) * time.Second }

// Deployed is a stack that is through a stage.
type Deployed struct {
	Stage     string `json:"stage"`
	Stack     string `json:"stack"`
	Unchanged bool   `json:"unchanged"`
}

// LockAnswer tells a run whether it may go on.
type LockAnswer struct {
	State string `json:"state"`        // held, superseded
	By    string `json:"by,omitempty"` // the run that superseded
}

// Decision is what a person decided about a plan.
type Decision struct {
	Approved bool   `json:"approved"`
	By       string `json:"by"` // caller ARN
	// Session is the name of the user or of the role's session in By.
	Session string    `json:"session,omitempty"`
	Comment string    `json:"comment,omitempty"` // of a rejection the reason
	Digest  string    `json:"digest"`            // of the plan that the person saw
	At      time.Time `json:"at"`
	Via     Via       `json:"via"`
	Seen    Seen      `json:"seen"`
	// Relation is how the person stands to the authors of the push: one of the
	// constants of the package approval.
	Relation string `json:"relation,omitempty"`
}

type (
	// Via is what a decision was made with.
	Via = events.Via
	// Seen is the document that was shown to the person.
	Seen = events.Seen
)

// Signal is the end of a stack operation as its event told it.
type Signal struct {
	Status string `json:"status"` // stack status
	Reason string `json:"reason,omitempty"`
}

// Caught is an error as a Catch of the workflow stores it.
// Source: Step Functions developer guide, "Error output".
type Caught struct {
	Name  string `json:"Error"`
	Cause string `json:"Cause"`
}

// Run identifies the release in facts.
func (r *Release) Run() events.Run {
	return events.Run{RunID: r.RunID, Repository: r.Repository, Branch: r.Branch, Commit: r.Commit, Actor: r.Actor}
}

// Current returns the stage and the stack of the step, as the side that the plan
// is of; ok is false when the step deploys nothing that the document knows.
func (r *Release) Current() (stage pipeline.Stage, stack pipeline.Stack, ok bool) {
	for _, stage := range r.Stages {
		if stage.Name != r.Step.Stage {
			continue
		}
		for _, stack := range stage.Stacks {
			if stack.Name == r.Step.Stack {
				stack, err := stack.OfSide(r.Plan.Side)
				return stage, stack, r.Step.Kind == StepDeploy && err == nil
			}
		}
	}
	return pipeline.Stage{}, pipeline.Stack{}, false
}

// Changed lists "stage/stack" of the stacks that were changed, in order, with
// those that were deployed but not verified.
func (r *Release) Changed() []string {
	changed := []string{}
	for _, d := range r.Done {
		if !d.Unchanged {
			changed = append(changed, d.Stage+"/"+d.Stack)
		}
	}
	for _, result := range r.Results {
		if left := result.Result == ResultDeployed || result.Result == ResultUnverified; result.Outcome != events.OutcomeSucceeded && left && result.Stack != "" {
			changed = append(changed, result.Stage+"/"+result.Stack)
		}
	}
	return changed
}
