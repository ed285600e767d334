package deployment

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// PullRequest says that a release is looked at before it is merged, and not
// deployed.
type PullRequest struct {
	Number     int    `json:"number"`
	HeadBranch string `json:"headBranch"` // where its commit is; Branch is the base, which says the stages
}

// FetchBranch is the branch on which the release's commit is.
func (r *Release) FetchBranch() string {
	if r.PullRequest != nil {
		return r.PullRequest.HeadBranch
	}
	return r.Branch
}

// Preview tells how the change set of a stack in this state is made by a plan
// that will not be executed: the ChangeSetType, or an error that says why there
// can be none. ConflictError: somebody operates on the stack; InvalidError: it
// is not this repository's; PermanentError: it must be repaired first.
func Preview(r Release, to events.Target, stack Stack) (kind string, err error) {
	if err := owned(r, to, stack); err != nil {
		return "", err
	}
	switch planning(stack.Status) {
	case planCreate:
		return planCreate, nil
	case planUpdate:
		return planUpdate, nil
	case planBusy:
		return "", fault.Conflict("the stack %s is busy (%s)", to.StackName, stack.Status)
	case planClear:
		return "", fault.Permanent("a deployment deletes what a failed creation left of the stack %s (%s), and creates it anew", to.StackName, stack.Status)
	default:
		return "", fault.Permanent("the stack %s is in %s and must be repaired first, for example with: %s",
			to.StackName, stack.Status, remedy(stack.Status, to))
	}
}

// PreviewTags are the tags that a deployment gives the stack, so that its plan
// shows no others.
func PreviewTags(r Release, stage string, stack pipeline.Stack, side string) map[string]string {
	r.Step.Stage, r.Plan.Side = stage, side
	return tags(r, stack)
}

// PreviewDocument rates a change set and puts it into a document, as a
// deployment does. It has no digest: nobody approves it.
func PreviewDocument(ctx context.Context, templates Templates, exposure Exposure, r Release, to events.Target, stage pipeline.Stage, stack pipeline.Stack, c ChangeSet, now time.Time) (Document, error) {
	policy, err := riskPolicy(ctx, exposure, stack, PreviewTags(r, stage.Name, stack, r.Plan.Side), now)
	if err != nil {
		return Document{}, err
	}
	rated, err := rate(ctx, templates, to, c, policy)
	if err != nil {
		return Document{}, err
	}
	document := NewDocument(c, rated, to.Region)
	document.Run, document.Target, document.Planned = r.Run(), to, now.UTC()
	document.Empty, document.Gate = c.Unchanged(), gate(stage.Approval, rated.Level, c.Unchanged())
	return document, nil
}

// Counts says in one line how many resources change in which way.
func (d Document) Counts() string { return d.counts() }

// Message is the failed function's own message.
func (c Caught) Message() string { return c.message() }
