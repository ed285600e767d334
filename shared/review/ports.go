package review

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Stacks reads the stacks of a workload account, and removes what a review left.
type Stacks interface {
	// Describe returns the stack; a zero Status means that there is none.
	Describe(ctx context.Context, target events.Target) (deployment.Stack, error)
	// Drifts returns the resources that the last drift detection found changed or
	// deleted.
	Drifts(ctx context.Context, target events.Target) ([]deployment.ResourceDrift, error)
	// ChangeSets lists the change sets of a stack; none when there is no stack.
	ChangeSets(ctx context.Context, target events.Target) ([]ChangeSetRef, error)
	// DeleteEmpty deletes the stack with this ARN by a role that can delete no
	// resource: a stack that is not empty keeps everything.
	DeleteEmpty(ctx context.Context, target events.Target, stackID string) error
}

// Rollouts knows which side of a stack is in use.
type Rollouts interface {
	Read(ctx context.Context, target events.Target) (record rollout.Record, ok bool, err error)
}

// ChangeSetRef names a change set.
type ChangeSetRef struct{ ID, Name string }

// ChangeSets makes and reads change sets. It cannot execute any.
type ChangeSets interface {
	// Create begins to make a change set and returns its ARN and its stack's.
	// One of the same name is found again and returned.
	Create(ctx context.Context, target events.Target, input deployment.ChangeSetInput) (changeSetID, stackID string, err error)
	// Read returns the change set with all its pages. One that is gone has the
	// status DELETE_COMPLETE.
	Read(ctx context.Context, target events.Target, changeSetID string) (deployment.ChangeSet, error)
	// Delete deletes it; one that is gone already is no error.
	Delete(ctx context.Context, target events.Target, changeSetID string) error
	// Problems returns what early validation found, a sentence each.
	Problems(ctx context.Context, target events.Target, changeSetID string) ([]string, error)
}

// Reviews remembers which review a pull request has, and what it has open.
type Reviews interface {
	// Claim makes it the pull request's review unless a later one is, or
	// another execution of it, and returns the one that is.
	Claim(ctx context.Context, repository string, number int, claim Claim) (Claim, error)
	// Latest returns the review that the pull request has; zero when none.
	Latest(ctx context.Context, repository string, number int) (Claim, error)
	// Keep remembers what the review has open, in place of what it had before.
	Keep(ctx context.Context, reviewID string, open Open) error
	// Opened returns it; ok is false when there is none.
	Opened(ctx context.Context, reviewID string) (open Open, ok bool, err error)
	// Forget forgets it.
	Forget(ctx context.Context, reviewID string) error
}

// Runs tells whether a run has ended.
type Runs interface {
	Read(ctx context.Context, runID string) (deployment.RunRecord, error)
}

// Registry knows the repositories.
type Registry interface {
	Repository(ctx context.Context, name string) (source.Repository, error)
}

// Files reads sources and keeps documents.
type Files interface {
	// File returns one file of the source archive under zipKey.
	File(ctx context.Context, zipKey, path string) ([]byte, error)
	Find(ctx context.Context, key string) (data []byte, found bool, err error)
	Put(ctx context.Context, key string, data []byte) error
	// Share returns a URL that reads the object for a while.
	Share(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// The states of a commit status.
// Source: GitHub REST API, "Create a commit status".
const (
	StatusPending = "pending"
	StatusSuccess = "success"
	StatusFailure = "failure"
	StatusError   = "error"
)

// Status is a commit status.
type Status struct {
	State       string // one of the Status constants
	Context     string // tells it from other statuses of the commit
	Description string // at most MaxDescription characters
	TargetURL   string // where a person finds more; "" for nowhere
}

// Forge publishes at the git provider.
type Forge interface {
	// SetStatus sets a status of a commit, in place of one of the same context.
	SetStatus(ctx context.Context, repository source.Repository, commit string, status Status) error
	// UpsertComment changes the comment on a pull request that begins with the
	// marker and is our own, or writes one, and returns its address.
	UpsertComment(ctx context.Context, repository source.Repository, number int, marker, body string) (url string, err error)
}

// Publisher publishes facts.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}
