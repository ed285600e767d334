package sam

import (
	"crypto/sha1" //nolint:gosec // the ids that SAM makes are SHA-1; nothing is protected by it
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/evenkeel/evenkeel/shared/template"
)

// hashID returns the suffix of a generated logical id, ten digits; "" for "".
func hashID(data string) string { return digest(data)[:min(10, len(digest(data)))] }

func digest(data string) string {
	if data == "" {
		return ""
	}
	sum := sha1.Sum([]byte(data)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// hashData is what is hashed for a value: a string itself, else compact JSON
// with sorted keys; "" for what is empty.
func hashData(n *node) string {
	switch {
	case !truthy(n):
		return ""
	case n.IsString():
		return n.Text
	}
	j := jsonWriter{itemSep: ",", keySep: ":", sorted: true}
	j.write(n, 0)
	return j.String()
}

// jsonWriter writes JSON as Python's json.dumps does with ensure_ascii.
type jsonWriter struct {
	strings.Builder
	itemSep, keySep string
	indent          string
	sorted          bool
}

func (j *jsonWriter) write(n *node, depth int) {
	if n == nil {
		j.WriteString("null")
		return
	}
	switch n.Kind {
	case template.Null:
		j.WriteString("null")
	case template.Bool:
		j.WriteString(strconv.FormatBool(n.True))
	case template.Number:
		j.WriteString(numberText(n))
	case template.String:
		j.quote(n.Text)
	case template.List:
		j.list(n, depth)
	case template.Map:
		j.object(n, depth)
	}
}

func (j *jsonWriter) list(n *node, depth int) {
	if len(n.Items) == 0 {
		j.WriteString("[]")
		return
	}
	j.WriteByte('[')
	for i, item := range n.Items {
		j.separate(i, depth+1)
		j.write(item, depth+1)
	}
	j.newline(depth)
	j.WriteByte(']')
}

func (j *jsonWriter) object(n *node, depth int) {
	if len(n.Entries) == 0 {
		j.WriteString("{}")
		return
	}
	entries := n.Entries
	if j.sorted {
		entries = slices.Clone(entries)
		slices.SortStableFunc(entries, func(a, b template.Entry) int { return strings.Compare(a.Key, b.Key) })
	}
	j.WriteByte('{')
	for i, e := range entries {
		j.separate(i, depth+1)
		j.quote(e.Key)
		j.WriteString(j.keySep)
		j.write(e.Value, depth+1)
	}
	j.newline(depth)
	j.WriteByte('}')
}

func (j *jsonWriter) separate(i, depth int) {
	if i > 0 {
		j.WriteString(j.itemSep)
	}
	j.newline(depth)
}

func (j *jsonWriter) newline(depth int) {
	if j.indent != "" {
		j.WriteByte('\n')
		j.WriteString(strings.Repeat(j.indent, depth))
	}
}

func (j *jsonWriter) quote(s string) {
	j.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			j.WriteByte('\\')
			j.WriteByte(byte(r))
		case r == '\n':
			j.WriteString(`\n`)
		case r == '\r':
			j.WriteString(`\r`)
		case r == '\t':
			j.WriteString(`\t`)
		case r == '\b':
			j.WriteString(`\b`)
		case r == '\f':
			j.WriteString(`\f`)
		case r < ' ' || r > '~':
			for _, u := range utf16.Encode([]rune{r}) {
				j.WriteString(hexEscape('u', rune(u), 4))
			}
		default:
			j.WriteByte(byte(r))
		}
	}
	j.WriteByte('"')
}

// numberText is the text of a number in Python.
func numberText(n *node) string {
	if intText(n) && math.Abs(n.Float) < 1<<53 {
		return strconv.FormatInt(int64(n.Float), 10)
	}
	if intText(n) {
		return n.Text
	}
	return pythonFloat(n.Float)
}

// pythonFloat is repr of a float: scientific from 1e16 on and below 1e-4.
func pythonFloat(f float64) string {
	if a := math.Abs(f); a != 0 && (a >= 1e16 || a < 1e-4) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// text is str() of a value in Python. Maps are listed in the order that the
// translation sees.
func (b *build) text(n *node) string {
	if n.IsString() {
		return n.Text
	}
	var w strings.Builder
	b.repr(&w, n)
	return w.String()
}

func (b *build) repr(w *strings.Builder, n *node) {
	if n == nil {
		w.WriteString("None")
		return
	}
	switch n.Kind {
	case template.Null:
		w.WriteString("None")
	case template.Bool:
		w.WriteString(map[bool]string{true: "True", false: "False"}[n.True])
	case template.Number:
		w.WriteString(numberText(n))
	case template.String:
		if b.unicode[n] {
			w.WriteByte('u')
		}
		reprString(w, n.Text)
	case template.List:
		w.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				w.WriteString(", ")
			}
			b.repr(w, item)
		}
		w.WriteByte(']')
	case template.Map:
		w.WriteByte('{')
		for i, k := range b.keys(n) {
			if i > 0 {
				w.WriteString(", ")
			}
			if b.unicode[n] {
				w.WriteByte('u')
			}
			reprString(w, k)
			w.WriteString(": ")
			b.repr(w, b.lookup(n, k))
		}
		w.WriteByte('}')
	}
}

func reprString(w *strings.Builder, s string) {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	w.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			w.WriteByte('\\')
			w.WriteRune(r)
		case r == '\n':
			w.WriteString(`\n`)
		case r == '\r':
			w.WriteString(`\r`)
		case r == '\t':
			w.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r > 0x7f && r < 0x100 && !unicode.IsPrint(r):
			w.WriteString(hexEscape('x', r, 2))
		case r >= 0x100 && r < 0x10000 && !unicode.IsPrint(r):
			w.WriteString(hexEscape('u', r, 4))
		case r >= 0x10000 && !unicode.IsPrint(r):
			w.WriteString(hexEscape('U', r, 8))
		default:
			w.WriteRune(r)
		}
	}
	w.WriteRune(quote)
}

func hexEscape(kind byte, r rune, digits int) string {
	h := strconv.FormatInt(int64(r), 16)
	return `\` + string(kind) + strings.Repeat("0", max(0, digits-len(h))) + h
}
