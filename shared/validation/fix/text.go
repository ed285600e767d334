package fix

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/template"
)

// text is a template's text with the offset of every line.
type text struct {
	data  []byte
	lines []int
	json  bool
}

func newText(data []byte) *text {
	t := &text{data: data, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	trimmed := bytes.TrimSpace(data)
	t.json = len(trimmed) > 0 && trimmed[0] == '{'
	return t
}

// offset returns the byte of a place; columns count characters. ok is false
// for a place outside of the text.
func (t *text) offset(line, column int) (at int, ok bool) {
	if line < 1 || line > len(t.lines) || column < 1 {
		return 0, false
	}
	at = t.lines[line-1]
	for range column - 1 {
		if at >= len(t.data) {
			return 0, false
		}
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	return at, true
}

// span returns the bytes of a node.
func (t *text) span(n *template.Node) (from, to int, ok bool) {
	if n == nil || n.EndLine == 0 {
		return 0, 0, false
	}
	from, okFrom := t.offset(n.Line, n.Column)
	to, okTo := t.offset(int(n.EndLine), int(n.EndColumn))
	return from, to, okFrom && okTo && from < to
}

// key returns the bytes of the key of an entry, when it is written as it reads
// or in quotes.
func (t *text) key(e *template.Entry) (from, to int, ok bool) {
	from, okFrom := t.offset(e.Line, e.Column)
	to, okTo := t.offset(e.Line, int(e.EndColumn))
	if !okFrom || !okTo || from >= to {
		return 0, 0, false
	}
	written := string(t.data[from:to])
	return from, to, written == e.Key || unquoted(written) == e.Key
}

// unquoted returns what stands in quotes, if the text is in quotes.
func unquoted(text string) string {
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return ""
}

// edit replaces the bytes from from to to.
type edit struct {
	from, to int
	with     string
}

func (t *text) edit(edits []edit) []byte {
	sorted := slices.SortedFunc(slices.Values(edits), func(a, b edit) int { return a.from - b.from })
	var out bytes.Buffer
	at := 0
	for _, e := range sorted {
		out.Write(t.data[at:e.from])
		out.WriteString(e.with)
		at = e.to
	}
	out.Write(t.data[at:])
	return out.Bytes()
}

// blank reports whether bytes are white space only.
func (t *text) blank(from, to int) bool { return len(bytes.TrimSpace(t.data[from:to])) == 0 }

// comment reports whether a # stands in the bytes. In a text without quotes
// around it, that may be a comment.
func (t *text) comment(from, to int) bool {
	return !t.json && bytes.IndexByte(t.data[from:to], '#') >= 0
}

// removal returns the bytes to cut so that an entry or item is gone with what
// separates it from its neighbours: the comma after it in flow style and JSON,
// or the one before; whole lines in block style. last is the end of the one
// before it in its list or map, 0 for the first.
func (t *text) removal(from, to int, flow bool) (edit, bool) {
	if flow {
		return t.flowRemoval(from, to)
	}
	start := bytes.LastIndexByte(t.data[:from], '\n') + 1
	end := len(t.data)
	if i := bytes.IndexByte(t.data[to:], '\n'); i >= 0 {
		end = to + i + 1
	}
	before := strings.TrimLeft(string(t.data[start:from]), " ")
	if before != "" && strings.TrimSpace(before) != "-" || !t.blank(to, end) || t.comment(start, end) {
		return edit{}, false
	}
	return edit{from: start, to: end}, true
}

func (t *text) flowRemoval(from, to int) (edit, bool) {
	next := to
	for next < len(t.data) && isSpace(t.data[next]) {
		next++
	}
	if next < len(t.data) && t.data[next] == ',' {
		next++
		for next < len(t.data) && isSpace(t.data[next]) {
			next++
		}
		return edit{from: from, to: next}, !t.comment(from, next) && next < len(t.data) && t.data[next] != '#'
	}
	previous := from
	for previous > 0 && isSpace(t.data[previous-1]) {
		previous--
	}
	if previous > 0 && t.data[previous-1] == ',' {
		return edit{from: previous - 1, to: to}, !t.comment(previous-1, to)
	}
	return edit{}, false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
