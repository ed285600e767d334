package schema

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Type is the schema of one resource type. All pointers are written as in the
// schema: "/properties/A/B", where "*" stands for every item of a list or every
// key of a map.
type Type struct {
	Name string
	Raw  map[string]any // the whole schema as plain JSON values

	ReadOnly              []string // set by the service: Fn::GetAtt, never in a template
	CreateOnly            []string // a change replaces the resource
	ConditionalCreateOnly []string // a change may replace the resource
	WriteOnly             []string // never returned by the read handler
	Deprecated            []string
	PrimaryIdentifier     []string   // the Ref or physical id is made of these, joined by "|"
	AdditionalIdentifiers [][]string // each alone also identifies a resource
	Required              []string   // names of top-level properties
	// PropertyTransform maps a pointer to the JSONata expression that turns the
	// template's value into the form that the service returns.
	PropertyTransform   map[string]string
	Tagging             Tagging
	Lifecycle           Lifecycle
	ReplacementStrategy string // "create_then_delete" (default) or "delete_then_create"

	Root *Schema // the properties of a resource of this type
}

// Lifecycle says whether AWS winds the type's service down (cfn-lint's addition
// to the published schemas).
type Lifecycle struct {
	Status string // "", "maintenance", "sunset", "shutdown"
	Date   string // "2026-09-30", "" if unknown
}

// Tagging says how a type carries tags.
type Tagging struct {
	Taggable    bool
	OnCreate    bool
	Updatable   bool
	SystemTags  bool   // CloudFormation adds aws:cloudformation:* tags
	TagProperty string // pointer, "" if none
}

// cell decodes one type once, however many goroutines ask.
type cell struct {
	once sync.Once
	typ  *Type
}

// Load returns the schema of a type as published for us-east-1, and whether
// there is one. Custom::Anything is AWS::CloudFormation::CustomResource, and a
// module (Name::Of::MODULE) is the type "Module", which accepts everything.
func Load(typeName string) (*Type, bool) {
	t := embedded().load(canonical(typeName))
	return t, t != nil
}

// LoadIn is Load for a region. Only the types of us-east-1 are kept: the schema
// of another region is decoded on each call.
func LoadIn(typeName, region string) (*Type, bool) {
	if region == Primary {
		return Load(typeName)
	}
	s := embedded()
	e, i := s.resource(typeName, region)
	if e == nil {
		return nil, false
	}
	return s.newType(e, i), true
}

func (s *store) newType(e *entry, i int) *Type {
	v, _ := s.text(e).Any(e.Roots[i].Position)
	typ, err := newType(e.Name, object(v))
	if err != nil {
		// Every type of the embedded store is decoded by the tests.
		panic(fmt.Sprintf("schema: %v", err))
	}
	return typ
}

// Types returns the names of all types of us-east-1, sorted.
func Types() []string { return TypesIn(Primary) }

func (s *store) load(name string) *Type {
	if c, ok := s.types.Load(name); ok {
		return c.(*cell).get(s, name)
	}
	if !isType(name) {
		return nil
	}
	if e := s.find(name); e == nil || s.root(e, Primary) < 0 {
		return nil
	}
	c, _ := s.types.LoadOrStore(name, &cell{})
	return c.(*cell).get(s, name)
}

func (c *cell) get(s *store, name string) *Type {
	c.once.Do(func() {
		e := s.find(name)
		c.typ = s.newType(e, s.root(e, Primary))
	})
	return c.typ
}

func newType(name string, raw map[string]any) (*Type, error) {
	c := &compiler{root: raw, refs: map[string]*Schema{}}
	root, err := c.compile(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Type{
		Name:                  name,
		Raw:                   raw,
		ReadOnly:              texts(raw["readOnlyProperties"]),
		CreateOnly:            texts(raw["createOnlyProperties"]),
		ConditionalCreateOnly: texts(raw["conditionalCreateOnlyProperties"]),
		WriteOnly:             texts(raw["writeOnlyProperties"]),
		Deprecated:            texts(raw["deprecatedProperties"]),
		PrimaryIdentifier:     texts(raw["primaryIdentifier"]),
		Required:              texts(raw["required"]),
		PropertyTransform:     map[string]string{},
		ReplacementStrategy:   "create_then_delete",
		Root:                  root,
	}
	for _, alternative := range list(raw["additionalIdentifiers"]) {
		t.AdditionalIdentifiers = append(t.AdditionalIdentifiers, texts(alternative))
	}
	for pointer, expression := range object(raw["propertyTransform"]) {
		t.PropertyTransform[pointer], _ = expression.(string)
	}
	if s, ok := raw["replacementStrategy"].(string); ok {
		t.ReplacementStrategy = s
	}
	t.Tagging = tagging(raw)
	t.Lifecycle.Status, _ = object(raw["lifecycle"])["status"].(string)
	t.Lifecycle.Date, _ = object(raw["lifecycle"])["date"].(string)
	return t, nil
}

// tagging reads the tagging object, or the older top-level "taggable". The
// defaults are those of the provider definition meta-schema: taggable, with the
// property /properties/Tags.
func tagging(raw map[string]any) Tagging {
	_, hasTags := object(raw["properties"])["Tags"]
	t := Tagging{Taggable: hasTags, OnCreate: hasTags, Updatable: hasTags, SystemTags: hasTags}
	if hasTags {
		t.TagProperty = "/properties/Tags"
	}
	if b, ok := raw["taggable"].(bool); ok && !b {
		return Tagging{}
	}
	o := object(raw["tagging"])
	set := func(dst *bool, key string) {
		if b, ok := o[key].(bool); ok {
			*dst = b
		}
	}
	set(&t.Taggable, "taggable")
	set(&t.OnCreate, "tagOnCreate")
	set(&t.Updatable, "tagUpdatable")
	set(&t.SystemTags, "cloudFormationSystemTags")
	if s, ok := o["tagProperty"].(string); ok {
		t.TagProperty = s
	}
	if !t.Taggable {
		return Tagging{}
	}
	return t
}

// Pointer builds a schema pointer from property names: Pointer("A", "B") is
// "/properties/A/B".
func Pointer(names ...string) string { return "/properties/" + strings.Join(names, "/") }

// Names splits a schema pointer into property names; "*" stays.
func Names(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/properties/"), "/")
	// Nested pointers of some schemas repeat the word: /properties/A/properties/B.
	return slices.DeleteFunc(parts, func(s string) bool { return s == "properties" || s == "items" })
}

// Covers reports whether one of the pointers names the path or something above
// it. A path is a list of property names; list indexes match "*".
func Covers(pointers []string, path ...string) bool {
	return slices.ContainsFunc(pointers, func(p string) bool {
		names := Names(p)
		if len(names) > len(path) {
			return false
		}
		for i, n := range names {
			if n != "*" && n != path[i] {
				return false
			}
		}
		return true
	})
}

// Attributes returns the names that Fn::GetAtt accepts, sorted: every read-only
// property, nested ones joined by ".". CloudFormation also accepts the whole
// object above a nested read-only property.
func (t *Type) Attributes() []string {
	var out []string
	for _, p := range t.ReadOnly {
		names := Names(p)
		if !slices.Contains(names, "*") {
			out = append(out, strings.Join(names, "."))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Property returns the schema at a pointer or at property names joined by "/",
// with references resolved; "*" or a number steps into a list or map.
func (t *Type) Property(pointer string) (*Schema, bool) {
	s := t.Root
	for _, name := range Names(pointer) {
		next, ok := s.Step(name)
		if !ok {
			return nil, false
		}
		s = next
	}
	return s, true
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func list(v any) []any            { l, _ := v.([]any); return l }

func texts(v any) []string {
	var out []string
	for _, e := range list(v) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
