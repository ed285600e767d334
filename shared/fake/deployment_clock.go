// Package fake has in-memory fakes of the services' ports, for tests, dry runs
// of the CLI and the deterministic simulation. Nothing in it starts a
// goroutine or reads the wall clock: time is a Timeline, and what a real
// service does later is a callback on it.
package fake

import (
	"container/heap"
	"time"
)

// Timeline is virtual time. Clock implements it; a simulation may bring its
// own.
type Timeline interface {
	Now() time.Time
	// After calls f once, when d has passed.
	After(d time.Duration, f func())
}

// Clock is a Timeline that a test moves by hand. Callbacks of the same moment
// run in the order in which they were asked for.
type Clock struct {
	now    time.Time
	timers timers
	count  int
}

// NewClock returns a Clock that stands at start.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now implements Timeline.
func (c *Clock) Now() time.Time { return c.now }

// After implements Timeline.
func (c *Clock) After(d time.Duration, f func()) {
	c.count++
	heap.Push(&c.timers, timer{at: c.now.Add(max(d, 0)), order: c.count, run: f})
}

// Step moves to the next callback and runs it; false when none is left.
func (c *Clock) Step() bool {
	if len(c.timers) == 0 {
		return false
	}
	next := heap.Pop(&c.timers).(timer)
	c.now = next.at
	next.run()
	return true
}

// Advance moves by d and runs every callback that falls due, also those that
// callbacks ask for.
func (c *Clock) Advance(d time.Duration) {
	end := c.now.Add(d)
	for len(c.timers) > 0 && !c.timers[0].at.After(end) {
		c.Step()
	}
	c.now = end
}

// Run runs callbacks until none is left.
func (c *Clock) Run() {
	for c.Step() {
	}
}

type timer struct {
	at    time.Time
	order int
	run   func()
}

type timers []timer

func (t timers) Len() int      { return len(t) }
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t timers) Less(i, j int) bool {
	if !t[i].at.Equal(t[j].at) {
		return t[i].at.Before(t[j].at)
	}
	return t[i].order < t[j].order
}
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}
