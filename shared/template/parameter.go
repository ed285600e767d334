package template

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParameterValues gives every parameter its typed value from the texts of a
// deployment: a given value or the default. List types become []any of string,
// Number becomes a float64, every other type a string. A parameter of an SSM
// type names a Systems Manager parameter, which ssm reads; a nil ssm gives
// Unknown. All faults are in one error: unknown names, missing values, and
// values outside the constraints.
func (t *Template) ParameterValues(given map[string]string, ssm func(name string) (string, error)) (map[string]any, error) {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for name := range given {
		if !t.Parameters.Has(name) {
			fault("parameter %s is not in the template", name)
		}
	}
	values := make(map[string]any, t.Parameters.Len())
	for name, p := range t.Parameters.All() {
		text, ok := given[name]
		if !ok && p.Default == nil {
			fault("parameter %s has no value and no default", name)
			continue
		}
		if !ok {
			text = p.DefaultText()
		}
		if err := p.Check(text); err != nil {
			fault("%v", err)
			continue
		}
		if inner, ok := p.ssmType(); ok {
			v, err := fromSSM(inner, text, ssm)
			if err != nil {
				fault("parameter %s: %v", name, err)
			}
			values[name] = v
			continue
		}
		values[name] = convert(p.Type, text)
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, fmt.Errorf("%s", strings.Join(faults, "; "))
	}
	return values, nil
}

func fromSSM(inner, name string, ssm func(string) (string, error)) (any, error) {
	if ssm == nil {
		return Unknown, nil
	}
	text, err := ssm(name)
	if err != nil {
		return nil, err
	}
	return convert(inner, text), nil
}

// DefaultText is the default as text, "" if there is none. A list joins with commas.
func (p *Parameter) DefaultText() string {
	switch {
	case p.Default == nil:
		return ""
	case p.Default.Kind == List:
		return strings.Join(p.Default.Strings(), ",")
	}
	return p.Default.Text
}

// IsList reports whether Ref to the parameter gives a list.
func (p *Parameter) IsList() bool {
	inner, ssm := p.ssmType()
	if !ssm {
		inner = p.Type
	}
	return inner == "CommaDelimitedList" || strings.HasPrefix(inner, "List<")
}

// IsSSM reports whether the value names a Systems Manager parameter.
func (p *Parameter) IsSSM() bool { _, ok := p.ssmType(); return ok }

// Typed is a text as a value of the parameter's type, as ParameterValues gives
// it. For an SSM type the text is what Systems Manager holds.
func (p *Parameter) Typed(text string) any {
	typ, ok := p.ssmType()
	if !ok {
		typ = p.Type
	}
	return convert(typ, text)
}

// ssmType returns the type inside AWS::SSM::Parameter::Value<…>.
func (p *Parameter) ssmType() (string, bool) {
	rest, ok := strings.CutPrefix(p.Type, "AWS::SSM::Parameter::Value<")
	return strings.TrimSuffix(rest, ">"), ok
}

func convert(typ, text string) any {
	switch {
	case typ == "CommaDelimitedList" || strings.HasPrefix(typ, "List<"):
		items := []any{}
		if text == "" {
			return items
		}
		for _, s := range strings.Split(text, ",") {
			items = append(items, strings.TrimSpace(s))
		}
		return items
	case typ == "Number":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return text
}

// Check tests a text against the parameter's type and constraints: Number,
// AllowedValues, AllowedPattern (the whole value must match), MinLength,
// MaxLength, MinValue, MaxValue. The value of a NoEcho parameter is not in the
// message. ConstraintDescription replaces the reason, as in CloudFormation.
func (p *Parameter) Check(text string) error {
	reason := p.Violation(text)
	if reason == "" {
		return nil
	}
	if d := p.Node.Get("ConstraintDescription").Str(); d != "" {
		reason = d
	}
	if p.NoEcho {
		return fmt.Errorf("parameter %s failed to satisfy constraint: %s", p.Name, reason)
	}
	return fmt.Errorf("parameter %s = %q failed to satisfy constraint: %s", p.Name, text, reason)
}

// Violation says which constraint a text breaks ("must be a number"), "" if none.
func (p *Parameter) Violation(text string) string {
	items := []string{text}
	if p.IsList() {
		if _, ssm := p.ssmType(); !ssm {
			items = strings.Split(text, ",")
		}
	}
	whole := slices.Contains(p.AllowedValues, text) // a list may also be allowed as a whole
	for _, item := range items {
		item = strings.TrimSpace(item)
		if p.Type == "Number" || p.Type == "List<Number>" {
			if _, err := strconv.ParseFloat(item, 64); err != nil {
				return "must be a number"
			}
		}
		if len(p.AllowedValues) > 0 && !whole && !slices.Contains(p.AllowedValues, item) {
			return "must be one of " + strings.Join(p.AllowedValues, ", ")
		}
		if pattern := p.Node.Get("AllowedPattern").Str(); pattern != "" {
			if re, err := regexp.Compile(`\A(?:` + pattern + `)\z`); err == nil && !re.MatchString(item) {
				return "must match " + pattern
			}
		}
	}
	return p.outOfRange(text)
}

func (p *Parameter) outOfRange(text string) string {
	length := float64(utf8.RuneCountInString(text))
	if least, ok := p.limit("MinLength"); ok && length < least {
		return "must have at least " + FormatNumber(least) + " characters"
	}
	if most, ok := p.limit("MaxLength"); ok && length > most {
		return "must have at most " + FormatNumber(most) + " characters"
	}
	if p.Type != "Number" {
		return ""
	}
	v, _ := strconv.ParseFloat(text, 64)
	if least, ok := p.limit("MinValue"); ok && v < least {
		return "must be at least " + FormatNumber(least)
	}
	if most, ok := p.limit("MaxValue"); ok && v > most {
		return "must be at most " + FormatNumber(most)
	}
	return ""
}

// limit reads a constraint, which may be written as a number or as text.
func (p *Parameter) limit(name string) (float64, bool) {
	n := p.Node.Get(name)
	if n == nil {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	return f, err == nil
}
