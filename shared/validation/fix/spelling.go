package fix

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// only returns the one name among several that differs from a text in its case
// alone. ok is false if there is none, or more than one.
func only(text string, names []string) (name string, ok bool) {
	for _, n := range names {
		if n == text || n == name || !strings.EqualFold(n, text) {
			continue
		}
		if ok {
			return "", false
		}
		name, ok = n, true
	}
	return name, ok && len(name) == len(text)
}

// respelled writes a text node anew, in the quotes that it has.
func (c *candidate) respelled(names []string) []change {
	n := c.node()
	name, ok := only(n.Str(), names)
	from, to, okSpan := c.text.span(n)
	if !ok || !okSpan {
		return nil
	}
	written := string(c.text.data[from:to])
	switch n.Text {
	case written:
	case unquoted(written):
		from, to = from+1, to-1
	default:
		return nil
	}
	return []change{{edits: []edit{{from, to, name}}, path: slices.Clone(c.path), with: func(old *template.Node) *template.Node {
		c := *old
		c.Text = name
		return &c
	}}}
}

// spelledValue corrects the case of a value that is one of a list.
func spelledValue(c *candidate) []change {
	switch c.attribute() {
	case "DeletionPolicy":
		return c.respelled([]string{"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"})
	case "UpdateReplacePolicy":
		return c.respelled([]string{"Delete", "Retain", "Snapshot"})
	}
	var names []string
	for _, s := range c.schemas(c.path) {
		for _, v := range s.Values() {
			if v.IsString() {
				names = append(names, v.Text)
			}
		}
		if s.Has(jsonschema.Const) && s.Const.IsString() {
			names = append(names, s.Const.Text)
		}
	}
	return c.respelled(names)
}

// attribute is the attribute of a resource that the path ends in, "" elsewhere.
func (c *candidate) attribute() string {
	if len(c.path) == 3 && c.path[0] == "Resources" {
		return c.path[2]
	}
	return ""
}

// spelledType corrects the case of a resource's type.
func spelledType(c *candidate) []change { return c.respelled(schema.TypesIn(c.region)) }

// spelledParameterType corrects the case of a parameter's type.
func spelledParameterType(c *candidate) []change {
	return c.respelled([]string{"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>"})
}

// spelledKey corrects the case of a key that the schema does not know.
func spelledKey(c *candidate) []change {
	e, parent := c.entry(), c.parent()
	if e == nil {
		return nil
	}
	var names []string
	for _, s := range c.schemas(parent.path) {
		for _, p := range s.Properties {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	name, ok := only(e.Key, slices.Compact(names))
	from, to, okKey := c.text.key(e)
	if !ok || !okKey || parent.node().Entry(name) != nil {
		return nil
	}
	if string(c.text.data[from:to]) != e.Key {
		from, to = from+1, to-1
	}
	old := e.Key
	return []change{{edits: []edit{{from, to, name}}, path: slices.Clone(parent.path), with: func(n *template.Node) *template.Node {
		c := *n
		c.Entries = slices.Clone(n.Entries)
		for i := range c.Entries {
			if c.Entries[i].Key == old {
				c.Entries[i].Key = name
			}
		}
		return &c
	}}}
}

// schemas returns all schemas that may describe the value at a path.
func (c *candidate) schemas(path []string) []*jsonschema.Schema {
	if len(path) == 0 {
		return descend(schema.Other("template/configuration"), nil)
	}
	section, rest := path[0], path[1:]
	if section == "Resources" && len(path) >= 3 && path[2] == "Properties" {
		typ := c.root.Get("Resources").Get(path[1]).Get("Type").Str()
		s, _ := schema.Resource(typ, c.region)
		return descend(s, path[3:])
	}
	return descend(schema.Other(strings.ToLower(section)+"/configuration"), rest)
}

// descend follows a path through properties and items. The branches of Fn::If
// are described by what the call is for.
func descend(s *jsonschema.Schema, path []string) []*jsonschema.Schema {
	level := expand(s, nil)
	for i := 0; i < len(path); i++ {
		if path[i] == "Fn::If" && i+1 < len(path) {
			i++
			continue
		}
		var next []*jsonschema.Schema
		for _, s := range level {
			if p := s.Property(path[i]); p != nil {
				next = expand(p, next)
			}
			for _, p := range s.PatternProperties {
				if p.Pattern.Match(path[i]) {
					next = expand(p.Schema, next)
				}
			}
			if s.Items != nil && strings.Trim(path[i], "0123456789") == "" {
				next = expand(s.Items, next)
			}
		}
		level = next
	}
	return level
}

// expand adds a schema with all that it is made of, each once.
func expand(s *jsonschema.Schema, to []*jsonschema.Schema) []*jsonschema.Schema {
	if s == nil || slices.Contains(to, s) || len(to) > 200 {
		return to
	}
	to = append(to, s)
	to = expand(s.Target(), to)
	for _, branches := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf, {s.If, s.Then, s.Else}} {
		for _, b := range branches {
			to = expand(b, to)
		}
	}
	return to
}
