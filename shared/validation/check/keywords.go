package check

import (
	"math"
	"strings"
	"unicode/utf8"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// standardKeywords are the meanings of the keywords before any rule changes one.
func standardKeywords() *[js.Count]Func {
	return &[js.Count]Func{
		js.Ref:                  func(v *Validator, s *js.Schema, n *template.Node) { v.Walk(n, s.Target()) },
		js.AdditionalProperties: AdditionalProperties,
		js.AllOf:                allOf, js.AnyOf: AnyOf, js.OneOf: OneOf, js.Not: not, js.If: ifThenElse,
		js.Const: constant, js.Enum: Enum, js.EnumCaseInsensitive: EnumCaseInsensitive,
		js.Contains: contains, js.Items: items, js.PrefixItems: PrefixItems,
		js.MinItems: MinItems, js.MaxItems: MaxItems, js.MaxUniqueItems: maxUniqueItems,
		js.UniqueItems: UniqueItems, js.UniqueKeys: uniqueKeys,
		js.Dependencies: dependencies, js.DependentRequired: DependentRequired, js.DependentExcluded: DependentExcluded,
		js.Properties: Properties, js.PatternProperties: PatternProperties, js.PropertyNames: PropertyNames,
		js.MinProperties: MinProperties, js.MaxProperties: MaxProperties,
		js.Required: Required, js.RequiredOr: RequiredOr, js.RequiredXor: RequiredXor,
		js.Minimum: Minimum, js.Maximum: Maximum, js.ExclusiveMinimum: ExclusiveMinimum, js.ExclusiveMaximum: ExclusiveMaximum, js.MultipleOf: multipleOf,
		js.MinLength: MinLength, js.MaxLength: MaxLength, js.Pattern: Pattern, js.Format: format,
		js.Type: Type, js.CfnLint: cfnLint, js.CfnContext: cfnContext, js.DynamicValidation: dynamicValidation, js.CfnGather: cfnGather,
		js.FnRef: unknownCall, js.FnBase64: unknownCall, js.FnCidr: unknownCall, js.FnFindInMap: unknownCall, js.FnGetAtt: unknownCall,
		js.FnGetAZs: unknownCall, js.FnImportValue: unknownCall, js.FnJoin: unknownCall, js.FnSelect: unknownCall, js.FnSplit: unknownCall,
		js.FnSub: unknownCall, js.FnTransform: unknownCall, js.FnToJSONString: unknownCall, js.FnLength: unknownCall, js.FnIf: unknownCall,
		js.FnGetStackOutput: unknownCall,
	}
}

// unknownCall stands in for functions that no rule looks at.
func unknownCall(v *Validator, _ *js.Schema, _ *template.Node) {
	if v.Unresolvable {
		v.Unknown()
	}
}

// quoted and listed are values for a message that is only written if it is kept.
type quoted struct{ n *template.Node }

func (q quoted) String() string { return Excerpt(q.n) }

type listed struct{ s *js.Schema }

func (l listed) String() string { return list(l.s.Values()) }

type typeNames js.TypeSet

func (t typeNames) String() string { return strings.Join(js.TypeSet(t).Names(), " or ") }

// Excerpt is a value as messages quote it.
func Excerpt(n *template.Node) string {
	const most = 60
	switch n.Kind {
	case template.Map:
		if k, arg := Function(n); k != js.None && arg.Kind == template.String {
			return k.String() + " " + arg.Text
		}
		return "the object"
	case template.List:
		return "the list"
	case template.Null:
		return "null"
	}
	text, _ := ScalarText(n)
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return "\"" + text + "\""
}

// Type is the keyword type: strictly or with conversion, as the walk is.
func Type(v *Validator, s *js.Schema, n *template.Node) {
	if v.Strict && typeOf(n).Has(s.Types) || !v.Strict && converts(n, s.Types) {
		return
	}
	v.Fault("%s is not of type %s", quoted{n}, typeNames(s.Types))
}

func constant(v *Validator, s *js.Schema, n *template.Node) {
	if !Equal(n, s.Const) {
		v.Fault("%s was expected, not %s", quoted{s.Const}, quoted{n})
	}
}

// Enum is the keyword enum.
func Enum(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.String {
		if has, _ := s.EnumHas(n.Text); has {
			return
		}
	}
	values := s.Values()
	for _, allowed := range values {
		if Among(n, allowed) {
			return
		}
	}
	v.Fault("%s is not one of %s", quoted{n}, listed{s})
}

// Among reports whether a value is the allowed one. A boolean is only itself,
// not the text that spells it.
func Among(n, allowed *template.Node) bool {
	if n.Kind == template.Bool {
		return allowed.Kind == template.Bool && n.True == allowed.True
	}
	return Equal(n, allowed)
}

// EnumCaseInsensitive is the keyword enumCaseInsensitive.
func EnumCaseInsensitive(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.String {
		n = Text(strings.ToLower(n.Text), n)
	}
	values := s.Values()
	for _, allowed := range values {
		if allowed.Kind == template.String {
			allowed = Text(strings.ToLower(allowed.Text), nil)
		}
		if Among(n, allowed) {
			return
		}
	}
	v.Fault("%s is not one of %s, in any case", quoted{n}, listed{s})
}

func list(nodes []*template.Node) string {
	const most = 12
	var parts []string
	for i, n := range nodes {
		if i == most {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, Excerpt(n))
	}
	return strings.Join(parts, ", ")
}

// Minimum is the keyword minimum.
func Minimum(v *Validator, s *js.Schema, n *template.Node) {
	if f, ok := number(n); ok && f < s.Minimum {
		v.Fault("%s is less than the minimum %v", quoted{n}, s.Minimum)
	}
}

// Maximum is the keyword maximum.
func Maximum(v *Validator, s *js.Schema, n *template.Node) {
	if f, ok := number(n); ok && f > s.Maximum {
		v.Fault("%s is greater than the maximum %v", quoted{n}, s.Maximum)
	}
}

// ExclusiveMinimum is the keyword exclusiveMinimum.
func ExclusiveMinimum(v *Validator, s *js.Schema, n *template.Node) {
	if f, ok := number(n); ok && f <= s.ExclusiveMinimum {
		v.Fault("%s is not greater than %v", quoted{n}, s.ExclusiveMinimum)
	}
}

// ExclusiveMaximum is the keyword exclusiveMaximum.
func ExclusiveMaximum(v *Validator, s *js.Schema, n *template.Node) {
	if f, ok := number(n); ok && f >= s.ExclusiveMaximum {
		v.Fault("%s is not less than %v", quoted{n}, s.ExclusiveMaximum)
	}
}

func multipleOf(v *Validator, s *js.Schema, n *template.Node) {
	if f, ok := number(n); ok && s.MultipleOf != 0 && math.Mod(f, s.MultipleOf) != 0 {
		v.Fault("%s is not a multiple of %v", quoted{n}, s.MultipleOf)
	}
}

// MinLength is the keyword minLength, in characters.
func MinLength(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.String && utf8.RuneCountInString(n.Text) < s.MinLength {
		v.Fault("%s is shorter than %d characters", quoted{n}, s.MinLength)
	}
}

// MaxLength is the keyword maxLength, in characters.
func MaxLength(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.String && len(n.Text) > s.MaxLength && utf8.RuneCountInString(n.Text) > s.MaxLength {
		v.Fault("%s is longer than %d characters", quoted{n}, s.MaxLength)
	}
}

// Pattern is the keyword pattern; a number or boolean is matched as JSON writes it.
func Pattern(v *Validator, s *js.Schema, n *template.Node) {
	text, ok := PatternText(n)
	if ok && !s.Pattern.Match(text) {
		v.Fault("%s does not match %q", quoted{n}, s.Pattern)
	}
}

// PatternText is the text that a pattern is matched against: JSON of a number
// or boolean. ok is false for lists, maps and null.
func PatternText(n *template.Node) (text string, ok bool) {
	text, ok = ScalarText(n)
	if n.Kind == template.Bool {
		text = strings.ToLower(text)
	}
	return text, ok
}

func cfnContext(v *Validator, s *js.Schema, n *template.Node) {
	v.Scoped(func() {
		c := s.Context
		if c.Functions != nil {
			v.functions = *c.Functions
		}
		if c.PseudoParameters != nil {
			v.pseudo = c.PseudoParameters
		}
		if c.NoResources {
			v.hideResources = true
		}
		v.Walk(n, c.Schema)
	})
}

func dynamicValidation(v *Validator, s *js.Schema, n *template.Node) {
	d := s.Dynamic
	if d.Transform != "" && !v.HasTransform(d.Transform) {
		v.Fault("the transform %s is needed here, and the template does not have it", d.Transform)
	}
	if d.Path != "" && !strings.HasPrefix(v.path.String(), d.Path) {
		v.Fault("only allowed below %s", d.Path).Keyword = js.Pattern
	}
	known := true
	if d.Names != "" {
		switch {
		case n.Kind == template.Map || n.Kind == template.List || n.Kind == template.Null:
			known = false
		case d.Names == "conditions":
			known = v.Set.Known(n.Text)
		case d.Names == "mappings":
			known = v.Mappings[n.Text] != nil
		case d.Names == "refs":
			known = v.Referable(n.Text)
		}
	}
	if !known {
		v.Fault("%s is not one of the %s of this template", quoted{n}, map[string]string{
			"conditions": "conditions", "mappings": "mappings", "refs": "parameters and resources",
		}[d.Names]).Keyword = js.Enum
	}
}
