package rules

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

const parametersGuide = guide + "parameters-section-structure.html"

// parameterRules are about the Parameters section.
func parameterRules() []check.Rule {
	const limits = guide + "cloudformation-limits.html"
	return []check.Rule{
		{ID: "E2001", Severity: check.Error, Title: "A parameter is not declared right", Link: parametersGuide,
			Description: "A parameter has a type and only the attributes that CloudFormation knows for that type.",
			Places:      []string{"Parameters"}, AllMatches: true,
			// The keyword enum only holds the names of attributes.
			Sets:      map[js.Keyword]string{js.MaxLength: "E2011", js.MaxProperties: "E2010", js.MinProperties: "E2010", js.Pattern: "E2003"},
			Overrides: map[js.Keyword]check.Func{js.PatternProperties: callRulesBelow},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Strict = false
				v.ReportUnder("E2001", n, schema.Other("parameters/configuration"))
			}},
		{ID: "E2002", Severity: check.Error, Title: "The type of a parameter does not exist", Link: parametersGuide,
			Description: "The type is one of those that CloudFormation knows.",
			Places:      []string{"Parameters/*/Type"},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.Kind == template.String && !knownParameterType(n.Text) && !genericParameterType(n.Text) {
					v.Fault("%s is not a type of parameters", check.Excerpt(n))
				}
			}},
		{ID: "E2003", Severity: check.Error, Title: "The name of a parameter is not alphanumeric", Link: parametersGuide,
			Description: "Names of parameters have only letters and digits."},
		{ID: "E2010", Severity: check.Error, Title: "The template has too many parameters", Link: limits,
			Description: "A template has at most 200 parameters.",
			Funcs:       map[js.Keyword]check.Func{js.MaxProperties: maxProperties("I2010")}},
		{ID: "I2010", Severity: check.Info, Title: "The template has nearly too many parameters",
			Description: "A template has at most 200 parameters. Think of splitting it.",
			Link:        limits},
		{ID: "E2011", Severity: check.Error, Title: "A name or value of a parameter is too long", Link: limits,
			Description: "Names have at most 255 characters, values 4096, descriptions 4000."},
		{ID: "I2011", Severity: check.Info, Title: "The name of a parameter is nearly too long",
			Description: "The name of a parameter has at most 255 characters. Think of a shorter one.",
			Link:        limits},
		{ID: "E2015", Severity: check.Error, Title: "The default of a parameter breaks its constraints", Link: parametersGuide,
			Description: "The default obeys AllowedValues, AllowedPattern and the limits of value and length.",
			Template:    defaults},
		{ID: "I2003", Severity: check.Info, Title: "AllowedPattern may not be a regular expression", Link: parametersGuide,
			Description: "The pattern cannot be compiled here; CloudFormation uses Java's regular expressions.",
			Places:      []string{"Parameters/*/AllowedPattern"},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.Kind == template.String && !regularExpression(n.Text) {
					v.Fault("%s is not a regular expression", check.Excerpt(n))
				}
			}},
		{ID: "W2002", Severity: check.Warning, Title: "CloudFormation does not check the type of a parameter", Link: guide + "cloudformation-supplied-parameter-types.html",
			Description: "CloudFormation takes any List<> and AWS::SSM::Parameter::Value<>, but checks values only of documented types.",
			Places:      []string{"Parameters/*/Type"},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.Kind == template.String && genericParameterType(n.Text) && !knownParameterType(n.Text) {
					v.Fault("%s is not a documented type", check.Excerpt(n))
				}
			}},
	}
}

// possessive turns quantifiers that never give back into those that do.
var possessive = strings.NewReplacer("*+", "*", "++", "+", "?+", "?", "}+", "}")

func regularExpression(text string) bool {
	return len(text) > maxPattern || js.NewRegexp(text).Valid() || js.NewRegexp(possessive.Replace(text)).Valid()
}

// awsTypes are the types of AWS that parameters, lists and Systems Manager
// parameters can have.
var awsTypes = []string{
	"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::SecurityGroup::GroupName",
	"AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id", "AWS::EC2::Volume::Id", "AWS::Route53::HostedZone::Id", "Number", "String",
}

// singleTypes are those that no list has.
var singleTypes = []string{"AWS::EC2::KeyPair::KeyName", "AWS::SSM::Parameter::Name"}

func inside(text, prefix string) (inner string, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	return strings.TrimSuffix(rest, ">"), ok && strings.HasSuffix(rest, ">")
}

func knownParameterType(text string) bool {
	if stored, ok := inside(text, "AWS::SSM::Parameter::Value<"); ok {
		text = stored
	}
	return slices.Contains(awsTypes, text) || slices.Contains(singleTypes, text) || listParameterType(text)
}

// listParameterType reports whether the values of a type are documented lists.
func listParameterType(text string) bool {
	if stored, ok := inside(text, "AWS::SSM::Parameter::Value<"); ok {
		text = stored
	}
	inner, ok := inside(text, "List<")
	return text == "CommaDelimitedList" || ok && slices.Contains(awsTypes, inner)
}

func genericParameterType(text string) bool {
	return strings.HasPrefix(text, "AWS::SSM::Parameter::Value<") || strings.HasPrefix(text, "List<")
}

// defaults checks each default; that of a list as a whole if one of its parts
// is not allowed.
func defaults(t *check.Template, report check.Report) {
	if noDefaults(t) != "" {
		return
	}
	patterns := &allowedPatterns{}
	for _, e := range entriesOf(t.Root.Get("Parameters")) {
		typ, value := e.Value.Get("Type"), e.Value.Get("Default")
		if !typ.IsString() || value == nil || value.Kind == template.Null {
			continue
		}
		if listParameterType(typ.Text) && !slices.ContainsFunc(strings.Split(scalarText(value), ","), func(part string) bool {
			return patterns.breaks(e.Value, check.Text(strings.TrimSpace(part), value)) != ""
		}) {
			continue
		}
		if why := patterns.breaks(e.Value, value); why != "" {
			report("", check.Keys("Parameters", e.Key, "Default"), "the default %s", why)
		}
	}
}

// noDefaults says why defaults cannot be compared with constraints.
func noDefaults(t *check.Template) string {
	for _, e := range entriesOf(t.Root.Get("Parameters")) {
		pattern, value := e.Value.Get("AllowedPattern"), e.Value.Get("Default")
		if value != nil && value.Kind != template.Null && e.Value.Get("Type").IsString() && pattern != nil && !pattern.IsString() && !falsy(pattern) {
			return "AllowedPattern of " + e.Key + " is not a text"
		}
	}
	return ""
}

// scalarText is a value as Python prints it.
func scalarText(n *template.Node) string {
	text, _ := check.ScalarText(n)
	return text
}

// allowedPatterns matches the patterns of a template's parameters. Once one took
// too long, every value counts as matching: the time of a template is bounded.
type allowedPatterns struct {
	source   string
	compiled *js.Regexp // of source
	slow     bool
}

// maxPattern is the longest pattern that is matched, in bytes.
const maxPattern = 4096

func (a *allowedPatterns) match(pattern, text string) bool {
	if a.slow || len(pattern) > maxPattern {
		return true
	}
	if a.compiled == nil || a.source != pattern {
		a.source, a.compiled = pattern, js.NewRegexp(`\A(?:`+pattern+`)`)
	}
	ok, inTime := a.compiled.MatchInTime(text)
	a.slow = !inTime
	return ok
}

// breaks says which constraint of a parameter a value breaks, "" if none.
// Numbers are compared only if both are written as whole numbers.
func (a *allowedPatterns) breaks(parameter, value *template.Node) string {
	if p := parameter.Get("AllowedPattern"); p.Str() != "" && !a.match(p.Text, scalarText(value)) {
		return "does not match AllowedPattern"
	}
	if n, least, ok := wholes(value, parameter.Get("MinValue")); ok && least != 0 && n < least {
		return "is less than MinValue"
	}
	if n, most, ok := wholes(value, parameter.Get("MaxValue")); ok && n > most {
		return "is greater than MaxValue"
	}
	allowed := parameter.Get("AllowedValues")
	if allowed.Str() != "" && value.IsString() && !strings.Contains(allowed.Text, value.Text) { // as cfn-lint reads a text for a list
		return "is not in AllowedValues"
	}
	if allowed.IsMap() && len(allowed.Entries) > 0 && allowed.Get(scalarText(value)) == nil {
		return "is not in AllowedValues"
	}
	if allowed.IsList() && len(allowed.Items) > 0 && !slices.ContainsFunc(allowed.Items, func(a *template.Node) bool {
		return same(a, value)
	}) {
		return "is not in AllowedValues"
	}
	length := float64(utf8.RuneCountInString(scalarText(value)))
	if least, ok := whole(parameter.Get("MinLength")); ok && length < least {
		return "is shorter than MinLength"
	}
	if most, ok := whole(parameter.Get("MaxLength")); ok && length > most {
		return "is longer than MaxLength"
	}
	return ""
}

// whole is the value of a whole number; booleans count as 0 and 1.
func whole(n *template.Node) (float64, bool) {
	switch {
	case n == nil:
		return 0, false
	case n.Kind == template.Bool && n.True:
		return 1, true
	case n.Kind == template.Bool:
		return 0, true
	}
	return n.Float, n.Kind == template.Number && n.Form == template.FormInteger
}

func wholes(a, b *template.Node) (x, y float64, ok bool) {
	x, okx := whole(a)
	y, oky := whole(b)
	return x, y, okx && oky
}

// same compares as Python does: 1, 1.0 and true are one value, "1" another.
func same(a, b *template.Node) bool {
	x, okx := numeric(a)
	y, oky := numeric(b)
	if okx || oky {
		return okx && oky && x == y
	}
	return a.Kind == b.Kind && check.Equal(a, b) && a.Text == b.Text
}

func numeric(n *template.Node) (float64, bool) {
	if n.Kind == template.Number {
		return n.Float, true
	}
	return whole(n)
}
