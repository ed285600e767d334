package format

import (
	"encoding/binary"
	"sort"
)

// Index finds entries by name. It reads the uncompressed bytes in place:
//
//	uint32 number of regions | the regions, each with a byte of length
//	uint32 number of region sets | uint64 for each
//	uint32 number of entries | uint32 position of each entry | the entries
//
// An entry is its name, the offset, length and uncompressed length of its frame,
// the number of roots and for each root its position in the frame and the number
// of its region set, everything as uvarint. Entries are sorted by name.
type Index struct {
	doc     Doc
	regions []string
	sets    int // position of the region sets
	entries int // position of the table of entries
	count   int
	body    int // position of the first entry
}

// Entry is one line of the index: a frame and the documents in it.
type Entry struct {
	Name                string
	Offset, Length, Raw int
	Roots               []Root
}

// Root is one document of a frame. Regions has bit i set when the document holds
// in region i of the index.
type Root struct {
	Position int
	Regions  uint64
}

// WriteIndex returns the bytes of an index. The entries are sorted by name.
func WriteIndex(regions []string, entries []Entry) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(regions)))
	for _, r := range regions {
		b = append(append(b, byte(len(r))), r...)
	}
	numbers := map[uint64]int{}
	var sets []uint64
	for _, e := range entries {
		for _, r := range e.Roots {
			if _, ok := numbers[r.Regions]; !ok {
				numbers[r.Regions] = len(sets)
				sets = append(sets, r.Regions)
			}
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(sets)))
	for _, s := range sets {
		b = binary.LittleEndian.AppendUint64(b, s)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(entries)))
	var body []byte
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
		body = append(binary.AppendUvarint(body, uint64(len(e.Name))), e.Name...)
		for _, n := range []int{e.Offset, e.Length, e.Raw, len(e.Roots)} {
			body = binary.AppendUvarint(body, uint64(n))
		}
		for _, r := range e.Roots {
			body = binary.AppendUvarint(body, uint64(r.Position))
			body = binary.AppendUvarint(body, uint64(numbers[r.Regions]))
		}
	}
	return append(b, body...)
}

// ReadIndex reads the heads of an index.
func ReadIndex(b []byte) (x *Index, err error) {
	defer func() {
		if recover() != nil { // a position behind the end
			x, err = nil, ErrCorrupt
		}
	}()
	x = &Index{doc: Doc(b)}
	n, at := x.uint32(0), 4
	for range n {
		end := at + 1 + int(x.doc[at])
		x.regions = append(x.regions, string(x.doc[at+1:end]))
		at = end
	}
	x.sets = at + 4
	at = x.sets + 8*x.uint32(at)
	x.count = x.uint32(at)
	x.entries = at + 4
	x.body = x.entries + 4*x.count
	if x.body > len(b) {
		return nil, ErrCorrupt
	}
	return x, nil
}

func (x *Index) uint32(at int) int {
	d := x.doc[at : at+4]
	return int(d[0]) | int(d[1])<<8 | int(d[2])<<16 | int(d[3])<<24
}

// Regions returns the names of the regions; do not change them.
func (x *Index) Regions() []string { return x.regions }

// Len returns the number of entries.
func (x *Index) Len() int { return x.count }

// Name returns the name of an entry.
func (x *Index) Name(i int) string {
	name, _ := x.name(i)
	return name
}

func (x *Index) name(i int) (string, int) {
	n, at := x.doc.uvarint(x.body + x.uint32(x.entries+4*i))
	return string(x.doc[at : at+n]), at + n
}

// Search returns the number of the first entry whose name is not less.
func (x *Index) Search(name string) int {
	return sort.Search(x.count, func(i int) bool { return x.Name(i) >= name })
}

// Find returns the number of an entry, and whether it exists.
func (x *Index) Find(name string) (int, bool) {
	i := x.Search(name)
	return i, i < x.count && x.Name(i) == name
}

// Entry returns an entry.
func (x *Index) Entry(i int) Entry {
	var e Entry
	var at, roots int
	e.Name, at = x.name(i)
	for _, dst := range []*int{&e.Offset, &e.Length, &e.Raw, &roots} {
		*dst, at = x.doc.uvarint(at)
	}
	e.Roots = make([]Root, roots)
	for r := range e.Roots {
		var set int
		e.Roots[r].Position, at = x.doc.uvarint(at)
		set, at = x.doc.uvarint(at)
		low, high := x.uint32(x.sets+8*set), x.uint32(x.sets+8*set+4)
		e.Roots[r].Regions = uint64(low) | uint64(high)<<32
	}
	return e
}

// End returns the end of the last frame; the frames are in the order of the
// entries.
func (x *Index) End() int {
	if x.count == 0 {
		return 0
	}
	last := x.Entry(x.count - 1)
	return last.Offset + last.Length
}
