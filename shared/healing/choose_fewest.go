package healing

import (
	"cmp"
	"slices"
)

// Up to fewRules candidates, each of their subsets is tried. Of more, the
// smallest set is searched, and searchLooks bounds how often the search may look
// at a rule or at a class of addresses; a look takes some 10 ns. The search is
// exact whenever it ends before, which is the rule, because the bounds cut most
// branches. Beyond it the set of reduce stands, of which no rule can be spared.
const (
	fewRules    = 10
	searchLooks = 100_000
)

// fewest finds the smallest set of doors that brings every lane within the
// limit when it closes. Among sets as small it is one with most of the fresh
// doors, and of those the first in the order: fresh doors, the widest first, then
// the others, the widest first, then by rule id. known is the size of a set that
// suffices. found is false when the search was cut short.
func (c *chooser) fewest(over []*coverage, known int) (set []int, found bool) {
	s := c.search(over)
	if len(s.candidates) <= fewRules {
		return s.enumerate(over), true
	}
	return s.smallest(over, known)
}

func (c *chooser) search(over []*coverage) *search {
	s := &search{looks: searchLooks, decided: make([]bool, len(c.doors)), fresh: c.fresh}
	for _, v := range over {
		s.candidates = append(s.candidates, v.doors...)
	}
	slices.Sort(s.candidates)
	s.candidates = slices.Compact(s.candidates)
	width := make(map[int]float64, len(s.candidates))
	for _, i := range s.candidates {
		for f := range families {
			width[i] = max(width[i], c.doors[i].sizes[f].float()/c.limits[f].float())
		}
	}
	slices.SortStableFunc(s.candidates, func(a, b int) int {
		return cmp.Or(first(c.fresh[a], c.fresh[b]), cmp.Compare(width[b], width[a]))
	})
	return s
}

func (s *search) smallest(over []*coverage, known int) (set []int, found bool) {
	for limit := s.atLeast(over); limit <= known; limit++ {
		switch s.try(over, 0, limit, limit) {
		case yes:
			return s.mostFresh(over, limit)
		case unknown:
			return nil, false
		}
	}
	return nil, false
}

type answer int

const (
	no answer = iota
	yes
	unknown
)

type search struct {
	candidates []int // in the order in which they are preferred
	fresh      map[int]bool
	decided    []bool // by door: closed, or to stay open
	closed     []int
	looks      int // left
}

// mostFresh looks, once a set of the size is found, for one with fewer doors
// that are not fresh.
func (s *search) mostFresh(over []*coverage, size int) ([]int, bool) {
	best := slices.Clone(s.closed)
	for others := 0; ; others++ {
		if others >= s.stale(best) {
			return best, true
		}
		s.reset(over)
		switch s.try(over, 0, size, others) {
		case yes:
			return s.closed, true
		case unknown:
			return best, true
		}
	}
}

func (s *search) stale(doors []int) int {
	n := 0
	for _, i := range doors {
		if !s.fresh[i] {
			n++
		}
	}
	return n
}

// reset opens all doors again.
func (s *search) reset(over []*coverage) {
	for _, v := range over {
		v.reset()
	}
	s.closed = nil
	clear(s.decided)
}

// try decides about the candidates from next on, closing at most left more, of
// them at most others that are not fresh. over are the lanes that may be too open
// still.
func (s *search) try(over []*coverage, next, left, others int) answer {
	if s.looks < 0 {
		return unknown
	}
	bound := left
	if next == len(s.candidates) || !s.fresh[s.candidates[next]] { // no fresh one follows
		bound = min(left, others)
	}
	var still []*coverage // a lane within the limit stays there: nothing opens again
	for _, v := range over {
		need := s.needed(v, bound)
		if need > bound {
			return no
		}
		if need > 0 {
			still = append(still, v)
		}
	}
	if len(still) == 0 {
		return yes
	}
	for next < len(s.candidates) && !slices.ContainsFunc(still, func(v *coverage) bool { return v.has(s.candidates[next]) }) {
		s.looks -= len(still)
		next++
	}
	if next == len(s.candidates) {
		return no
	}
	i := s.candidates[next]
	after := others
	if !s.fresh[i] {
		after--
	}
	s.decided[i] = true
	if after >= 0 {
		s.closed = append(s.closed, i)
		s.change(still, (*coverage).close, i)
		if a := s.try(still, next+1, left-1, after); a != no {
			return a
		}
		s.change(still, (*coverage).reopen, i)
		s.closed = s.closed[:len(s.closed)-1]
	}
	if a := s.try(still, next+1, left, others); a != no {
		return a
	}
	s.decided[i] = false
	return no
}

func (s *search) change(over []*coverage, how func(*coverage, int) int, door int) {
	for _, v := range over {
		if v.has(door) {
			s.looks -= how(v, door)
		}
	}
}

// needed is how many undecided doors must be closed at least to bring the lane
// within the limit: closing one takes no more addresses away than it admits. It
// stops at limit+1.
func (s *search) needed(v *coverage, limit int) int {
	excess := v.excess()
	if excess == (count{}) {
		return 0
	}
	n, sum := 0, count{}
	for _, i := range v.widest {
		s.looks--
		if s.decided[i] {
			continue
		}
		if n++; n > limit {
			return n
		}
		if sum = sum.plus(v.gross[i]); !excess.exceeds(sum) {
			return n
		}
	}
	return limit + 1
}

// atLeast is how many doors must be closed at least: lanes without a common
// door add up.
func (s *search) atLeast(over []*coverage) int {
	best, sum := 0, 0
	var used []int
	for _, v := range over {
		need := s.needed(v, len(s.candidates))
		best = max(best, need)
		if !slices.ContainsFunc(v.doors, func(i int) bool { return slices.Contains(used, i) }) {
			sum += need
			used = append(used, v.doors...)
		}
	}
	return max(best, sum)
}
