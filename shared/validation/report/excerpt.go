package report

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// widest is how many characters of a line are shown around a finding: JSON
// templates may be one line of a megabyte.
const widest = 120

// sources keeps the files that are shown, split into lines once.
type sources struct {
	read  func(string) []byte
	name  string
	split [][]byte
}

func (r *Report) sources() *sources { return &sources{read: r.Source} }

func (s *sources) lines(file string) [][]byte {
	if s.read == nil {
		return nil
	}
	if s.name != file || s.split == nil {
		s.name, s.split = file, bytes.Split(s.read(file), []byte("\n"))
	}
	return s.split
}

// excerpt shows the line of a finding with carets below what was found.
func excerpt(p *printer, lines [][]byte, f validation.Finding, paint func(code, text string) string) {
	if f.Line < 1 || f.Line > len(lines) {
		return
	}
	raw := bytes.TrimSuffix(lines[f.Line-1], []byte("\r"))
	shown, before, marked := window(raw, f)
	if strings.TrimSpace(shown) == "" {
		return
	}
	number := strconv.Itoa(f.Line)
	p.printf("  %5s %s %s\n", number, paint("34", "|"), shown)
	p.printf("  %5s %s %s%s\n", "", paint("34", "|"), strings.Repeat(" ", before), paint(colour[f.Severity], strings.Repeat("^", marked)))
}

// window cuts the part of a line that is shown, and says how many characters
// stand before the finding in it and how many belong to it. It reads no more
// of the line than it needs.
func window(raw []byte, f validation.Finding) (shown string, before, marked int) {
	rest, column := raw, 1
	skip := max(0, f.Column-1-widest/3)
	for ; column <= skip && len(rest) > 0; column++ {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	var b strings.Builder
	if column > 1 {
		b.WriteString("…")
		before = 1
	}
	length := 0
	for ; length < widest && len(rest) > 0; length++ {
		c, size := utf8.DecodeRune(rest)
		b.WriteRune(c)
		rest = rest[size:]
	}
	start := max(0, f.Column-column)
	before += start
	marked = min(max(1, extent(raw, f)), max(1, length-start))
	if len(rest) > 0 {
		b.WriteString("…")
	}
	return strings.TrimRight(printable(b.String()), " "), before, marked
}

// extent is how many characters of the line a finding covers: to its end when
// that is known, else to the end of the word.
func extent(raw []byte, f validation.Finding) int {
	switch {
	case f.EndLine > f.Line:
		return widest
	case f.EndLine == f.Line && f.EndColumn > f.Column:
		return f.EndColumn - f.Column
	}
	rest := raw
	for column := 1; column < f.Column && len(rest) > 0; column++ {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	if len(rest) == 0 {
		return 1
	}
	if quote := rest[0]; quote == '"' || quote == '\'' {
		if i := bytes.IndexByte(rest[1:], quote); i >= 0 {
			return utf8.RuneCount(rest[:i+2])
		}
	}
	if i := bytes.IndexAny(rest, " ,:]}\t\r"); i > 0 {
		rest = rest[:i]
	}
	return utf8.RuneCount(rest[:min(len(rest), 4*widest)])
}
