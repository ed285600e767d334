package healing

import (
	"cmp"
	"slices"
)

// searchSpans bounds the search for the smallest set: how many address ranges
// it may add up. It is exact whenever it ends before: always for up to 8 CIDRs
// that are too open only together, on up to 5 different ranges of ports (at most
// 9 limits times 512 steps of 8 ranges each), and in practice for many more,
// because the bounds cut most branches. Beyond it the set of reduce stands, of
// which no rule can be spared.
const searchSpans = 200_000

// fewest finds the smallest set of doors whose removal brings every lane within
// the limit. Among sets as small it is the first in the order of width, then of
// rule id: the widest rules go first. forced are removed already; known is the
// size of a set that suffices. found is false when the search was cut short.
func (c *chooser) fewest(over []lane, forced map[int]string, known int) (set []int, found bool) {
	s := search{chooser: c, state: make([]int8, len(c.doors)), stop: c.measured + searchSpans}
	for i := range forced {
		s.state[i] = closed
	}
	for _, l := range over {
		s.candidates = append(s.candidates, l.doors...)
	}
	slices.Sort(s.candidates)
	s.candidates = slices.Compact(s.candidates)
	width := map[int]float64{}
	for _, i := range s.candidates {
		for f := range families {
			width[i] = max(width[i], c.doors[i].sizes[f].float()/c.limits[f].float())
		}
	}
	slices.SortStableFunc(s.candidates, func(a, b int) int { return cmp.Compare(width[b], width[a]) })
	for limit := s.atLeast(over); limit <= known; limit++ {
		switch s.try(over, 0, limit) {
		case yes:
			return s.chosen(), true
		case unknown:
			return nil, false
		}
	}
	return nil, false
}

// The states of a door in the search.
const (
	undecided int8 = iota
	closed
	kept
)

type answer int

const (
	no answer = iota
	yes
	unknown
)

type search struct {
	*chooser
	candidates []int // the widest first
	state      []int8
	stop       int // of measured
}

// try decides about the candidates from next on, closing at most left more.
// over are the lanes that may be too open still.
func (s *search) try(over []lane, next, left int) answer {
	if s.measured > s.stop {
		return unknown
	}
	var still []lane // a lane within the limit stays there: nothing opens again
	for _, l := range over {
		need := s.needed(l, left)
		if need > left {
			return no
		}
		if need > 0 {
			still = append(still, l)
		}
	}
	if len(still) == 0 {
		return yes
	}
	for next < len(s.candidates) && !slices.ContainsFunc(still, func(l lane) bool { return slices.Contains(l.doors, s.candidates[next]) }) {
		next++
	}
	if next == len(s.candidates) {
		return no
	}
	i := s.candidates[next]
	for _, state := range []int8{closed, kept} {
		s.state[i] = state
		rest := left
		if state == closed {
			rest--
		}
		if a := s.try(still, next+1, rest); a != no {
			return a
		}
	}
	s.state[i] = undecided
	return no
}

func (s *search) isOpen(i int) bool { return s.state[i] != closed }

// excess is by how many addresses the lane exceeds the limit.
func (s *search) excess(l lane) count {
	if open := s.admitted(l, s.isOpen); open.exceeds(s.limits[l.family]) {
		return open.minus(s.limits[l.family])
	}
	return count{}
}

// needed is how many undecided doors must be closed at least to bring the lane
// within the limit: closing one takes no more addresses away than it admits. It
// stops at limit+1.
func (s *search) needed(l lane, limit int) int {
	excess := s.excess(l)
	if excess == (count{}) {
		return 0
	}
	var sizes []count
	for _, i := range l.doors {
		if s.state[i] == undecided {
			sizes = append(sizes, s.doors[i].sizes[l.family])
		}
	}
	slices.SortFunc(sizes, func(a, b count) int { return b.compare(a) })
	sum := count{}
	for n, size := range sizes {
		if n > limit {
			return n
		}
		if sum = sum.plus(size); !excess.exceeds(sum) {
			return n + 1
		}
	}
	return limit + 1
}

// atLeast is how many doors must be closed at least: lanes without a common
// door add up.
func (s *search) atLeast(over []lane) int {
	best, sum := 0, 0
	var used []int
	for _, l := range over {
		need := s.needed(l, len(s.candidates))
		best = max(best, need)
		if !slices.ContainsFunc(l.doors, func(i int) bool { return slices.Contains(used, i) }) {
			sum += need
			used = append(used, l.doors...)
		}
	}
	return max(best, sum)
}

func (s *search) chosen() []int {
	var set []int
	for _, i := range s.candidates {
		if s.state[i] == closed {
			set = append(set, i)
		}
	}
	return set
}
