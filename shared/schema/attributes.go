package schema

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
)

// Attributes are the attributes of a type that Fn::GetAtt may ask for.
type Attributes struct {
	list []Attribute
}

// Attribute is one attribute, or a family of them.
type Attribute struct {
	// Pattern is the name as cfn-lint writes it: a dot stands for any character
	// (mostly the dot between nested names), ".*" for any text, `\.` for a dot.
	Pattern string
	// Schema is the schema of the value, nil if the type does not say.
	Schema *jsonschema.Schema
}

// All returns the attributes in the order of the type's schema.
func (a *Attributes) All() []Attribute { return a.list }

// Names returns the patterns of the attributes, sorted, for people.
func (a *Attributes) Names() []string {
	names := make([]string, len(a.list))
	for i := range a.list {
		names[i] = strings.ReplaceAll(a.list[i].Pattern, `\`, "")
	}
	slices.Sort(names)
	return names
}

// Has reports whether there is an attribute of a name.
func (a *Attributes) Has(name string) bool { _, ok := a.Get(name); return ok }

// Get returns the attribute of a name. If several families match, the longest
// pattern counts.
func (a *Attributes) Get(name string) (Attribute, bool) {
	best := -1
	for i := range a.list {
		p := a.list[i].Pattern
		if (p == name || matches(p, name)) && (best < 0 || len(p) >= len(a.list[best].Pattern)) {
			best = i
		}
	}
	if best < 0 {
		return Attribute{}, false
	}
	return a.list[best], true
}

// matches matches a whole name against a pattern.
func matches(pattern, name string) bool {
	for pattern != "" {
		switch {
		case strings.HasPrefix(pattern, ".*"):
			for i := len(name); i >= 0; i-- {
				if matches(pattern[2:], name[i:]) {
					return true
				}
			}
			return false
		case strings.HasPrefix(pattern, `\`) && len(pattern) > 1:
			pattern = pattern[1:]
			if name == "" || name[0] != pattern[0] {
				return false
			}
		case name == "" || pattern[0] != '.' && pattern[0] != name[0]:
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return name == ""
}

// GetAtts returns the attributes of a type in a region, nil if the region does
// not have the type. They are those that cfn-lint 1.51.0 accepts
// (cfnlint/schema/_getatts.py): the read-only properties; every property of the
// types whose handlers return all; some more for types older than the registry;
// anything for custom resources and modules; Outputs.* of nested stacks.
func GetAtts(typeName, region string) *Attributes {
	s := embedded()
	e, i := s.resource(typeName, region)
	if e == nil {
		return nil
	}
	r := &e.roots[i]
	r.attrOnce.Do(func() {
		b := attributeBuilder{store: s, entry: e, root: s.compile(e, i), position: e.Roots[i].Position}
		b.build()
		r.attrs = &Attributes{list: b.list}
	})
	return r.attrs
}

type attributeBuilder struct {
	store    *store
	entry    *entry
	root     *jsonschema.Schema
	position int
	list     []Attribute
}

// anyText and anyValue are the schemas of attributes that depend on what is
// deployed.
var (
	anyText  = jsonschema.OfType(jsonschema.String)
	anyValue = jsonschema.OfType(jsonschema.AnyType)
)

func (b *attributeBuilder) build() {
	name := b.entry.Name
	if slices.Contains(b.store.strings("table/attributesAll"), name) {
		for _, p := range b.root.Properties {
			b.everything(p.Schema, p.Name, 0)
		}
		return
	}
	exceptions := b.store.texts("table/attributesExceptions", name)
	for _, property := range exceptions {
		b.add(property, Resolve(b.root, "/properties/"+property))
	}
	switch {
	case name == "AWS::CloudFormation::Stack":
		b.add(`Outputs\..*`, anyText)
		return
	case name == "AWS::CloudFormation::CustomResource", name == "Module":
		b.add(".*", anyValue)
	}
	for _, pointer := range b.texts("readOnlyProperties") {
		if name == "AWS::ServiceCatalog::CloudFormationProvisionedProduct" && pointer == "/properties/Outputs" {
			b.add(`Outputs\..*`, anyText)
			continue
		}
		_, path, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
		b.add(strings.ReplaceAll(path, "/", "."), Resolve(b.root, pointer))
	}
}

// add adds an attribute; a later one of the same name replaces the former.
func (b *attributeBuilder) add(pattern string, s *jsonschema.Schema) {
	for i := range b.list {
		if b.list[i].Pattern == pattern {
			b.list[i].Schema = s
			return
		}
	}
	b.list = append(b.list, Attribute{pattern, s})
}

// everything adds a property and those nested in it. Fn::GetAtt does not go into
// lists of objects or lists.
func (b *attributeBuilder) everything(s *jsonschema.Schema, name string, depth int) {
	const deepest = 20 // a type may contain itself
	switch {
	case depth > deepest:
	case s.Types.Has(jsonschema.Object):
		for _, p := range s.Properties {
			b.everything(p.Schema, name+"."+p.Name, depth+1)
		}
	case s.Types.Has(jsonschema.Array):
		if s.Items != nil && (s.Items.Types == jsonschema.Object || s.Items.Types == jsonschema.Array) {
			return
		}
		b.add(name, s)
	case s.Target() != nil:
		b.everything(s.Target(), name, depth+1)
	default:
		b.add(name, s)
	}
}

// texts returns a list of strings at the top of the type's schema.
func (b *attributeBuilder) texts(key string) []string {
	return memberStrings(b.store.text(b.entry), b.position, key)
}

// RefOf returns the schema of what Ref gives for a resource of a type: that of
// the primary identifier, a string if several properties make it up. It is nil
// if the region does not have the type, or the type no identifier.
func RefOf(typeName, region string) *jsonschema.Schema {
	s := embedded()
	e, i := s.resource(typeName, region)
	if e == nil {
		return nil
	}
	switch ids := memberStrings(s.text(e), e.Roots[i].Position, "primaryIdentifier"); len(ids) {
	case 0:
		return nil
	case 1:
		return Resolve(s.compile(e, i), ids[0])
	}
	return anyText
}

// Resolve follows a pointer of a resource type, "/properties/A/*/B", through
// references and alternatives. It returns nil if it leads nowhere.
func Resolve(s *jsonschema.Schema, pointer string) *jsonschema.Schema {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	return resolve(s, parts[1:], 0)
}

func resolve(s *jsonschema.Schema, path []string, depth int) *jsonschema.Schema {
	const deepest = 64 // a reference may lead to itself
	if s == nil || depth > deepest {
		return nil
	}
	if target := s.Target(); target != nil {
		return resolve(target, path, depth+1)
	}
	if len(path) == 0 {
		return s
	}
	next := s.Property(path[0])
	if path[0] == "*" && s.Items != nil {
		next = s.Items
	}
	if found := resolve(next, path[1:], depth+1); found != nil {
		return found
	}
	for _, alternatives := range [...][]*jsonschema.Schema{s.AnyOf, s.AllOf, s.OneOf} {
		for _, a := range alternatives {
			if found := resolve(a, path, depth+1); found != nil {
				return found
			}
		}
	}
	return nil
}

// memberStrings returns a list of strings at the top of a document.
func memberStrings(d format.Doc, pos int, key string) []string {
	at, ok := d.Member(pos, key)
	if !ok {
		return nil
	}
	return d.Strings(at)
}
