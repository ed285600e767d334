package healing

import (
	"cmp"
	"slices"
)

// searchLooks bounds the search for the smallest set: how often it may look at a
// rule or at a piece of the address space; a look takes some 20 ns. It is exact
// whenever it ends before: always for up to fewRules CIDRs that are too open only
// together, on up to 20 different ranges of ports (at most 9 limits times 512
// steps, of 40 looks a range), and in practice for many more, because the bounds
// cut most branches. Beyond it the set of reduce stands, of which no rule can be
// spared.
const (
	searchLooks = 150_000
	fewRules    = 8
	fewLooks    = 9 * 512 * 40 * 20
)

// fewest finds the smallest set of doors that brings every lane within the
// limit when it closes. Among sets as small it is the first in the order of
// width, then of rule id: the widest rules go first. known is the size of a set
// that suffices. found is false when the search was cut short.
func (c *chooser) fewest(over []*coverage, known int) (set []int, found bool) {
	s := search{looks: searchLooks, decided: make([]bool, len(c.doors))}
	for _, v := range over {
		s.candidates = append(s.candidates, v.doors...)
	}
	slices.Sort(s.candidates)
	s.candidates = slices.Compact(s.candidates)
	if len(s.candidates) <= fewRules {
		s.looks = fewLooks
	}
	width := map[int]float64{}
	for _, i := range s.candidates {
		for f := range families {
			width[i] = max(width[i], c.doors[i].sizes[f].float()/c.limits[f].float())
		}
	}
	slices.SortStableFunc(s.candidates, func(a, b int) int { return cmp.Compare(width[b], width[a]) })
	s.doors = c.doors
	for limit := s.atLeast(over); limit <= known; limit++ {
		switch s.try(over, 0, limit) {
		case yes:
			return s.closed, true
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
	doors      []door
	candidates []int  // the widest first
	decided    []bool // by door: closed, or to stay open
	closed     []int
	looks      int // left
}

// try decides about the candidates from next on, closing at most left more.
// over are the lanes that may be too open still.
func (s *search) try(over []*coverage, next, left int) answer {
	if s.looks < 0 {
		return unknown
	}
	var still []*coverage // a lane within the limit stays there: nothing opens again
	for _, v := range over {
		need := s.needed(v, left)
		if need > left {
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
	s.decided[i] = true
	s.closed = append(s.closed, i)
	s.change(still, (*coverage).close, i)
	if a := s.try(still, next+1, left-1); a != no {
		return a
	}
	s.change(still, (*coverage).reopen, i)
	s.closed = s.closed[:len(s.closed)-1]
	if a := s.try(still, next+1, left); a != no {
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
		if sum = sum.plus(s.doors[i].sizes[v.family]); !excess.exceeds(sum) {
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
