package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// schemaRules report what the resource provider schemas say against a
// resource's properties. One walk finds all; each rule takes its keywords.
var schemaRules = []Rule{
	bySchema("E1150", "Ids of security groups have their form", "format:AWS::EC2::SecurityGroup.Id"),
	bySchema("E1151", "Ids of VPCs have their form", "format:AWS::EC2::VPC.Id"),
	bySchema("E1152", "Ids of images have their form", "format:AWS::EC2::Image.Id"),
	bySchema("E1154", "Ids of subnets have their form", "format:AWS::EC2::Subnet.Id"),
	bySchema("E1156", "ARNs of roles have their form", "format:AWS::IAM::Role.Arn"),
	bySchema("E3002", "Resource properties are invalid", "additionalProperties"),
	bySchema("E3003", "Required resource properties are missing", "required"),
	propertyTypes(bySchema("E3012", "Resource property values have the right type", "type")),
	bySchema("E3014", "Exactly one of a set of properties is required", "requiredXor"),
	bySchema("E3017", "Properties fit at least one of the allowed forms", "anyOf"),
	bySchema("E3018", "Properties fit exactly one of the allowed forms", "oneOf"),
	bySchema("E3020", "Properties that exclude each other", "dependentExcluded"),
	bySchema("E3021", "Properties that need each other", "dependentRequired"),
	bySchema("E3030", "Values are among those allowed", "enum", "enumCaseInsensitive", "const"),
	bySchema("E3031", "Values match the pattern of the property", "pattern"),
	bySchema("E3032", "Lists have an allowed number of items", "minItems", "maxItems", "minProperties", "maxProperties"),
	bySchema("E3033", "Strings have an allowed length", "minLength", "maxLength"),
	bySchema("E3034", "Numbers are in the allowed range", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
	bySchema("E3037", "Lists have no duplicate items", "uniqueItems"),
	bySchema("E3040", "Read-only properties are not given", schema.ReadOnlyKeyword),
	bySchema("E3058", "At least one of a set of properties is required", "requiredOr"),
}

func bySchema(id, title string, keywords ...string) Rule {
	return Rule{ID: id, Severity: Error, Title: title, Link: guide + "aws-template-resource-type-ref.html", Check: func(c *Template) {
		for id, r := range c.Resources.All() {
			for _, v := range c.schemaViolations(r) {
				if !slices.Contains(keywords, v.Keyword) {
					continue
				}
				p := path{"Resources", id}
				if r.Properties != nil {
					p = append(p, "Properties")
				}
				c.reportf(c.through(p, v), "%s", message(v))
			}
		}
	}}
}

// propertyTypes adds to a rule that Properties itself is an object.
func propertyTypes(r Rule) Rule {
	r.Check = both(r.Check, func(c *Template) {
		for id, r := range c.Resources.All() {
			if n := r.Node.Get("Properties"); n != nil && !n.IsMap() && n.Kind != template.Null {
				c.reportf(path{"Resources", id, "Properties"}, "Properties is an object, not of type %s", n.Kind)
			}
		}
	})
	return r
}

func message(v schema.Violation) string {
	if len(v.Path) == 0 || strings.HasPrefix(v.Message, "the property") || strings.Contains(v.Keyword, "equired") {
		return v.Message
	}
	return v.Path[len(v.Path)-1] + " " + v.Message
}

// schemaViolations checks the properties of a resource once.
func (c *Template) schemaViolations(r *template.Resource) []schema.Violation {
	if found, ok := c.violations[r.LogicalID]; ok {
		return found
	}
	c.violations[r.LogicalID] = nil
	typ, ok := schema.Load(r.Type)
	if !ok || r.Node.Get("Fn::Transform") != nil || c.work > maxWork {
		return nil
	}
	n := r.Properties
	if n == nil {
		if raw := r.Node.Get("Properties"); raw != nil && raw.Kind != template.Null {
			return nil // not an object: E3001 says so
		}
		n = &template.Node{Kind: template.Map, Line: r.Line, Column: r.Column}
	}
	found, steps, complete := typ.CheckWithin(wrap(n), maxWork-c.work)
	c.work += steps
	if !complete {
		c.stop(path{"Resources"})
	}
	if c.hasTransform(serverless) {
		// The transform may still change names and identifiers.
		found = slices.DeleteFunc(found, func(v schema.Violation) bool { return strings.HasPrefix(v.Keyword, "format:") })
	}
	found = slices.DeleteFunc(found, func(v schema.Violation) bool { return packaged(r.Type, v) })
	c.violations[r.LogicalID] = found
	return found
}

// through adds the violation's path to p, with the steps into Fn::If that the
// schema does not see, so that the position is that of the faulty branch.
func (c *Template) through(p path, v schema.Violation) path {
	at := c.Root
	for _, name := range p {
		at = at.Get(name)
	}
	for _, name := range v.Path {
		p, at = branch(p, at, name, v.Value)
		p = append(p, name)
		at = step(at, name)
	}
	if !aboutKey[v.Keyword] {
		p = inside(p, at, v.Value)
	}
	return p
}

// aboutKey lists the keywords that find fault with a property's being there,
// not with its value.
var aboutKey = map[string]bool{"additionalProperties": true, schema.ReadOnlyKeyword: true, "dependentExcluded": true, "requiredXor": true}

// inside follows Fn::If to the branch that is the faulty value itself.
func inside(p path, n *template.Node, target schema.Value) path {
	call, arg, ok := n.Call()
	if !ok || call != "Fn::If" || !arg.IsList() || len(arg.Items) != 3 || schema.Value(wrap(n)) == target {
		return p
	}
	for i := 1; i <= 2; i++ {
		if holds(arg.Items[i], target) {
			return inside(p.with("Fn::If", digits(i)), arg.Items[i], target)
		}
	}
	return p
}

// packagedProperties take a local path until `aws cloudformation package` puts
// a location in S3 in its place (CLI reference, "cloudformation package").
var packagedProperties = map[string][]string{
	"AWS::ApiGateway::RestApi":                  {"BodyS3Location"},
	"AWS::Lambda::Function":                     {"Code"},
	"AWS::Lambda::LayerVersion":                 {"Content"},
	"AWS::ElasticBeanstalk::ApplicationVersion": {"SourceBundle"},
	"AWS::StepFunctions::StateMachine":          {"DefinitionS3Location"},
	"AWS::AppSync::GraphQLSchema":               {"DefinitionS3Location"},
	"AWS::AppSync::Resolver":                    {"RequestMappingTemplateS3Location", "ResponseMappingTemplateS3Location"},
	"AWS::AppSync::FunctionConfiguration":       {"RequestMappingTemplateS3Location", "ResponseMappingTemplateS3Location"},
	"AWS::CloudFormation::Stack":                {"TemplateURL"},
	"AWS::CodeCommit::Repository":               {"Code/S3"},
}

func packaged(typeName string, v schema.Violation) bool {
	return v.Keyword == "type" && v.Value.Kind() == schema.StringValue &&
		slices.Contains(packagedProperties[typeName], strings.Join(v.Path, "/"))
}

// branch follows Fn::If until a node that has the name, preferring the branch
// that holds the faulty value.
func branch(p path, n *template.Node, name string, target schema.Value) (path, *template.Node) {
	for {
		call, arg, ok := n.Call()
		if !ok || call != "Fn::If" || !arg.IsList() || len(arg.Items) != 3 {
			return p, n
		}
		i := 1
		if !holds(arg.Items[1], target) || step(arg.Items[1], name) == nil {
			i = 2
		}
		p = append(p, "Fn::If", [...]string{"", "1", "2"}[i])
		n = arg.Items[i]
	}
}

func holds(n *template.Node, target schema.Value) bool {
	found := false
	n.Walk(func(n *template.Node) bool {
		found = found || schema.Value(wrap(n)) == target
		return !found
	})
	return found
}

func step(n *template.Node, name string) *template.Node {
	switch {
	case n.IsMap():
		return n.Get(name)
	case n.IsList():
		if i, ok := index(name); ok && i < len(n.Items) {
			return n.Items[i]
		}
	}
	return nil
}
