package format

import (
	"strconv"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Node decodes a value into a node without position.
func (d Doc) Node(pos int) (n *template.Node, next int) {
	if target, next, ref := d.Resolve(pos); ref {
		n, _ = d.Node(target)
		return n, next
	}
	switch d.Kind(pos) {
	case True:
		return &template.Node{Kind: template.Bool, Text: "true", True: true}, pos + 1
	case False:
		return &template.Node{Kind: template.Bool, Text: "false"}, pos + 1
	case Number:
		f, next := d.Number(pos)
		return &template.Node{Kind: template.Number, Float: f, Text: strconv.FormatFloat(f, 'f', -1, 64)}, next
	case Text:
		s, next := d.Text(pos)
		return &template.Node{Kind: template.String, Text: s}, next
	case Array:
		count, at := d.Array(pos)
		n = &template.Node{Kind: template.List, Items: make([]*template.Node, count)}
		for i := range n.Items {
			n.Items[i], at = d.Node(at)
		}
		return n, at
	case Object:
		count, sized, at := d.Object(pos)
		n = &template.Node{Kind: template.Map, Entries: make([]template.Entry, count)}
		for i := range n.Entries {
			n.Entries[i].Key, at = d.Name(at)
			if sized {
				_, at = d.Size(at)
			}
			n.Entries[i].Value, at = d.Node(at)
		}
		return n, at
	}
	return &template.Node{Kind: template.Null, Text: "null"}, pos + 1
}
