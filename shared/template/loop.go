package template

import (
	"crypto/md5" //nolint:gosec // names as cfn-lint makes them, nothing secret
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// loop is one Fn::ForEach: [identifier, collection, body].
type loop struct {
	key        string
	identifier *Node
	items      []operand // of a collection that is a list
	collection operand   // of one that is a function
	node       *Node     // the collection
	body       *Node
}

func newLoop(e Entry) (*loop, error) {
	if e.Value.Kind != List || len(e.Value.Items) != 3 {
		return nil, faultAt(e.Value, "%s takes a list of an identifier, a collection and a body", e.Key)
	}
	l := &loop{key: e.Key, identifier: e.Value.Items[0], node: e.Value.Items[1], body: e.Value.Items[2]}
	if _, err := newOperand(l.identifier); err != nil {
		return nil, err
	}
	switch l.node.Kind {
	case List:
		for _, item := range l.node.Items {
			o, err := newOperand(item)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, o)
		}
	case Map:
		o, err := newOperand(l.node)
		if err != nil {
			return nil, err
		}
		l.collection = o
	default:
		return nil, faultAt(l.node, "the collection of %s is a list or a function", e.Key)
	}
	if l.body.Kind != Map {
		return nil, faultAt(l.body, "the body of %s is an object", e.Key)
	}
	return l, nil
}

// each calls visit for the values of the collection, known or guessed.
func (l *loop) each(x *expander, params []binding, visit func(*Node) error) error {
	if len(l.items) > 0 {
		for i, item := range l.items {
			v, err := item.value(x, nil, false)
			if isUnresolved(err) {
				v = x.guess(l.node.Items[i])
				x.cache[canonical(l.node.Items[i])] = letters(v)
			} else if err != nil {
				return err
			}
			if err := visit(v); err != nil {
				return err
			}
		}
		return nil
	}
	if l.collection == nil {
		return faultAt(l.node, "the collection of %s is empty", l.key)
	}
	v, err := l.collection.value(x, params, false)
	if isUnresolved(err) {
		return l.guessed(x, visit)
	}
	switch {
	case err != nil:
		return err
	case v.Kind == Null:
		return faultAt(l.node, "the collection of %s has no value", l.key)
	case v.Kind != List:
		return faultAt(l.node, "the collection of %s is not a list", l.key)
	}
	for _, item := range v.Items {
		if item.Kind != String && item.Kind != Map || item.IsDate() {
			return faultAt(l.node, "the collection of %s has an item that is no string", l.key)
		}
		if err := visit(item); err != nil {
			return err
		}
	}
	return nil
}

// guessed gives two made-up values for a collection that only a deployment
// knows, the same ones each time.
func (l *loop) guessed(x *expander, visit func(*Node) error) error {
	key := canonical(l.node)
	if known, ok := x.cache[key]; ok {
		for i := 0; i < len(known); i++ {
			if err := visit(known[i]); err != nil {
				return err
			}
		}
		return nil
	}
	for range 2 {
		v := x.guess(l.node)
		x.cache[key] = append(x.cache[key], v)
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

// guess makes up a name of seven letters that no other guess has.
func (x *expander) guess(at *Node) *Node {
	x.guesses++
	// A multiplicative generator modulo a prime: distinct for the first 2^31 guesses.
	v := uint64(x.guesses) * 48271 % (1<<31 - 1)
	name := []byte("aaaaaaa")
	for i := range name {
		name[i] = byte('a' + v%26)
		v /= 26
	}
	name[0] -= 'a' - 'A'
	return &Node{Kind: String, Text: string(name), Line: at.Line, Column: at.Column}
}

func letters(n *Node) []*Node {
	var out []*Node
	for _, c := range n.Text {
		out = append(out, &Node{Kind: String, Text: string(c), Line: n.Line, Column: n.Column})
	}
	return out
}

// hasVariable reports a "${…}" or "&{…}" with a name of letters, digits, dots
// and colons.
func hasVariable(s string) bool {
	for {
		i := strings.IndexByte(s, '{')
		if i < 0 {
			return false
		}
		open := i > 0 && (s[i-1] == '$' || s[i-1] == '&')
		s = s[i+1:]
		n := 0
		for n < len(s) && (s[n] == '.' || s[n] == ':' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
			n++
		}
		if open && n > 0 && n < len(s) && s[n] == '}' {
			return true
		}
	}
}

// replace puts the values of identifiers into a text: "${Name}" becomes the
// value, "&{Name}" its letters and digits. only says that no variable is left.
func (x *expander) replace(at *Node, s string, params []binding) (out string, only bool, err error) {
	if !hasVariable(s) {
		return s, true, nil
	}
	for i := range params {
		if s, err = x.replaceOne(at, s, &params[i]); err != nil {
			return "", false, err
		}
	}
	return s, !hasVariable(s), nil
}

func (x *expander) replaceOne(at *Node, s string, p *binding) (string, error) {
	if p.value.Kind != String && p.value.Kind != Map {
		return "", faultAt(at, "the value of %s is of type %s and cannot become part of a text", p.name, p.value.Kind)
	}
	if !strings.Contains(s, p.variable) {
		return s, nil
	}
	text := p.value.Text
	if p.value.Kind == Map {
		var err error
		if text, err = digest(p.value); err != nil {
			return "", err
		}
	}
	if err := x.spend(at, s, p.variable, text); err != nil {
		return "", err
	}
	s = strings.ReplaceAll(s, "$"+p.variable, text)
	return strings.ReplaceAll(s, "&"+p.variable, alphanumeric(text)), nil
}

// spend counts the text that a replacement makes against the budget.
func (x *expander) spend(at *Node, s, variable, text string) error {
	if x.bytes += len(s) + strings.Count(s, variable)*len(text); x.bytes > maxLoopBytes {
		return faultAt(at, "Fn::ForEach expands to more than %d bytes of text", maxLoopBytes)
	}
	return nil
}

func (x *expander) replaceNode(n *Node, params []binding) (*Node, bool, error) {
	text, only, err := x.replace(n, n.Text, params)
	if err != nil {
		return nil, false, err
	}
	if text == n.Text {
		return n, only, nil
	}
	c := *n
	c.Text = text
	return &c, only, nil
}

func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
}

// digest is the name that a value which is an object gives: the beginning of
// the MD5 of its JSON as Python writes it.
func digest(n *Node) (string, error) {
	var b strings.Builder
	if err := pythonJSON(&b, n); err != nil {
		return "", err
	}
	sum := md5.Sum([]byte(b.String())) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])[:4], nil
}

func pythonJSON(b *strings.Builder, n *Node) error {
	switch n.Kind {
	case Null:
		b.WriteString("null")
	case Bool:
		b.WriteString(strconv.FormatBool(n.True))
	case Number:
		b.WriteString(pythonNumber(n))
	case String:
		if n.Form != FormNone {
			return faultAt(n, "%s is not a string", excerpt(n.Text))
		}
		pythonString(b, n.Text)
	case List:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := pythonJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case Map:
		b.WriteByte('{')
		for i, e := range n.Entries {
			if i > 0 {
				b.WriteString(", ")
			}
			pythonString(b, e.Key)
			b.WriteString(": ")
			if err := pythonJSON(b, e.Value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	}
	return nil
}

// pythonNumber writes a number as Python's repr does.
func pythonNumber(n *Node) string {
	if n.IsInteger() {
		return n.Decimal()
	}
	f := n.Float
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+") + "inity"
	}
	if exponent := math.Log10(math.Abs(f)); f != 0 && (exponent >= 16 || exponent < -4) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func pythonString(b *strings.Builder, s string) {
	const digits = "0123456789abcdef"
	escape := func(v uint16) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(digits[v>>shift&0xF])
		}
	}
	b.WriteByte('"')
	for _, r := range s {
		switch i := strings.IndexRune("\"\\\n\r\t\f\b", r); {
		case i >= 0:
			b.WriteByte('\\')
			b.WriteByte(`"\nrtfb`[i])
		case r >= ' ' && r < 0x7F:
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			escape(uint16(high))
			escape(uint16(low))
		default:
			escape(uint16(r))
		}
	}
	b.WriteByte('"')
}

// canonical is a text that is the same for equal values.
func canonical(n *Node) string {
	var b strings.Builder
	writeCanonical(&b, n)
	return b.String()
}

func writeCanonical(b *strings.Builder, n *Node) {
	b.WriteByte('0' + byte(n.Kind))
	switch n.Kind {
	case Map:
		entries := slices.Clone(n.Entries)
		slices.SortStableFunc(entries, func(x, y Entry) int { return strings.Compare(x.Key, y.Key) })
		for _, e := range entries {
			b.WriteString(strconv.Quote(e.Key))
			writeCanonical(b, e.Value)
		}
		b.WriteByte('}')
	case List:
		for _, item := range n.Items {
			writeCanonical(b, item)
		}
		b.WriteByte(']')
	default:
		b.WriteString(strconv.Quote(n.Text))
	}
}
