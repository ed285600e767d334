package jsonschema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Documents finds other schema documents by the name before the "#" of a
// reference, nil if there is none.
type Documents func(name string) *template.Node

// Compile compiles a schema document, or the part of it at a JSON pointer such
// as "/definitions/Action"; "" is the whole. References resolve within the
// document and, by others (which may be nil), across documents. The error names
// the reference or keyword that is wrong.
func Compile(document *template.Node, pointer string, others Documents) (*Schema, error) {
	c := &compiler{document: document, others: others, refs: map[string]*Schema{}}
	at, err := follow(document, pointer)
	if err != nil {
		return nil, err
	}
	if pointer == "" && at.Kind == template.Map {
		s := &Schema{}
		c.refs["#"] = s
		return s, c.fill(s, at)
	}
	return c.schema(at)
}

type compiler struct {
	document *template.Node
	others   Documents
	refs     map[string]*Schema
}

func (c *compiler) schema(n *template.Node) (*Schema, error) {
	switch n.Kind {
	case template.Bool:
		if n.True {
			return True, nil
		}
		return False, nil
	case template.Map:
		s := &Schema{}
		return s, c.fill(s, n)
	}
	return nil, fmt.Errorf("line %d: a schema is an object or a boolean, not a %s", n.Line, n.Kind)
}

// reference resolves a $ref. The schema is registered before it is filled, so
// that a recursive one ends.
func (c *compiler) reference(ref string) (*Schema, error) {
	if s, ok := c.refs[ref]; ok {
		return s, nil
	}
	name, pointer, _ := strings.Cut(ref, "#")
	if name != "" {
		if c.others == nil || c.others(name) == nil {
			return nil, fmt.Errorf("$ref %q names an unknown document", ref)
		}
		other := &compiler{document: c.others(name), others: c.others, refs: map[string]*Schema{}}
		s, err := other.reference("#" + pointer)
		c.refs[ref] = s
		return s, err
	}
	at, err := follow(c.document, pointer)
	if err != nil {
		return nil, err
	}
	if at.Kind == template.Bool {
		return c.schema(at)
	}
	s := &Schema{}
	c.refs[ref] = s
	return s, c.fill(s, at)
}

func follow(document *template.Node, pointer string) (*template.Node, error) {
	at := document
	if pointer == "" {
		return at, nil
	}
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		if at.IsList() {
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at.Items) {
				return nil, fmt.Errorf("pointer %q leads nowhere", pointer)
			}
			at = at.Items[i]
			continue
		}
		if at = at.Get(name); at == nil {
			return nil, fmt.Errorf("pointer %q leads nowhere", pointer)
		}
	}
	return at, nil
}

// fill sets the fields of s from the object n.
func (c *compiler) fill(s *Schema, n *template.Node) error {
	s.MinContains, s.MaxContains = -1, -1
	for i := range n.Entries {
		e := &n.Entries[i]
		k := KeywordOf(e.Key)
		switch {
		case k != None:
			s.Keywords = append(s.Keywords, k)
			if err := c.keyword(s, k, e.Value); err != nil {
				return fmt.Errorf("%s: %w", e.Key, err)
			}
		case e.Key == "then" || e.Key == "else":
			sub, err := c.schema(e.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", e.Key, err)
			}
			if e.Key == "then" {
				s.Then = sub
			} else {
				s.Else = sub
			}
		case e.Key == "minContains":
			s.MinContains = int(e.Value.Float)
		case e.Key == "maxContains":
			s.MaxContains = int(e.Value.Float)
		case e.Key == "message":
			s.Messages = e.Value
		}
	}
	seal(s)
	return nil
}

func (c *compiler) keyword(s *Schema, k Keyword, v *template.Node) (err error) {
	switch k {
	case Ref:
		s.Ref, err = c.reference(v.Str())
	case AdditionalProperties:
		s.AdditionalProperties, err = c.schema(v)
	case PropertyNames:
		s.PropertyNames, err = c.schema(v)
	case Items:
		s.Items, err = c.schema(v)
	case Contains:
		s.Contains, err = c.schema(v)
	case Not:
		s.Not, err = c.schema(v)
	case If:
		s.If, err = c.schema(v)
	case AllOf:
		s.AllOf, err = c.schemas(v)
	case AnyOf:
		s.AnyOf, err = c.schemas(v)
	case OneOf:
		s.OneOf, err = c.schemas(v)
	case PrefixItems:
		s.PrefixItems, err = c.schemas(v)
	case Properties:
		s.Properties, err = c.properties(v)
	case PatternProperties:
		for _, e := range v.Entries {
			sub, err := c.schema(e.Value)
			if err != nil {
				return err
			}
			s.PatternProperties = append(s.PatternProperties, PatternProperty{NewRegexp(e.Key), sub})
		}
	case Dependencies:
		for _, e := range v.Entries {
			if e.Value.Kind == template.List {
				s.DependencyNames = append(s.DependencyNames, Dependents{e.Key, e.Value.Strings()})
				continue
			}
			sub, err := c.schema(e.Value)
			if err != nil {
				return err
			}
			s.DependencySchemas = append(s.DependencySchemas, Property{e.Key, sub})
		}
	case CfnContext:
		s.Context, err = c.context(v)
	default:
		simple(s, k, v)
	}
	return err
}

func (c *compiler) schemas(v *template.Node) ([]*Schema, error) {
	out := make([]*Schema, len(v.Items))
	for i, item := range v.Items {
		sub, err := c.schema(item)
		if err != nil {
			return nil, err
		}
		out[i] = sub
	}
	return out, nil
}

func (c *compiler) properties(v *template.Node) ([]Property, error) {
	out := make([]Property, 0, len(v.Entries))
	for _, e := range v.Entries {
		sub, err := c.schema(e.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Key, err)
		}
		out = append(out, Property{e.Key, sub})
	}
	return out, nil
}

func (c *compiler) context(v *template.Node) (*Context, error) {
	context := &Context{Schema: True}
	if f := v.Get("functions"); f != nil {
		if ref := f.Get("$ref").Str(); ref != "" {
			_, pointer, _ := strings.Cut(ref, "#")
			target, err := follow(c.document, pointer)
			if err != nil {
				return nil, err
			}
			f = target
		}
		set := FunctionSet(0)
		for _, name := range f.Strings() {
			set |= Functions(Function(name))
		}
		context.Functions = &set
	}
	if p := v.Get("pseudoParameters"); p != nil {
		context.PseudoParameters = map[string]bool{}
		for _, name := range p.Strings() {
			context.PseudoParameters[name] = true
		}
	}
	if r := v.Get("references"); r != nil {
		context.NoResources = true
		for _, name := range r.Strings() {
			context.NoResources = context.NoResources && name != "Resources"
		}
	}
	if inner := v.Get("schema"); inner != nil {
		s, err := c.schema(inner)
		if err != nil {
			return nil, err
		}
		context.Schema = s
	}
	return context, nil
}

// simple sets the keywords whose value is no schema.
func simple(s *Schema, k Keyword, v *template.Node) {
	switch k {
	case Type:
		s.Types = Types(v.Strings()...)
	case Required:
		s.Required = v.Strings()
	case RequiredOr:
		s.RequiredOr = v.Strings()
	case RequiredXor:
		s.RequiredXor = v.Strings()
	case DependentRequired:
		s.DependentRequired = dependents(v)
	case DependentExcluded:
		s.DependentExcluded = dependents(v)
	case Enum, EnumCaseInsensitive:
		s.Enum = v.Items
	case Const:
		s.Const = v
	case Pattern:
		s.Pattern = NewRegexp(v.Text)
	case Format:
		s.Format = v.Text
	case MinLength:
		s.MinLength = int(v.Float)
	case MaxLength:
		s.MaxLength = int(v.Float)
	case MinItems:
		s.MinItems = int(v.Float)
	case MaxItems:
		s.MaxItems = int(v.Float)
	case MaxUniqueItems:
		s.MaxUniqueItems = int(v.Float)
	case MinProperties:
		s.MinProperties = int(v.Float)
	case MaxProperties:
		s.MaxProperties = int(v.Float)
	case Minimum:
		s.Minimum = v.Float
	case Maximum:
		s.Maximum = v.Float
	case ExclusiveMinimum:
		s.ExclusiveMinimum = v.Float
	case ExclusiveMaximum:
		s.ExclusiveMaximum = v.Float
	case MultipleOf:
		s.MultipleOf = v.Float
	case UniqueItems:
		s.UniqueItems = v.True
	case UniqueKeys:
		s.UniqueKeys = v.Strings()
	case CfnLint:
		s.CfnLint = v.Strings()
	case DynamicValidation:
		s.Dynamic = &Dynamic{Transform: v.Get("transformCheck").Str(), Names: v.Get("context").Str(), Path: v.Get("pathCheck").Str()}
	case CfnGather:
		s.Gather = v
	case Tagging:
		s.Tagging = v
	case Lifecycle:
		s.Lifecycle = v
	}
}

func dependents(v *template.Node) []Dependents {
	out := make([]Dependents, 0, len(v.Entries))
	for _, e := range v.Entries {
		out = append(out, Dependents{e.Key, e.Value.Strings()})
	}
	return out
}
