package condition

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Swapped reports whether cfn-lint shows the two items of an Fn::Equals in the
// other order: it sorts them, in the template itself, before any rule runs. The
// node is the list. Where the order of two items is not defined (two calls of
// one function other than Ref), every time a condition is read swaps them.
func (s *Set) Swapped(equals *template.Node) bool {
	if s.swapped == nil {
		o := &ordering{set: s, swapped: map[*template.Node]bool{}, excluded: map[string]bool{}, left: maxOrdering}
		o.run()
		s.swapped = o.swapped
	}
	return s.swapped[equals]
}

// Sorted returns the Conditions section with the items of every Fn::Equals in
// the order of Swapped; it is the section itself if all stand in that order.
func (s *Set) Sorted() *template.Node {
	if s.conditions == nil {
		return nil
	}
	return s.sorted(s.conditions)
}

func (s *Set) sorted(n *template.Node) *template.Node {
	out := n
	change := func() {
		if out == n {
			c := *n
			c.Entries, c.Items = slices.Clone(n.Entries), slices.Clone(n.Items)
			out = &c
		}
	}
	for i := range n.Entries {
		if v := s.sorted(n.Entries[i].Value); v != n.Entries[i].Value {
			change()
			out.Entries[i].Value = v
		}
	}
	for i, item := range n.Items {
		if v := s.sorted(item); v != item {
			change()
			out.Items[i] = v
		}
	}
	if len(n.Items) == 2 && s.Swapped(n) {
		change()
		out.Items[0], out.Items[1] = out.Items[1], out.Items[0]
	}
	return out
}

// maxOrdering bounds how many expressions are read to find the order.
const maxOrdering = 20_000

// ordering repeats in which order, and how often, cfn-lint reads expressions.
type ordering struct {
	set      *Set
	swapped  map[*template.Node]bool
	excluded map[string]bool // conditions that are being read
	left     int
}

func (o *ordering) run() {
	if !o.set.conditions.IsMap() {
		return
	}
	for _, e := range o.set.conditions.Entries {
		o.condition(e.Key, e.Value)
	}
}

func (o *ordering) condition(name string, n *template.Node) {
	o.excluded[name] = true
	o.read(n)
	delete(o.excluded, name)
}

// read returns false for a broken expression; what follows it is not read.
func (o *ordering) read(n *template.Node) bool {
	if o.left--; o.left < 0 || !n.IsMap() || len(n.Entries) != 1 {
		return false
	}
	arg := n.Entries[0].Value
	switch key := n.Entries[0].Key; key {
	case "Fn::Equals":
		return o.sort(arg)
	case "Fn::And", "Fn::Or", "Fn::Not":
		return o.readAll(key, arg)
	case "Condition":
		return o.reference(arg)
	}
	return false
}

func (o *ordering) readAll(key string, arg *template.Node) bool {
	if !arg.IsList() {
		return false
	}
	for _, item := range arg.Items {
		if !o.read(item) {
			return false
		}
	}
	return key != "Fn::Not" || len(arg.Items) == 1
}

func (o *ordering) reference(arg *template.Node) bool {
	if !arg.IsString() {
		return false
	}
	if n := o.set.conditions.Get(arg.Text); n != nil && !o.excluded[arg.Text] {
		o.condition(arg.Text, n)
	}
	return true
}

func (o *ordering) sort(list *template.Node) bool {
	if !list.IsList() || len(list.Items) != 2 {
		return false
	}
	a, b := newOperand(list.Items[0]), newOperand(list.Items[1])
	if o.swapped[list] {
		a, b = b, a
	}
	if sortsBefore(&b, &a) {
		o.swapped[list] = !o.swapped[list]
	}
	return !list.Items[0].IsList() && !list.Items[1].IsList()
}
