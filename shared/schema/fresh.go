package schema

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

//go:embed fresh.bin
var freshBytes []byte

// freshness is the second layer: types and properties that the first does not
// have. It is opened when a template has something unknown, which is rare.
type freshness struct {
	types      []string
	doc        format.Doc
	properties int // position of type → pointers
}

var embeddedFreshness = sync.OnceValue(func() *freshness {
	f, err := openFreshness(freshBytes)
	if err != nil {
		// The layer is part of the binary and tested with it.
		panic(fmt.Sprintf("schema: freshness layer: %v", err))
	}
	return f
})

func openFreshness(b []byte) (*freshness, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	if b, err = decoder.DecodeAll(b, nil); err != nil {
		return nil, err
	}
	doc := format.Doc(b)
	types, ok := doc.Member(0, "types")
	properties, ok2 := doc.Member(0, "properties")
	if !ok || !ok2 {
		return nil, format.ErrCorrupt
	}
	return &freshness{types: doc.Strings(types), doc: doc, properties: properties}, nil
}

// Fresh reports whether a type that Resource does not know exists all the same:
// a second source, read at another time, has it. It says nothing about values,
// and does not count types that AWS has withdrawn.
func Fresh(typeName string) bool {
	_, found := slices.BinarySearch(embeddedFreshness().types, typeName)
	return found
}

// FreshTypes returns the types that Fresh knows, sorted.
func FreshTypes() []string { return slices.Clone(embeddedFreshness().types) }

// FreshProperty reports whether a property that the schema of a type does not
// allow exists all the same. The pointer is written as in the schema,
// "/properties/A/*/B"; numbers count as "*". Everything in a fresh type or a
// fresh property is fresh.
func FreshProperty(typeName, pointer string) bool {
	if Fresh(typeName) {
		return true
	}
	path := Names(pointer)
	return slices.ContainsFunc(FreshProperties(typeName), func(known string) bool { return within(path, Names(known)) })
}

// FreshProperties returns the pointers of the properties that FreshProperty
// knows of a type, sorted.
func FreshProperties(typeName string) []string {
	f := embeddedFreshness()
	at, ok := f.doc.Member(f.properties, typeName)
	if !ok {
		return nil
	}
	return f.doc.Strings(at)
}

// within reports whether a path is a place or something in it.
func within(path, place []string) bool {
	if len(path) < len(place) {
		return false
	}
	for i, name := range place {
		if path[i] != name && (name != "*" || strings.Trim(path[i], "0123456789") != "") {
			return false
		}
	}
	return true
}
