// Package format is the layout of store.bin, shared by the generator that
// writes it and package schema that reads it:
//
//	"EKS1" | uint32 length | zstd(dictionary) | uint32 length | zstd(index) | frames
//
// The lengths are little-endian. The index is a sequence of (uvarint length of
// the name, name, uvarint length of the frame) in the order of the frames. A
// frame is one schema as JSON, compressed by zstd with the dictionary.
package format

import (
	"encoding/binary"
	"errors"
)

const magic = "EKS1"

// DictionaryID marks the frames that need the dictionary. It is arbitrary, and
// the same in the generator and the reader.
const DictionaryID = 0xE7EC

var errCorrupt = errors.New("schema store is corrupt")

// Join builds a store from its three parts.
func Join(dictionary, index, frames []byte) []byte {
	store := []byte(magic)
	for _, part := range [][]byte{dictionary, index} {
		store = binary.LittleEndian.AppendUint32(store, uint32(len(part)))
		store = append(store, part...)
	}
	return append(store, frames...)
}

// Split returns the three parts of a store.
func Split(store []byte) (dictionary, index, frames []byte, err error) {
	if len(store) < len(magic) || string(store[:len(magic)]) != magic {
		return nil, nil, nil, errCorrupt
	}
	rest := store[len(magic):]
	if dictionary, rest, err = part(rest); err != nil {
		return nil, nil, nil, err
	}
	if index, rest, err = part(rest); err != nil {
		return nil, nil, nil, err
	}
	return dictionary, index, rest, nil
}

func part(b []byte) (head, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errCorrupt
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n < 0 || len(b)-4 < n {
		return nil, nil, errCorrupt
	}
	return b[4 : 4+n], b[4+n:], nil
}

// Entry is one line of the index.
type Entry struct {
	Name   string
	Offset int // of the frame in frames
	Length int
}

// Index reads the uncompressed index.
func Index(b []byte) ([]Entry, error) {
	var entries []Entry
	offset := 0
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		if w <= 0 || uint64(len(b)-w) < n {
			return nil, errCorrupt
		}
		name := string(b[w : w+int(n)])
		b = b[w+int(n):]
		length, w := binary.Uvarint(b)
		if w <= 0 {
			return nil, errCorrupt
		}
		b = b[w:]
		entries = append(entries, Entry{name, offset, int(length)})
		offset += int(length)
	}
	return entries, nil
}
