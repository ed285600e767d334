// Package schema gives the schemas that a template is checked against: those of
// every resource type in every region as AWS publishes them, the extension
// schemas that relate properties to each other, the schemas of the other parts
// of a template, and the tables that rules look up. It also says which
// properties of a type are read-only, create-only or write-only.
//
// Everything is embedded (store.bin, see README.md for its origin) and decoded
// piece by piece when it is first asked for. All functions may be called
// concurrently. What they return is shared: do not change it.
package schema

//go:generate go run ./internal/generate -out .

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
)

//go:embed store.bin
var storeBytes []byte

// embedded is the store of this binary, opened the first time something is asked
// for.
var embedded = sync.OnceValue(func() *store {
	s, err := open(storeBytes)
	if err != nil {
		// The store is part of the binary and tested with it.
		panic(fmt.Sprintf("schema: embedded store: %v", err))
	}
	return s
})

type store struct {
	index   *format.Index
	frames  []byte
	decoder *zstd.Decoder

	patterns jsonschema.Patterns

	opened sync.Map // number of the entry → *entry
	types  sync.Map // name of a type in us-east-1 → *cell
}

func open(b []byte) (*store, error) {
	dictionary, index, frames, err := format.Split(b)
	if err != nil {
		return nil, err
	}
	s := &store{frames: frames}
	if s.index, err = format.ReadIndex(index); err != nil {
		return nil, err
	}
	if end := s.index.End(); end != len(frames) {
		return nil, fmt.Errorf("%w: %d of %d bytes", format.ErrCorrupt, len(frames), end)
	}
	s.decoder, err = zstd.NewReader(nil, zstd.WithDecoderDictRaw(format.DictionaryID, dictionary), zstd.WithDecoderConcurrency(0))
	return s, err
}

// entry is a frame that has been asked for.
type entry struct {
	format.Entry
	once  sync.Once
	doc   format.Doc
	roots []root
}

// find returns an entry without decompressing its frame, nil if there is none.
func (s *store) find(name string) *entry {
	i, ok := s.index.Find(name)
	if !ok {
		return nil
	}
	if e, ok := s.opened.Load(i); ok {
		return e.(*entry)
	}
	e := &entry{Entry: s.index.Entry(i)}
	e.roots = make([]root, len(e.Roots))
	found, _ := s.opened.LoadOrStore(i, e)
	return found.(*entry)
}

// text returns the decompressed frame.
func (s *store) text(e *entry) format.Doc {
	e.once.Do(func() {
		b, err := s.decoder.DecodeAll(s.frames[e.Offset:e.Offset+e.Length], make([]byte, 0, e.Raw))
		if err != nil {
			// Every frame of the embedded store is decoded by the tests.
			panic(fmt.Sprintf("schema: %s: %v", e.Name, err))
		}
		e.doc = format.Doc(b)
	})
	return e.doc
}

// region returns the number of a region, -1 if it is unknown.
func (s *store) region(name string) int {
	for i, r := range s.index.Regions() {
		if r == name {
			return i
		}
	}
	return -1
}

// root returns the number of the document that holds in a region, -1 if none.
func (s *store) root(e *entry, region string) int {
	n := s.region(region)
	if n < 0 {
		return -1
	}
	for i, r := range e.Roots {
		if r.Regions&(1<<n) != 0 {
			return i
		}
	}
	return -1
}

// canonical maps the open families of types to the one schema each has.
func canonical(name string) string {
	switch {
	case strings.HasPrefix(name, "Custom::"):
		return "AWS::CloudFormation::CustomResource"
	case strings.HasSuffix(name, "::MODULE"):
		return "Module"
	}
	return name
}

// isType tells the entries of resource types from all others, whose names have
// a folder.
func isType(name string) bool { return !strings.Contains(name, "/") }
