package template

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The limits of a template. CloudFormation's own limit is 1 MB by TemplateURL
// (AWS documentation, "AWS CloudFormation quotas"); the others keep the work
// on a hostile template small.
const (
	MaxBytes     = 1 << 20
	maxDepth     = 100
	maxExpansion = 50_000 // nodes that aliases and merge keys may add
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

// Parse reads a template in JSON or YAML. Every error is a *SyntaxError. A
// template that is well-formed text but not a sensible template parses; package
// validation says what is wrong with it.
func Parse(name string, data []byte) (*Template, error) {
	root, err := ParseNode(name, data)
	if err != nil {
		return nil, err
	}
	if root.Kind != Map {
		return nil, &SyntaxError{name, root.Line, root.Column, fmt.Sprintf("a template is an object, this is of type %s", root.Kind)}
	}
	return newTemplate(name, root), nil
}

// ParseNode reads one JSON or YAML document of any kind under the same limits
// as Parse. Every error is a *SyntaxError.
func ParseNode(name string, data []byte) (*Node, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > MaxBytes {
		return nil, &SyntaxError{name, 1, 1, fmt.Sprintf("%d bytes are more than the limit of %d", len(data), MaxBytes)}
	}
	if line, column, ok := invalidText(data); ok {
		return nil, &SyntaxError{name, line, column, "not valid UTF-8"}
	}
	root, err := parseText(data)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		syntax.File = name
		return nil, syntax
	}
	if err != nil {
		return nil, &SyntaxError{name, 1, 1, err.Error()}
	}
	return root, nil
}

// parseText reads JSON if the text begins like it, else YAML. A text that begins
// with a brace but no quoted key is YAML in flow style.
func parseText(data []byte) (*Node, error) {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, &SyntaxError{Line: 1, Column: 1, Message: "the file is empty"}
	}
	inside := bytes.TrimLeft(trimmed[1:], " \t\r\n")
	if trimmed[0] != '{' || len(inside) > 0 && inside[0] != '"' && inside[0] != '}' {
		return parseYAML(data)
	}
	root, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	return root, nil
}

func invalidText(data []byte) (line, column int, bad bool) {
	if utf8.Valid(data) {
		return 0, 0, false
	}
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		data = data[size:]
	}
	return line, column, true
}
