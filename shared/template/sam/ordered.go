package sam

import "slices"

// ordered is the key list of a dictionary of CPython 2.7: an open hash table
// that lists its keys in the order of their slots. SAM puts the digest of a
// REST API's definition into the logical id of its deployment, and to keep the
// ids of deployed stacks it still lists the definition's keys as Python 2.7
// did (samtranslator/utils/py27hash_fix.py; the table is described in CPython
// 2.7, Objects/dictnotes.txt and dictobject.c).
type ordered struct {
	slots      []slot
	size, fill int
	// copies counts how often the definition that the dictionary is part of was
	// copied as a whole, seen how many of the copies it went through: a copy adds
	// the keys to a new table in their order, which can change that order.
	copies *int
	seen   int
	stable bool // a further copy changes nothing
}

type slot struct {
	key   string
	hash  uint64
	state slotState
}

type slotState uint8

const (
	empty slotState = iota
	used
	removed
)

const minSlots = 8

// maxCopied bounds the work for a definition with very many paths: API Gateway
// takes 300. Beyond it the order, and with it one logical id, may differ.
const maxCopied = 300

func newOrdered(copies *int) *ordered {
	o := &ordered{slots: make([]slot, minSlots), copies: copies}
	if copies != nil {
		o.seen = *copies
	}
	return o
}

// catchUp goes through the copies made since the dictionary was last used.
func (o *ordered) catchUp() {
	if o.copies == nil {
		return
	}
	for ; o.seen < *o.copies && !o.stable && o.size <= maxCopied; o.seen++ {
		before := o.slots
		o.renew(minSlots)
		o.stable = slices.Equal(before, o.slots)
	}
	o.seen = *o.copies
}

// hash27 is the hash of a string in CPython 2.7 on 64 bits.
func hash27(s string) uint64 {
	if s == "" {
		return 0
	}
	var x, n uint64
	for i, r := range s {
		if i == 0 {
			x = uint64(r) << 7
		}
		x = 1000003*x ^ uint64(r)
		n++
	}
	return x ^ n
}

// renew puts the keys into a new table in their order.
func (o *ordered) renew(n int) {
	before := o.slots
	o.slots, o.size, o.fill, o.stable = make([]slot, n), 0, 0, false
	for i := range before {
		if before[i].state == used {
			o.put(before[i].key, before[i].hash)
		}
	}
}

// find returns the slot of a key, or the slot to put it.
func (o *ordered) find(key string, h uint64) uint64 {
	mask := uint64(len(o.slots) - 1)
	i := h & mask
	free, hasFree := uint64(0), false
	for walker, perturb := i, h; ; perturb >>= 5 {
		s := &o.slots[i]
		switch {
		case s.state == used && s.hash == h && s.key == key:
			return i
		case s.state == empty && hasFree:
			return free
		case s.state == empty:
			return i
		case s.state == removed && !hasFree:
			free, hasFree = i, true
		}
		walker = walker*5 + perturb + 1
		i = walker & mask
	}
}

func (o *ordered) add(key string) {
	o.catchUp()
	o.put(key, hash27(key))
}

func (o *ordered) put(key string, h uint64) {
	s := &o.slots[o.find(key, h)]
	if s.state == used {
		return
	}
	if s.state == empty {
		o.fill++
	}
	*s = slot{key, h, used}
	o.stable = false
	o.size++
	if o.fill*3 >= len(o.slots)*2 {
		o.resize(o.size * 4)
	}
}

func (o *ordered) remove(key string) {
	o.catchUp()
	if s := &o.slots[o.find(key, hash27(key))]; s.state == used {
		s.state = removed
		o.stable = false
		o.size--
	}
}

// reserve makes room for n more keys, as an update with another dictionary does.
func (o *ordered) reserve(n int) {
	o.catchUp()
	if n > 0 && (o.fill+n)*3 >= len(o.slots)*2 {
		o.resize((o.size + n) * 2)
	}
}

func (o *ordered) resize(request int) {
	n := minSlots
	for n <= request {
		n <<= 1
	}
	o.renew(n)
}

func (o *ordered) keys() []string {
	o.catchUp()
	return o.list()
}

func (o *ordered) list() []string {
	keys := make([]string, 0, o.size)
	for i := range o.slots {
		if o.slots[i].state == used {
			keys = append(keys, o.slots[i].key)
		}
	}
	return keys
}
