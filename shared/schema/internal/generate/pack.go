package main

import (
	"cmp"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// frame is what one entry of the store holds: documents that share one name.
type frame struct {
	name      string
	documents []document
}

type document struct {
	regions uint64
	value   any
}

// dictionarySize and sampleSize shape the dictionary: the beginnings of frames
// spread evenly over all names. A raw dictionary of that kind beat a trained
// one, and the same input always gives the same store.
const (
	dictionarySize = 96 << 10
	sampleSize     = 700
)

// pack writes every frame compressed with one dictionary, behind an index.
// Package format describes the layout.
func pack(regions []string, frames []frame) ([]byte, error) {
	slices.SortFunc(frames, func(a, b frame) int { return cmp.Compare(a.name, b.name) })
	entries := make([]format.Entry, len(frames))
	raw := make([][]byte, len(frames))
	for i, f := range frames {
		values := make([]any, len(f.documents))
		for j, d := range f.documents {
			values[j] = d.value
		}
		body, positions, err := format.Encode(values)
		if err != nil {
			return nil, err
		}
		raw[i] = body
		entries[i] = format.Entry{Name: f.name, Raw: len(body)}
		for j, d := range f.documents {
			entries[i].Roots = append(entries[i].Roots, format.Root{Position: positions[j], Regions: d.regions})
		}
	}
	dictionary := dictionaryOf(raw)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(format.DictionaryID, dictionary), zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer func() { _ = enc.Close() }() // EncodeAll leaves nothing to flush

	var bytes []byte
	for i, b := range raw {
		packed := enc.EncodeAll(b, nil)
		entries[i].Offset, entries[i].Length = len(bytes), len(packed)
		bytes = append(bytes, packed...)
	}
	return format.Join(dictionary, format.WriteIndex(regions, entries), bytes), nil
}

// dictionaryOf takes the beginnings of documents, spread evenly.
func dictionaryOf(samples [][]byte) []byte {
	n := min(dictionarySize/sampleSize, len(samples))
	var dictionary []byte
	for i := range n {
		sample := samples[i*len(samples)/n]
		dictionary = append(dictionary, sample[:min(len(sample), sampleSize)]...)
	}
	return dictionary
}
