package template

import "fmt"

// The scanner splits YAML 1.1 into tokens by the rules of libyaml 0.2.5, which
// is what cfn-lint reads templates with: a template is accepted here exactly
// if it is accepted there. It works on the bytes in place and makes no copies
// of plain text.

type tokenKind uint8

const (
	tokNone tokenKind = iota // after an error
	tokEnd
	tokDirective
	tokDocStart
	tokDocEnd
	tokBlockSeq
	tokBlockMap
	tokBlockEnd
	tokFlowSeq
	tokFlowSeqEnd
	tokFlowMap
	tokFlowMapEnd
	tokEntry // "- "
	tokComma
	tokKey
	tokValue
	tokAlias
	tokAnchor
	tokTag
	tokScalar
)

// mark is a place in the text, from 0. Columns count characters.
type mark struct{ line, col int32 }

// token has no pointers, which keeps the collector away from the queue: its
// text is source[from:to] or, with to < 0, the entry from of scanner.made.
type token struct {
	kind       tokenKind
	plain      bool // of a scalar: without quotes and not a block
	start, end mark
	from, to   int32
}

// made is text that does not stand in the source as it is meant.
type made struct {
	text   string
	handle string // of a tag
}

// simpleKey is a place where a key without "?" may have begun; only the ":"
// after it tells.
type simpleKey struct {
	possible, required bool
	token              int // its number in the stream
	at                 mark
}

// maxSimpleKey is how many characters a key without "?" may span.
const maxSimpleKey = 1024

type scanner struct {
	src       string // ends in sentinels, NUL bytes that the text itself cannot have
	pos       int
	line      int32
	lineStart int
	ascii     bool
	exotic    bool // has the line breaks NEL, LS or PS
	colPos    int  // column memory for text that is not ASCII
	colVal    int32

	queue      []token
	head       int
	parsed     int // tokens taken from the queue
	flow       int
	indent     int32
	indents    []int32
	keys       []simpleKey // one for each flow collection around
	idle       int         // how many of the outermost are not possible
	keyAllowed bool
	buf        []byte
	breaks     []string
	made       []made
	err        *SyntaxError
}

const sentinels = "\x00\x00\x00\x00"

func (s *scanner) fail(at mark, format string, args ...any) {
	if s.err == nil {
		s.err = &SyntaxError{Line: int(at.line) + 1, Column: int(at.col) + 1, Message: fmt.Sprintf(format, args...)}
	}
}

func (s *scanner) mark() mark { return mark{s.line, s.col()} }

func (s *scanner) col() int32 {
	if s.ascii {
		return int32(s.pos - s.lineStart)
	}
	return s.wideCol()
}

func (s *scanner) wideCol() int32 {
	for ; s.colPos < s.pos; s.colPos++ {
		if s.src[s.colPos]&0xC0 != 0x80 {
			s.colVal++
		}
	}
	return s.colVal
}

// newLine says that a line begins at pos.
func (s *scanner) newLine() {
	s.line++
	s.lineStart, s.colPos, s.colVal = s.pos, s.pos, 0
}

const (
	cBlank    = 1 << iota // space, tab
	cBreak                // line feed, end of text
	cLead                 // may begin NEL, LS or PS
	cFlow                 // ends a plain scalar in flow style
	cWord                 // in anchors and tag handles
	cURI                  // besides cWord in tags
	cNotPlain             // cannot begin a plain scalar
)

var class = func() (c [256]uint8) {
	set := func(chars string, bits uint8) {
		for i := range len(chars) {
			c[chars[i]] |= bits
		}
	}
	set(" \t", cBlank)
	set("\n\x00", cBreak)
	set("\xC2\xE2", cLead)
	set(",[]{}", cFlow)
	set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-", cWord)
	set(";/?:@&=+$.%!~*'()", cURI)
	set("-?:,[]{}#&*!|>'\"%@`", cNotPlain)
	return c
}()

// breakWidth is the length of the line break at i, 0 if there is none.
func (s *scanner) breakWidth(i int) int {
	switch c := s.src[i]; {
	case c == '\n':
		return 1
	case s.exotic && class[c]&cLead != 0:
		return exoticBreak(s.src[i:])
	}
	return 0
}

// exoticBreak is the length of a NEL, LS or PS at the beginning of text.
func exoticBreak(text string) int {
	switch {
	case len(text) >= 2 && text[:2] == "\xC2\x85":
		return 2
	case len(text) >= 3 && (text[:3] == "\u2028" || text[:3] == "\u2029"):
		return 3
	}
	return 0
}

// blankz reports a blank, a line break or the end at i.
func (s *scanner) blankz(i int) bool {
	c := class[s.src[i]]
	return c&(cBlank|cBreak) != 0 || c&cLead != 0 && s.breakWidth(i) > 0
}

// breakz reports a line break or the end at i.
func (s *scanner) breakz(i int) bool {
	c := class[s.src[i]]
	return c&cBreak != 0 || c&cLead != 0 && s.breakWidth(i) > 0
}

func (s *scanner) skipBlanks() {
	for class[s.src[s.pos]]&cBlank != 0 {
		s.pos++
	}
}

func (s *scanner) skipComment() {
	if s.src[s.pos] == '#' {
		for !s.breakz(s.pos) {
			s.pos++
		}
	}
}

// skipBreak moves over a line break, if there is one.
func (s *scanner) skipBreak() {
	if w := s.breakWidth(s.pos); w > 0 {
		s.pos += w
		s.newLine()
	}
}

// documentMark reports "---" or "..." at the beginning of a line.
func (s *scanner) documentMark() bool {
	if s.pos != s.lineStart {
		return false
	}
	head := s.src[s.pos : s.pos+3]
	return (head == "---" || head == "...") && s.blankz(s.pos+3)
}

// peek returns the next token; after an error, one of kind tokNone. It is valid
// until next is called.
func (s *scanner) peek() *token {
	for s.err == nil && s.needMore() {
		s.fetch()
	}
	if s.err != nil {
		return &token{}
	}
	return &s.queue[s.head]
}

func (s *scanner) text(t *token) string {
	if t.to < 0 {
		return s.made[t.from].text
	}
	return s.src[t.from:t.to]
}

// handle is that of a tag or directive.
func (s *scanner) handle(t *token) string {
	if t.to < 0 {
		return s.made[t.from].handle
	}
	return ""
}

// pushMade appends a token with text that the source does not have.
func (s *scanner) pushMade(t token, text, handle string) {
	t.from, t.to = int32(len(s.made)), -1
	s.made = append(s.made, made{text, handle})
	s.queue = append(s.queue, t)
}

// next drops the token that peek returned.
func (s *scanner) next() {
	s.head++
	s.parsed++
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
}

// needMore reports whether the queue is empty, or its head may turn out to be
// the beginning of a key.
func (s *scanner) needMore() bool {
	if s.head == len(s.queue) {
		return true
	}
	s.dropStaleKeys()
	for i := s.idle; i < len(s.keys); i++ {
		if s.keys[i].possible && s.keys[i].token == s.parsed {
			return true
		}
	}
	return false
}

func (s *scanner) push(kind tokenKind, start, end mark) {
	s.queue = append(s.queue, token{kind: kind, start: start, end: end})
}

// insert puts a token before the one with the number.
func (s *scanner) insert(number int, kind tokenKind, at mark) {
	i := s.head + number - s.parsed
	s.queue = append(s.queue, token{})
	copy(s.queue[i+1:], s.queue[i:])
	s.queue[i] = token{kind: kind, start: at, end: at}
}

func (s *scanner) fetch() {
	s.skipToToken()
	s.dropStaleKeys()
	col := s.col()
	s.unroll(col)
	if s.err != nil {
		return
	}
	c := s.src[s.pos]
	if s.pos == s.lineStart && (c == '%' || c == '-' || c == '.') && s.fetchMarker(c) {
		return
	}
	switch c {
	case 0:
		s.fetchEnd()
	case '[':
		s.flowStart(tokFlowSeq)
	case '{':
		s.flowStart(tokFlowMap)
	case ']':
		s.flowEnd(tokFlowSeqEnd)
	case '}':
		s.flowEnd(tokFlowMapEnd)
	case ',':
		s.dropKey()
		s.keyAllowed = true
		s.indicator(tokComma)
	case '-', '?', ':':
		s.fetchIndicator(c, col)
	case '*':
		s.fetchAnchor(tokAlias)
	case '&':
		s.fetchAnchor(tokAnchor)
	case '!':
		s.saveKey()
		s.keyAllowed = false
		s.scanTag()
	case '\'', '"':
		s.saveKey()
		s.keyAllowed = false
		s.scanQuoted(c)
	default:
		s.fetchText(c)
	}
}

// fetchMarker takes a directive or document marker at the beginning of a line.
func (s *scanner) fetchMarker(c byte) bool {
	if c != '%' && !s.documentMark() {
		return false
	}
	s.unroll(-1)
	s.dropKey()
	s.keyAllowed = false
	switch {
	case c == '%':
		s.scanDirective()
	default:
		start := s.mark()
		s.pos += 3
		kind := tokDocStart
		if c == '.' {
			kind = tokDocEnd
		}
		s.push(kind, start, s.mark())
	}
	return true
}

func (s *scanner) fetchEnd() {
	if s.pos != s.lineStart {
		s.newLine()
	}
	s.unroll(-1)
	s.dropKey()
	s.keyAllowed = false
	s.push(tokEnd, s.mark(), s.mark())
}

// fetchIndicator takes "-", "?" and ":" where they are indicators, else the
// plain scalar that they begin.
func (s *scanner) fetchIndicator(c byte, col int32) {
	blank := s.blankz(s.pos + 1)
	switch {
	case c == '-' && blank:
		s.blockEntry(col)
	case c == '?' && (blank || s.flow > 0):
		s.complexKey(col)
	case c == ':' && (blank || s.flow > 0):
		s.value(col)
	default:
		s.saveKey()
		s.keyAllowed = false
		s.scanPlain()
	}
}

// fetchText takes block scalars and plain scalars.
func (s *scanner) fetchText(c byte) {
	switch {
	case (c == '|' || c == '>') && s.flow == 0:
		s.dropKey()
		s.keyAllowed = true
		s.scanBlock(c == '|')
	case class[c]&cNotPlain != 0 || s.blankz(s.pos):
		s.fail(s.mark(), "found character that cannot start any token")
	default:
		s.saveKey()
		s.keyAllowed = false
		s.scanPlain()
	}
}

// skipToToken moves over blanks, comments and line breaks. A tab is a blank
// only where no indentation can be meant.
func (s *scanner) skipToToken() {
	for {
		if s.pos == s.lineStart && s.src[s.pos] == 0xEF && s.src[s.pos:s.pos+3] == "\ufeff" {
			s.pos += 3
		}
		for s.src[s.pos] == ' ' || s.src[s.pos] == '\t' && (s.flow > 0 || !s.keyAllowed) {
			s.pos++
		}
		s.skipComment()
		w := s.breakWidth(s.pos)
		if w == 0 {
			return
		}
		s.pos += w
		s.newLine()
		if s.flow == 0 {
			s.keyAllowed = true
		}
	}
}

func (s *scanner) indicator(kind tokenKind) {
	start := s.mark()
	s.pos++
	s.push(kind, start, mark{start.line, start.col + 1})
}
