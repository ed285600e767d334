package healing

import (
	"encoding/binary"
	"slices"
)

// atlas divides the addresses of one family into classes: those that the same
// sources admit. There are few, however long prefix lists are, so that what
// rules admit together is counted quickly.
type atlas struct {
	sizes   []count // by class
	classes [][]int // by source → classes that it admits, ascending
	index   map[*reach]int
}

// piece is a span that a source admits.
type piece struct {
	span
	source int
}

// draw makes the atlas of the distinct reaches, which it reorders: pieces that
// are in order from the beginning are quickly sorted.
func draw(reaches []*reach, f family) *atlas {
	reaches = slices.DeleteFunc(reaches, func(of *reach) bool { return len(of.counted[f]) == 0 })
	slices.SortStableFunc(reaches, func(x, y *reach) int { return x.counted[f][0].from.compare(y.counted[f][0].from) })
	a := &atlas{index: make(map[*reach]int, len(reaches)), classes: make([][]int, len(reaches))}
	n := 0
	for i, of := range reaches {
		a.index[of] = i
		n += len(of.counted[f])
	}
	pieces := make([]piece, 0, n)
	for i, of := range reaches {
		for _, s := range of.counted[f] {
			pieces = append(pieces, piece{s, i})
		}
	}
	slices.SortFunc(pieces, func(x, y piece) int { return x.from.compare(y.from) })
	known := map[string]int{}
	alone := make([]int, len(reaches)) // the class of what only this source admits, plus 1: most of a long list
	var open []piece                   // those that hold the address at, by source
	one := count{lo: 1}
	for next := 0; next < len(pieces) || len(open) > 0; {
		if len(open) == 0 { // go on where the next piece begins
			open = append(open, pieces[next])
			next++
		}
		at := open[0].from
		for ; next < len(pieces) && pieces[next].from == at; next++ {
			where, _ := slices.BinarySearchFunc(open, pieces[next].source, func(p piece, source int) int { return p.source - source })
			open = slices.Insert(open, where, pieces[next])
		}
		to := open[0].to // of the addresses that the open pieces admit together
		for _, p := range open {
			if to.exceeds(p.to) {
				to = p.to
			}
		}
		if next < len(pieces) && !pieces[next].from.exceeds(to) {
			to = pieces[next].from.minus(one)
		}
		class := a.class(open, known, alone)
		a.sizes[class] = a.sizes[class].plus(to.minus(at).plus(one))
		open = slices.DeleteFunc(open, func(p piece) bool { return p.to == to })
		for i := range open {
			open[i].from = to.plus(one)
		}
	}
	return a
}

// class finds or adds the class of the sources of the pieces.
func (a *atlas) class(pieces []piece, known map[string]int, alone []int) int {
	if len(pieces) == 1 {
		class := &alone[pieces[0].source]
		if *class == 0 {
			*class = a.add(pieces) + 1
		}
		return *class - 1
	}
	key := make([]byte, 0, 256)
	for _, p := range pieces {
		key = binary.LittleEndian.AppendUint32(key, uint32(p.source)) //nolint:gosec // an index of a list of rules
	}
	class, ok := known[string(key)]
	if !ok {
		class = a.add(pieces)
		known[string(key)] = class
	}
	return class
}

func (a *atlas) add(pieces []piece) (class int) {
	class = len(a.sizes)
	a.sizes = append(a.sizes, count{})
	for _, p := range pieces {
		a.classes[p.source] = append(a.classes[p.source], class)
	}
	return class
}

// of are the classes that the reach admits.
func (a *atlas) of(r *reach) []int {
	if source, ok := a.index[r]; ok {
		return a.classes[source]
	}
	return nil
}
