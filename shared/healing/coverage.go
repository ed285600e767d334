package healing

import (
	"slices"
)

// coverage counts the addresses that get in at one lane while its doors close
// and open again. The addresses are cut wherever a source of a door begins or
// ends; of each piece is known how many open doors admit it.
type coverage struct {
	lane
	limit   count
	widest  []int // the doors, those that admit most first
	pieces  map[*reach][][2]int
	reaches map[int]*reach // by door
	sizes   []count        // of the pieces
	open    []int          // doors that admit each piece
	sum     count          // addresses that get in
}

func (c *chooser) coverage(l lane) *coverage {
	var cuts []count
	pieces := map[*reach][][2]int{} // of a prefix list that several rules name, once
	for _, i := range l.doors {
		of := c.doors[i].reach
		if _, done := pieces[of]; done {
			continue
		}
		pieces[of] = nil
		for _, s := range of.counted[l.family] {
			cuts = append(cuts, s.from)
			if s.to != manyAddresses {
				cuts = append(cuts, s.to.plus(count{lo: 1}))
			}
		}
	}
	slices.SortFunc(cuts, count.compare)
	cuts = slices.Compact(cuts)
	v := &coverage{lane: l, limit: c.limits[l.family], widest: slices.Clone(l.doors), pieces: pieces, reaches: map[int]*reach{}, sizes: make([]count, len(cuts)), open: make([]int, len(cuts))}
	for i := range cuts {
		end := manyAddresses
		if i+1 < len(cuts) {
			end = cuts[i+1].minus(count{lo: 1})
		}
		v.sizes[i] = end.minus(cuts[i]).plus(count{lo: 1})
	}
	slices.SortStableFunc(v.widest, func(a, b int) int {
		return c.doors[b].sizes[l.family].compare(c.doors[a].sizes[l.family])
	})
	for of := range pieces {
		for _, s := range of.counted[l.family] {
			from, _ := slices.BinarySearchFunc(cuts, s.from, count.compare)
			to := len(cuts)
			if s.to != manyAddresses {
				to, _ = slices.BinarySearchFunc(cuts, s.to.plus(count{lo: 1}), count.compare)
			}
			pieces[of] = append(pieces[of], [2]int{from, to})
		}
	}
	for _, i := range l.doors {
		v.reaches[i] = c.doors[i].reach
		v.reopen(i)
	}
	return v
}

// reopen lets a door in that was closed, or is new. It returns the number of
// pieces that it looked at.
func (v *coverage) reopen(door int) (looked int) {
	for _, p := range v.pieces[v.reaches[door]] {
		for i := p[0]; i < p[1]; i++ {
			if v.open[i]++; v.open[i] == 1 {
				v.sum = v.sum.plus(v.sizes[i])
			}
		}
		looked += p[1] - p[0]
	}
	return looked
}

// close shuts an open door.
func (v *coverage) close(door int) (looked int) {
	for _, p := range v.pieces[v.reaches[door]] {
		for i := p[0]; i < p[1]; i++ {
			if v.open[i]--; v.open[i] == 0 {
				v.sum = v.sum.minus(v.sizes[i])
			}
		}
		looked += p[1] - p[0]
	}
	return looked
}

// excess is by how many addresses the lane exceeds the limit.
func (v *coverage) excess() count {
	if v.sum.exceeds(v.limit) {
		return v.sum.minus(v.limit)
	}
	return count{}
}

func (v *coverage) within() bool { return !v.sum.exceeds(v.limit) }

func (v *coverage) has(door int) bool {
	_, ok := slices.BinarySearch(v.doors, door)
	return ok
}
