package validation

import (
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// sight is what makes two findings the same for a reader: a node that stands in
// the template once is reported once, although an alias or a transform puts it
// in several places.
type sight struct {
	rule, message string
	at            position
}

// sights are the findings of a template so far. They are told apart by the
// positions that cfn-lint has for them, so that both report the same ones.
type sights struct {
	t       *check.Template
	find    finder
	seen    map[sight]bool
	written map[print]bool // the nodes of the text, if a transform made others
}

// print tells a node of the text, and its copies, from what a transform made in
// its place.
type print struct {
	line, column int
	kind         template.Kind
	text, first  string
	entries      int
}

func printOf(n *template.Node) print {
	p := print{line: n.Line, column: n.Column, kind: n.Kind, text: n.Text, entries: len(n.Entries) + len(n.Items)}
	if len(n.Entries) > 0 {
		p.first = n.Entries[0].Key
	}
	return p
}

func newSights(t *check.Template, find finder) *sights {
	return &sights{t: t, find: find, seen: map[sight]bool{}}
}

// saysWhere reports whether cfn-lint's messages of a rule name the path or other
// resources, so that no two are the same.
func saysWhere(rule string) bool {
	switch rule {
	case "E1029", "E1032", "E3005", "W1001", "W2501":
		return true
	}
	return false
}

// add reports whether a finding is a new one.
func (s *sights) add(f check.Finding) bool {
	key := sight{f.Rule, f.Message, s.position(f.Path)}
	if f.Like != "" {
		key.message = f.Like
	}
	if saysWhere(f.Rule) {
		key.message = f.Path.String()
	}
	if s.seen[key] {
		return false
	}
	s.seen[key] = true
	return true
}

// position is that of the last key on a path that has one for cfn-lint. The key
// of a short form (!Sub) has none, nor has a number or boolean in a list, nor
// what the translation of AWS::Serverless made.
func (s *sights) position(path check.Path) position {
	best := position{1, 1, 1, 1}
	at := s.t.Root
	for i, step := range path {
		if step.List {
			if !at.IsList() || step.Index < 0 || step.Index >= len(at.Items) {
				return best
			}
			at = at.Items[step.Index]
			if i == len(path)-1 && (at.Kind == template.String || at.Kind == template.Map || at.Kind == template.List) && s.inText(at) {
				best = ofNode(at)
			}
			continue
		}
		e := s.find.entry(at, step.Key)
		if e == nil {
			return best
		}
		if !at.Short && e.KeyNode == nil && (i == 0 || i == 1 && s.named(path) || i > 1 && s.inText(at)) {
			best = position{e.Line, e.Column, e.Line, int(e.EndColumn)}
		}
		at = e.Value
	}
	return best
}

// named reports whether the text has the resource (or other element of a
// section) that a path leads to.
func (s *sights) named(path check.Path) bool {
	return !s.t.Serverless || s.find.entry(s.t.Before.Get(path[0].Key), path[1].Key) != nil
}

// inText reports whether a node stands in the text as it is.
func (s *sights) inText(n *template.Node) bool {
	if !s.t.Serverless {
		return true
	}
	if s.written == nil {
		s.written = map[print]bool{}
		s.t.Before.Walk(func(n *template.Node) bool {
			s.written[printOf(n)] = true
			return true
		})
	}
	return s.written[printOf(n)]
}
