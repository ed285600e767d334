// Package format is the layout of the embedded stores, shared by the generator
// that writes them and the packages that read them:
//
//	"EKS3" | uint32 length | dictionary | uint32 length | index | frames
//
// The lengths are little-endian. Dictionary and index are not compressed: every
// process needs them first of all. A frame is one or several documents (type Doc),
// compressed by zstd with the dictionary. Type Index describes the index.
package format

import (
	"encoding/binary"
	"errors"
)

const magic = "EKS3"

// DictionaryID marks the frames that need the dictionary. It is arbitrary, and
// the same in the generator and the reader.
const DictionaryID = 0xE7EC

// ErrCorrupt is the error of a store that is cut off or no store.
var ErrCorrupt = errors.New("schema store is corrupt")

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
		return nil, nil, nil, ErrCorrupt
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
		return nil, nil, ErrCorrupt
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n < 0 || len(b)-4 < n {
		return nil, nil, ErrCorrupt
	}
	return b[4 : 4+n], b[4+n:], nil
}
