package jsonschema

import (
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sequence is an expression without groups and alternatives: characters and
// classes, each repeated so and so often. Most patterns of schemas are of that
// form, some with more repetitions than Go's engine takes.
type sequence struct {
	items    []item
	fromHere bool // anchored at the beginning
	toEnd    bool // anchored at the end
	feed     bool // a line feed may stand before the end
}

type item struct {
	class    class
	min, max int // max is -1 without a limit
	// greedy says that as many characters as fit can be taken: what follows
	// cannot begin with any of them.
	greedy bool
}

// class is a set of characters.
type class struct {
	low    [2]uint64 // ASCII
	ranges []rune    // the others, pairs of first and last
}

func (c *class) has(r rune) bool {
	if r < utf8.RuneSelf {
		return c.low[r>>6]&(1<<(r&63)) != 0
	}
	for i := 0; i < len(c.ranges); i += 2 {
		if r <= c.ranges[i+1] {
			return r >= c.ranges[i]
		}
	}
	return false
}

func (c *class) disjoint(d *class) bool {
	return c.low[0]&d.low[0] == 0 && c.low[1]&d.low[1] == 0 && (len(c.ranges) == 0 || len(d.ranges) == 0)
}

// parseSequence parses an expression in Go's syntax, nil if it is no sequence.
func parseSequence(source string) *sequence {
	s := &sequence{}
	source, s.fromHere = strings.CutPrefix(source, "^")
	if rest, ok := strings.CutPrefix(source, `\A`); ok {
		source, s.fromHere = rest, true
	}
	if rest, ok := strings.CutSuffix(source, `(?:\n?\z)`); ok {
		source, s.toEnd, s.feed = rest, true, true
	} else if rest, ok := strings.CutSuffix(source, `\z`); ok {
		source, s.toEnd = rest, true
	}
	for source != "" {
		n := atomLength(source)
		if n == 0 {
			return nil
		}
		c, ok := parseClass(source[:n])
		if !ok {
			return nil
		}
		it := item{class: c, min: 1, max: 1}
		if source, ok = it.quantify(source[n:]); !ok {
			return nil
		}
		s.items = append(s.items, it)
	}
	for i := range s.items {
		last := i == len(s.items)-1
		switch {
		case last && s.toEnd && (!s.feed || !s.items[i].class.has('\n')):
			s.items[i].greedy = true
		case !last && s.items[i+1].min > 0 && s.items[i].class.disjoint(&s.items[i+1].class):
			s.items[i].greedy = true
		}
	}
	return s
}

// atomLength returns the length of the character or class at the beginning of a
// source, 0 if something else stands there.
func atomLength(s string) int {
	switch s[0] {
	case '(', ')', '|', '^', '$', '*', '+', '?', '{':
		return 0
	case '[':
		return classLength(s)
	case '\\':
		return escapeLength(s)
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func escapeLength(s string) int {
	switch {
	case len(s) < 2 || strings.IndexByte("AzZbBQEGC0123456789", s[1]) >= 0:
		return 0
	case strings.IndexByte("pPx", s[1]) >= 0 && len(s) > 2 && s[2] == '{':
		return strings.IndexByte(s, '}') + 1
	case s[1] == 'x' && len(s) >= 4:
		return 4
	case s[1] == 'p' || s[1] == 'P' || s[1] == 'x':
		return 0
	}
	_, n := utf8.DecodeRuneInString(s[1:])
	return 1 + n
}

// classLength finds the end of a bracket expression as translate writes it: a
// bracket inside is escaped or part of [:name:].
func classLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], "[:"):
			end := strings.Index(s[i:], ":]")
			if end < 0 {
				return 0
			}
			i += end + 1
		case s[i] == ']':
			return i + 1
		}
	}
	return 0
}

func parseClass(atom string) (c class, ok bool) {
	if len(atom) == 1 && atom != "." {
		c.add(rune(atom[0]), rune(atom[0]))
		return c, true
	}
	re, err := syntax.Parse(atom, syntax.Perl)
	if err != nil {
		return c, false
	}
	switch re.Op {
	case syntax.OpLiteral:
		if len(re.Rune) != 1 {
			return c, false
		}
		c.add(re.Rune[0], re.Rune[0])
		if r := unicode.SimpleFold(re.Rune[0]); re.Flags&syntax.FoldCase != 0 {
			c.add(r, r) // [Aa], as the parser writes it
		}
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			c.add(re.Rune[i], re.Rune[i+1])
		}
	case syntax.OpAnyCharNotNL:
		c.add(0, '\n'-1)
		c.add('\n'+1, utf8.MaxRune)
	case syntax.OpAnyChar:
		c.add(0, utf8.MaxRune)
	default:
		return c, false
	}
	return c, true
}

// add adds a range behind those that are there.
func (c *class) add(first, last rune) {
	for r := first; r <= last && r < utf8.RuneSelf; r++ {
		c.low[r>>6] |= 1 << (r & 63)
	}
	if last >= utf8.RuneSelf {
		c.ranges = append(c.ranges, max(first, utf8.RuneSelf), last)
	}
}

// quantify reads a quantifier and returns what follows it.
func (it *item) quantify(s string) (rest string, ok bool) {
	if s == "" {
		return s, true
	}
	switch s[0] {
	case '*':
		it.min, it.max = 0, -1
	case '+':
		it.max = -1
	case '?':
		it.min = 0
	case '{':
		n := strings.IndexByte(s, '}')
		if n < 0 || !it.bounds(s[1:n]) {
			return "", false
		}
		s = s[n:]
	default:
		return s, true
	}
	s = strings.TrimPrefix(s[1:], "?") // lazy: the same texts match
	return s, s == "" || strings.IndexByte("*+?{", s[0]) < 0
}

func (it *item) bounds(s string) bool {
	low, high, ranged := strings.Cut(s, ",")
	var err error
	if it.min, err = strconv.Atoi(low); err != nil || it.min < 0 {
		return false
	}
	switch {
	case !ranged:
		it.max = it.min
	case high == "":
		it.max = -1
	default:
		if it.max, err = strconv.Atoi(high); err != nil || it.max < it.min {
			return false
		}
	}
	return true
}

func (s *sequence) match(text string) bool {
	if s.feed && strings.HasSuffix(text, "\n") {
		// Either the line feed belongs to the text or it stands before the end.
		return s.run(text) || s.run(text[:len(text)-1])
	}
	return s.run(text)
}

func (s *sequence) run(text string) bool {
	if !s.fromHere {
		return s.spread([]rune(text), s.items, true)
	}
	for i := range s.items {
		it := &s.items[i]
		if !it.greedy && it.min != it.max {
			return s.spread([]rune(text), s.items[i:], false)
		}
		n := 0
		for n != it.max && text != "" {
			r, size := rune(text[0]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRuneInString(text)
			}
			if !it.class.has(r) {
				break
			}
			n++
			text = text[size:]
		}
		if n < it.min {
			return false
		}
	}
	return text == "" || !s.toEnd
}

// spread follows all ways at once: reached holds the positions between the
// characters at which the items so far can end. It takes time in proportion to
// the length of the text times the number of items.
func (s *sequence) spread(text []rune, items []item, anywhere bool) bool {
	reached := make([]int32, len(text)+1) // numbers of reached positions before each
	next := make([]int32, len(text)+1)
	mark := func(positions []int32, i int, yes bool) {
		before := int32(0)
		if i > 0 {
			before = positions[i-1]
		}
		if yes {
			before++
		}
		positions[i] = before
	}
	for i := range reached {
		mark(reached, i, anywhere || i == 0)
	}
	for k := range items {
		it := &items[k]
		run := 0 // where the characters of the class before the position begin
		for j := range next {
			if j > 0 && !it.class.has(text[j-1]) {
				run = j
			}
			first, last := run, j-it.min
			if it.max >= 0 {
				first = max(first, j-it.max)
			}
			yes := false
			if last >= first {
				yes = reached[last] > 0
				if yes && first > 0 {
					yes = reached[last] > reached[first-1]
				}
			}
			mark(next, j, yes)
		}
		reached, next = next, reached
	}
	if !s.toEnd {
		return reached[len(text)] > 0
	}
	if len(text) == 0 {
		return reached[0] > 0
	}
	return reached[len(text)] > reached[len(text)-1]
}
