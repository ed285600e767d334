package archive

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Sorter puts entries in order of time. It keeps no more than Limit bytes of
// them in memory; the rest waits in temporary files, each sorted, which are
// read side by side. Close removes them.
type Sorter struct {
	Limit int // bytes; 0 stands for DefaultLimit

	entries []Entry
	size    int
	runs    []*os.File
	serial  int64
}

// DefaultLimit is enough for some 4,000 records without any file.
const DefaultLimit = 4 << 20

// overhead is what an entry costs beside its record, in bytes.
const overhead = 96

// Add takes an entry. Of entries with the same time and order, the one that
// was added first comes first.
func (s *Sorter) Add(e Entry) error {
	s.serial++
	e.Order = e.Order<<48 | s.serial
	s.entries = append(s.entries, e)
	s.size += len(e.Record) + overhead
	if s.size > cmp.Or(s.Limit, DefaultLimit) {
		return s.spill()
	}
	return nil
}

func (a Entry) compare(b Entry) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Order, b.Order))
}

// spill sorts what is in memory and writes it to a file.
func (s *Sorter) spill() (err error) {
	slices.SortFunc(s.entries, Entry.compare)
	f, err := os.CreateTemp("", "evenkeel-archive-")
	if err != nil {
		return fmt.Errorf("an archive of this length is sorted in temporary files: %w", err)
	}
	s.runs = append(s.runs, f)
	w := bufio.NewWriter(f)
	for _, e := range s.entries {
		if err := write(w, e); err != nil {
			return err
		}
	}
	s.entries, s.size = s.entries[:0], 0
	clear(s.entries[:cap(s.entries)]) // the records may go
	return w.Flush()
}

// header is what stands before a record in a run: time, order, source, length.
// Milliseconds hold every year that a text can name; nanoseconds end in 2262.
const header = 32

func write(w io.Writer, e Entry) error {
	var h [header]byte
	for i, v := range []int64{e.Time.UnixMilli(), e.Order, e.Source, int64(len(e.Record))} {
		binary.LittleEndian.PutUint64(h[8*i:], uint64(v)) //nolint:gosec // the bits come back as they are
	}
	if _, err := w.Write(h[:]); err != nil {
		return err
	}
	_, err := w.Write(e.Record)
	return err
}

func read(r io.Reader) (Entry, error) {
	var h [header]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return Entry{}, err
	}
	number := func(i int) int64 {
		return int64(binary.LittleEndian.Uint64(h[8*i:])) //nolint:gosec // the bits of write
	}
	e := Entry{Time: time.UnixMilli(number(0)).UTC(), Order: number(1), Source: number(2), Record: make([]byte, number(3))}
	_, err := io.ReadFull(r, e.Record)
	return e, err
}

// Each calls do with every entry in order. It can be called once.
func (s *Sorter) Each(do func(Entry) error) error {
	if len(s.runs) == 0 {
		slices.SortFunc(s.entries, Entry.compare)
		for i, e := range s.entries {
			s.entries[i].Record = nil
			if err := do(e); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	s.entries = nil
	var m merge
	for _, f := range s.runs {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := m.push(bufio.NewReaderSize(f, 16<<10)); err != nil {
			return err
		}
	}
	for len(m) > 0 {
		next, _ := heap.Pop(&m).(run)
		if err := do(next.entry); err != nil {
			return err
		}
		if err := m.push(next.rest); err != nil {
			return err
		}
	}
	return nil
}

// Close removes the temporary files.
func (s *Sorter) Close() error {
	var faults []error
	for _, f := range s.runs {
		faults = append(faults, f.Close(), os.Remove(f.Name()))
	}
	s.runs = nil
	return errors.Join(faults...)
}

// merge is a heap of sorted runs, by their next entries.
type merge []run

type run struct {
	entry Entry
	rest  *bufio.Reader
}

// push adds the run unless it is at its end.
func (m *merge) push(rest *bufio.Reader) error {
	e, err := read(rest)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		heap.Push(m, run{e, rest})
	}
	return err
}

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return m[i].entry.compare(m[j].entry) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { r, _ := x.(run); *m = append(*m, r) }

// Pop implements heap.Interface.
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
