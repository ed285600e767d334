package healing

import (
	"slices"
)

// coverage counts the addresses that get in at one lane while its doors close
// and open again. Of each class of addresses is known how many open doors, and
// rules under an exception, admit it.
type coverage struct {
	lane
	limit   count
	widest  []int   // the doors, those that admit most first
	classes [][]int // by door; nil for those that are not of the lane
	gross   []count // by door: the addresses that it admits, beyond those of rules under an exception
	apart   []int   // classes of rules under an exception, which do not count
	sizes   []count // by class
	open    []int   // by class
	sum     count   // addresses that get in
}

func (c *chooser) coverage(l lane) *coverage {
	a := c.atlas(l.family)
	v := &coverage{
		lane: l, limit: c.limits[l.family], widest: slices.Clone(l.doors), sizes: a.sizes, open: make([]int, len(a.sizes)),
		classes: make([][]int, len(c.doors)), gross: make([]count, len(c.doors)),
	}
	for _, i := range l.excepted {
		v.apart = append(v.apart, a.of(c.doors[i].reach)...)
	}
	for _, i := range l.doors {
		v.gross[i] = c.size(i, l)
		v.classes[i] = append([]int{}, a.of(c.doors[i].reach)...)
	}
	v.reset()
	slices.SortStableFunc(v.widest, func(a, b int) int { return v.gross[b].compare(v.gross[a]) })
	return v
}

// reset opens all doors.
func (v *coverage) reset() {
	clear(v.open)
	v.sum = count{}
	for _, class := range v.apart {
		v.open[class]++ // for good
	}
	for _, i := range v.doors {
		v.reopen(i)
	}
}

// reopen lets a door in that was closed, or is new. It returns the number of
// classes that it looked at.
func (v *coverage) reopen(door int) (looked int) {
	for _, class := range v.classes[door] {
		if v.open[class]++; v.open[class] == 1 {
			v.sum = v.sum.plus(v.sizes[class])
		}
	}
	return len(v.classes[door])
}

// close shuts an open door.
func (v *coverage) close(door int) (looked int) {
	for _, class := range v.classes[door] {
		if v.open[class]--; v.open[class] == 0 {
			v.sum = v.sum.minus(v.sizes[class])
		}
	}
	return len(v.classes[door])
}

// excess is by how many addresses the lane exceeds the limit.
func (v *coverage) excess() count {
	if v.sum.exceeds(v.limit) {
		return v.sum.minus(v.limit)
	}
	return count{}
}

func (v *coverage) within() bool { return !v.sum.exceeds(v.limit) }

func (v *coverage) has(door int) bool { return v.classes[door] != nil }
