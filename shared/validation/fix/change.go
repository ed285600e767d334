package fix

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// change is one fix: what to do to the text, and what that does to the template.
type change struct {
	finding validation.Finding
	edits   []edit
	path    []string // of the node that is another afterwards
	// with makes the other node of the old one; it leaves the old one as it is.
	with func(*template.Node) *template.Node
	// removed is the path of the list that an item is taken out of, "" if none is.
	removed string
}

// key tells changes apart over the rounds.
func (c change) key() string {
	var b strings.Builder
	b.WriteString(c.finding.Rule + "\n" + strings.Join(c.path, "/"))
	for _, e := range c.edits {
		b.WriteString("\n" + strconv.Itoa(e.to-e.from) + e.with)
	}
	return b.String()
}

// touches reports whether two changes are in or beside the same bytes, or one
// changes what the other is in.
func (c change) touches(other change) bool {
	for _, a := range c.edits {
		for _, b := range other.edits {
			if a.from <= b.to && b.from <= a.to {
				return true
			}
		}
	}
	n := min(len(c.path), len(other.path))
	return slices.Equal(c.path[:n], other.path[:n])
}

// shifts reports whether a path is in a list that an item is taken out of.
func (c change) shifts(path string) bool {
	return c.removed != "" && strings.HasPrefix(path, c.removed+"/")
}

// apply returns the template with the change made, in copies.
func (c change) apply(root *template.Node) *template.Node { return replace(root, c.path, c.with) }

func replace(n *template.Node, path []string, with func(*template.Node) *template.Node) *template.Node {
	if len(path) == 0 {
		return with(n)
	}
	c := *n
	switch n.Kind {
	case template.Map:
		c.Entries = slices.Clone(n.Entries)
		for i, e := range c.Entries {
			if e.Key == path[0] {
				c.Entries[i].Value = replace(e.Value, path[1:], with)
			}
		}
	case template.List:
		c.Items = slices.Clone(n.Items)
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(c.Items) {
			c.Items[i] = replace(c.Items[i], path[1:], with)
		}
	}
	return &c
}

// equal reports whether two templates say the same, wherever it stands.
func equal(a, b *template.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Form != b.Form || a.Text != b.Text || a.True != b.True || a.Float != b.Float || len(a.Entries) != len(b.Entries) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Entries {
		if a.Entries[i].Key != b.Entries[i].Key || !equal(a.Entries[i].Value, b.Entries[i].Value) {
			return false
		}
	}
	for i := range a.Items {
		if !equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

// place is where a finding is in the template as it is written.
type place struct {
	path  []string
	nodes []*template.Node // from the root to the node itself: one more than path
}

func (p place) node() *template.Node { return p.nodes[len(p.nodes)-1] }

// entry returns the entry that the path ends in, nil in a list.
func (p place) entry() *template.Entry {
	if len(p.path) == 0 {
		return nil
	}
	return p.nodes[len(p.nodes)-2].Entry(p.path[len(p.path)-1])
}

// parent returns the place one level higher.
func (p place) parent() place {
	return place{p.path[:len(p.path)-1], p.nodes[:len(p.nodes)-1]}
}

// find follows the path of a finding. ok is false when it does not lead to the
// finding's line: then it is a path in what a transform makes of the template.
func find(root *template.Node, f validation.Finding) (place, bool) {
	p := place{nodes: []*template.Node{root}}
	rest := f.Path
	for rest != "" {
		name, child := step(p.node(), rest)
		if child == nil {
			return p, false
		}
		p.path, p.nodes = append(p.path, name), append(p.nodes, child)
		rest = strings.TrimPrefix(rest[len(name):], "/")
	}
	line := p.node().Line
	if e := p.entry(); e != nil {
		line = e.Line
	}
	return p, len(p.path) > 0 && line == f.Line
}

// step takes the longest key that the path begins with: keys may hold slashes.
func step(n *template.Node, path string) (name string, child *template.Node) {
	switch n.Kind {
	case template.Map:
		for _, e := range n.Entries {
			if (path == e.Key || strings.HasPrefix(path, e.Key+"/")) && (child == nil || len(e.Key) > len(name)) {
				name, child = e.Key, e.Value
			}
		}
	case template.List:
		text, _, _ := strings.Cut(path, "/")
		if i, err := strconv.Atoi(text); err == nil && i >= 0 && i < len(n.Items) {
			return text, n.Items[i]
		}
	}
	return name, child
}
