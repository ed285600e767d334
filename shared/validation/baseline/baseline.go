// Package baseline keeps the findings that a repository had on the day that it
// began to validate, so that only new ones fail. A finding is known by its
// file, rule and path in the template, and by what its line says: lines may
// move, items may be inserted before it.
package baseline

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// version is the format of the file.
const version = 1

// maxEntries bounds what is read.
const maxEntries = 1_000_000

// Entry is one finding of the baseline.
type Entry struct {
	File string `json:"file"`
	Rule string `json:"rule"`
	Path string `json:"path,omitempty"`
	// Mark is a hash of what was found, as it is written: eight bytes in hex. It
	// has no part of the message, which may be worded anew.
	Mark string `json:"mark,omitempty"`
	// Count is how many findings look the same; 0 is 1.
	Count int `json:"count,omitempty"`
}

// Finding is what a baseline needs to know of a finding.
type Finding struct {
	File, Rule, Path string
	Line             int // from 1
}

// Baseline is a set of known findings.
type Baseline struct{ entries []Entry }

// Source returns the text of a file, nil when it cannot be had.
type Source func(file string) []byte

// New makes a baseline of findings. It does not depend on their order.
func New(findings []Finding, source Source) *Baseline {
	m := newMarker(source)
	counts := map[Entry]int{}
	for _, f := range findings {
		counts[m.entry(f)]++
	}
	b := &Baseline{}
	for e, n := range counts {
		if n > 1 {
			e.Count = n
		}
		b.entries = append(b.entries, e)
	}
	slices.SortFunc(b.entries, compare)
	return b
}

func compare(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Mark, b.Mark), cmp.Compare(a.Count, b.Count))
}

// Len returns the number of findings in the baseline.
func (b *Baseline) Len() int {
	n := 0
	for _, e := range b.entries {
		n += max(e.Count, 1)
	}
	return n
}

// Encode writes the baseline: sorted, an entry a line, so that two branches
// that each shrink it can be merged.
func (b *Baseline) Encode() ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n  \"version\": %d,\n  \"findings\": [", version)
	for i, e := range b.entries {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return nil, err
		}
		out.Write(bytes.TrimRight(line.Bytes(), "\n"))
	}
	if len(b.entries) > 0 {
		out.WriteString("\n  ")
	}
	out.WriteString("]\n}\n")
	return out.Bytes(), nil
}

// Decode reads what Encode wrote.
func Decode(data []byte) (*Baseline, error) {
	var file struct {
		Version  int     `json:"version"`
		Findings []Entry `json:"findings"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("the baseline cannot be read: %w", err)
	}
	switch {
	case file.Version != version:
		return nil, fmt.Errorf("version %d of the baseline is not known; this Evenkeel reads version %d", file.Version, version)
	case len(file.Findings) > maxEntries:
		return nil, errors.New("the baseline has more than a million entries")
	}
	for i, e := range file.Findings {
		if e.File == "" || e.Rule == "" || e.Count < 0 {
			return nil, fmt.Errorf("entry %d of the baseline lacks a file or a rule, or has a negative count", i+1)
		}
	}
	slices.SortFunc(file.Findings, compare)
	return &Baseline{file.Findings}, nil
}

// Apply tells for each finding whether the baseline knows it. fixed are the
// entries that no finding matches any more; those of files that were not
// checked are not among them.
//
// A finding takes an entry of its file and rule, each entry as often as it
// counts: first one with the same path and mark, then one with the same mark
// at a path that differs in list indexes only, then one with the same path.
func (b *Baseline) Apply(findings []Finding, source Source, checked func(file string) bool) (known []bool, fixed []Entry) {
	m := newMarker(source)
	marks := make([]Entry, len(findings))
	for i, f := range findings {
		marks[i] = m.entry(f)
	}
	left := make([]int, len(b.entries))
	for i, e := range b.entries {
		left[i] = max(e.Count, 1)
	}
	known = make([]bool, len(findings))
	for _, key := range []func(Entry) Entry{
		func(e Entry) Entry { return e },
		func(e Entry) Entry { e.Path = withoutIndexes(e.Path); return e },
		func(e Entry) Entry { e.Mark = ""; return e },
	} {
		take(b.entries, left, marks, known, key)
	}
	for i, e := range b.entries {
		if left[i] > 0 && checked(e.File) {
			e.Count = 0
			if left[i] > 1 {
				e.Count = left[i]
			}
			fixed = append(fixed, e)
		}
	}
	return known, fixed
}

// take matches findings to entries that are left, by a key. An entry without
// what the key is about matches nothing in that round.
func take(entries []Entry, left []int, findings []Entry, matched []bool, key func(Entry) Entry) {
	byKey := map[Entry][]int{}
	for i, e := range entries {
		if left[i] > 0 {
			e.Count = 0
			k := key(e)
			byKey[k] = append(byKey[k], i)
		}
	}
	for i, f := range findings {
		if matched[i] {
			continue
		}
		k := key(f)
		candidates := byKey[k]
		for len(candidates) > 0 && left[candidates[0]] == 0 {
			candidates = candidates[1:]
		}
		if len(candidates) > 0 {
			left[candidates[0]]--
			matched[i] = true
		}
		byKey[k] = candidates
	}
}

// Without returns the baseline with the fixed entries taken out.
func (b *Baseline) Without(fixed []Entry) *Baseline {
	gone := map[Entry]int{}
	for _, e := range fixed {
		n := max(e.Count, 1)
		e.Count = 0
		gone[e] += n
	}
	shrunk := &Baseline{}
	for _, e := range b.entries {
		n := max(e.Count, 1)
		e.Count = 0
		n -= gone[e]
		if n < 1 {
			continue
		}
		if n > 1 {
			e.Count = n
		}
		shrunk.entries = append(shrunk.entries, e)
	}
	return shrunk
}

// marker computes marks, with the lines of one file at hand.
type marker struct {
	source Source
	file   string
	lines  [][]byte
}

func newMarker(source Source) *marker { return &marker{source: source} }

func (m *marker) entry(f Finding) Entry {
	return Entry{File: f.File, Rule: f.Rule, Path: f.Path, Mark: m.mark(f)}
}

// mark hashes the line of a finding without its white space at the ends and
// the comma that a JSON line may get or lose. Lines that are too long, as in a
// template of one line, and a file's whole say nothing.
func (m *marker) mark(f Finding) string {
	const longest = 2000
	if m.source == nil {
		return ""
	}
	if m.file != f.File || m.lines == nil {
		m.file, m.lines = f.File, bytes.Split(m.source(f.File), []byte("\n"))
	}
	if f.Line < 1 || f.Line > len(m.lines) {
		return ""
	}
	line := bytes.TrimRight(bytes.TrimSpace(m.lines[f.Line-1]), ",")
	if len(line) == 0 || len(line) > longest {
		return ""
	}
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:8])
}

func withoutIndexes(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if _, err := strconv.Atoi(p); err == nil {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}
