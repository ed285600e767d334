package template

import "strings"

// scanBlock reads a literal or folded block.
func (s *scanner) scanBlock(literal bool) {
	start := s.mark()
	s.pos++
	chomp, increment, ok := s.blockHeader()
	if !ok {
		return
	}
	s.skipBlanks()
	s.skipComment()
	if !s.breakz(s.pos) {
		s.fail(s.mark(), "expected a comment or line break after the indicator of a block text")
		return
	}
	s.skipBreak()
	end := s.mark()
	indent := int32(0)
	if increment > 0 {
		indent = max(s.indent, 0) + increment
	}
	s.buf = s.buf[:0]
	leading := ""         // the line break before the current line
	leadingBlank := false // the line before began with a blank
	breaks := s.blockBreaks(&indent)
	for s.err == nil && s.col() == indent && s.src[s.pos] != 0 {
		blank := class[s.src[s.pos]]&cBlank != 0
		switch {
		case literal || leading != "\n" || leadingBlank || blank:
			s.buf = append(s.buf, leading...)
		case len(breaks) == 0:
			s.buf = append(s.buf, ' ')
		}
		s.appendBreaks(breaks)
		leadingBlank = blank
		s.blockLine()
		end = s.mark()
		leading = s.readBreak()
		breaks = s.blockBreaks(&indent)
	}
	if chomp != '-' {
		s.buf = append(s.buf, leading...)
	}
	if chomp == '+' {
		s.appendBreaks(breaks)
	}
	s.pushMade(token{kind: tokScalar, start: start, end: end}, string(s.buf), "")
}

func (s *scanner) appendBreaks(breaks []string) {
	for _, b := range breaks {
		s.buf = append(s.buf, b...)
	}
}

// blockLine reads the rest of a line.
func (s *scanner) blockLine() {
	if !s.exotic {
		n := strings.IndexByte(s.src[s.pos:], '\n')
		if n < 0 {
			n = len(s.src) - len(sentinels) - s.pos
		}
		s.buf = append(s.buf, s.src[s.pos:s.pos+n]...)
		s.pos += n
		return
	}
	begin := s.pos
	for !s.breakz(s.pos) {
		s.pos++
	}
	s.buf = append(s.buf, s.src[begin:s.pos]...)
}

// blockHeader reads the indicators for chomping and indentation, in any order.
func (s *scanner) blockHeader() (chomp byte, increment int32, ok bool) {
	for range 2 {
		switch c := s.src[s.pos]; {
		case chomp == 0 && (c == '+' || c == '-'):
			chomp = c
		case increment == 0 && c >= '1' && c <= '9':
			increment = int32(c - '0')
		case increment == 0 && c == '0':
			s.fail(s.mark(), "a block text cannot be indented by 0")
			return 0, 0, false
		default:
			return chomp, increment, true
		}
		s.pos++
	}
	return chomp, increment, true
}

// blockBreaks takes the indentation and empty lines before a line of a block,
// and finds the indentation if it is still 0.
func (s *scanner) blockBreaks(indent *int32) (breaks []string) {
	widest := int32(0)
	for {
		for s.src[s.pos] == ' ' && (*indent == 0 || s.col() < *indent) {
			s.pos++
		}
		col := s.col()
		widest = max(widest, col)
		if s.src[s.pos] == '\t' && (*indent == 0 || col < *indent) {
			s.fail(s.mark(), "a tab stands where an indentation space is expected")
			return breaks
		}
		b := s.readBreak()
		if b == "" {
			break
		}
		breaks = append(breaks, b)
	}
	if *indent == 0 {
		*indent = max(widest, s.indent+1, 1)
	}
	return breaks
}
