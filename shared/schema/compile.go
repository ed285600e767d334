package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Schema is one node of a compiled schema: the keywords of JSON Schema draft 7
// that the provider schemas use, and AWS's and cfn-lint's additions. References
// are resolved; recursive types give cyclic graphs.
type Schema struct {
	Types                []string // "string", "object"…; empty allows every type
	Properties           map[string]*Schema
	PatternProperties    []PatternProperty
	Closed               bool    // additionalProperties: false
	Additional           *Schema // schema of additional properties, nil if unconstrained
	Required             []string
	Enum                 []any
	EnumCaseInsensitive  []string
	Const                any
	HasConst             bool
	Pattern              *Pattern
	MinLength, MaxLength *int
	Minimum, Maximum     *float64
	ExclusiveMinimum     *float64
	ExclusiveMaximum     *float64
	MultipleOf           *float64
	MinItems, MaxItems   *int
	MinProperties        *int
	MaxProperties        *int
	UniqueItems          bool
	UniqueKeys           []string // list items are unique by these keys
	Ordered              bool     // insertionOrder: the order of a list has a meaning (default true)
	OrderGiven           bool     // the schema says insertionOrder itself
	AttributeList        bool     // arrayType: AttributeList
	Items                *Schema
	PrefixItems          []*Schema
	AllOf, AnyOf, OneOf  []*Schema
	If, Then, Else, Not  *Schema
	RequiredXor          []string            // exactly one of these
	RequiredOr           []string            // at least one of these
	DependentRequired    map[string][]string // if the key is set, these must be
	DependentExcluded    map[string][]string // if the key is set, these must not be
	Format               string
	Default              any
	HasDefault           bool
	RelatedTypes         []string // types that this value refers to (relationshipRef)
}

// PatternProperty constrains the properties whose names match.
type PatternProperty struct {
	Pattern *Pattern
	Schema  *Schema
}

// Step returns the schema of a property, of list items ("*" or a number) or of
// map values.
func (s *Schema) Step(name string) (*Schema, bool) {
	if p, ok := s.Properties[name]; ok {
		return p, true
	}
	if s.Items != nil && (name == "*" || strings.Trim(name, "0123456789") == "") {
		return s.Items, true
	}
	for _, p := range s.PatternProperties {
		if name == "*" || p.Pattern.Match(name) {
			return p.Schema, true
		}
	}
	if s.Additional != nil {
		return s.Additional, true
	}
	for _, alternatives := range [][]*Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, a := range alternatives {
			if p, ok := a.Step(name); ok {
				return p, true
			}
		}
	}
	return nil, false
}

// Allows reports whether a type is among those allowed. A node without a type
// allows every type.
func (s *Schema) Allows(typ string) bool { return len(s.Types) == 0 || slices.Contains(s.Types, typ) }

type compiler struct {
	root map[string]any
	refs map[string]*Schema
}

func (c *compiler) compile(v any) (*Schema, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return &Schema{Ordered: true}, nil // true: everything is allowed
	}
	if ref, ok := m["$ref"].(string); ok {
		target, err := c.resolve(ref)
		if err != nil || len(m) == 1 {
			return target, err
		}
		// Keywords beside a $ref apply together with it.
		own := &Schema{Ordered: true, AllOf: []*Schema{target}}
		if err := c.fill(own, m); err != nil {
			return nil, err
		}
		own.inherit(target)
		return own, nil
	}
	s := &Schema{Ordered: true}
	return s, c.fill(s, m)
}

// inherit makes what a referenced schema holds visible in a schema that only
// adds keywords to it, so that walking it works without looking into AllOf.
func (s *Schema) inherit(target *Schema) {
	if len(s.Types) == 0 {
		s.Types = target.Types
	}
	if s.Properties == nil {
		s.Properties = target.Properties
	}
	if s.Items == nil {
		s.Items = target.Items
	}
	s.Ordered, s.OrderGiven = s.Ordered && target.Ordered, s.OrderGiven || target.OrderGiven
}

// resolve follows "#/definitions/Name" and "#/properties/Name". The node is
// registered before it is filled, so that a recursive type ends.
func (c *compiler) resolve(ref string) (*Schema, error) {
	if s, ok := c.refs[ref]; ok {
		return s, nil
	}
	rest, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("$ref %q is not local", ref)
	}
	var at any = c.root
	for _, name := range strings.Split(rest, "/") {
		at, ok = object(at)[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
		if !ok {
			return nil, fmt.Errorf("$ref %q leads nowhere", ref)
		}
	}
	s := &Schema{Ordered: true}
	c.refs[ref] = s
	target := object(at)
	if _, chained := target["$ref"]; chained {
		next, err := c.compile(target)
		if err != nil {
			return nil, err
		}
		*s = *next
		return s, nil
	}
	return s, c.fill(s, target)
}

func (c *compiler) fill(s *Schema, m map[string]any) error {
	s.Types = oneOrMany(m["type"])
	s.Required = texts(m["required"])
	s.Enum = list(m["enum"])
	s.EnumCaseInsensitive = texts(m["enumCaseInsensitive"])
	s.Const, s.HasConst = m["const"]
	s.Default, s.HasDefault = m["default"]
	s.MinLength, s.MaxLength = whole(m["minLength"]), whole(m["maxLength"])
	s.Minimum, s.Maximum = number(m["minimum"]), number(m["maximum"])
	s.ExclusiveMinimum, s.ExclusiveMaximum = number(m["exclusiveMinimum"]), number(m["exclusiveMaximum"])
	s.MultipleOf = number(m["multipleOf"])
	s.MinItems, s.MaxItems = whole(m["minItems"]), whole(m["maxItems"])
	s.MinProperties, s.MaxProperties = whole(m["minProperties"]), whole(m["maxProperties"])
	s.UniqueItems, _ = m["uniqueItems"].(bool)
	s.UniqueKeys = texts(m["uniqueKeys"])
	s.AttributeList = m["arrayType"] == "AttributeList"
	s.RequiredXor, s.RequiredOr = texts(m["requiredXor"]), texts(m["requiredOr"])
	s.Format, _ = m["format"].(string)
	if ordered, ok := m["insertionOrder"].(bool); ok {
		s.Ordered, s.OrderGiven = ordered, true
	}
	if p, ok := m["pattern"].(string); ok {
		s.Pattern = NewPattern(p)
	}
	if name, ok := object(m["relationshipRef"])["typeName"].(string); ok {
		s.RelatedTypes = append(s.RelatedTypes, name)
	}
	s.DependentExcluded = dependents(m["dependentExcluded"])
	s.DependentRequired = dependents(m["dependentRequired"])
	for k, v := range dependents(m["dependencies"]) {
		if s.DependentRequired == nil {
			s.DependentRequired = map[string][]string{}
		}
		s.DependentRequired[k] = v
	}
	return c.fillSchemas(s, m)
}

func (c *compiler) fillSchemas(s *Schema, m map[string]any) (err error) {
	if props, ok := m["properties"].(map[string]any); ok {
		s.Properties = make(map[string]*Schema, len(props))
		for name, v := range props {
			if s.Properties[name], err = c.compile(v); err != nil {
				return err
			}
		}
	}
	patterns := object(m["patternProperties"])
	for _, p := range sortedKeys(patterns) {
		sub, err := c.compile(patterns[p])
		if err != nil {
			return err
		}
		s.PatternProperties = append(s.PatternProperties, PatternProperty{NewPattern(p), sub})
	}
	switch a := m["additionalProperties"].(type) {
	case bool:
		s.Closed = !a
	case map[string]any:
		if s.Additional, err = c.compile(a); err != nil {
			return err
		}
	}
	for _, sub := range [...]struct {
		key string
		dst **Schema
	}{{"items", &s.Items}, {"if", &s.If}, {"then", &s.Then}, {"else", &s.Else}, {"not", &s.Not}} {
		if v, ok := m[sub.key].(map[string]any); ok {
			if *sub.dst, err = c.compile(v); err != nil {
				return err
			}
		}
	}
	for _, sub := range [...]struct {
		key string
		dst *[]*Schema
	}{{"allOf", &s.AllOf}, {"anyOf", &s.AnyOf}, {"oneOf", &s.OneOf}, {"prefixItems", &s.PrefixItems}} {
		for _, v := range list(m[sub.key]) {
			alternative, err := c.compile(v)
			if err != nil {
				return err
			}
			*sub.dst = append(*sub.dst, alternative)
		}
	}
	return nil
}

func oneOrMany(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	return texts(v)
}

func number(v any) *float64 {
	if f, ok := v.(float64); ok {
		return &f
	}
	return nil
}

func whole(v any) *int {
	if f, ok := v.(float64); ok {
		n := int(f)
		return &n
	}
	return nil
}

func dependents(v any) map[string][]string {
	m := object(v)
	if len(m) == 0 {
		return nil
	}
	out := make(map[string][]string, len(m))
	for k, names := range m {
		out[k] = texts(names)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
