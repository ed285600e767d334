package rollout

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
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
