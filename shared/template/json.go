package template

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// jsonParser reads JSON (RFC 8259) and keeps positions, which encoding/json
// does not give. Columns count characters.
type jsonParser struct {
	data  []byte
	pos   int
	line  int
	start int // offset of the line's first byte
	ascii bool
}

func parseJSON(data []byte) (root *Node, err *SyntaxError) {
	p := &jsonParser{data: data, line: 1, ascii: isASCII(data)}
	root, err = p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.data) {
		return nil, p.fail("text after the end of the template")
	}
	return root, nil
}

func (p *jsonParser) fail(format string, args ...any) *SyntaxError {
	return &SyntaxError{Line: p.line, Column: p.column(), Message: fmt.Sprintf(format, args...)}
}

func (p *jsonParser) column() int {
	if p.ascii {
		return p.pos - p.start + 1
	}
	return utf8.RuneCount(p.data[p.start:min(p.pos, len(p.data))]) + 1
}

func (p *jsonParser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case '\n':
			p.line++
			p.start = p.pos + 1
		case ' ', '\t', '\r':
		default:
			return
		}
		p.pos++
	}
}

func (p *jsonParser) value(depth int) (*Node, *SyntaxError) {
	p.space()
	if depth > maxDepth {
		return nil, p.fail("nested deeper than %d levels", maxDepth)
	}
	if p.pos >= len(p.data) {
		return nil, p.fail("the template ends too early")
	}
	n := &Node{Line: p.line, Column: p.column()}
	switch c := p.data[p.pos]; {
	case c == '{':
		return n, p.object(n, depth)
	case c == '[':
		return n, p.array(n, depth)
	case c == '"':
		n.Kind = String
		var err *SyntaxError
		n.Text, err = p.text()
		return n, err
	default:
		return n, p.literal(n)
	}
}

func (p *jsonParser) object(n *Node, depth int) *SyntaxError {
	n.Kind = Map
	p.pos++
	if p.space(); p.accept('}') {
		return nil
	}
	keys := newKeySet()
	for {
		p.space()
		e := Entry{Line: p.line, Column: p.column()}
		if p.pos >= len(p.data) || p.data[p.pos] != '"' {
			return p.fail("expected a key in double quotes")
		}
		var err *SyntaxError
		if e.Key, err = p.text(); err != nil {
			return err
		}
		if first, dup := keys.add(n, e.Key); dup {
			return duplicate(e, first)
		}
		if p.space(); !p.accept(':') {
			return p.fail("expected ':' after the key %q", e.Key)
		}
		if e.Value, err = p.value(depth + 1); err != nil {
			return err
		}
		n.Entries = append(n.Entries, e)
		p.space()
		if p.accept('}') {
			return nil
		}
		if !p.accept(',') {
			return p.fail("expected ',' or '}'")
		}
	}
}

func (p *jsonParser) array(n *Node, depth int) *SyntaxError {
	n.Kind = List
	p.pos++
	if p.space(); p.accept(']') {
		return nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
		p.space()
		if p.accept(']') {
			return nil
		}
		if !p.accept(',') {
			return p.fail("expected ',' or ']'")
		}
	}
}

func (p *jsonParser) accept(c byte) bool {
	if p.pos < len(p.data) && p.data[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// text reads a string. Plain ones are cut out; escapes go through encoding/json.
func (p *jsonParser) text() (string, *SyntaxError) {
	begin := p.pos
	escaped := false
	for p.pos++; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c == '\\':
			escaped = true
			p.pos++
		case c == '"':
			p.pos++
			raw := p.data[begin:p.pos]
			if !escaped {
				return string(raw[1 : len(raw)-1]), nil
			}
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				p.pos = begin
				return "", p.fail("invalid escape in a string")
			}
			return s, nil
		case c < ' ':
			return "", p.fail("control character in a string")
		}
	}
	p.pos = begin
	return "", p.fail("the string does not end")
}

func (p *jsonParser) literal(n *Node) *SyntaxError {
	begin := p.pos
	for p.pos < len(p.data) && !delimiter(p.data[p.pos]) {
		p.pos++
	}
	n.Text = string(p.data[begin:p.pos])
	switch n.Text {
	case "null":
		n.Kind = Null
		return nil
	case "true", "false":
		n.Kind, n.True = Bool, n.Text == "true"
		return nil
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || !json.Valid([]byte(n.Text)) {
		p.pos = begin
		return p.fail("unexpected %q", excerpt(n.Text))
	}
	n.Kind, n.Float = Number, f
	return nil
}

func delimiter(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ':', ']', '}', '[', '{', '"':
		return true
	}
	return false
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// excerpt shortens a text for a message.
func excerpt(s string) string {
	if s == "" {
		return "end of value"
	}
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
