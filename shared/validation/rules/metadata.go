package rules

import (
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// metadataRules are about the Metadata section.
func metadataRules() []check.Rule {
	const link = guide + "metadata-section-structure.html"
	return []check.Rule{
		{ID: "E4001", Severity: check.Error, Title: "The description of the console's form is not built right", Link: guide + "aws-resource-cloudformation-interface.html",
			Description: "AWS::CloudFormation::Interface has ParameterGroups and ParameterLabels.",
			Places:      []string{"Metadata/AWS::CloudFormation::Interface"}, AllMatches: true, Schema: other("metadata/interface")},
		{ID: "E4002", Severity: check.Error, Title: "The metadata have a null or are not an object", Link: link,
			Description: "Metadata is an object without nulls in it.",
			Places:      []string{"Metadata"}, AllMatches: true, Schema: other("metadata/configuration")},
		{ID: "W4001", Severity: check.Warning, Title: "The console's form names an unknown parameter", Link: guide + "aws-resource-cloudformation-interface.html",
			Description: "Groups and labels are of parameters of this template.",
			Places:      []string{"cfnParameter"}, Check: formParameter},
		{ID: "W4005", Severity: check.Warning, Title: "The settings for cfn-lint are not built right", Link: "https://github.com/aws-cloudformation/cfn-lint#template-based-metadata",
			Description: "Metadata.cfn-lint.config has only the settings that cfn-lint knows.",
			Places:      []string{"Metadata/cfn-lint"}, AllMatches: true, Schema: other("metadata/cfn_lint")},
	}
}

func formParameter(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind == template.String && v.Parameters[n.Text] != nil {
		return
	}
	for name := range v.Parameters {
		if check.Among(n, check.Text(name, nil)) {
			return
		}
	}
	v.Fault("%s is not a parameter of this template", check.Excerpt(n))
}
