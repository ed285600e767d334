// Package review looks at a pull request before it is merged: its templates are
// validated, each stack of the stages that follow its base is planned, and what
// a deployment would meet and do is published as a commit status and one
// comment. A change set of a review is never executed and always deleted.
// Decisions (next, conclude, Compose) are pure; Service calls its ports around
// them, one method for each action of the review workflow.
package review

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Review is the one document that travels through the workflow. Validation's
// answer and a caught error are put beside its other fields by the workflow.
// Fields that a Choice state reads are always present.
type Review struct {
	ReviewID    string             `json:"reviewId"`
	Execution   string             `json:"execution"`   // ARN of the workflow execution
	CausationID string             `json:"causationId"` // id of the PullRequestUpdated fact
	PullRequest events.PullRequest `json:"pullRequest"`
	Updated     time.Time          `json:"updated"`   // when the fact was published; orders the commits of a pull request
	Began       time.Time          `json:"began"`     // when this execution took it up
	Due         bool               `json:"due"`       // this execution reviews it
	Duplicate   bool               `json:"duplicate"` // another execution does

	Release deployment.Release `json:"release"` // what would be deployed: filled by validation
	Step    Step               `json:"step"`
	Plan    Plan               `json:"plan"` // of the step's stack
	Done    []Done             `json:"done"` // the stacks that were looked at, in order

	State     string `json:"state"`  // one of the Review constants of events; "" while it runs
	Reason    string `json:"reason"` // one sentence for a person
	Published bool   `json:"published"`

	Validated *Validated         `json:"validated,omitempty"` // validation's answer, until Next takes it in
	Error     *deployment.Caught `json:"error,omitempty"`     // what a Catch put there
}

// Validated is validation's answer as the workflow stores it.
type Validated struct {
	Release deployment.Release `json:"release"`
}

// The kinds of Step.
const (
	StepPlan   = "plan"
	StepFinish = "finish"
)

// Step is what to do next.
type Step struct {
	Kind  string `json:"kind"` // plan, finish
	Stage string `json:"stage"`
	Stack string `json:"stack"`
}

// The states of a Plan.
const (
	PlanPending = "pending" // CloudFormation computes the change set
	PlanSettled = "settled" // what became of it is kept
)

// Plan is the change set of one stack while it is made.
type Plan struct {
	Status      string    `json:"status"`         // one of the Plan constants
	WaitSeconds int       `json:"waitSeconds"`    // before the next look
	ChangeSetID string    `json:"changeSetId"`    // ARN
	Since       time.Time `json:"since"`          // when planning began
	Side        string    `json:"side,omitempty"` // of a stack with sides: the one that is not in use
}

// Done is a stack that was looked at.
type Done struct {
	Stage string `json:"stage"`
	Stack string `json:"stack"`
	Left  bool   `json:"left"` // its change set could not be deleted
}

// What became of a stack.
const (
	StackPlanned    = "planned"
	StackUnchanged  = "unchanged"
	StackRefused    = "refused"    // a deployment would be rejected: the author must change something
	StackNotPlanned = "notPlanned" // it cannot be told before the merge; Note says why
	StackFailed     = "failed"     // the plan went wrong; Note says how
)

// StackReview is what was found about one stack. It is kept in S3 under its
// key, since all of them together do not fit into the workflow.
type StackReview struct {
	Target    events.Target        `json:"target"`
	State     string               `json:"state"` // one of the Stack constants
	Note      string               `json:"note,omitempty"`
	Document  *deployment.Document `json:"document,omitempty"` // of a planned stack
	Remaining []string             `json:"remaining,omitempty"`
}

// Open is the change set that a review has, or is about to have. It is kept
// from before the change set is made until it is deleted, so that one of an
// execution that broke off can be found.
type Open struct {
	Target  events.Target `json:"target"`
	Name    string        `json:"name"`    // of the change set
	Created bool          `json:"created"` // the stack exists because of reviews only
}

// Claim is the review that a pull request has.
type Claim struct {
	ReviewID  string
	Execution string // ARN of the execution that works on it
	Head      string // commit
	Updated   time.Time
}

// newReview makes the document of an event.
func newReview(event Updated, execution string, now time.Time) (Review, error) {
	data, metadata := event.Detail.Data, event.Detail.Metadata
	if data.Repository == "" || data.Number < 1 || data.Head == "" || data.Base == "" {
		return Review{}, fault.Invalid("the event %s names no repository, pull request, commit or base", event.ID)
	}
	id := data.ReviewID(data.DeliveryID)
	return Review{
		ReviewID: id, Execution: execution, CausationID: metadata.ID, PullRequest: data.PullRequest, Updated: metadata.Time, Began: now.UTC(),
		Done: []Done{},
		Release: deployment.Release{
			RunID: id, Execution: execution, CausationID: metadata.ID, Repository: data.Repository, Provider: data.Provider, CloneURL: data.CloneURL,
			Branch: data.Base, Commit: data.Head, Actor: data.Author, DeliveryID: data.DeliveryID, Pushed: metadata.Time,
			PullRequest: &deployment.PullRequest{Number: data.Number, HeadBranch: data.HeadBranch},
			Validation:  deployment.Validation{Validated: events.Validated{Findings: []events.Finding{}}},
			Stages:      []pipeline.Stage{}, Done: []deployment.Deployed{}, Plan: deployment.Plan{Reasons: []string{}},
		},
	}, nil
}

// Updated is the event that starts a review.
type Updated = events.Envelope[events.Detail[events.PullRequestUpdated]]

// limit is how long a review looks at further stacks. Past it the rest is
// published as not planned: a reviewer who waits longer does not wait for it.
const limit = 30 * time.Minute

// Why stacks are not planned.
const (
	noteRefused = "validation refuses the stage"
	noteTime    = "the review took longer than 30 minutes"
)

// next returns the first stack that was not looked at. A pull request from a
// fork is not planned at all: a plan lets the writer of a template read the
// accounts, and whoever forks is a stranger to them.
func next(r Review, now time.Time) Step {
	if r.PullRequest.Fork || !r.Release.Validation.Valid || now.Sub(r.Began) > limit {
		return Step{Kind: StepFinish}
	}
	for _, stage := range r.Release.Stages {
		if slices.Contains(r.Release.Validation.Refused, stage.Name) {
			continue
		}
		for _, stack := range stage.Stacks {
			if !r.done(stage.Name, stack.Name) {
				return Step{Kind: StepPlan, Stage: stage.Name, Stack: stack.Name}
			}
		}
	}
	return Step{Kind: StepFinish}
}

func (r *Review) done(stage, stack string) bool {
	return slices.ContainsFunc(r.Done, func(d Done) bool { return d.Stage == stage && d.Stack == stack })
}

// current returns the stage and the stack of the step.
func (r *Review) current() (stage pipeline.Stage, stack pipeline.Stack, to events.Target, err error) {
	for _, stage := range r.Release.Stages {
		for _, stack := range stage.Stacks {
			if stage.Name == r.Step.Stage && stack.Name == r.Step.Stack {
				stack, err := stack.OfSide(r.Plan.Side)
				return stage, stack, target(stage, stack), err
			}
		}
	}
	return stage, stack, to, fault.Permanent("review %s has no stack %q in stage %q", r.ReviewID, r.Step.Stack, r.Step.Stage)
}

func target(stage pipeline.Stage, stack pipeline.Stack) events.Target {
	return events.Target{Stage: stage.Name, Stack: stack.Name, StackName: stack.StackName, Account: stage.Account, Region: stage.Region}
}

// changeSets begin the names of all change sets of reviews. Those of a
// deployment have the first digits of a commit there.
const changeSets = "evenkeel-pr-"

// changeSetName names the change set of a stack in a stage. It is the same
// whenever the step is repeated, and no other review's.
func changeSetName(reviewID, stage string) string { return "evenkeel-" + reviewID + "-" + stage }

// key is where a stack's review is kept in the bucket.
func key(reviewID, stage, stack string) string {
	return fmt.Sprintf("reviews/%s/%s/%s.json", reviewID, stage, stack)
}

// remains names what could not be deleted, for a person.
func (o Open) remains() string {
	return fmt.Sprintf("the change set %s of %s in %s, %s", o.Name, o.Target.StackName, o.Target.Account, o.Target.Region)
}

// name is the pull request for a person: "acme/shop#7".
func (r *Review) name() string {
	return r.PullRequest.Repository + "#" + strconv.Itoa(r.PullRequest.Number)
}

// message is the text of a caught error: the function's own, or the name of an
// error that has none.
func message(c deployment.Caught) string {
	if c.Cause == "" {
		return c.Name
	}
	return c.Message()
}
