package healing

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Judge plans groups as the healer does at one moment, and does nothing about
// them. It remembers the prefix lists that it read.
type Judge struct{ task *task }

// NewJudge judges what groups reads at now. opened are the rules that an event
// made or changed, see Policy.Plan.
func NewJudge(groups Groups, now time.Time, opened ...string) Judge {
	s := &Service{Groups: groups, Now: func() time.Time { return now }}
	return Judge{s.task(events.Trigger{}, Record{Subject: Subject{Opened: opened}})}
}

// Plan plans the rules of one group. It reads the prefix lists that would count,
// and whose they are if something would be done.
func (j Judge) Plan(ctx context.Context, at Place, p Policy, rules []events.SecurityGroupRule) Plan {
	return j.task.decide(ctx, at, p, rules, j.task.prefixLists(ctx, at, rules, nil, p))
}

// Unread says what could not be read so far. A prefix list that does not exist,
// or may not be read, is in Plan.Unknown instead.
func (j Judge) Unread() []string { return sortedUnique(j.task.result.Unread) }
