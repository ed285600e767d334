package rules

import (
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// refRules hang on Ref: they look at what a parameter or resource is used for.
func refRules() []check.Rule {
	return []check.Rule{
		{
			ID: "W1011", Severity: check.Warning, Title: "A secret comes from a parameter", Link: guide + "security-best-practices.html#creds",
			Description: "A dynamic reference to Secrets Manager or Parameter Store keeps a secret out of the stack's parameters.",
			Parent:      "E1020", Places: secretProperties,
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.Kind == template.String && v.Parameters[n.Text] != nil && !v.InFunction() {
					v.Fault("a dynamic reference is safer than the parameter %s", n.Text)
				}
			},
		},
		{
			ID: "W2010", Severity: check.Warning, Title: "A hidden parameter is shown", Link: guide + "parameters-section-structure.html",
			Description: "NoEcho does not mask a parameter's value in Metadata and Outputs.",
			Check:       noEchoShown,
		},
		{
			ID: "W2506", Severity: check.Warning, Title: "A parameter for an image has another type", Link: guide + "best-practices.html#parmtypes",
			Description: "A parameter that names an image is of the type AWS::EC2::Image::Id or AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>.",
			Parent:      "E1020", Places: []string{
				"Resources/AWS::AutoScaling::LaunchConfiguration/Properties/ImageId",
				"Resources/AWS::Batch::ComputeEnvironment/Properties/ComputeResources/ImageId",
				"Resources/AWS::Cloud9::EnvironmentEC2/Properties/ImageId",
				"Resources/AWS::EC2::Instance/Properties/ImageId",
				"Resources/AWS::EC2::LaunchTemplate/Properties/LaunchTemplateData/ImageId",
				"Resources/AWS::EC2::SpotFleet/Properties/SpotFleetRequestConfigData/LaunchSpecifications/*/ImageId",
				"Resources/AWS::ImageBuilder::Image/Properties/ImageId",
			},
			Check: imageParameter,
		},
	}
}

// secretProperties are the properties in which CloudFormation resolves secure
// strings of Parameter Store.
var secretProperties = []string{
	"Resources/AWS::DirectoryService::MicrosoftAD/Properties/Password",
	"Resources/AWS::DirectoryService::SimpleAD/Properties/Password",
	"Resources/AWS::ElastiCache::ReplicationGroup/Properties/AuthToken",
	"Resources/AWS::IAM::User/Properties/LoginProfile/Password",
	"Resources/AWS::KinesisFirehose::DeliveryStream/Properties/RedshiftDestinationConfiguration/Password",
	"Resources/AWS::OpsWorks::App/Properties/AppSource/Password",
	"Resources/AWS::OpsWorks::Stack/Properties/RdsDbInstances/*/DbPassword",
	"Resources/AWS::OpsWorks::Stack/Properties/CustomCookbooksSource/Password",
	"Resources/AWS::RDS::DBCluster/Properties/MasterUserPassword",
	"Resources/AWS::RDS::DBInstance/Properties/MasterUserPassword",
	"Resources/AWS::Redshift::Cluster/Properties/MasterUserPassword",
}

var ref = &check.Call{Keyword: js.FnRef, Gives: js.AnyType, Argument: arguments("ref"), Resolved: "W1030", Right: func(v *check.Validator, arg *template.Node) bool {
	return arg.Kind == template.String && v.Referable(arg.Text)
}}

func callRef(v *check.Validator, s *js.Schema, n *template.Node) {
	ref.Check(v, s, n)
	arg := n.Entries[0].Value
	if arg.Kind != template.String {
		return
	}
	if p := v.Parameters[arg.Text]; p != nil {
		wanted := check.Types(s)
		if wanted == 0 {
			return
		}
		scalar, list := parameterType(p.Type)
		if wanted&scalarType == 0 && !list || wanted&scalarType != 0 && !wanted.Has(listType) && !scalar {
			v.Fault("the parameter %s is of type %s, and %s is wanted", arg.Text, p.Type, strings.Join(wanted.Names(), " or "))
			return
		}
	}
	callChild(v, "W2010", arg, s)
	v.CallUnder("E1020", arg, s)
}

// parameterType reports whether a parameter of the type holds one value or a
// list. A type that CloudFormation does not know is neither.
func parameterType(t string) (scalar, list bool) {
	if inner, ok := strings.CutPrefix(t, "AWS::SSM::Parameter::Value<"); ok {
		t = strings.TrimSuffix(inner, ">")
		if t == inner {
			return false, false
		}
	} else if t == "AWS::SSM::Parameter::Name" {
		return true, false
	}
	if inner, ok := strings.CutPrefix(t, "List<"); ok {
		element, closed := strings.CutSuffix(inner, ">")
		return false, closed && element != "AWS::EC2::KeyPair::KeyName" && element != "AWS::SSM::Parameter::Name" && isParameterType(element)
	}
	return isParameterType(t), t == "CommaDelimitedList"
}

func isParameterType(t string) bool {
	switch t {
	case "String", "Number", "AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
		"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id", "AWS::EC2::Volume::Id",
		"AWS::Route53::HostedZone::Id", "AWS::SSM::Parameter::Name":
		return true
	}
	return false
}

func noEchoShown(v *check.Validator, n *template.Node, _ *js.Schema) {
	p, at := v.Parameters[n.Str()], v.Path()
	if p == nil || !p.NoEcho || len(at) == 0 {
		return
	}
	if top := at[0].Key; top == "Metadata" || top == "Outputs" || top == "Resources" && len(at) >= 3 && at[2].Key == "Metadata" {
		v.Fault("NoEcho does not hide the parameter %s here", p.Name).AtKey("Ref")
	}
}

func imageParameter(v *check.Validator, n *template.Node, _ *js.Schema) {
	p := v.Parameters[n.Str()]
	if p == nil || v.InAnyFunction() || p.Type == "AWS::EC2::Image::Id" || p.Type == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>" {
		return
	}
	v.Fault("the parameter %s names an image and is of type %s", p.Name, p.Type).Override = check.Keys("Parameters", p.Name, "Type")
}
