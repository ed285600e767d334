package main

import (
	"encoding/binary"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// dictionarySize and sampleSize shape the dictionary: the beginnings of schemas
// spread evenly over all names. A raw dictionary of that kind beat a trained
// one here by a seventh, and the same wheel always gives the same store.
const (
	dictionarySize = 112 << 10
	sampleSize     = 1000
)

// pack writes every schema as a zstd frame of its own, all with one dictionary,
// behind an index. Package format describes the layout.
func pack(types map[string][]byte) ([]byte, error) {
	names := make([]string, 0, len(types))
	for name := range types {
		names = append(names, name)
	}
	slices.Sort(names)
	samples := make([][]byte, len(names))
	for i, name := range names {
		samples[i] = types[name]
	}
	dictionary := dictionaryOf(samples)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(format.DictionaryID, dictionary), zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer func() { _ = enc.Close() }() // EncodeAll leaves nothing to flush

	var index, frames []byte
	for i, name := range names {
		frame := enc.EncodeAll(samples[i], nil)
		index = binary.AppendUvarint(index, uint64(len(name)))
		index = append(index, name...)
		index = binary.AppendUvarint(index, uint64(len(frame)))
		frames = append(frames, frame...)
	}
	plain, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	return format.Join(plain.EncodeAll(dictionary, nil), plain.EncodeAll(index, nil), frames), nil
}

// dictionaryOf takes the beginnings of schemas, spread evenly.
func dictionaryOf(samples [][]byte) []byte {
	n := min(dictionarySize/sampleSize, len(samples))
	var dictionary []byte
	for i := range n {
		sample := samples[i*len(samples)/n]
		dictionary = append(dictionary, sample[:min(len(sample), sampleSize)]...)
	}
	return dictionary
}
