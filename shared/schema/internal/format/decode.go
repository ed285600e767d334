package format

import (
	"encoding/binary"
	"math"
)

// Doc is the bytes of one or several documents. The strings that it gives are
// parts of it: a document stays in memory while one of them is in use. Its
// methods take a position and return the one behind what they read. They trust
// the document, which is part of the binary.
type Doc string

// Kind is the kind of a value.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	False
	True
	Number
	Text
	Array
	Object
)

// Resolve follows a reference: it returns the position of the value that
// stands for pos, and whether there was a reference. next is the position
// behind the reference; without one, it is not known yet.
func (d Doc) Resolve(pos int) (target, next int, ref bool) {
	if d[pos] != tagRef {
		return pos, 0, false
	}
	t, next := d.uvarint(pos + 1)
	return t, next, true
}

// Kind returns the kind of the value at a position that is resolved.
func (d Doc) Kind(pos int) Kind {
	switch t := d[pos]; {
	case t >= tagShortString, t == tagString, t == tagWord:
		return Text
	case t >= tagShortArray, t == tagArray:
		return Array
	case t >= tagShortObject, t == tagObject, t == tagSized:
		return Object
	case t == tagTrue:
		return True
	case t == tagFalse:
		return False
	case t == tagNull:
		return Null
	}
	return Number
}

// Object reads the head of an object at a resolved position. sized says that
// the size of each value stands before it.
func (d Doc) Object(pos int) (n int, sized bool, next int) {
	switch t := d[pos]; t {
	case tagObject, tagSized:
		n, next = d.uvarint(pos + 1)
		return n, t == tagSized, next
	default:
		return int(t - tagShortObject), false, pos + 1
	}
}

// Key reads a key: the number of a word, or -1 and a string.
func (d Doc) Key(pos int) (word int, text string, next int) {
	if d[pos] != 0 {
		return int(d[pos]) - 1, "", pos + 1
	}
	n, at := d.uvarint(pos + 1)
	return -1, string(d[at : at+n]), at + n
}

// Name reads a key as a string.
func (d Doc) Name(pos int) (key string, next int) {
	word, key, next := d.Key(pos)
	if word >= 0 {
		key = words[word]
	}
	return key, next
}

// Size reads the size of the value that follows in a sized object.
func (d Doc) Size(pos int) (n, next int) {
	return int(d[pos]) | int(d[pos+1])<<8 | int(d[pos+2])<<16, pos + sizeBytes
}

// Array reads the head of an array at a resolved position.
func (d Doc) Array(pos int) (n, next int) {
	if d[pos] == tagArray {
		return d.uvarint(pos + 1)
	}
	return int(d[pos] - tagShortArray), pos + 1
}

// Text reads a string.
func (d Doc) Text(pos int) (s string, next int) {
	switch t := d[pos]; t {
	case tagWord:
		return words[d[pos+1]], pos + 2
	case tagString:
		n, at := d.uvarint(pos + 1)
		return string(d[at : at+n]), at + n
	default:
		end := pos + 1 + int(t-tagShortString)
		return string(d[pos+1 : end]), end
	}
}

// Number reads a number.
func (d Doc) Number(pos int) (f float64, next int) {
	switch d[pos] {
	case tagFloat:
		var bits uint64
		for i := range 8 {
			bits |= uint64(d[pos+1+i]) << (8 * i)
		}
		return math.Float64frombits(bits), pos + 9
	case tagInt:
		n, next := d.uvarint(pos + 1)
		return -float64(n), next
	default:
		n, next := d.uvarint(pos + 1)
		return float64(n), next
	}
}

func (d Doc) uvarint(pos int) (n, next int) {
	if b := d[pos]; b < 0x80 {
		return int(b), pos + 1
	}
	var x uint64
	for shift := 0; shift < binary.MaxVarintLen64*7; shift += 7 {
		b := d[pos]
		pos++
		x |= uint64(b&0x7F) << shift
		if b < 0x80 {
			break
		}
	}
	return int(x), pos
}

// Skip returns the position behind a value.
func (d Doc) Skip(pos int) int {
	if _, next, ref := d.Resolve(pos); ref {
		return next
	}
	switch d.Kind(pos) {
	case Number:
		_, pos = d.Number(pos)
	case Text:
		_, pos = d.Text(pos)
	case Array:
		n, at := d.Array(pos)
		for range n {
			at = d.Skip(at)
		}
		return at
	case Object:
		n, sized, at := d.Object(pos)
		for range n {
			_, _, at = d.Key(at)
			if sized {
				var size int
				size, at = d.Size(at)
				at += size
				continue
			}
			at = d.Skip(at)
		}
		return at
	default:
		pos++
	}
	return pos
}

// Any decodes a value into the types of encoding/json: every number is a
// float64.
func (d Doc) Any(pos int) (v any, next int) {
	if target, next, ref := d.Resolve(pos); ref {
		v, _ = d.Any(target)
		return v, next
	}
	switch d.Kind(pos) {
	case True:
		return true, pos + 1
	case False:
		return false, pos + 1
	case Number:
		return d.Number(pos)
	case Text:
		return d.Text(pos)
	case Array:
		n, at := d.Array(pos)
		l := make([]any, n)
		for i := range l {
			l[i], at = d.Any(at)
		}
		return l, at
	case Object:
		return d.anyObject(pos)
	}
	return nil, pos + 1
}

func (d Doc) anyObject(pos int) (map[string]any, int) {
	n, sized, at := d.Object(pos)
	m := make(map[string]any, n)
	for range n {
		var key string
		key, at = d.Name(at)
		if sized {
			_, at = d.Size(at)
		}
		m[key], at = d.Any(at)
	}
	return m, at
}

// Member returns the position of a member's value in the object at pos, and
// whether there is one.
func (d Doc) Member(pos int, name string) (value int, ok bool) {
	if target, _, ref := d.Resolve(pos); ref {
		pos = target
	}
	if d.Kind(pos) != Object {
		return 0, false
	}
	n, sized, at := d.Object(pos)
	for range n {
		var key string
		key, at = d.Name(at)
		size := -1
		if sized {
			size, at = d.Size(at)
		}
		if key == name {
			if target, _, ref := d.Resolve(at); ref {
				at = target
			}
			return at, true
		}
		if size >= 0 {
			at += size
		} else {
			at = d.Skip(at)
		}
	}
	return 0, false
}

// Strings returns the string at pos, or the strings in the array there.
func (d Doc) Strings(pos int) []string {
	if target, _, ref := d.Resolve(pos); ref {
		pos = target
	}
	switch d.Kind(pos) {
	case Text:
		s, _ := d.Text(pos)
		return []string{s}
	case Array:
		n, at := d.Array(pos)
		out := make([]string, 0, n)
		for range n {
			if d.Kind(at) == Text {
				s, _ := d.Text(at)
				out = append(out, s)
			}
			at = d.Skip(at)
		}
		return out
	}
	return nil
}

// String names the kind in JSON's words.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "boolean", "number", "string", "array", "object"}[k]
}
