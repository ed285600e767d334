package template

import "strings"

// Anchors, aliases, tags and directives.

func (s *scanner) fetchAnchor(kind tokenKind) {
	s.saveKey()
	s.keyAllowed = false
	start := s.mark()
	s.pos++
	begin := s.pos
	for class[s.src[s.pos]]&cWord != 0 {
		s.pos++
	}
	if s.pos == begin || !s.blankz(s.pos) && !strings.ContainsRune("?:,]}%@`", rune(s.src[s.pos])) {
		s.fail(s.mark(), "the name of an anchor or alias consists of letters and digits")
		return
	}
	s.queue = append(s.queue, token{kind: kind, start: start, end: s.mark(), from: int32(begin), to: int32(s.pos)})
}

// scanTag reads "!name", "!handle!name", "!<verbatim>" or "!". The token's
// handle is "" if its text is the whole tag. A token of "!name" in the source
// has the "!" in its text.
func (s *scanner) scanTag() {
	t := token{kind: tokTag, start: s.mark()}
	var text, handle string
	if s.src[s.pos+1] == '<' {
		s.pos += 2
		text = s.uri(true)
		if s.src[s.pos] != '>' {
			s.fail(s.mark(), "did not find the expected '>' of a tag")
			return
		}
		s.pos++
	} else {
		handle = s.scanHandle()
		if len(handle) > 1 && handle[len(handle)-1] == '!' {
			text = s.uri(false)
		} else {
			s.pos += 1 - len(handle)
			if class[s.src[s.pos]]&(cWord|cURI) == 0 {
				handle, text = "", "!"
			} else {
				handle, text = "!", s.uri(false)
			}
		}
	}
	if !s.blankz(s.pos) && (s.flow == 0 || s.src[s.pos] != ',') {
		s.fail(s.mark(), "expected a blank or line break after a tag")
	}
	t.end = s.mark()
	if begin := s.pos - len(text) - 1; handle == "!" && s.src[begin] == '!' && s.src[begin+1:s.pos] == text {
		t.from, t.to = int32(begin), int32(s.pos)
		s.queue = append(s.queue, t)
		return
	}
	s.pushMade(t, text, handle)
}

// scanHandle reads "!", "!word" or "!word!".
func (s *scanner) scanHandle() string {
	begin := s.pos
	if s.src[s.pos] != '!' {
		s.fail(s.mark(), "did not find expected '!'")
		return ""
	}
	s.pos++
	for class[s.src[s.pos]]&cWord != 0 {
		s.pos++
	}
	if s.src[s.pos] == '!' {
		s.pos++
	}
	return s.src[begin:s.pos]
}

// uri reads the characters of a tag; %XX stands for a byte of UTF-8.
func (s *scanner) uri(verbatim bool) string {
	begin, escaped := s.pos, false
	for {
		c := s.src[s.pos]
		if class[c]&(cWord|cURI) == 0 && (!verbatim || c != ',' && c != '[' && c != ']') {
			break
		}
		escaped = escaped || c == '%'
		s.pos++
	}
	text := s.src[begin:s.pos]
	if text == "" {
		s.fail(s.mark(), "did not find the name of a tag")
		return ""
	}
	if !escaped {
		return text
	}
	decoded, ok := unescapeURI(text)
	if !ok {
		s.fail(s.mark(), "invalid escape in a tag")
	}
	return decoded
}

func unescapeURI(text string) (string, bool) {
	var b []byte
	follow := 0 // bytes that the current character still needs
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			if follow > 0 {
				return "", false
			}
			b = append(b, text[i])
			continue
		}
		if i+2 >= len(text) || hexDigit(text[i+1]) < 0 || hexDigit(text[i+2]) < 0 {
			return "", false
		}
		octet := byte(hexDigit(text[i+1])<<4 | hexDigit(text[i+2]))
		i += 2
		switch {
		case follow > 0 && octet&0xC0 != 0x80:
			return "", false
		case follow > 0:
			follow--
		case octet&0x80 == 0:
		case octet&0xE0 == 0xC0:
			follow = 1
		case octet&0xF0 == 0xE0:
			follow = 2
		case octet&0xF8 == 0xF0:
			follow = 3
		default:
			return "", false
		}
		b = append(b, octet)
	}
	return string(b), follow == 0
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// scanDirective reads "%YAML 1.1" or "%TAG !e! prefix". The token has the
// prefix as its text and the handle; a %YAML token has the version as its text.
func (s *scanner) scanDirective() {
	t := token{kind: tokDirective, start: s.mark()}
	var text, handle string
	s.pos++
	begin := s.pos
	for class[s.src[s.pos]]&cWord != 0 {
		s.pos++
	}
	name := s.src[begin:s.pos]
	if name == "" || !s.blankz(s.pos) {
		s.fail(s.mark(), "did not find the name of a directive")
		return
	}
	s.skipBlanks()
	switch name {
	case "YAML":
		text = s.version()
	case "TAG":
		handle = s.scanHandle()
		if !strings.HasSuffix(handle, "!") || class[s.src[s.pos]]&cBlank == 0 {
			s.fail(s.mark(), "a %%TAG directive has a handle and a prefix")
			return
		}
		s.skipBlanks()
		if text = s.uri(true); !s.blankz(s.pos) {
			s.fail(s.mark(), "expected a blank or line break after a %%TAG directive")
		}
	default:
		s.fail(s.mark(), "unknown directive %%%s", excerpt(name))
	}
	s.skipBlanks()
	s.skipComment()
	if !s.breakz(s.pos) {
		s.fail(s.mark(), "expected a comment or line break after a directive")
	}
	s.skipBreak()
	t.end = s.mark()
	s.pushMade(t, text, handle)
}

// version reads "1.1", which it returns without leading zeros.
func (s *scanner) version() string {
	major := s.versionNumber()
	if s.src[s.pos] != '.' {
		s.fail(s.mark(), "did not find the version of a %%YAML directive")
		return ""
	}
	s.pos++
	return major + "." + s.versionNumber()
}

func (s *scanner) versionNumber() string {
	begin := s.pos
	for s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	if n := s.pos - begin; n == 0 || n > 9 {
		s.fail(s.mark(), "did not find the version of a %%YAML directive")
	}
	return strings.TrimLeft(s.src[begin:s.pos], "0")
}
