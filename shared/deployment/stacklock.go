package deployment

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// hold takes the stack's lock, or keeps it, for d. The lock of a run that has
// ended counts for no longer than an invocation may still be under way: an
// execution that somebody stopped cannot release it. Errors: ConflictError when
// somebody else has it.
func (s *Service) hold(ctx context.Context, r Release, to events.Target, d time.Duration) error {
	to = whole(r, to)
	until := s.Now().Add(d + leaseSlack)
	holder, err := s.StackLocks.Acquire(ctx, to, r.RunID, "", until)
	if err != nil || holder == r.RunID {
		return err
	}
	run, err := s.Runs.Read(ctx, holder)
	if err != nil {
		return err
	}
	if run.End != nil && s.Now().Sub(run.End.At) > invocationTime {
		if holder, err = s.StackLocks.Acquire(ctx, to, r.RunID, holder, until); err != nil || holder == r.RunID {
			return err
		}
	}
	return fault.Conflict("the stack %s is locked by %s", to.StackName, holder)
}

// renewBoth extends the leases of the repository and of the stack by the time
// that the next state may take. A run that lost one of them must not begin
// anything any more.
func (s *Service) renewBoth(ctx context.Context, r Release, to events.Target, d time.Duration) error {
	if err := s.renew(ctx, r, d); err != nil {
		return err
	}
	return s.hold(ctx, r, to, d)
}

// keepLocks extends the leases while an operation runs. A run that lost one
// waits all the same: what was begun goes on, and the busy stack refuses
// everybody else.
func (s *Service) keepLocks(ctx context.Context, r Release, to events.Target, d time.Duration) error {
	for _, keep := range []func() error{
		func() error { return s.renew(ctx, r, d) },
		func() error { return s.hold(ctx, r, to, d) },
	} {
		if err := keep(); err != nil && !fault.Is(err, fault.ConflictError) {
			return err
		}
	}
	return nil
}
