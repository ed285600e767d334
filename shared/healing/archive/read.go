// Package archive reads recorded CloudTrail events, in every form that people
// keep them in, and puts them in the order in which they happened, in bounded
// memory however long the archive is.
package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Sink takes what is read.
type Sink struct {
	// Record is called with each object that may be a record or an event, and may
	// keep its JSON.
	Record func(at Position, record []byte)
	// Bad is called with what cannot be read, and where it is. Reading goes on
	// behind it where that can be found.
	Bad func(at Position, err error)
}

// Position is where something is in a file: the nth record, counted from 1, the
// nth line where it is negative, or the beginning.
type Position int32

func (p Position) String() string {
	switch {
	case p > 0:
		return "record " + strconv.Itoa(int(p))
	case p < 0:
		return "line " + strconv.Itoa(-int(p))
	}
	return "the beginning"
}

// peek is how much of a file is looked at to tell its form.
const peek = 512 << 10

// Read reads one file: CloudTrail log files ({"Records": […]}), bare records or
// EventBridge events, one or several, in a list or a line each, the answer of
// aws cloudtrail lookup-events ({"Events": [{"CloudTrailEvent": "…"}]}), plain
// or compressed by gzip.
func Read(r io.Reader, to Sink) {
	in := bufio.NewReaderSize(r, peek)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			to.Bad(0, err)
			return
		}
		in = bufio.NewReaderSize(unzipped, peek)
	}
	f := &file{to: to}
	if lines(in) {
		f.lines(in)
		return
	}
	f.values(in, func() Position { return f.n + 1 }, true)
}

// lines reports whether the first line is a whole object, and more follows.
func lines(in *bufio.Reader) bool {
	start, _ := in.Peek(peek)
	line, rest, found := bytes.Cut(start, []byte("\n"))
	line = bytes.TrimSpace(line)
	return found && len(bytes.TrimSpace(rest)) > 0 && bytes.HasPrefix(line, []byte("{")) && json.Valid(line)
}

type file struct {
	to Sink
	n  Position // records so far
}

// lines reads a value a line, so that a bad line costs no other.
func (f *file) lines(in *bufio.Reader) {
	for n := Position(1); ; n++ {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			f.values(bytes.NewReader(line), func() Position { return -n }, false)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.to.Bad(-n, plain(err))
			}
			return
		}
	}
}

// values reads the values of a stream, one after the other. With resume, it
// goes on at the next line that begins one when there is a fault.
func (f *file) values(in io.Reader, where func() Position, resume bool) {
	d := json.NewDecoder(in)
	for {
		err := f.value(d, where)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			continue
		}
		f.to.Bad(where(), fmt.Errorf("it cannot be read: %w", plain(err)))
		if !resume {
			return
		}
		rest := bufio.NewReader(io.MultiReader(d.Buffered(), in))
		if !nextValue(rest) {
			return
		}
		in, d = rest, json.NewDecoder(rest)
	}
}

// nextValue skips to the next line that begins with an object or a list.
func nextValue(in *bufio.Reader) bool {
	for {
		for {
			if _, err := in.ReadSlice('\n'); err == nil {
				break
			} else if !errors.Is(err, bufio.ErrBufferFull) {
				return false
			}
		}
		if next, err := in.Peek(1); err != nil {
			return false
		} else if next[0] == '{' || next[0] == '[' {
			return true
		}
	}
}

// value reads one value; io.EOF says that there is none left.
func (f *file) value(d *json.Decoder, where func() Position) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return unexpected(f.object(d, where))
	case json.Delim('['):
		return unexpected(f.list(d, where))
	}
	return fmt.Errorf("%.40q is no object", fmt.Sprint(token))
}

// list hands out the elements of a list whose beginning was read.
func (f *file) list(d *json.Decoder, where func() Position) error {
	for d.More() {
		var element json.RawMessage
		if err := d.Decode(&element); err != nil {
			return err
		}
		f.record(where(), element)
	}
	_, err := d.Token()
	return err
}

// object reads an object whose beginning was read. The lists of log files are
// handed out as they come, everything else as one record.
func (f *file) object(d *json.Decoder, where func() Position) error {
	fields := map[string]json.RawMessage{}
	container := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if key == "Records" || key == "Events" {
			container = true
			if token, err := d.Token(); err != nil {
				return err
			} else if token != json.Delim('[') {
				return fmt.Errorf("%s is no list", key)
			}
			if err := f.list(d, where); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if name, ok := key.(string); ok && !container {
			fields[name] = value
		}
	}
	if _, err := d.Token(); err != nil || container {
		return err
	}
	record, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	f.record(where(), record)
	return nil
}

// record hands out a record, or what one element of lookup-events holds.
func (f *file) record(at Position, record []byte) {
	f.n++
	if bytes.Contains(record, []byte(`"CloudTrailEvent"`)) {
		var looked struct{ CloudTrailEvent string }
		if err := json.Unmarshal(record, &looked); err == nil && looked.CloudTrailEvent != "" {
			record = []byte(looked.CloudTrailEvent)
		}
	}
	f.to.Record(at, record)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// plain leaves out what encoding/json quotes of the file.
func plain(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return errors.New("it is no JSON")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends within it")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}
