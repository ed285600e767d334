package rules

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// sourceRules compare what Ref and Fn::GetAtt give with the format that the place
// wants, as an id of a subnet where that of a security group belongs.
func sourceRules() []check.Rule {
	return []check.Rule{
		{
			ID: "E1040", Severity: check.Error, Title: "An attribute is of another format than its place", Link: guide + "best-practices.html#parmtypes",
			Description: "Where a property wants the id or ARN of one kind of resource, Fn::GetAtt gives it.",
			Parent:      "E1010", Places: []string{"*"}, Check: attributeFormat,
		},
		{
			ID: "E1041", Severity: check.Error, Title: "A Ref is of another format than its place", Link: guide + "best-practices.html#parmtypes",
			Description: "Where a property wants the id or name of one kind of resource, Ref gives it.",
			Parent:      "E1020", Places: []string{"*"}, Check: refFormat,
		},
	}
}

const (
	groupID   = "AWS::EC2::SecurityGroup.Id"
	groupName = "AWS::EC2::SecurityGroup.Name"
)

// currentFormat replaces a name that a format had before.
func currentFormat(format string) string {
	if format == "AWS::EC2::SecurityGroup.GroupId" {
		return groupID
	}
	return format
}

// givesFormat reports whether values of a schema are of a format, nil of none.
func givesFormat(s *js.Schema, format string) bool {
	if s == nil {
		return false
	}
	if s.Format != "" && currentFormat(s.Format) == format {
		return true
	}
	for _, alternative := range s.AnyOf {
		if alternative.Format == format {
			return true
		}
	}
	return false
}

func attributeFormat(v *check.Validator, n *template.Node, s *js.Schema) {
	if s.Format == "" {
		return
	}
	name := partsOf(n)
	r := v.Visible(name.resource.Str())
	if r == nil || name.attribute == nil {
		callFault(v, js.FnGetAtt, "Fn::GetAtt does not name a resource and an attribute")
		return
	}
	switch r.Type {
	case "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack", "AWS::ServiceCatalog::CloudFormationProvisionedProduct":
		return // the template cannot say what they give
	case "AWS::SSM::Parameter":
		if name.attribute.Text == "Value" {
			return
		}
	}
	want := currentFormat(s.Format)
	v.EachSchema(r.Type, func(*js.Schema) {
		gives, ok := attributesOf(v, r).schema(name.attribute.Text)
		if !ok || !name.attribute.IsString() {
			callFault(v, js.FnGetAtt, "%s has no attribute %s", r.Type, name.attribute.Text)
			return
		}
		if !givesFormat(gives, want) {
			v.Fault("%s of %s is not a %s", name.attribute.Text, r.LogicalID, want)
		}
	})
}

func refFormat(v *check.Validator, n *template.Node, s *js.Schema) {
	if v.Parameters[n.Text] != nil {
		return
	}
	r := v.Visible(n.Text)
	if r != nil && (strings.HasSuffix(r.Type, "::MODULE") || r.Type == "AWS::CDK::Metadata") {
		callFault(v, js.FnRef, "Ref of a %s gives nothing", r.Type)
		return
	}
	if r != nil && r.Type == "AWS::EC2::SecurityGroup" {
		if c := r.Node.Get("Condition"); c.IsMap() || c.IsList() {
			callFault(v, js.FnRef, "the condition of %s is not a text", r.LogicalID)
			return
		}
	}
	if s.Format == "" || r == nil || r.Type == "AWS::CloudFormation::CustomResource" {
		return
	}
	want := currentFormat(s.Format)
	v.EachSchema(r.Type, func(*js.Schema) {
		fits := false
		if r.Type == "AWS::EC2::SecurityGroup" {
			fits = want == groupFormat(v, r)
		} else {
			fits = givesFormat(schema.RefOf(r.Type, v.Regions[0]), want)
		}
		if !fits {
			v.Fault("Ref of %s is not a %s", r.LogicalID, want)
		}
	})
}

// groupFormat is what Ref of a security group gives: the id of one in a VPC, else
// the name.
func groupFormat(v *check.Validator, r *check.Resource) string {
	format := groupName
	v.Scoped(func() {
		group := v.ResourceByName(r.LogicalID)
		v.ValuesAt(group.Get("Properties"), []string{"VpcId"}, func(id *template.Node) {
			if id != nil {
				format = groupID
			}
		})
	})
	return format
}
