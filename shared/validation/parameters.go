package validation

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/template"
)

const parameterGuide = guide + "parameters-section-structure.html"

var parameterRules = []Rule{
	{ID: "E2001", Severity: Error, Title: "Parameters are configured properly", Link: parameterGuide, Check: both(checkParameters, named("Parameters"))},
	{ID: "E2002", Severity: Error, Title: "Parameters have a known type", Link: parameterGuide, Check: checkParameterTypes},
	{ID: "E2010", Severity: Error, Title: "At most 200 parameters", Link: guide + "cloudformation-limits.html", Check: limited("Parameters", 200)},
	{ID: "E2011", Severity: Error, Title: "Parameter names are at most 255 characters long", Link: guide + "cloudformation-limits.html", Check: shortNames("Parameters")},
	{ID: "E2015", Severity: Error, Title: "Defaults satisfy the parameter's constraints", Link: parameterGuide, Check: checkDefaults},
	{ID: "W2001", Severity: Warning, Title: "Parameters are used", Link: parameterGuide, Check: checkUnusedParameters},
	{ID: "W2010", Severity: Warning, Title: "Secret parameters are not shown in metadata and outputs", Link: parameterGuide, Check: checkShownSecrets},
}

var alphanumeric = regexp.MustCompile(`^[a-zA-Z0-9]+$`)

// The next three rules hold for several sections.

func named(section string) func(*Template) {
	return func(c *Template) {
		for _, name := range c.names(section) {
			if !alphanumeric.MatchString(name) {
				c.reportf(path{section, name}, "the name %q is not alphanumeric", name)
			}
		}
	}
}

func limited(section string, most int) func(*Template) {
	return func(c *Template) {
		if n := len(c.names(section)); n > most {
			c.reportf(path{section}, "%d entries are more than the limit of %d", n, most)
		}
	}
}

func shortNames(section string) func(*Template) {
	return func(c *Template) {
		for _, name := range c.names(section) {
			if utf8.RuneCountInString(name) > 255 {
				c.reportf(path{section, name}, "the name has more than 255 characters")
			}
		}
	}
}

func (c *Template) names(section string) []string {
	switch section {
	case "Parameters":
		return c.Parameters.Names()
	case "Mappings":
		return c.Mappings.Names()
	case "Resources":
		return c.Resources.Names()
	case "Outputs":
		return c.Outputs.Names()
	}
	return nil
}

// parameterKeys lists the properties of a parameter and the kinds of their values.
var parameterKeys = map[string][]template.Kind{
	"AllowedPattern":        {template.String},
	"AllowedValues":         {template.List},
	"ConstraintDescription": {template.String},
	"Default":               {template.String, template.Number, template.Bool, template.List},
	"Description":           {template.String, template.Number, template.Bool},
	"MaxLength":             {template.Number, template.String},
	"MaxValue":              {template.Number, template.String},
	"MinLength":             {template.Number, template.String},
	"MinValue":              {template.Number, template.String},
	"NoEcho":                {template.Bool, template.String},
	"Type":                  {template.String},
}

func checkParameters(c *Template) {
	if n := c.Root.Get("Parameters"); n != nil && !n.IsMap() {
		c.reportf(path{"Parameters"}, "Parameters is an object")
	}
	for name, p := range c.Parameters.All() {
		at := path{"Parameters", name}
		if !p.Node.IsMap() {
			c.reportf(at, "a parameter is an object with at least a Type")
			continue
		}
		if p.Node.Get("Type") == nil {
			c.reportf(at, "the parameter %s has no Type", name)
		}
		for _, e := range p.Node.Entries {
			checkParameterKey(c, at, p, e)
		}
	}
}

func checkParameterKey(c *Template, at path, p *template.Parameter, e template.Entry) {
	kinds, known := parameterKeys[e.Key]
	switch {
	case template.Expands(e.Key):
	case !known:
		c.reportf(at.with(e.Key), "%q is not a property of a parameter", e.Key)
	case p.Type == "Number" && slices.Contains([]string{"MinLength", "MaxLength", "AllowedPattern"}, e.Key),
		p.Type == "String" && slices.Contains([]string{"MinValue", "MaxValue"}, e.Key):
		c.reportf(at.with(e.Key), "%s does not apply to a parameter of type %s", e.Key, p.Type)
	case !slices.Contains(kinds, e.Value.Kind):
		c.reportf(at.with(e.Key), "%s is of type %s", e.Key, e.Value.Kind)
	case kinds[0] == template.Number:
		if _, err := strconv.ParseFloat(e.Value.Text, 64); err != nil {
			c.reportf(at.with(e.Key), "%s is a number", e.Key)
		}
	}
}

// The AWS-specific types of parameters (user guide, "AWS-specific parameter types").
var awsParameterTypes = []string{
	"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
	"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id",
	"AWS::EC2::Volume::Id", "AWS::Route53::HostedZone::Id",
}

func knownParameterType(t string) bool {
	if slices.Contains([]string{"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>", "AWS::SSM::Parameter::Name"}, t) || slices.Contains(awsParameterTypes, t) {
		return true
	}
	if strings.HasPrefix(t, "AWS::SSM::Parameter::Value<") {
		return strings.HasSuffix(t, ">") // what is inside is not checked by CloudFormation
	}
	inner, ok := strings.CutPrefix(t, "List<")
	return ok && slices.Contains(awsParameterTypes, strings.TrimSuffix(inner, ">"))
}

func checkParameterTypes(c *Template) {
	for name, p := range c.Parameters.All() {
		if p.Type != "" && !knownParameterType(p.Type) {
			c.reportf(path{"Parameters", name, "Type"}, "%q is not a type of a parameter", p.Type)
		}
	}
}

func checkDefaults(c *Template) {
	for name, p := range c.Parameters.All() {
		if p.Default == nil || p.Default.IsMap() || strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") {
			continue
		}
		text := p.DefaultText()
		if text == "" && len(p.AllowedValues) == 0 && p.Node.Get("MinLength") == nil {
			continue // an empty default means "not given"
		}
		if reason := p.Violation(text); reason != "" {
			c.reportf(path{"Parameters", name, "Default"}, "the default does not satisfy the parameter's constraints: it %s", reason)
		}
	}
}

// checkUnusedParameters stays silent where a macro may use what the text does not.
func checkUnusedParameters(c *Template) {
	if len(c.Transforms) > 0 || c.Loops {
		return
	}
	used := map[string]bool{}
	for _, r := range template.References(c.Root) {
		used[r.Name] = true
	}
	for name := range c.Parameters.All() {
		if !used[name] && !c.usedByRules(name) {
			c.reportf(path{"Parameters", name}, "the parameter %s is not used", name)
		}
	}
}

// usedByRules reports whether the Rules section names the parameter in one of
// its own functions.
func (c *Template) usedByRules(name string) bool {
	found := false
	c.Root.Get("Rules").Walk(func(n *template.Node) bool {
		fn, arg, ok := n.Call()
		if ok && (fn == "Fn::ValueOf" || fn == "Fn::ValueOfAll") {
			found = found || slices.Contains(arg.Strings(), name)
		}
		return true
	})
	return found
}

// checkShownSecrets finds parameters with NoEcho where their value is shown:
// NoEcho masks nothing in outputs and in the metadata of resources.
func checkShownSecrets(c *Template) {
	for _, f := range c.functions() {
		shown := f.section() == "Outputs" || f.section() == "Resources" && len(f.path) > 2 && f.path[2] == "Metadata"
		if !shown || f.name != "Ref" && f.name != "Fn::Sub" {
			continue
		}
		for _, name := range f.names() {
			if p, ok := c.Parameters.Get(name); ok && p.NoEcho {
				c.reportf(f.path, "the value of %s is shown here, NoEcho does not mask it", name)
			}
		}
	}
}

// names lists what a call of Ref or Fn::Sub itself refers to.
func (f call) names() []string {
	if f.name == "Ref" {
		return f.arg.Strings()
	}
	text, own := f.arg, (*template.Node)(nil)
	if f.arg.IsList() && len(f.arg.Items) == 2 {
		text, own = f.arg.Items[0], f.arg.Items[1]
	}
	var names []string
	for _, part := range template.SubParts(text.Str()) {
		if part.Name != "" && own.Entry(part.Name) == nil {
			names = append(names, part.Name)
		}
	}
	return names
}
