// Package schema gives the resource provider schemas that AWS publishes for
// us-east-1: which properties a resource type has, which of them are read-only,
// create-only or write-only, and which values they take. The schemas are
// embedded (store.bin, see README.md for their origin) and decoded one by one
// when they are first asked for.
package schema

//go:generate go run ./internal/generate -out .

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

//go:embed store.bin
var storeBytes []byte

// embedded is the store of this binary. Opening it costs one decompression of
// dictionary and index, the first time a type is asked for.
var embedded = sync.OnceValue(func() *store {
	s, err := open(storeBytes)
	if err != nil {
		// The store is part of the binary and tested with it.
		panic(fmt.Sprintf("schema: embedded store: %v", err))
	}
	return s
})

type store struct {
	names   []string
	entries map[string]format.Entry
	frames  []byte
	decoder *zstd.Decoder

	cache sync.Map // type name → *cell
}

// cell decodes one type once, however many goroutines ask.
type cell struct {
	once sync.Once
	typ  *Type
	err  error
}

func open(b []byte) (*store, error) {
	dictionary, index, frames, err := format.Split(b)
	if err != nil {
		return nil, err
	}
	plain, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	if dictionary, err = plain.DecodeAll(dictionary, nil); err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	if index, err = plain.DecodeAll(index, nil); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	entries, err := format.Index(index)
	if err != nil {
		return nil, err
	}
	s := &store{frames: frames, entries: make(map[string]format.Entry, len(entries))}
	for _, e := range entries {
		if e.Offset+e.Length > len(frames) {
			return nil, fmt.Errorf("frame of %s is cut off", e.Name)
		}
		s.names = append(s.names, e.Name)
		s.entries[e.Name] = e
	}
	s.decoder, err = zstd.NewReader(nil, zstd.WithDecoderDictRaw(format.DictionaryID, dictionary), zstd.WithDecoderConcurrency(0))
	return s, err
}

func (s *store) load(name string) (*Type, error) {
	e, ok := s.entries[name]
	if !ok {
		return nil, nil
	}
	found, _ := s.cache.LoadOrStore(name, &cell{})
	c := found.(*cell)
	c.once.Do(func() { c.typ, c.err = s.decode(e) })
	return c.typ, c.err
}

func (s *store) decode(e format.Entry) (*Type, error) {
	text, err := s.decoder.DecodeAll(s.frames[e.Offset:e.Offset+e.Length], nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	return newType(e.Name, raw)
}

// Load returns the schema of a type as published for us-east-1, and whether
// there is one. Custom::Anything is AWS::CloudFormation::CustomResource, and a
// module (Name::Of::MODULE) is the type "Module", which accepts everything. The
// result is shared: do not change it.
func Load(typeName string) (*Type, bool) {
	t, err := embedded().load(canonical(typeName))
	if err != nil {
		// Every type of the embedded store is decoded by the tests.
		panic(fmt.Sprintf("schema: %v", err))
	}
	return t, t != nil
}

// Types returns the names of all types, sorted.
func Types() []string { return slices.Clone(embedded().names) }
