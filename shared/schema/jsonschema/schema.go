// Package jsonschema is the compiled form of a JSON Schema as CloudFormation's
// provider schemas and cfn-lint's own schemas use it: every keyword decoded,
// every reference resolved, ready to be walked together with a template.
// It says what a schema demands; package check says what a template makes of it.
package jsonschema

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// TypeSet is a set of JSON types.
type TypeSet uint8

// The types. Date exists only so that a schema can allow it.
const (
	Array TypeSet = 1 << iota
	Boolean
	Integer
	Number
	Object
	String
	Null
	Date

	// AnyType is the types that a value without a constraint may have.
	AnyType = Array | Boolean | Integer | Number | Object | String
)

var typeNames = [...]string{"array", "boolean", "integer", "number", "object", "string", "null", "date"}

// Types returns the set of the named types; unknown names are left out.
func Types(names ...string) TypeSet {
	var set TypeSet
	for _, name := range names {
		for i, n := range typeNames {
			if n == name {
				set |= 1 << i
			}
		}
	}
	return set
}

// Has reports whether the sets have a type in common.
func (t TypeSet) Has(u TypeSet) bool { return t&u != 0 }

// Names returns the names of the types, sorted.
func (t TypeSet) Names() []string {
	names := make([]string, 0, bits.OnesCount8(uint8(t)))
	for i, n := range typeNames {
		if t&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// FunctionSet is a set of intrinsic functions.
type FunctionSet uint64

// Functions returns the set of the functions.
func Functions(keywords ...Keyword) FunctionSet {
	var set FunctionSet
	for _, k := range keywords {
		if k.IsFunction() {
			set |= 1 << (k - FnRef)
		}
	}
	return set
}

// Has reports whether the function is in the set.
func (f FunctionSet) Has(k Keyword) bool { return k.IsFunction() && f&(1<<(k-FnRef)) != 0 }

// AllFunctions is what a resource property may call.
var AllFunctions = Functions(FnBase64, FnCidr, FnContains, FnFindInMap, FnGetAtt, FnGetAZs, FnGetStackOutput, FnIf, FnImportValue,
	FnJoin, FnLength, FnSelect, FnSplit, FnSub, FnToJSONString, FnTransform, FnRef)

// Verdict is what a boolean schema says of every value.
type Verdict uint8

// The verdicts. Most schemas are objects and depend on the value.
const (
	Depends Verdict = iota
	Accept          // the schema true
	Reject          // the schema false
)

// Schema is one schema. It is shared and never changed once compiled. A nil
// sub-schema means that the keyword is absent. The fields of the embedded
// structs are those of rarer keywords.
type Schema struct {
	Verdict     Verdict
	Types       TypeSet
	constrained bool
	sorted      bool      // Properties are sorted by name
	Keywords    []Keyword // those present, in the order of the text

	Properties           []Property
	PatternProperties    []PatternProperty
	AdditionalProperties *Schema
	Items                *Schema
	Required             []string

	*demands
	*limits
	*branches
	*notes

	ref      *reference
	values   *enumeration
	standard *Schema
	group    []Keyword
}

// demands are the keywords on which properties and items there are.
type demands struct {
	RequiredOr, RequiredXor              []string
	DependentRequired, DependentExcluded []Dependents
	DependencySchemas                    []Property // the schemas of "dependencies"; its lists are in DependencyNames
	DependencyNames                      []Dependents
	MinItems, MaxItems, MaxUniqueItems   int
	MinProperties, MaxProperties         int
	UniqueItems                          bool
	UniqueKeys                           []string
}

// limits are the keywords on texts and numbers.
type limits struct {
	Const                              *template.Node
	Pattern                            *Regexp
	Format                             string
	MinLength, MaxLength               int
	Minimum, Maximum                   float64
	ExclusiveMinimum, ExclusiveMaximum float64
	MultipleOf                         float64
}

// branches are the keywords that combine schemas.
type branches struct {
	AllOf, AnyOf, OneOf []*Schema
	If, Then, Else, Not *Schema
}

// notes are the keywords that few schemas have.
type notes struct {
	PropertyNames *Schema
	PrefixItems   []*Schema
	Contains      *Schema
	MinContains   int // -1 when absent
	MaxContains   int

	CfnLint   []string // rule places named by the schema itself
	Context   *Context
	Dynamic   *Dynamic
	Gather    *template.Node // cfnGather as it stands
	Tagging   *template.Node // tagging as it stands
	Lifecycle *template.Node // lifecycle as it stands
	Messages  *template.Node // texts by keyword that replace ours
}

// What a schema has without any keyword of the group.
var (
	noDemands  = &demands{}
	noLimits   = &limits{}
	noBranches = &branches{}
	noNotes    = &notes{MinContains: -1, MaxContains: -1}
)

// Property is the schema of a named property.
type Property struct {
	Name   string
	Schema *Schema
}

// PatternProperty is the schema of the properties whose names match.
type PatternProperty struct {
	Pattern *Regexp
	Schema  *Schema
}

// Dependents are the properties that a property demands or excludes.
type Dependents struct {
	Name  string
	Names []string
}

// Context is cfnContext: a schema for which other functions and references are
// allowed than around it.
type Context struct {
	Functions        *FunctionSet    // nil leaves them as they are
	PseudoParameters map[string]bool // nil leaves them as they are
	NoResources      bool            // no resource may be referenced
	Schema           *Schema
}

// Dynamic is dynamicValidation: a demand on the template around the value.
type Dynamic struct {
	Transform string // the template must have this transform
	Names     string // "conditions", "mappings" or "refs": the value must be one of their names
	Path      string // the path of the value must begin with this
}

// True and False are the boolean schemas.
var (
	True  = bare(Schema{Verdict: Accept})
	False = bare(Schema{Verdict: Reject})
)

// bare returns a schema with none of the rarer keywords.
func bare(s Schema) *Schema {
	s.demands, s.limits, s.branches, s.notes = noDemands, noLimits, noBranches, noNotes
	return &s
}

// OfType returns a schema that demands one of the types and nothing else.
func OfType(types TypeSet) *Schema {
	return seal(bare(Schema{Keywords: []Keyword{Type}, Types: types}), &slabs{})
}

// Property returns the schema of a property, nil if the schema names none.
func (s *Schema) Property(name string) *Schema {
	if s.sorted {
		i, ok := slices.BinarySearchFunc(s.Properties, name, func(p Property, name string) int { return strings.Compare(p.Name, name) })
		if !ok {
			return nil
		}
		return s.Properties[i].Schema
	}
	for i := range s.Properties {
		if s.Properties[i].Name == name {
			return s.Properties[i].Schema
		}
	}
	return nil
}

// Has reports whether the keyword is present.
func (s *Schema) Has(k Keyword) bool {
	for _, have := range s.Keywords {
		if have == k {
			return true
		}
	}
	return false
}

// Target returns the schema that $ref names, nil without $ref. It is decoded
// when it is first asked for.
func (s *Schema) Target() *Schema {
	if s.ref == nil {
		return nil
	}
	return s.ref.schema()
}

// Values returns the values of enum or enumCaseInsensitive.
func (s *Schema) Values() []*template.Node {
	if s.values == nil {
		return nil
	}
	return s.values.all()
}

// EnumHas reports whether enum has a string among its values, and whether all
// values are strings, so that no other value can be among them.
func (s *Schema) EnumHas(text string) (has, stringsOnly bool) {
	if s.values == nil {
		return false, true
	}
	return s.values.has(text)
}

// Standard is the schema without the keywords of Group, which look at which
// properties or items a value has and therefore are tested for each scenario of
// the conditions in the value. An object or list without a schema for what is
// in it gets one that accepts everything, so that the walk goes on into it.
func (s *Schema) Standard() *Schema { return s.standard }

// Group returns the keywords that Standard leaves out.
func (s *Schema) Group() []Keyword { return s.group }

// Constrained reports whether the schema, or one for what is in a value, has a
// keyword that looks at more than types: only then is it worth resolving what a
// function call gives.
func (s *Schema) Constrained() bool { return s.constrained }

func constrains(s *Schema) bool {
	for _, k := range s.Keywords {
		switch k {
		case Ref, Enum, Const, Pattern, MinLength, MaxLength, Minimum, Maximum, ExclusiveMinimum, ExclusiveMaximum, MultipleOf,
			Format, AllOf, AnyOf, OneOf, Not, If:
			return true
		}
	}
	for _, p := range s.Properties {
		if p.Schema.constrained {
			return true
		}
	}
	for _, p := range s.PatternProperties {
		if p.Schema.constrained {
			return true
		}
	}
	return s.Items != nil && s.Items.constrained || s.AdditionalProperties != nil && s.AdditionalProperties.constrained
}

// grouped are the keywords that depend on which properties or items are there.
func grouped(k Keyword) bool {
	switch k {
	case Dependencies, DependentExcluded, DependentRequired, If, MaxItems, MaxProperties, MinItems, MinProperties, Required, RequiredOr, RequiredXor, UniqueItems:
		return true
	}
	return false
}

// anything is the schema of what is in an object or list whose schema does not
// say. It applies to itself at every depth.
var anything = func() *Schema {
	s := bare(Schema{Types: AnyType, Keywords: []Keyword{Type}})
	standard := bare(Schema{
		Types: AnyType, Keywords: []Keyword{Type, PatternProperties, Items},
		PatternProperties: []PatternProperty{{Pattern: NewRegexp(".*"), Schema: s}}, Items: s,
	})
	s.standard, standard.standard = standard, standard
	return s
}()

// empty is the schema without any keyword.
var empty = func() *Schema {
	s := bare(Schema{})
	s.standard = s
	return s
}()

// seal computes what is derived from the keywords. Every Schema is sealed once,
// after its fields are set and before it is used.
func seal(s *Schema, free *slabs) *Schema {
	s.sorted = len(s.Properties) > 8 && slices.IsSortedFunc(s.Properties, func(a, b Property) int { return strings.Compare(a.Name, b.Name) })
	s.constrained = constrains(s)
	inObject := s.Types.Has(Object) && !s.Has(Properties) && !s.Has(AdditionalProperties) && !s.Has(PatternProperties)
	inList := s.Types.Has(Array) && !s.Has(Items)
	if !inObject && !inList && !slices.ContainsFunc(s.Keywords, grouped) {
		s.standard = s
		return s
	}
	if !inObject && !inList && !slices.ContainsFunc(s.Keywords, func(k Keyword) bool { return !grouped(k) }) {
		s.standard, s.group = empty, s.Keywords
		return s
	}
	standard := free.schemas.one()
	*standard = *s
	all := free.keywords.room(len(s.Keywords) + 2)
	for _, k := range s.Keywords {
		if !grouped(k) {
			all = append(all, k)
		}
	}
	rest := len(all)
	if inObject {
		standard.PatternProperties = anything.standard.PatternProperties
		all = append(all, PatternProperties)
	}
	if inList {
		standard.Items = anything
		all = append(all, Items)
	}
	standard.Keywords = all
	if rest < len(s.Keywords) {
		s.group = free.keywords.room(len(s.Keywords) - rest)
		for _, k := range s.Keywords {
			if grouped(k) {
				s.group = append(s.group, k)
			}
		}
	}
	s.standard = standard
	standard.standard = standard
	return s
}
