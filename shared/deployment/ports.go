package deployment

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
)

// Stacks reads stacks in a workload account.
type Stacks interface {
	// Describe returns the stack; a zero Status means that there is none.
	Describe(ctx context.Context, target events.Target) (Stack, error)
	// Events returns the rows of the operation with the client request token,
	// oldest first, also those of a stack that was deleted.
	Events(ctx context.Context, target events.Target, stackID, clientRequestToken string) ([]StackEvent, error)
	// Drifts returns the resources that the last drift detection found changed or
	// deleted, sorted by Text.
	Drifts(ctx context.Context, target events.Target) ([]ResourceDrift, error)
}

// Recoveries ends, in a workload account, what a failed operation left of a
// stack. The token of each operation comes back in the stack's events.
type Recoveries interface {
	// Resources returns the stack's resources, sorted by logical id.
	Resources(ctx context.Context, target events.Target, stackID string) ([]Resource, error)
	// Rollback begins to roll back what failed with rollback disabled.
	Rollback(ctx context.Context, target events.Target, clientRequestToken string) error
	// Continue begins to continue a rollback that failed. The resources of skip
	// are taken as restored.
	Continue(ctx context.Context, target events.Target, clientRequestToken string, skip []string) error
	// Delete begins to delete the stack. The resources of retain are left behind;
	// CloudFormation takes them only for a stack in DELETE_FAILED.
	Delete(ctx context.Context, target events.Target, clientRequestToken string, retain []string) error
}

// ChangeSetInput is what a change set is made from.
type ChangeSetInput struct {
	Name         string
	Type         string // CREATE, UPDATE
	Description  string
	Template     []byte // used when TemplateURL is empty
	TemplateURL  string
	Parameters   map[string]string
	Previous     []string // parameters that keep the value that they have
	Capabilities []string
	Tags         map[string]string
	// IncludeNested asks for the change sets of nested stacks as well.
	IncludeNested bool
	Rollback      RollbackConfiguration // an empty one removes what the stack has
}

// ChangeSets makes, reads and executes change sets in a workload account.
type ChangeSets interface {
	// Create begins to make a change set and returns its ARN and its stack's.
	// One of the same name is found again and returned.
	Create(ctx context.Context, target events.Target, input ChangeSetInput) (changeSetID, stackID string, err error)
	// Read returns the change set with all its pages, and those of nested
	// stacks that it names. One that is gone has the
	// status DELETE_COMPLETE.
	Read(ctx context.Context, target events.Target, changeSetID string) (ChangeSet, error)
	// Execute begins to execute it. The token comes back in the stack's events.
	// Without rollback, a stack that fails is left as it is.
	Execute(ctx context.Context, target events.Target, changeSetID, clientRequestToken string, disableRollback bool) error
	// Delete deletes it; one that is gone already is no error.
	Delete(ctx context.Context, target events.Target, changeSetID string) error
	// Problems returns what early validation found, a sentence each.
	Problems(ctx context.Context, target events.Target, changeSetID string) ([]string, error)
}

// Locks keeps the queue of each repository.
type Locks interface {
	// Read returns the queue and its version; both are zero for a new one.
	Read(ctx context.Context, repository string) (Queue, int, error)
	// Write stores the queue when the stored version is still the given one,
	// else it returns a fault.ConflictError.
	Write(ctx context.Context, repository string, queue Queue, version int) error
}

// StackLocks keeps who may operate on a stack. A lock ends by itself at the
// time that its holder has given.
type StackLocks interface {
	// Acquire gives the stack's lock to owner, until then, when nobody has it,
	// its time is over, or owner or over has it; over may be "". It returns the
	// holder: owner, or the one that has it.
	Acquire(ctx context.Context, target events.Target, owner, over string, until time.Time) (holder string, err error)
	// Release ends the lock if owner has it.
	Release(ctx context.Context, target events.Target, owner string) error
}

// RunRecord is what is remembered of a run.
type RunRecord struct {
	Execution string // ARN of the execution that owns it
	End       *End   // nil while it runs
}

// End is how a run ended, and when. The first End that is stored is the only
// one that is ever announced.
type End struct {
	At       time.Time          `json:"at"`
	Finished events.RunFinished `json:"finished"`
}

// Runs remembers runs.
type Runs interface {
	// Claim makes the execution the owner unless another one is, and returns
	// the record.
	Claim(ctx context.Context, runID, execution string) (RunRecord, error)
	// Read returns the record; zero when there is none.
	Read(ctx context.Context, runID string) (RunRecord, error)
	// Close stores the end unless there is one, and returns what is stored.
	Close(ctx context.Context, runID string, end End) (End, error)
}

// Approval is a plan that waits for a person, or was decided on.
type Approval struct {
	Run         events.Run
	Target      events.Target
	CausationID string
	ChangeSetID string
	Digest      string
	Risk        string
	Reasons     []string
	Document    string // S3 key
	Seen        string // SHA-256 of the document
	Token       string // of the RequestApproval state
	Requested   time.Time
	Expires     time.Time
	Authors     approval.Authors
	SelfAllowed bool // an author may approve
	Decision    *Decision
}

// Approvals keeps approvals.
type Approvals interface {
	// Put stores an undecided approval; for one that is decided it returns a
	// fault.ConflictError.
	Put(ctx context.Context, approval Approval) error
	// Get returns an approval; ok is false when there is none.
	Get(ctx context.Context, runID, stage, stack string) (approval Approval, ok bool, err error)
	// Settle stores the decision on an undecided approval; for one that is
	// decided it returns a fault.ConflictError. It returns what is stored then.
	Settle(ctx context.Context, runID, stage, stack string, decision Decision) (Approval, error)
	// Pending returns the undecided approvals, oldest first.
	Pending(ctx context.Context) ([]Approval, error)
}

// Tokens keeps the task token that waits for the end of a stack operation.
type Tokens interface {
	Put(ctx context.Context, stackID, clientRequestToken, taskToken string) error
	// Get returns "" when nobody waits.
	Get(ctx context.Context, stackID, clientRequestToken string) (taskToken string, err error)
	// Remove forgets the token if it is still the given one.
	Remove(ctx context.Context, stackID, clientRequestToken, taskToken string) error
}

// Registry lists the deployed stacks; drift detection watches them.
type Registry interface {
	Record(ctx context.Context, stack events.StackRef) error
}

// Tasks answers states that wait.
type Tasks interface {
	// Answer completes the task with a JSON-encodable value; waiting is false
	// when nobody waits for it any more.
	Answer(ctx context.Context, token string, output any) (waiting bool, err error)
	// Fail fails the task with an error name and a cause.
	Fail(ctx context.Context, token, kind, cause string) error
}

// Files reads sources and keeps documents.
type Files interface {
	// File returns one file of the source archive under zipKey.
	File(ctx context.Context, zipKey, path string) ([]byte, error)
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, data []byte) error
	// Share returns a URL that reads the object for a while.
	Share(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// Publisher publishes facts.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}
