package simulation

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Scheduler is virtual time. Callbacks of the same moment run in an order that
// is drawn from the seed. It implements fake.Timeline.
type Scheduler struct {
	now   time.Time
	rng   *rand.Rand
	queue callbacks
	count uint64
}

// Now implements fake.Timeline.
func (s *Scheduler) Now() time.Time { return s.now }

// After implements fake.Timeline.
func (s *Scheduler) After(d time.Duration, f func()) {
	s.count++
	heap.Push(&s.queue, callback{at: s.now.Add(max(d, 0)), order: s.rng.Uint64(), count: s.count, run: f})
}

// Step moves to the next callback and runs it; false when none is left.
func (s *Scheduler) Step() bool {
	if len(s.queue) == 0 {
		return false
	}
	next := heap.Pop(&s.queue).(callback)
	if next.at.After(s.now) {
		s.now = next.at
	}
	next.run()
	return true
}

// within reports whether a callback is due within d.
func (s *Scheduler) within(d time.Duration) bool {
	return len(s.queue) > 0 && !s.queue[0].at.After(s.now.Add(d))
}

type callback struct {
	at           time.Time
	order, count uint64
	run          func()
}

type callbacks []callback

func (c callbacks) Len() int      { return len(c) }
func (c callbacks) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c callbacks) Less(i, j int) bool {
	switch {
	case !c[i].at.Equal(c[j].at):
		return c[i].at.Before(c[j].at)
	case c[i].order != c[j].order:
		return c[i].order < c[j].order
	default:
		return c[i].count < c[j].count
	}
}
func (c *callbacks) Push(x any) { *c = append(*c, x.(callback)) }
func (c *callbacks) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
