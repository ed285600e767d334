package template

import (
	"strings"
	"unicode/utf8"
)

// Scalars. Text that stands in the source as it is meant is cut out of it;
// anything else is put together in the scanner's buffer.

// scanPlain reads a plain scalar, which may span lines.
func (s *scanner) scanPlain() {
	start := s.mark()
	t := token{kind: tokScalar, plain: true, start: start, end: start}
	indent := s.indent + 1
	begin, end := s.pos, s.pos // of the piece on this line
	folded := false
	for {
		if s.documentMark() || s.src[s.pos] == '#' {
			break
		}
		from := s.pos
		if !s.plainWords(start) {
			return
		}
		if s.pos > from {
			end = s.pos
			t.end = s.mark()
		}
		if class[s.src[s.pos]]&cBlank == 0 && s.breakWidth(s.pos) == 0 {
			break
		}
		if !s.plainBreaks(start, indent) {
			return
		}
		if len(s.breaks) == 0 {
			continue
		}
		if s.flow == 0 && s.col() < indent || !s.plainGoesOn() {
			s.keyAllowed = true
			break
		}
		if !folded {
			s.buf, folded = s.buf[:0], true
		}
		s.buf = append(s.buf, s.src[begin:end]...)
		s.fold(s.breaks)
		begin, end = s.pos, s.pos
	}
	if folded {
		s.buf = append(s.buf, s.src[begin:end]...)
		s.pushMade(t, string(s.buf), "")
		return
	}
	t.from, t.to = int32(begin), int32(end)
	s.queue = append(s.queue, t)
}

// plainGoesOn reports whether the text after a line break belongs to the plain
// scalar before it.
func (s *scanner) plainGoesOn() bool {
	c := s.src[s.pos]
	switch {
	case c == '#' || s.documentMark() || c == 0:
		return false
	case c == ':':
		return !s.blankz(s.pos + 1)
	}
	return s.flow == 0 || class[c]&cFlow == 0
}

// plainWords moves over characters of a plain scalar up to a blank or its end.
func (s *scanner) plainWords(start mark) bool {
	for {
		c := s.src[s.pos]
		k := class[c]
		switch {
		case k&(cBlank|cBreak) != 0 || k&cLead != 0 && s.breakWidth(s.pos) > 0:
			return true
		case c == ':':
			next := s.src[s.pos+1]
			if s.flow > 0 && (next == '?' || class[next]&cFlow != 0) {
				s.fail(s.mark(), "found unexpected ':' in the text that begins at line %d", start.line+1)
				return false
			}
			if s.blankz(s.pos + 1) {
				return true
			}
		case k&cFlow != 0 && s.flow > 0:
			return true
		}
		s.pos++
	}
}

// plainBreaks moves over blanks and line breaks and leaves the breaks as text
// in s.breaks, none if the line goes on.
func (s *scanner) plainBreaks(start mark, indent int32) bool {
	s.breaks = s.breaks[:0]
	for {
		if class[s.src[s.pos]]&cBlank != 0 {
			if len(s.breaks) > 0 && s.src[s.pos] == '\t' && s.col() < indent {
				s.fail(s.mark(), "a tab violates the indentation of the text that begins at line %d", start.line+1)
				return false
			}
			s.pos++
			continue
		}
		b := s.readBreak()
		if b == "" {
			return true
		}
		s.breaks = append(s.breaks, b)
	}
}

// readBreak moves over a line break and returns it as it is meant: LS and PS
// stay, any other is a line feed. It is "" if there is none.
func (s *scanner) readBreak() string {
	w := s.breakWidth(s.pos)
	if w == 0 {
		return ""
	}
	b := "\n"
	if w == 3 {
		b = s.src[s.pos : s.pos+3]
	}
	s.pos += w
	s.newLine()
	return b
}

// fold appends line breaks: one alone becomes a space, more lose the first.
func (s *scanner) fold(breaks []string) {
	switch {
	case breaks[0] == "\n" && len(breaks) == 1:
		s.buf = append(s.buf, ' ')
		return
	case breaks[0] == "\n":
		breaks = breaks[1:]
	}
	for _, b := range breaks {
		s.buf = append(s.buf, b...)
	}
}

// scanQuoted reads a scalar in single or double quotes.
func (s *scanner) scanQuoted(quote byte) {
	start := s.mark()
	s.pos++
	begin := s.pos
	for i := begin; ; i++ {
		c := s.src[i]
		switch {
		case c == quote && (quote == '"' || s.src[i+1] != quote):
			s.pos = i + 1
			s.queue = append(s.queue, token{kind: tokScalar, start: start, end: s.mark(), from: int32(begin), to: int32(i)})
			return
		case c == quote || c == '\\' && quote == '"' || class[c]&cBreak != 0 || class[c]&cLead != 0 && s.exotic:
			s.buf = append(s.buf[:0], s.src[begin:i]...)
			s.buf = trimBlanks(s.buf)
			s.pos = begin + len(s.buf)
			s.scanQuotedSlowly(start, quote)
			return
		}
	}
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// scanQuotedSlowly goes on where escapes or line breaks come; the buffer holds
// the text so far.
func (s *scanner) scanQuotedSlowly(start mark, quote byte) {
	for {
		if s.documentMark() {
			s.fail(s.mark(), "found a document marker in a quoted text")
			return
		}
		if s.src[s.pos] == 0 {
			s.fail(s.mark(), "the quoted text that begins at line %d does not end", start.line+1)
			return
		}
		joined := s.quotedWords(quote)
		if s.err != nil {
			return
		}
		if s.src[s.pos] == quote {
			s.pos++
			s.pushMade(token{kind: tokScalar, start: start, end: s.mark()}, string(s.buf), "")
			return
		}
		s.quotedBlanks(joined)
	}
}

// quotedWords reads up to a blank, a line break or the end of a quoted text.
// joined says that an escaped line break came last.
func (s *scanner) quotedWords(quote byte) (joined bool) {
	for !s.blankz(s.pos) {
		c := s.src[s.pos]
		switch {
		case c == quote && quote == '\'' && s.src[s.pos+1] == '\'':
			s.buf = append(s.buf, '\'')
			s.pos += 2
		case c == quote:
			return false
		case c == '\\' && quote == '"':
			if s.breakWidth(s.pos+1) > 0 {
				s.pos++
				s.skipBreak()
				return true
			}
			if !s.escape() {
				return false
			}
		default:
			s.buf = append(s.buf, c)
			s.pos++
		}
	}
	return false
}

// quotedBlanks takes the blanks and line breaks between words of a quoted text.
func (s *scanner) quotedBlanks(joined bool) {
	begin := s.pos
	s.skipBlanks()
	if s.breakWidth(s.pos) == 0 {
		if !joined {
			s.buf = append(s.buf, s.src[begin:s.pos]...)
		}
		return
	}
	var breaks []string
	for {
		b := s.readBreak()
		if b == "" {
			break
		}
		breaks = append(breaks, b)
		s.skipBlanks()
	}
	if joined {
		s.buf = append(s.buf, strings.Join(breaks, "")...)
		return
	}
	s.fold(breaks)
}

// escapes are those of one character (YAML 1.1, 5.7).
var escapes = [256]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r",
	'e': "\x1b", ' ': " ", '"': "\"", '/': "/", '\\': "\\", 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

func (s *scanner) escape() bool {
	c := s.src[s.pos+1]
	if text := escapes[c]; text != "" {
		s.buf = append(s.buf, text...)
		s.pos += 2
		return true
	}
	digits := 0
	switch c {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		s.fail(s.mark(), "a backslash here begins no escape")
		return false
	}
	var value rune
	for i := s.pos + 2; i < s.pos+2+digits; i++ {
		if i >= len(s.src) || hexDigit(s.src[i]) < 0 {
			s.fail(s.mark(), "an escape lacks its %d hexadecimal digits", digits)
			return false
		}
		value = value<<4 | rune(hexDigit(s.src[i]))
	}
	if !utf8.ValidRune(value) {
		s.fail(s.mark(), "an escape is not a Unicode character")
		return false
	}
	s.buf = utf8.AppendRune(s.buf, value)
	s.pos += 2 + digits
	return true
}
