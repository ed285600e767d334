package jsonschema

import (
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
	"github.com/evenkeel/evenkeel/shared/template"
)

// enumeration is the values of enum. Some have 900 of them, most are never
// looked at: they stay in the document until then.
type enumeration struct {
	doc      format.Doc
	position int // of the array

	textsOnce   sync.Once
	texts       []string
	stringsOnly bool
	sorted      bool
	set         map[string]bool // of texts, when they are many and not sorted

	nodesOnce sync.Once
	nodes     []*template.Node
}

func (e *enumeration) has(text string) (has, stringsOnly bool) {
	e.textsOnce.Do(e.read)
	switch {
	case e.set != nil:
		has = e.set[text]
	case e.sorted:
		_, has = slices.BinarySearch(e.texts, text)
	default:
		has = slices.Contains(e.texts, text)
	}
	return has, e.stringsOnly
}

func (e *enumeration) read() {
	n, _ := e.doc.Array(e.position)
	e.texts = e.doc.Strings(e.position)
	e.stringsOnly = len(e.texts) == n
	e.sorted = slices.IsSorted(e.texts)
	const many = 16
	if e.sorted || len(e.texts) < many {
		return
	}
	e.set = make(map[string]bool, len(e.texts))
	for _, t := range e.texts {
		e.set[t] = true
	}
}

func (e *enumeration) all() []*template.Node {
	e.nodesOnce.Do(func() {
		n, _ := e.doc.Node(e.position)
		e.nodes = n.Items
	})
	return e.nodes
}
