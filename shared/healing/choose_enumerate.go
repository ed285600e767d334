package healing

import "math/bits"

// enumerate tries every set of the few candidates. The first candidate is the
// highest bit of a set, so that of two sets as good the larger number is first
// in the candidates' order.
func (s *search) enumerate(over []*coverage) []int {
	n := len(s.candidates)
	bit, fresh := make(map[int]int, n), 0
	for at, i := range s.candidates {
		bit[i] = 1 << (n - 1 - at)
		if s.fresh[i] {
			fresh |= bit[i]
		}
	}
	suffices := make([]bool, 1<<n)
	for set := range suffices {
		suffices[set] = true
	}
	for _, v := range over {
		excess := v.excess()
		for set, gone := range v.gone(bit, n) {
			suffices[set] = suffices[set] && !excess.exceeds(gone)
		}
	}
	best := len(suffices) - 1 // closing all always suffices
	for set := best; set >= 0; set-- {
		if !suffices[set] {
			continue
		}
		size, least := bits.OnesCount(uint(set)), bits.OnesCount(uint(best))
		if size < least || size == least && bits.OnesCount(uint(set&fresh)) > bits.OnesCount(uint(best&fresh)) {
			best = set
		}
	}
	var closed []int
	for _, i := range s.candidates {
		if best&bit[i] != 0 {
			closed = append(closed, i)
		}
	}
	return closed
}

// gone is how many addresses no longer get in at the lane, by the set of doors
// that close, n in all: those of the classes that only doors of the set admit.
func (v *coverage) gone(bit map[int]int, n int) []count {
	admit := make([]int, len(v.sizes)) // by class: the doors that admit it
	doors := make([]int, len(v.sizes)) // by class: their number
	for _, i := range v.doors {
		for _, class := range v.classes[i] {
			admit[class] |= bit[i]
			doors[class]++
		}
	}
	gone := make([]count, 1<<n)
	for class, set := range admit {
		if set != 0 && v.open[class] == doors[class] { // no rule under an exception admits it
			gone[set] = gone[set].plus(v.sizes[class])
		}
	}
	for door := range n { // add up over subsets, one door after the other
		for set := range gone {
			if set>>door&1 == 1 {
				gone[set] = gone[set].plus(gone[set&^(1<<door)])
			}
		}
	}
	return gone
}
