package jsonschema

import (
	"encoding/json"
	"strconv"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Documents finds other schema documents by the name before the "#" of a
// reference, nil if there is none.
type Documents func(name string) *template.Node

// Compile compiles a schema document, or the part of it at a JSON pointer such
// as "/definitions/Action"; "" is the whole. References resolve within the
// document and, by others (which may be nil), across documents. The error names
// the reference or value that is wrong.
func Compile(document *template.Node, pointer string, others Documents) (*Schema, error) {
	d, err := newDocument(document, others, &Patterns{}, map[string]*Document{})
	if err != nil {
		return nil, err
	}
	s, err := d.At(pointer)
	if err != nil {
		return nil, err
	}
	return s, d.Verify()
}

func newDocument(n *template.Node, others Documents, patterns *Patterns, known map[string]*Document) (*Document, error) {
	doc, roots, err := format.Encode([]any{plain(n)})
	if err != nil {
		return nil, err
	}
	find := func(name string) *Document {
		if others == nil {
			return nil
		}
		if d, ok := known[name]; ok {
			return d
		}
		n := others(name)
		if n == nil {
			return nil
		}
		d, err := newDocument(n, others, patterns, known)
		if err != nil {
			return nil
		}
		known[name] = d
		return d
	}
	return NewDocument(format.Doc(doc), roots[0], find, patterns), nil
}

// plain turns a node into what package format encodes.
func plain(n *template.Node) any {
	switch n.Kind {
	case template.Bool:
		return n.True
	case template.Number:
		return json.Number(strconv.FormatFloat(n.Float, 'g', -1, 64))
	case template.String:
		return n.Text
	case template.List:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			out[i] = plain(item)
		}
		return out
	case template.Map:
		out := make(format.Map, len(n.Entries))
		for i, e := range n.Entries {
			out[i] = format.Member{Key: e.Key, Value: plain(e.Value)}
		}
		return out
	}
	return nil
}
