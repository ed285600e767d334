package validation

import (
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// position is where something stands in a file, from 1; the end is the place
// after it.
type position struct{ line, column, endLine, endColumn int }

// finder finds entries by key. Maps of many entries are indexed when they are
// first looked into, since a template may have a finding for each.
type finder map[*template.Node]map[string]*template.Entry

func (f finder) entry(n *template.Node, key string) *template.Entry {
	const few = 64
	if n == nil || len(n.Entries) <= few {
		return n.Entry(key)
	}
	index := f[n]
	if index == nil {
		index = make(map[string]*template.Entry, len(n.Entries))
		for i := range n.Entries {
			if e := &n.Entries[i]; index[e.Key] == nil {
				index[e.Key] = e
			}
		}
		f[n] = index
	}
	return index[key]
}

// locate finds the position of a path: of the key it ends at, or of the item of
// a list. Of a path that leads out of the template, as into a text that holds
// JSON, it is the last key that is there.
func (f finder) locate(root *template.Node, path check.Path) position {
	best := ofNode(root)
	at := root
	for _, step := range path {
		if at == nil {
			break
		}
		if step.List {
			if at.Kind != template.List || step.Index < 0 || step.Index >= len(at.Items) {
				break
			}
			at = at.Items[step.Index]
			best = ofNode(at)
			continue
		}
		e := f.entry(at, step.Key)
		if e == nil {
			break
		}
		best = position{e.Line, e.Column, e.Line, int(e.EndColumn)}
		if best.endColumn == 0 {
			best.endColumn = e.Column + len(e.Key)
		}
		at = e.Value
	}
	return best
}

func ofNode(n *template.Node) position {
	p := position{max(n.Line, 1), max(n.Column, 1), int(n.EndLine), int(n.EndColumn)}
	if p.endLine == 0 {
		p.endLine, p.endColumn = p.line, p.column
	}
	return p
}
