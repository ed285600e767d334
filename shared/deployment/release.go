// Package deployment takes a release through its stages: it plans each stack
// as a change set, rates the plan, waits for approval, executes it and finds
// out how it ended. Decisions (Next, Assess, Conclude, the lock queue) are pure;
// Service calls its ports around them, one method for each workflow action.
package deployment

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Release is the one document that travels through the workflow. Every state
// receives it whole and gives it back whole; the answer of a callback and a
// caught error are put beside its other fields by the workflow (Lock, Decision,
// Signal, Error). Fields that a Choice state reads are always present.
type Release struct {
	RunID       string    `json:"runId"`
	Execution   string    `json:"execution"`   // ARN of the workflow execution
	CausationID string    `json:"causationId"` // id of the GitPushed fact
	Repository  string    `json:"repository"`
	Provider    string    `json:"provider"`
	CloneURL    string    `json:"cloneUrl"`
	Branch      string    `json:"branch"`
	Commit      string    `json:"commit"`
	Actor       string    `json:"actor"`
	DeliveryID  string    `json:"deliveryId"`
	Pushed      time.Time `json:"pushed"`    // when the push was published; orders pushes of a branch
	Duplicate   bool      `json:"duplicate"` // another execution owns the run

	SourceKey  string           `json:"sourceKey"` // S3 key of the zip; set by validation
	Build      Build            `json:"build"`     // of the cloud assembly
	Validation Validation       `json:"validation"`
	Stages     []pipeline.Stage `json:"stages"` // that follow the branch; set by validation

	Step    Step            `json:"step"` // what Next decided
	Plan    Plan            `json:"plan"` // of the step's stack
	Done    []Deployed      `json:"done"` // the stacks that are through, in order
	Outcome string          `json:"outcome"`
	Reason  string          `json:"reason"` // one sentence for a person
	Failure *events.Failure `json:"failure,omitempty"`

	Lock     *LockAnswer `json:"lock,omitempty"`     // answer to the Lock state
	Decision *Decision   `json:"decision,omitempty"` // answer to the RequestApproval state
	Signal   *Signal     `json:"signal,omitempty"`   // answer to the Execute and Await states
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
	StepFinish = "finish"
)

// Step is what to do next.
type Step struct {
	Kind  string `json:"kind"` // deploy, finish
	Stage string `json:"stage"`
	Stack string `json:"stack"`
}

// The states of a Plan while it is made.
const (
	PlanClearing = "clearing" // a stack that never was created is being deleted
	PlanPending  = "pending"  // CloudFormation is computing the change set
	PlanReady    = "ready"
)

// What a plan must pass before it is executed.
const (
	GateAuto     = "auto"
	GateApproval = "approval"
	GateBlocked  = "blocked"
)

// Results of an executed plan.
const (
	ResultDeployed   = "deployed"
	ResultRunning    = "running"    // the operation has not ended
	ResultNotStarted = "notStarted" // the change set was not executed
	ResultRefused    = "refused"    // the same, and trying again would not help; Error says why
	ResultRolledBack = "rolledBack"
	ResultStuck      = "stuck" // a person is needed
)

// Plan is the change set of one stack in one stage: enough to decide and to
// find it again. Its rows are kept as a document in S3.
type Plan struct {
	Status      string    `json:"status"`      // one of the Plan constants
	WaitSeconds int       `json:"waitSeconds"` // before the next look
	StackID     string    `json:"stackId"`     // ARN
	ChangeSetID string    `json:"changeSetId"` // ARN
	Empty       bool      `json:"empty"`
	Digest      string    `json:"digest"`
	Risk        string    `json:"risk"`
	Reasons     []string  `json:"reasons"`
	Gate        string    `json:"gate"`     // one of the Gate constants
	Document    string    `json:"document"` // S3 key of the rows
	Result      string    `json:"result"`   // one of the Result constants
	Attempts    int       `json:"attempts"` // times that the execution was started
	Awaits      int       `json:"awaits"`   // times that it was awaited again
	Since       time.Time `json:"since"`    // when planning began
}

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
	Approved bool      `json:"approved"`
	By       string    `json:"by"` // caller ARN
	Comment  string    `json:"comment,omitempty"`
	Digest   string    `json:"digest"` // of the plan that the person saw
	At       time.Time `json:"at"`
}

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

// Current returns the stage and the stack of the step; ok is false when the
// step deploys nothing that the document knows.
func (r *Release) Current() (stage pipeline.Stage, stack pipeline.Stack, ok bool) {
	for _, stage := range r.Stages {
		if stage.Name != r.Step.Stage {
			continue
		}
		for _, stack := range stage.Stacks {
			if stack.Name == r.Step.Stack {
				return stage, stack, r.Step.Kind == StepDeploy
			}
		}
	}
	return pipeline.Stage{}, pipeline.Stack{}, false
}

// Changed lists "stage/stack" of the stacks that were changed, in order, with
// one that was deployed but not verified.
func (r *Release) Changed() []string {
	changed := []string{}
	for _, d := range r.Done {
		if !d.Unchanged {
			changed = append(changed, d.Stage+"/"+d.Stack)
		}
	}
	if last := r.Step.Stage + "/" + r.Step.Stack; r.Plan.Result == ResultDeployed && !slices.Contains(changed, last) {
		changed = append(changed, last)
	}
	return changed
}

// Next returns the first stack, in the order of the stages, that is not
// through, or a finish when all are.
func Next(r Release) Step {
	through := map[[2]string]bool{}
	for _, d := range r.Done {
		through[[2]string{d.Stage, d.Stack}] = true
	}
	for _, stage := range r.Stages {
		for _, stack := range stage.Stacks {
			if !through[[2]string{stage.Name, stack.Name}] {
				return Step{Kind: StepDeploy, Stage: stage.Name, Stack: stack.Name}
			}
		}
	}
	return Step{Kind: StepFinish}
}
