package fake

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

var _ deployment.StackLocks = (*DeploymentStackLocks)(nil)

// DeploymentStackLocks keeps the locks of stacks.
type DeploymentStackLocks struct {
	Faults Faults
	Now    func() time.Time
	// Changed hears that a lock went from one holder to another, "" for none,
	// with the end that the lease of the holder before had.
	Changed func(target events.Target, from, to string, expires time.Time)
	locks   map[string]stackLock
}

type stackLock struct {
	owner   string
	expires time.Time
}

// Acquire implements deployment.StackLocks.
func (l *DeploymentStackLocks) Acquire(_ context.Context, t events.Target, owner, over string, until time.Time) (string, error) {
	if err := l.Faults.at("AcquireStackLock"); err != nil {
		return "", err
	}
	held, exists := l.locks[stackKey(t)]
	free := !exists || held.owner == owner || held.owner == over && over != "" || !l.Now().Before(held.expires)
	if !free {
		return held.owner, nil
	}
	if l.locks == nil {
		l.locks = map[string]stackLock{}
	}
	l.locks[stackKey(t)] = stackLock{owner, until}
	if l.Changed != nil && held.owner != owner {
		l.Changed(t, held.owner, owner, held.expires)
	}
	return owner, l.Faults.at("AcquireStackLock done")
}

// Release implements deployment.StackLocks.
func (l *DeploymentStackLocks) Release(_ context.Context, t events.Target, owner string) error {
	if err := l.Faults.at("ReleaseStackLock"); err != nil {
		return err
	}
	if held := l.locks[stackKey(t)]; held.owner == owner {
		delete(l.locks, stackKey(t))
		if l.Changed != nil {
			l.Changed(t, owner, "", held.expires)
		}
	}
	return l.Faults.at("ReleaseStackLock done")
}

// Holder returns who holds the stack's lock, and until when; "" for nobody.
func (l *DeploymentStackLocks) Holder(t events.Target) (owner string, expires time.Time) {
	held := l.locks[stackKey(t)]
	return held.owner, held.expires
}

// Held counts the locks that somebody holds.
func (l *DeploymentStackLocks) Held() int {
	n := 0
	for _, lock := range l.locks {
		if l.Now().Before(lock.expires) {
			n++
		}
	}
	return n
}
