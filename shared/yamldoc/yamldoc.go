// Package yamldoc reads a file that must hold exactly one YAML or JSON
// document, and says where it does not. What the document must contain is the
// caller's.
package yamldoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fault is why there is no document, at a line and column that begin with 1.
// It is an error.
type Fault struct {
	Line, Column int
	Message      string
}

// Error implements error.
func (f *Fault) Error() string {
	return strconv.Itoa(f.Line) + ":" + strconv.Itoa(f.Column) + ": " + f.Message
}

// message finds the line in the YAML library's message, its only way to report
// one.
var message = regexp.MustCompile(`^yaml: line ([0-9]+): (.*)$`)

// Root returns the value of the only document in data. empty says what to
// write where there is none: "it needs at least version: 1".
func Root(data []byte, empty string) (*yaml.Node, *Fault) {
	if json.Valid(data) {
		data = bytes.ReplaceAll(data, []byte("\t"), []byte(" ")) // white space of JSON, but not of YAML
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if err == nil {
		if next := decoder.Decode(&second); next == nil {
			return nil, &Fault{max(second.Line, 1), max(second.Column, 1), "a second YAML document; only one is read"}
		} else if !errors.Is(next, io.EOF) {
			err = next
		}
	}
	switch {
	case errors.Is(err, io.EOF), err == nil && len(document.Content) != 1:
		return nil, &Fault{1, 1, "the document is empty; " + empty}
	case err != nil:
		return nil, where(err)
	}
	return document.Content[0], nil
}

func where(err error) *Fault {
	f := &Fault{1, 1, strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := message.FindStringSubmatch(err.Error()); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Message = m[2]
	}
	return f
}

// Kind names a value for a message: "a mapping", "a list", the quoted text.
func Kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias (write the value out)"
	case n.Tag == "!!null":
		return "empty"
	}
	return strconv.Quote(n.Value)
}
