package validation

import (
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// position is where something stands in a file, from 1; the end is the place
// after it.
type position struct{ line, column, endLine, endColumn int }

// locate finds the position of a path: of the key it ends at, or of the item of
// a list. Of a path that leads out of the template, as into a text that holds
// JSON, it is the last key that is there.
func locate(root *template.Node, path check.Path) position {
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
		e := at.Entry(step.Key)
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

// marked is the position that cfn-lint finds for a path: of the last key that it
// has one for. The key of a short form (!Sub) has none, nor has a number or
// boolean in a list.
func marked(root *template.Node, path check.Path) position {
	best := position{1, 1, 1, 1}
	at := root
	for i, step := range path {
		if step.List {
			if !at.IsList() || step.Index < 0 || step.Index >= len(at.Items) {
				return best
			}
			at = at.Items[step.Index]
			if i == len(path)-1 && (at.Kind == template.String || at.Kind == template.Map || at.Kind == template.List) {
				best = ofNode(at)
			}
			continue
		}
		e := at.Entry(step.Key)
		if e == nil {
			return best
		}
		if !at.Short && e.KeyNode == nil {
			best = position{e.Line, e.Column, e.Line, int(e.EndColumn)}
		}
		at = e.Value
	}
	return best
}

// nodeAt returns the node at a path, nil if there is none.
func nodeAt(n *template.Node, path check.Path) *template.Node {
	for _, step := range path {
		switch {
		case !step.List:
			n = n.Get(step.Key)
		case n.IsList() && step.Index >= 0 && step.Index < len(n.Items):
			n = n.Items[step.Index]
		default:
			return nil
		}
	}
	return n
}

func ofNode(n *template.Node) position {
	p := position{max(n.Line, 1), max(n.Column, 1), int(n.EndLine), int(n.EndColumn)}
	if p.endLine == 0 {
		p.endLine, p.endColumn = p.line, p.column
	}
	return p
}
