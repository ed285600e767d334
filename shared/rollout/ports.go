package rollout

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// Routing is a router with its sides: everything that a weight is set with.
type Routing struct {
	Target    events.Target
	Router    pipeline.Router // all references resolved, but what is by side
	Live      Side            // zero for a first rollout: the candidate gets everything
	Candidate Side
}

// Traffic moves traffic in a workload account.
type Traffic interface {
	// Weight reads the percentage that the candidate gets; found is false when
	// neither side is routed to yet. Weights that are not ours (changed by
	// somebody else, or of other sides) are an InvalidError that says what was found.
	Weight(ctx context.Context, r Routing) (percent int, found bool, err error)
	// SetWeight gives the candidate that percentage, and the live side the rest,
	// in one call. It is idempotent. Without a live side the percentage must be
	// 100, and the other side, if it is still known to the router, is taken out.
	// The change is what Settled asks about; "" when it is in force already.
	SetWeight(ctx context.Context, r Routing, percent int) (change string, err error)
	// Settled reports whether a change is in force everywhere: Route 53 tells
	// INSYNC; the others are at once.
	Settled(ctx context.Context, r Routing, change string) (bool, error)
	// Serving returns the endpoint that has all the traffic, although no rollout
	// may have given it any; found is false when there is none, or more than one.
	Serving(ctx context.Context, r Routing) (endpoint string, found bool, err error)
}

// Query is a CloudWatch metric with its references resolved and the time that
// it is wanted for.
type Query struct {
	Metric pipeline.CloudWatchMetric
	From   time.Time // whole periods from here
	To     time.Time
}

// Metrics reads metrics in a workload account.
type Metrics interface {
	// Value returns the value of the newest whole period and the time at which
	// that period began; ok is false when it has none, whatever earlier ones
	// have. When no whole period can be read yet, at is the time from which the
	// first one can: nothing is missing before then.
	Value(ctx context.Context, target events.Target, q Query) (value float64, at time.Time, ok bool, err error)
}

// Records keeps the record of each stack.
type Records interface {
	// Read returns the record of the stack, named by account, region and
	// Target.StackName (without a side); ok is false when there is none.
	Read(ctx context.Context, target events.Target) (record Record, ok bool, err error)
	// Write stores it when the stored version is still record.Version (0: there
	// is none), else it returns a fault.ConflictError.
	Write(ctx context.Context, target events.Target, record Record) error
	// List returns all records, sorted by target.
	List(ctx context.Context) ([]Record, error)
}

// Executions starts the workflow of a rollout.
type Executions interface {
	// Start starts it; the same name finds the same execution again.
	Start(ctx context.Context, name string, input any) (execution string, err error)
}

// Checks makes checks over HTTP and of alarms. *verification.Verifier
// implements it.
type Checks interface {
	// Round makes one attempt of each check that is due; what went wrong is a
	// result.
	Round(ctx context.Context, subject verification.Subject, record verification.Record, last bool) (verification.Record, verification.Verdict)
}

// Tasks answers states that wait.
type Tasks interface {
	// Answer completes the task with a JSON-encodable value; waiting is false
	// when nobody waits for it any more.
	Answer(ctx context.Context, token string, output any) (waiting bool, err error)
	// Fail fails the task with an error name and a cause.
	Fail(ctx context.Context, token, kind, cause string) error
}

// Files keeps what outlives the record.
type Files interface {
	Put(ctx context.Context, key string, data []byte) error
}

// Stack is the stack of an old side.
type Stack struct {
	ID         string // ARN
	Status     string // "" when there is none
	Reason     string // of Status
	Repository string // that it is deployed for, by its tag
	Protected  bool   // termination protection
}

// Stacks reads and deletes the stacks of old sides in a workload account.
type Stacks interface {
	// Describe returns the stack; a zero Status means that there is none.
	Describe(ctx context.Context, target events.Target) (Stack, error)
	// Template returns the template that the stack was deployed from, its
	// transforms done.
	Template(ctx context.Context, target events.Target) ([]byte, error)
	// Delete begins to delete the stack with this ARN. The same token does
	// nothing again.
	Delete(ctx context.Context, target events.Target, stackID, clientRequestToken string) error
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

// Registry lists the deployed stacks; drift detection watches them.
type Registry interface {
	// Forget takes a stack that was deleted off the list.
	Forget(ctx context.Context, account, region, stackName string) error
}

// Publisher publishes facts.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}
