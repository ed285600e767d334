package jsonschema

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// The functions of this file decode the value of a keyword at a resolved
// position and return the position behind it. A value of the wrong kind counts
// as absent.

func (d *Document) text(at int) (string, int) {
	if d.doc.Kind(at) != format.Text {
		return "", d.doc.Skip(at)
	}
	return d.doc.Text(at)
}

func (d *Document) number(at int) (float64, int) {
	if d.doc.Kind(at) != format.Number {
		return 0, d.doc.Skip(at)
	}
	return d.doc.Number(at)
}

func (d *Document) whole(at int) (int, int) {
	f, next := d.number(at)
	return int(f), next
}

func (d *Document) strings(at int) ([]string, int) { return d.doc.Strings(at), d.doc.Skip(at) }

func (d *Document) types(at int) (TypeSet, int) {
	if d.doc.Kind(at) == format.Text {
		name, next := d.doc.Text(at)
		return Types(name), next
	}
	names, next := d.strings(at)
	return Types(names...), next
}

func (d *Document) list(at int) ([]*Schema, int) {
	if d.doc.Kind(at) != format.Array {
		return nil, d.doc.Skip(at)
	}
	n, at := d.doc.Array(at)
	out := make([]*Schema, n)
	for i := range out {
		out[i], at = d.schema(at)
	}
	return out, at
}

// members calls visit for the members of an object; visit returns the position
// behind the value.
func (d *Document) members(at int, visit func(name string, at int) int) int {
	if d.doc.Kind(at) != format.Object {
		return d.doc.Skip(at)
	}
	n, sized, at := d.doc.Object(at)
	for range n {
		var name string
		name, at = d.doc.Name(at)
		if sized {
			_, at = d.doc.Size(at)
		}
		at = visit(name, at)
	}
	return at
}

func (d *Document) properties(at int) ([]Property, int) {
	if d.doc.Kind(at) != format.Object {
		return nil, d.doc.Skip(at)
	}
	n, sized, at := d.doc.Object(at)
	out := d.free.properties.room(n)[:n]
	for i := range out {
		out[i].Name, at = d.doc.Name(at)
		if sized {
			_, at = d.doc.Size(at)
		}
		out[i].Schema, at = d.schema(at)
	}
	return out, at
}

func (d *Document) dependents(at int) (out []Dependents, next int) {
	next = d.members(at, func(name string, at int) int {
		out = append(out, Dependents{name, d.doc.Strings(at)})
		return d.doc.Skip(at)
	})
	return out, next
}

func (d *Document) dependencies(m *demands, at int) int {
	return d.members(at, func(name string, at int) int {
		value := at
		if target, _, ref := d.doc.Resolve(at); ref {
			value = target
		}
		if d.doc.Kind(value) == format.Array {
			m.DependencyNames = append(m.DependencyNames, Dependents{name, d.doc.Strings(value)})
			return d.doc.Skip(at)
		}
		s, next := d.schema(at)
		m.DependencySchemas = append(m.DependencySchemas, Property{name, s})
		return next
	})
}

func (d *Document) reference(text string) *reference {
	r, ok := d.refs[text]
	if !ok {
		r = &reference{document: d, text: text}
		d.refs[text] = r
	}
	return r
}

func (d *Document) context(at int) *Context {
	c := &Context{Schema: True}
	if f, ok := d.doc.Member(at, "functions"); ok {
		set := FunctionSet(0)
		for _, name := range d.functions(f) {
			set |= Functions(Function(name))
		}
		c.Functions = &set
	}
	if p, ok := d.doc.Member(at, "pseudoParameters"); ok {
		c.PseudoParameters = map[string]bool{}
		for _, name := range d.doc.Strings(p) {
			c.PseudoParameters[name] = true
		}
	}
	if r, ok := d.doc.Member(at, "references"); ok {
		c.NoResources = true
		for _, name := range d.doc.Strings(r) {
			c.NoResources = c.NoResources && name != "Resources"
		}
	}
	if inner, ok := d.doc.Member(at, "schema"); ok {
		c.Schema, _ = d.schema(inner)
	}
	return c
}

// functions reads a list of functions, which may stand elsewhere in the
// document.
func (d *Document) functions(at int) []string {
	ref, ok := d.doc.Member(at, "$ref")
	if !ok {
		return d.doc.Strings(at)
	}
	text, _ := d.text(ref)
	_, pointer, _ := strings.Cut(text, "#")
	target, err := d.follow(pointer)
	if err != nil {
		if d.err == nil {
			d.err = err
		}
		return nil
	}
	return d.doc.Strings(target)
}
