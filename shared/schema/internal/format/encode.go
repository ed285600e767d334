package format

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Map is a JSON object with its members in the order of the text. The order
// decides which finding comes first.
type Map []Member

// Member is one member of a Map.
type Member struct {
	Key   string
	Value any
}

// Get returns the value of a key, nil if there is none.
func (m Map) Get(key string) any {
	for i := range m {
		if m[i].Key == key {
			return m[i].Value
		}
	}
	return nil
}

// The tags of values. Short strings, arrays and objects carry their length in
// the tag.
const (
	tagNull   = 0x00
	tagFalse  = 0x01
	tagTrue   = 0x02
	tagUint   = 0x03 // uvarint
	tagInt    = 0x04 // uvarint of the negated value
	tagFloat  = 0x05 // eight bytes, little-endian IEEE 754
	tagString = 0x06 // uvarint length, bytes
	tagArray  = 0x07 // uvarint length, values
	tagObject = 0x08 // uvarint length, pairs of key and value
	tagSized  = 0x09 // as tagObject, with the size of each value in three bytes before it
	tagRef    = 0x0A // uvarint position of a value that stands before
	tagWord   = 0x0B // one byte, number of a word

	tagShortObject = 0x20 // 0x20–0x3F
	tagShortArray  = 0x40 // 0x40–0x5F
	tagShortString = 0x80 // 0x80–0xFF
)

const (
	shortObject = tagShortArray - tagShortObject
	shortArray  = 0x20
	shortString = 0x80
	sizeBytes   = 3
	// refWorth is the size from which on a repeated value is written as a
	// reference: below, a reference compresses no better than the value.
	refWorth = 16
)

// Encode writes documents one after another, so that they share what they have
// in common. A document is nil, a bool, json.Number, float64, string, []any or
// Map. Encode returns their bytes and the position of each.
func Encode(documents []any) (doc []byte, roots []int, err error) {
	e := &encoder{words: make(map[string]int, len(words)), seen: map[string]int{}}
	for i, w := range words {
		e.words[w] = i
	}
	for _, d := range documents {
		roots = append(roots, len(e.out))
		if err := e.value(d, false); err != nil {
			return nil, nil, err
		}
	}
	return e.out, roots, nil
}

type encoder struct {
	out   []byte
	words map[string]int
	// seen maps the fingerprint of a large value to its position.
	seen map[string]int
}

func (e *encoder) value(v any, sized bool) error {
	switch v := v.(type) {
	case nil:
		e.out = append(e.out, tagNull)
	case bool:
		if v {
			e.out = append(e.out, tagTrue)
		} else {
			e.out = append(e.out, tagFalse)
		}
	case json.Number:
		return e.number(v)
	case float64:
		return e.number(json.Number(strconv.FormatFloat(v, 'g', -1, 64)))
	case string:
		e.text(v)
	case []any:
		return e.shared(v, func() error { return e.array(v) })
	case Map:
		return e.shared(v, func() error { return e.object(v, sized) })
	default:
		return fmt.Errorf("a schema holds a %T", v)
	}
	return nil
}

// shared writes a value that stood before as a reference to it.
func (e *encoder) shared(v any, write func() error) error {
	print := string(fingerprint(nil, v))
	if at, ok := e.seen[print]; ok {
		e.out = binary.AppendUvarint(append(e.out, tagRef), uint64(at))
		return nil
	}
	at := len(e.out)
	if err := write(); err != nil {
		return err
	}
	if len(e.out)-at >= refWorth {
		e.seen[print] = at
	}
	return nil
}

// fingerprint appends a text that only equal values have.
func fingerprint(b []byte, v any) []byte {
	switch v := v.(type) {
	case []any:
		b = append(b, '[')
		for _, item := range v {
			b = append(fingerprint(b, item), ',')
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for _, m := range v {
			b = append(strconv.AppendQuote(b, m.Key), ':')
			b = append(fingerprint(b, m.Value), ',')
		}
		return append(b, '}')
	case string:
		return strconv.AppendQuote(b, v)
	}
	return fmt.Append(b, v)
}

func (e *encoder) number(n json.Number) error {
	if i, err := n.Int64(); err == nil {
		tag, abs := byte(tagUint), uint64(i)
		if i < 0 {
			tag, abs = tagInt, uint64(-i)
		}
		e.out = binary.AppendUvarint(append(e.out, tag), abs)
		return nil
	}
	f, err := n.Float64()
	if err != nil {
		return err
	}
	e.out = binary.LittleEndian.AppendUint64(append(e.out, tagFloat), math.Float64bits(f))
	return nil
}

func (e *encoder) text(s string) {
	if w, ok := e.words[s]; ok {
		e.out = append(e.out, tagWord, byte(w))
		return
	}
	e.head(len(s), tagShortString, shortString, tagString)
	e.out = append(e.out, s...)
}

// head writes a tag with a length.
func (e *encoder) head(n int, short byte, limit int, long byte) {
	if n < limit {
		e.out = append(e.out, short+byte(n))
		return
	}
	e.out = binary.AppendUvarint(append(e.out, long), uint64(n))
}

func (e *encoder) array(l []any) error {
	e.head(len(l), tagShortArray, shortArray, tagArray)
	for _, v := range l {
		if err := e.value(v, false); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) object(m Map, sized bool) error {
	if sized {
		e.out = binary.AppendUvarint(append(e.out, tagSized), uint64(len(m)))
	} else {
		e.head(len(m), tagShortObject, shortObject, tagObject)
	}
	for _, member := range m {
		k := member.Key
		e.key(k)
		if sized {
			e.out = append(e.out, make([]byte, sizeBytes)...)
		}
		at := len(e.out)
		// Definitions are decoded one by one, when a reference asks for them.
		if err := e.value(member.Value, k == "definitions" || k == "$defs"); err != nil {
			return err
		}
		if n := len(e.out) - at; sized {
			if n >= 1<<24 {
				return fmt.Errorf("%q takes %d bytes", k, n)
			}
			e.out[at-3], e.out[at-2], e.out[at-1] = byte(n), byte(n>>8), byte(n>>16)
		}
	}
	return nil
}

// key writes a key: the number of a word plus one, or 0 and a string.
func (e *encoder) key(k string) {
	if w, ok := e.words[k]; ok {
		e.out = append(e.out, byte(w+1))
		return
	}
	e.out = binary.AppendUvarint(append(e.out, 0), uint64(len(k)))
	e.out = append(e.out, k...)
}
