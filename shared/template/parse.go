package template

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits of a template keep the work on a hostile one small. CloudFormation's
// own limit is 1 MB by TemplateURL (AWS documentation, "AWS CloudFormation
// quotas"); MaxBytes is larger, so that the limit can be reported with the rest.
const (
	MaxBytes     = 4 << 20
	maxDepth     = 250
	maxExpansion = 50_000 // nodes that aliases and merge keys may add
	maxNodes     = 300_000
)

// SyntaxError is a fault in the text of a template.
type SyntaxError struct {
	File         string
	Line, Column int // from 1
	Message      string
}

// Error implements error in the form "file:line:column: message".
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Parse reads a template in JSON or YAML 1.1. Every error is a *SyntaxError. A
// template that is well-formed text but not a sensible template parses; package
// validation says what is wrong with it. Text without a document is an empty
// template.
//
// A text is accepted, and means, what cfn-lint 1.51 makes of it: JSON is read
// as YAML (1e3 is a string), duplicate keys are faults unless a merge key is in
// the same mapping, and scalars have the types of YAML 1.1.
func Parse(name string, data []byte) (*Template, error) {
	root, err := ParseNode(name, data)
	if err != nil {
		return nil, err
	}
	return New(name, root)
}

// New makes a template of a tree, such as one that a transform returns. The
// error is a *SyntaxError if the root is not a map.
func New(name string, root *Node) (*Template, error) {
	if root.Kind != Map || root.Form == FormSet {
		return nil, &SyntaxError{name, max(root.Line, 1), max(root.Column, 1), fmt.Sprintf("a template is an object, this is of type %s", root.Kind)}
	}
	return newTemplate(name, root), nil
}

// ParseNode reads one JSON or YAML document of any kind under the same limits
// as Parse. Every error is a *SyntaxError.
func ParseNode(name string, data []byte) (*Node, error) {
	if len(data) > MaxBytes {
		return nil, &SyntaxError{name, 1, 1, fmt.Sprintf("%d bytes are more than the limit of %d", len(data), MaxBytes)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text, kind, err := prepare(data)
	if err == nil {
		var root *Node
		if root, err = parseText(text, kind); err == nil {
			return root, nil
		}
	}
	err.File = name
	return nil, err
}

// parseText reads JSON if the text begins like it, and YAML if it does not or
// JSON's parser gives up.
func parseText(text string, kind textKind) (*Node, *SyntaxError) {
	if head := strings.TrimLeft(text, " \n"); head[0] == '{' && !kind.exotic {
		root, err := parseJSON(text, kind.ascii)
		if root != nil || err != nil {
			return root, err
		}
	}
	return parseYAML(text, kind.ascii, kind.exotic)
}

// textKind says which shortcuts a text allows.
type textKind struct {
	ascii  bool
	exotic bool // has the line breaks NEL, LS or PS
}

// prepare checks the characters of a text, makes every line break a line feed,
// as reading a file in Python does, and appends the sentinels.
func prepare(data []byte) (string, textKind, *SyntaxError) {
	var bits uint8
	for _, c := range data {
		bits |= charBits[c]
	}
	kind := textKind{ascii: bits&hasWide == 0}
	if bits&(hasControl|hasWide) != 0 {
		if at := invalidAt(data); at >= 0 {
			return "", kind, invalidText(data, at)
		}
	}
	if !kind.ascii {
		for _, b := range []string{"\u0085", "\u2028", "\u2029"} {
			kind.exotic = kind.exotic || bytes.Contains(data, []byte(b))
		}
	}
	if bits&hasReturn != 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	var b strings.Builder
	b.Grow(len(data) + len(sentinels))
	b.Write(data)
	b.WriteString(sentinels)
	return b.String(), kind, nil
}

const (
	hasControl = 1 << iota
	hasReturn
	hasWide
)

var charBits = func() (c [256]uint8) {
	for i := range c {
		switch {
		case i == '\r':
			c[i] = hasReturn
		case i >= utf8.RuneSelf:
			c[i] = hasWide
		case i < ' ' && i != '\t' && i != '\n' || i == 0x7F:
			c[i] = hasControl
		}
	}
	return c
}()

// invalidAt is the offset of the first byte that is no UTF-8 or character that
// YAML does not allow (YAML 1.1, 5.1), -1 if there is none.
func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, size := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(data[i:])
		}
		switch {
		case r == utf8.RuneError && size == 1,
			r < ' ' && r != '\t' && r != '\n' && r != '\r',
			r >= 0x7F && r < 0xA0 && r != 0x85,
			r == 0xFFFE, r == 0xFFFF:
			return i
		}
		i += size
	}
	return -1
}

func invalidText(data []byte, at int) *SyntaxError {
	message := "not valid UTF-8"
	if utf8.FullRune(data[at:]) {
		if r, size := utf8.DecodeRune(data[at:]); r != utf8.RuneError || size > 1 {
			message = fmt.Sprintf("control characters are not allowed (U+%04X)", r)
		}
	}
	lines := bytes.Split(data[:at], []byte("\n"))
	return &SyntaxError{Line: len(lines), Column: utf8.RuneCount(lines[len(lines)-1]) + 1, Message: message}
}

// excerpt shortens a text for a message.
func excerpt(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
