package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonParser reads JSON as the flow style of YAML that it is to cfn-lint, many
// times faster than the YAML parser and with the same result. It gives up on
// whatever the two do not agree about, such as errors, tabs before the text,
// long keys and escapes for surrogates; the YAML parser then decides.
type jsonParser struct {
	slab
	src       string // ends in sentinels
	pos       int
	line      int32
	lineStart int
	ascii     bool
	colPos    int
	colVal    int32
	itemTop   []*Node
	entryTop  []Entry
	fault     *SyntaxError // a duplicate key, which needs no second opinion
}

// parseJSON returns nil if the text is not JSON that both parsers agree about.
func parseJSON(text string, ascii bool) (*Node, *SyntaxError) {
	p := &jsonParser{src: text, ascii: ascii}
	if p.outside(); p.src[p.pos] != '{' {
		return nil, nil
	}
	root := p.value(0)
	if root == nil {
		return nil, p.fault
	}
	if p.outside(); p.pos != len(p.src)-len(sentinels) {
		return nil, nil
	}
	return root, nil
}

func (p *jsonParser) mark() mark {
	if p.ascii {
		return mark{p.line, int32(p.pos - p.lineStart)}
	}
	for ; p.colPos < p.pos; p.colPos++ {
		if p.src[p.colPos]&0xC0 != 0x80 {
			p.colVal++
		}
	}
	return mark{p.line, p.colVal}
}

func (p *jsonParser) newLine() {
	p.line++
	p.lineStart, p.colPos, p.colVal = p.pos, p.pos, 0
}

// outside moves over spaces and line breaks before and after the template,
// where YAML does not take tabs.
func (p *jsonParser) outside() {
	for {
		switch p.src[p.pos] {
		case '\n':
			p.pos++
			p.newLine()
		case ' ':
			p.pos++
		default:
			return
		}
	}
}

func (p *jsonParser) space() byte {
	for {
		switch c := p.src[p.pos]; c {
		case '\n':
			p.pos++
			p.newLine()
		case ' ', '\t':
			p.pos++
		default:
			return c
		}
	}
}

// value reads a value that begins at the current character. It is nil where the
// parser gives up.
func (p *jsonParser) value(depth int) *Node {
	if depth > maxDepth || p.count > maxNodes {
		return nil
	}
	switch p.src[p.pos] {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		n := p.node(String, p.mark())
		var ok bool
		if n.Text, ok = p.text(); !ok {
			return nil
		}
		n.endAt(p.mark())
		return n
	}
	return p.literal()
}

func (p *jsonParser) object(depth int) *Node {
	n := p.node(Map, p.mark())
	base := len(p.entryTop)
	keys := keySet{}
	p.pos++
	for c := p.space(); c != '}'; {
		e, ok := p.key()
		if !ok {
			return nil
		}
		p.space()
		if e.Value = p.value(depth + 1); e.Value == nil {
			return nil
		}
		entries := p.entryTop[base:]
		if i, has := keys.add(entries, &e); has {
			p.duplicate(e, &entries[i])
			return nil
		}
		p.entryTop = append(p.entryTop, e)
		if c = p.space(); c == '}' {
			break
		}
		if c != ',' {
			return nil
		}
		p.pos++
		if p.space() != '"' {
			return nil
		}
	}
	p.pos++
	n.Entries = p.slab.object(p.entryTop[base:])
	p.entryTop = p.entryTop[:base]
	n.endAt(p.mark())
	return n
}

func (p *jsonParser) duplicate(e Entry, first *Entry) {
	if p.fault == nil {
		p.fault = duplicate(e, first)
	}
}

// key reads `"key":`. YAML wants both on one line and near each other.
func (p *jsonParser) key() (Entry, bool) {
	begin, at := p.pos, p.mark()
	if p.src[p.pos] != '"' {
		return Entry{}, false
	}
	e := Entry{Line: int(at.line) + 1, Column: int(at.col) + 1}
	var ok bool
	if e.Key, ok = p.text(); !ok {
		return e, false
	}
	e.EndColumn = p.mark().col + 1
	for class[p.src[p.pos]]&cBlank != 0 {
		p.pos++
	}
	if p.src[p.pos] != ':' || p.pos-begin > maxSimpleKey {
		return e, false
	}
	p.pos++
	return e, true
}

func (p *jsonParser) array(depth int) *Node {
	n := p.node(List, p.mark())
	base := len(p.itemTop)
	p.pos++
	for c := p.space(); c != ']'; {
		item := p.value(depth + 1)
		if item == nil {
			return nil
		}
		p.itemTop = append(p.itemTop, item)
		if c = p.space(); c == ']' {
			break
		}
		if c != ',' {
			return nil
		}
		p.pos++
		if p.space() == ']' {
			return nil
		}
	}
	p.pos++
	n.Items = p.list(p.itemTop[base:])
	p.itemTop = p.itemTop[:base]
	n.endAt(p.mark())
	return n
}

// text reads a string. Without escapes it is cut out of the source.
func (p *jsonParser) text() (string, bool) {
	p.pos++
	begin := p.pos
	for {
		switch p.src[p.pos] {
		case '"':
			p.pos++
			return p.src[begin : p.pos-1], true
		case '\\':
			return p.escaped(begin)
		case '\n', 0:
			return "", false
		}
		p.pos++
	}
}

func (p *jsonParser) escaped(begin int) (string, bool) {
	var b strings.Builder
	for {
		switch c := p.src[p.pos]; c {
		case '\n', 0:
			return "", false
		case '"':
			b.WriteString(p.src[begin:p.pos])
			p.pos++
			return b.String(), true
		case '\\':
			b.WriteString(p.src[begin:p.pos])
			r, size := jsonEscape(p.src[p.pos+1:])
			if size == 0 {
				return "", false
			}
			b.WriteRune(r)
			p.pos += 1 + size
			begin = p.pos
		default:
			p.pos++
		}
	}
}

// jsonEscape decodes what follows a backslash and says how long it is, 0 if
// JSON has no such escape or YAML does not take it.
func jsonEscape(s string) (rune, int) {
	switch s[0] {
	case '"', '\\', '/':
		return rune(s[0]), 1
	case 'b':
		return '\b', 1
	case 'f':
		return '\f', 1
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'u':
		if len(s) < 5 {
			return 0, 0
		}
		v, err := strconv.ParseUint(s[1:5], 16, 32)
		if err != nil || !utf8.ValidRune(rune(v)) {
			return 0, 0
		}
		return rune(v), 5
	}
	return 0, 0
}

// literal reads a number, true, false or null. What each means is YAML's
// decision: 1e3 is a string.
func (p *jsonParser) literal() *Node {
	start, begin := p.mark(), p.pos
	for {
		c := p.src[p.pos]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '.' || c == '-' || c == '+' || c == 'E' {
			p.pos++
			continue
		}
		if class[c]&(cBlank|cBreak) == 0 && c != ',' && c != ']' && c != '}' {
			return nil
		}
		break
	}
	text := p.src[begin:p.pos]
	if !jsonLiteral(text) {
		return nil
	}
	n, ok := p.construct(implicitTag(text), start, text)
	if !ok {
		return nil
	}
	n.endAt(p.mark())
	return n
}

func jsonLiteral(s string) bool {
	switch s {
	case "true", "false", "null":
		return true
	}
	s = strings.TrimPrefix(s, "-")
	digits := decimals(s)
	if digits == 0 || digits > 1 && s[0] == '0' {
		return false
	}
	s = s[digits:]
	if strings.HasPrefix(s, ".") {
		digits = decimals(s[1:])
		if digits == 0 {
			return false
		}
		s = s[1+digits:]
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = unsigned(s[1:])
	return s != "" && decimals(s) == len(s)
}

func decimals(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}
