package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/dict"
	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// dictionaryID is arbitrary but fixed: the same wheel gives the same store.
const dictionaryID = 0xE7EC

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
	dictionary, err := dict.BuildZstdDict(typical(samples), dict.Options{
		MaxDictSize: 112 << 10,
		HashBytes:   6,
		ZstdDictID:  dictionaryID,
		ZstdLevel:   zstd.SpeedBestCompression,
	})
	if err != nil {
		return nil, fmt.Errorf("build dictionary: %w", err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderDict(dictionary), zstd.WithEncoderLevel(zstd.SpeedBestCompression),
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

// typical leaves out the few very large schemas: the dictionary builder accepts
// samples of at most one zstd block (128 KiB), and what they repeat is found
// within them anyway.
func typical(samples [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(samples), func(s []byte) bool { return len(s) > 64<<10 })
}
