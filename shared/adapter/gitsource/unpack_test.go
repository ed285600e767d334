package gitsource

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // git's own object ids
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// entry writes one object of a packfile: kind, the size its header claims, and
// its content.
func entry(out *bytes.Buffer, kind byte, claimed int64, base, content []byte) {
	first := kind<<4 | byte(claimed&0xf)
	for rest := claimed >> 4; ; rest >>= 7 {
		if rest == 0 {
			out.WriteByte(first)
			break
		}
		out.WriteByte(first | 0x80)
		first = byte(rest & 0x7f)
	}
	out.Write(base)
	z := zlib.NewWriter(out)
	_, _ = z.Write(content)
	_ = z.Close()
}

func pack(count uint32, entries func(*bytes.Buffer)) []byte {
	var out bytes.Buffer
	out.WriteString("PACK")
	_ = binary.Write(&out, binary.BigEndian, []uint32{2, count})
	entries(&out)
	sum := sha1.Sum(out.Bytes()) //nolint:gosec // git's own checksum
	out.Write(sum[:])
	return out.Bytes()
}

func TestMeasureStopsBombs(t *testing.T) {
	const blob, refDelta = 3, 7
	base := bytes.Repeat([]byte{1}, 20)
	tests := []struct {
		name string
		pack []byte
	}{
		{"too many objects", pack(maxObjects+1, func(*bytes.Buffer) {})},
		{"an object longer than it says", pack(1, func(b *bytes.Buffer) { entry(b, blob, 10, nil, make([]byte, 1<<20)) })},
		{"too large in all", pack(5, func(b *bytes.Buffer) {
			for range 5 {
				entry(b, blob, source.MaxTreeBytes, nil, make([]byte, source.MaxTreeBytes))
			}
		})},
		{"a delta with a huge result", pack(1, func(b *bytes.Buffer) {
			delta := binary.AppendUvarint(binary.AppendUvarint(nil, 100), 1<<40)
			entry(b, refDelta, int64(len(delta)), base, delta)
		})},
		{"a delta without an end", pack(1, func(b *bytes.Buffer) {
			delta := bytes.Repeat([]byte{0xff}, 30)
			entry(b, refDelta, int64(len(delta)), base, delta)
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := unpack(tt.pack); err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := unpack(pack(1, func(b *bytes.Buffer) { entry(b, blob, 5, nil, []byte("hello")) })); err != nil {
		t.Errorf("a small pack was refused: %v", err)
	}
}

func store(t *testing.T, s *memory.Storage, o interface {
	Encode(plumbing.EncodedObject) error
}) plumbing.Hash {
	t.Helper()
	encoded := s.NewEncodedObject()
	if err := o.Encode(encoded); err != nil {
		t.Fatal(err)
	}
	id, err := s.SetEncodedObject(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// One directory that stands sixteen times in each of its parents describes
// 16^8 files with nine objects.
func TestATreeThatMultipliesIsRefused(t *testing.T) {
	s := memory.NewStorage()
	content := s.NewEncodedObject()
	content.SetType(plumbing.BlobObject)
	w, err := content.Writer()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("x"))
	id, err := s.SetEncodedObject(content)
	if err != nil {
		t.Fatal(err)
	}
	mode := filemode.Regular
	for range 8 {
		level := &object.Tree{}
		for i := range 16 {
			level.Entries = append(level.Entries, object.TreeEntry{Name: fmt.Sprintf("%02d", i), Mode: mode, Hash: id})
		}
		id, mode = store(t, s, level), filemode.Dir
	}
	commit := store(t, s, &object.Commit{TreeHash: id})
	if _, err := tree(s, commit.String(), "acme/shop"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("error = %v, want InvalidError", err)
	}
}

func TestAMissingObjectIsInvalid(t *testing.T) {
	_, err := tree(memory.NewStorage(), "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a", "acme/shop")
	if !fault.Is(err, fault.InvalidError) || errors.Is(err, plumbing.ErrObjectNotFound) {
		t.Errorf("error = %v", err)
	}
}
