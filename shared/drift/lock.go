package drift

import (
	"context"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Locks are the locks of deployments: who holds a stack's operates on it alone.
type Locks interface {
	// Acquire gives the lock to owner, until then, when nobody has it, its time is
	// over, or owner or over has it; over may be "". It returns the holder.
	Acquire(ctx context.Context, target events.Target, owner, over string, until time.Time) (holder string, err error)
	// Release ends the lock if owner has it.
	Release(ctx context.Context, target events.Target, owner string) error
}

// How long a step of a revert may hold the lock: longer than its state of the
// workflow takes with the wait after it. A lock that nobody releases ends by
// itself.
const (
	planHold    = 15 * time.Minute
	executeHold = 30 * time.Minute
	verifyHold  = 30 * time.Minute
)

// hold takes the stack's lock for d, or keeps it: a revert and a deployment
// never operate on a stack at once. Errors: ConflictError when somebody else
// has it.
func (s *Service) hold(ctx context.Context, scan Scan, d time.Duration) error {
	if s.Locks == nil {
		return nil
	}
	for _, target := range lockTargets(scan.Stack) {
		holder, err := s.Locks.Acquire(ctx, target, scan.ScanID, "", s.Now().Add(d))
		if err != nil {
			return err
		}
		if holder != scan.ScanID {
			return fault.Conflict("the stack %s is locked by %s", target.StackName, holder)
		}
	}
	return nil
}

// keep extends the lock while something runs that was begun. A revert that lost
// it goes on all the same: the busy stack refuses everybody else.
func (s *Service) keep(ctx context.Context, scan Scan, d time.Duration) error {
	if err := s.hold(ctx, scan, d); err != nil && !fault.Is(err, fault.ConflictError) {
		return err
	}
	return nil
}

// release gives the lock back. It is no error that somebody else has it.
func (s *Service) release(ctx context.Context, scan Scan) error {
	if s.Locks == nil {
		return nil
	}
	for _, target := range lockTargets(scan.Stack) {
		if err := s.Locks.Release(ctx, target, scan.ScanID); err != nil {
			return err
		}
	}
	return nil
}

// lockTargets are what a deployment of the stack would lock: the stack, and,
// when its name is that of a side of a rollout, the stack that both sides are.
func lockTargets(stack events.StackRef) []events.Target {
	target := events.Target{StackName: stack.StackName, Account: stack.Account, Region: stack.Region}
	targets := []events.Target{target}
	for _, side := range []string{"blue", "green"} {
		if whole, ok := strings.CutSuffix(stack.StackName, pipeline.SideName("", side)); ok && whole != "" {
			target.StackName = whole
			targets = append(targets, target)
		}
	}
	return targets
}
