package rules

import (
	"slices"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// resourceRules are about a resource as a whole: its type, its attributes
// beside Properties, its name.
func resourceRules() []check.Rule {
	const attributes = guide + "aws-product-attribute-reference.html"
	return []check.Rule{
		{ID: "E3006", Severity: check.Error, Title: "The resource type does not exist in the region",
			Description: "CloudFormation has no such resource type in one of the regions that are validated. Check the spelling, or choose other regions.",
			Link:        guide + "aws-template-resource-type-ref.html",
			Places:      []string{"Resources/*"}, Check: resourceType},
		{ID: "E3009", Severity: check.Error, Title: "The metadata for cfn-init is wrong",
			Description: "The configurations and configuration sets of cfn-init have a fixed form. Compare them with the documentation.",
			Link:        guide + "aws-resource-init.html",
			Places:      []string{"Resources/*/Metadata/AWS::CloudFormation::Init"}, AllMatches: true, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Allow(js.AllFunctions)
				v.ReportUnder("E3009", n, schema.Other("resources/cfn_init"))
			}},
		{ID: "E3010", Severity: check.Error, Title: "The template has too many resources",
			Description: "A template has at most 500 resources. Split it into several stacks.",
			Link:        guide + "cloudformation-limits.html",
			Funcs:       map[js.Keyword]check.Func{js.MaxProperties: maxProperties("I3010")}},
		{ID: "E3011", Severity: check.Error, Title: "A logical id is too long",
			Description: "A logical id has at most 255 characters. Choose a shorter one.",
			Link:        guide + "resources-section-structure.html",
			Funcs:       map[js.Keyword]check.Func{js.PropertyNames: propertyNames("I3012")}},
		{ID: "E3015", Severity: check.Error, Title: "The condition of a resource does not exist",
			Description: "A resource names a condition that is not in the section Conditions. Define it, or correct the name.",
			Link:        guide + "conditions-section-structure.html",
			Places:      []string{"Resources/*/Condition"}, AllMatches: true, Check: resourceCondition},
		{ID: "E3016", Severity: check.Error, Title: "The update policy is wrong",
			Description: "The update policy has attributes that do not exist, or that do not go with the type of the resource. Compare it with the documentation.",
			Link:        guide + "aws-attribute-updatepolicy.html",
			Places:      []string{"Resources/*"}, AllMatches: true, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Allow(js.AllFunctions)
				v.Strict = false
				v.Report(v.Registry.Rule("E3016"), func() { v.Walk(n, schema.Other("resources/update_policy")) })
			}},
		{ID: "E3028", Severity: check.Error, Title: "The metadata of a resource is wrong",
			Description: "Parts of the metadata have a form that CloudFormation knows. Correct the part that is named.",
			Link:        guide + "aws-attribute-metadata.html",
			Places:      []string{"Resources/*/Metadata"}, AllMatches: true,
			Overrides: map[js.Keyword]check.Func{js.Properties: withRules(check.Properties), js.AdditionalProperties: withRules(check.AdditionalProperties)},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Allow(js.AllFunctions)
				v.Strict = false
				v.ReportUnder("E3028", n, schema.Other("resources/metadata"))
			}},
		{ID: "E3035", Severity: check.Error, Title: "The deletion policy does not exist",
			Description: "The deletion policy is Delete, Retain or RetainExceptOnCreate, and Snapshot for types that have snapshots. Use one of these.",
			Link:        guide + "aws-attribute-deletionpolicy.html",
			Places:      []string{"Resources/*/DeletionPolicy"}, AllMatches: true, Check: policyCheck("E3035", deletionPolicies, deletionPoliciesWithSnapshot)},
		{ID: "E3036", Severity: check.Error, Title: "The update replace policy does not exist",
			Description: "The update replace policy is Delete or Retain, and Snapshot for types that have snapshots. Use one of these.",
			Link:        guide + "aws-attribute-updatereplacepolicy.html",
			Places:      []string{"Resources/*/UpdateReplacePolicy"}, AllMatches: true, Check: policyCheck("E3036", replacePolicies, replacePoliciesWithSnapshot)},
		{ID: "E3038", Severity: check.Error, Title: "A serverless resource needs the serverless transform",
			Description: "Types AWS::Serverless exist only for the transform AWS::Serverless-2016-10-31. Name the transform in the template.",
			Link:        guide + "transform-aws-serverless.html",
			Places:      []string{"Resources/*/Type"}, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if strings.HasPrefix(n.Str(), "AWS::Serverless::") && !hasServerlessTransform(v.Template) {
					v.Fault("%s needs the transform %s", n.Text, serverless).By("E3038")
				}
			}},
		{ID: "E3055", Severity: check.Error, Title: "The creation policy is wrong",
			Description: "The creation policy has attributes that do not exist, or that do not go with the type of the resource. Compare it with the documentation.",
			Link:        guide + "aws-attribute-creationpolicy.html",
			Places:      []string{"Resources/*/CreationPolicy"}, AllMatches: true, Check: creationPolicy},
		{ID: "E5001", Severity: check.Error, Title: "A module has something that modules may not have",
			Description: "A module has no tags, creation policy or update policy, and its metadata keys are reserved. Remove what the finding names.",
			Link:        guide + "modules.html", Template: modules},
		{ID: "I3010", Severity: check.Info, Title: "The template has nearly too many resources",
			Description: "A template has at most 500 resources. Think of splitting it.",
			Link:        guide + "cloudformation-limits.html"},
		{ID: "I3012", Severity: check.Info, Title: "A logical id is nearly too long",
			Description: "A logical id has at most 255 characters. Think of a shorter one.",
			Link:        guide + "cloudformation-limits.html"},
		{ID: "I3011", Severity: check.Info, Title: "A stateful resource does not say what happens to it when it is deleted or replaced",
			Description: "Without DeletionPolicy and UpdateReplacePolicy the data are deleted with the resource. Say what shall become of them.",
			Link:        attributes,
			Places:      []string{"Resources/*"}, AllMatches: true, Check: statefulPolicies},
		{ID: "W3002", Severity: check.Warning, Title: "A local path works only with the package command",
			Description: "CloudFormation takes objects in S3, not files. Run aws cloudformation package first, or name the object.",
			Link:        services + "cli/latest/reference/cloudformation/package.html",
			Places:      packaged, Check: localPath},
		{ID: "W3011", Severity: check.Warning, Title: "DeletionPolicy and UpdateReplacePolicy protect a resource only together",
			Description: "One of the two policies without the other leaves a way to lose the data. Set both.",
			Link:        attributes,
			Places:      []string{"Resources/*"}, Check: bothPolicies},
		{ID: "W3010", Severity: check.Warning, Title: "An availability zone is written into the template",
			Description: "A zone that is written in makes the template work in one region and may not exist for another account. Use Fn::GetAZs or a parameter.",
			Link:        services + "AWSEC2/latest/UserGuide/using-regions-availability-zones.html",
			Places:      zonePlaces, Check: hardCodedZone},
	}
}

const serverless = "AWS::Serverless-2016-10-31"

func hasServerlessTransform(t *check.Template) bool {
	return t.HasTransform(serverless) || t.Serverless
}

// maxProperties checks how many entries a section has, and warns from 90 % on.
func maxProperties(approaching string) check.Func {
	return func(v *check.Validator, s *js.Schema, n *template.Node) {
		if n.Kind != template.Map {
			return
		}
		switch have := len(n.Entries); {
		case have > s.MaxProperties:
			v.Fault("there are %d entries, at most %d are allowed", have, s.MaxProperties)
		case float64(have) > 0.9*float64(s.MaxProperties):
			v.Fault("there are %d entries, and at most %d are allowed", have, s.MaxProperties).By(approaching)
		}
	}
}

// propertyNames checks how long names are, and warns from 90 % on.
func propertyNames(approaching string) check.Func {
	override := &check.Rule{Overrides: map[js.Keyword]check.Func{js.MaxLength: func(v *check.Validator, s *js.Schema, n *template.Node) {
		switch have := len([]rune(n.Text)); {
		case n.Kind != template.String:
		case have > s.MaxLength:
			v.Fault("the name has %d characters, at most %d are allowed", have, s.MaxLength)
		case float64(have) > 0.9*float64(s.MaxLength) && approaching != "":
			v.Fault("the name has %d characters, and at most %d are allowed", have, s.MaxLength).By(approaching)
		}
	}}}
	return func(v *check.Validator, s *js.Schema, n *template.Node) {
		v.With(override, func() { check.PropertyNames(v, s, n) })
	}
}

// withRules is a keyword below which the rules of each place are called.
func withRules(keyword check.Func) check.Func {
	return func(v *check.Validator, s *js.Schema, n *template.Node) {
		v.Scoped(func() {
			v.CallRules(true)
			keyword(v, s, n)
		})
	}
}

func resourceType(v *check.Validator, n *template.Node, _ *js.Schema) {
	typ := n.Get("Type")
	if !typ.IsString() || strings.HasPrefix(typ.Text, "Custom::") || strings.HasSuffix(typ.Text, "::MODULE") {
		return
	}
	condition := n.Get("Condition")
	for _, region := range v.Regions {
		if condition.IsString() {
			if possible, _ := v.Set.Region(condition.Text, region); !possible {
				continue
			}
		}
		if _, ok := schema.Resource(typ.Text, region); !ok {
			v.Fault("%s does not exist in %s", typ.Text, region).AtKey("Type").By("E3006")
		}
	}
}

func resourceCondition(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.String || slices.ContainsFunc(v.Set.Names(), func(name string) bool { return check.Equal(check.Text(name, nil), n) }) {
		return
	}
	v.Fault("%s is not one of the conditions of this template", check.Excerpt(n))
}

// policyFunctions are the functions that a policy attribute may call.
var policyFunctions = js.Functions(js.FnSub, js.FnSelect, js.FnFindInMap, js.FnIf, js.FnRef)

var (
	deletionPolicies             = literal(`{"type": "string", "enum": ["Delete", "Retain", "RetainExceptOnCreate"]}`)
	deletionPoliciesWithSnapshot = literal(`{"type": "string", "enum": ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"]}`)
	replacePolicies              = literal(`{"type": "string", "enum": ["Delete", "Retain"]}`)
	replacePoliciesWithSnapshot  = literal(`{"type": "string", "enum": ["Delete", "Retain", "Snapshot"]}`)
)

// literal is a schema written here, compiled when it is first needed.
func literal(text string) func() *js.Schema {
	return sync.OnceValue(func() *js.Schema {
		n, err := template.ParseNode("schema.json", []byte(text))
		if err == nil {
			var s *js.Schema
			if s, err = js.Compile(n, "", nil); err == nil {
				return s
			}
		}
		panic("rules: " + err.Error()) // the text is part of the program, and every rule is tested
	})
}

// snapshots are the types whose deletion can leave a snapshot.
var snapshots = map[string]bool{
	"AWS::DocDB::DBCluster": true, "AWS::EC2::Volume": true, "AWS::ElastiCache::CacheCluster": true, "AWS::ElastiCache::ReplicationGroup": true,
	"AWS::Neptune::DBCluster": true, "AWS::RDS::DBCluster": true, "AWS::RDS::DBInstance": true, "AWS::Redshift::Cluster": true,
}

// resourceAt is the resource that the path of the walk is in, nil if there is none.
func resourceAt(v *check.Validator) *check.Resource {
	if path := v.Path(); len(path) > 1 && path[0].Key == "Resources" {
		return v.Resources[path[1].Key]
	}
	return nil
}

func policyCheck(rule string, allowed, withSnapshot func() *js.Schema) func(*check.Validator, *template.Node, *js.Schema) {
	return func(v *check.Validator, n *template.Node, _ *js.Schema) {
		r := resourceAt(v)
		if r == nil {
			return
		}
		s := allowed()
		if snapshots[r.Type] {
			s = withSnapshot()
		}
		v.Allow(policyFunctions)
		v.Report(v.Registry.Rule(rule), func() { v.Walk(n, s) })
	}
}

const signal = `"ResourceSignal": {"additionalProperties": false, "type": "object", "properties": {"Timeout": {"type": "string"}, "Count": {"type": "integer"}}}`

// creationPolicies are the schemas of CreationPolicy by resource type.
var creationPolicies = map[string]func() *js.Schema{
	"AWS::AppStream::Fleet": literal(`{"type": "object", "additionalProperties": false, "properties": {"StartFleet": {"type": "boolean"}}}`),
	"AWS::AutoScaling::AutoScalingGroup": literal(`{"type": "object", "additionalProperties": false, "properties": {
		"AutoScalingCreationPolicy": {"type": "object", "additionalProperties": false, "properties": {"MinSuccessfulInstancesPercent": {"type": "integer"}}}, ` + signal + `}}`),
	"AWS::CloudFormation::WaitCondition": literal(`{"type": "object", "additionalProperties": false, "properties": {` + signal + `}}`),
}

func creationPolicy(v *check.Validator, n *template.Node, _ *js.Schema) {
	r := resourceAt(v)
	if r == nil || creationPolicies[r.Type] == nil {
		return
	}
	v.Allow(policyFunctions)
	v.Strict = false
	v.Report(v.Registry.Rule("E3055"), func() { v.Walk(n, creationPolicies[r.Type]()) })
}

func localPath(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.String || hasServerlessTransform(v.Template) {
		return
	}
	if path := v.Path(); len(path) > 0 && js.AllFunctions.Has(js.Function(path[len(path)-1].Key)) {
		return
	}
	if !strings.HasPrefix(n.Text, "s3://") && !strings.HasPrefix(n.Text, "https://") {
		v.Fault("%s is a local path, which only the package command takes", check.Excerpt(n))
	}
}

func bothPolicies(v *check.Validator, n *template.Node, _ *js.Schema) {
	switch n.Get("Type").Str() {
	case "AWS::Lambda::Version", "AWS::Lambda::LayerVersion":
		return
	}
	v.Against(v.Registry.Rule("W3011"), schema.Other("resources/update_policy_delete"), n)
}

var bothPoliciesSet = literal(`{"required": ["DeletionPolicy", "UpdateReplacePolicy"]}`)

func statefulPolicies(v *check.Validator, n *template.Node, _ *js.Schema) {
	// A bucket, which must be empty before it is deleted, is left out.
	if holdsData, mustBeEmpty := schema.Stateful(n.Get("Type").Str()); holdsData && !mustBeEmpty {
		v.Against(v.Registry.Rule("I3011"), bothPoliciesSet(), n)
	}
}

// modules checks what a resource that is a module may not have.
func modules(t *check.Template, report check.Report) {
	found := false
	for _, e := range entriesOf(t.Root.Get("Resources")) {
		if !slices.ContainsFunc(entriesOf(e.Value), func(a template.Entry) bool { return strings.HasSuffix(a.Value.Str(), "::MODULE") }) {
			continue
		}
		found = true
		at := check.Keys("Resources", e.Key)
		if tags := e.Value.Get("Properties").Get("Tags"); tags != nil && !empty(tags) {
			report("", at.With(check.Key("Properties"), check.Key("Tags")), "a module has no tags")
		}
		for _, policy := range []string{"CreationPolicy", "UpdatePolicy"} {
			if p := e.Value.Get(policy); p != nil && !empty(p) {
				report("", at.With(check.Key(policy)), "a module has no %s", policy)
			}
		}
	}
	if !found {
		return
	}
	for _, e := range entriesOf(t.Root.Get("Resources")) {
		if strings.HasSuffix(e.Value.Get("Type").Str(), "::MODULE") && e.Value.Get("Metadata").Get("AWS::CloudFormation::Module") != nil {
			report("", check.Keys("Resources", e.Key, "Metadata", "AWS::CloudFormation::Module"), "the metadata key AWS::CloudFormation::Module is reserved")
		}
	}
}

func entriesOf(n *template.Node) []template.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

func empty(n *template.Node) bool {
	switch n.Kind {
	case template.Map:
		return len(n.Entries) == 0
	case template.List:
		return len(n.Items) == 0
	case template.String:
		return n.Text == ""
	}
	return n.Kind == template.Null || n.Kind == template.Bool && !n.True || n.Kind == template.Number && n.Float == 0
}

var zonePlaces = []string{
	"Resources/AWS::AutoScaling::AutoScalingGroup/Properties/AvailabilityZones/*",
	"Resources/AWS::DAX::Cluster/Properties/AvailabilityZones/*",
	"Resources/AWS::DMS::ReplicationInstance/Properties/AvailabilityZone",
	"Resources/AWS::EC2::Host/Properties/AvailabilityZone",
	"Resources/AWS::EC2::Instance/Properties/AvailabilityZone",
	"Resources/AWS::EC2::LaunchTemplate/Properties/LaunchTemplateData/Placement/AvailabilityZone",
	"Resources/AWS::EC2::SpotFleet/Properties/SpotFleetRequestConfigData/LaunchSpecifications/*/Placement/AvailabilityZone",
	"Resources/AWS::EC2::SpotFleet/Properties/SpotFleetRequestConfigData/LaunchTemplateConfigs/*/Overrides/*/AvailabilityZone",
	"Resources/AWS::EC2::Subnet/Properties/AvailabilityZone",
	"Resources/AWS::EC2::Volume/Properties/AvailabilityZone",
	"Resources/AWS::ElasticLoadBalancing::LoadBalancer/Properties/AvailabilityZones/*",
	"Resources/AWS::ElasticLoadBalancingV2::TargetGroup/Properties/Targets/*/AvailabilityZone",
	"Resources/AWS::EMR::Cluster/Properties/Instances/Placement/AvailabilityZone",
	"Resources/AWS::Glue::Connection/Properties/ConnectionInput/PhysicalConnectionRequirements/AvailabilityZone",
	"Resources/AWS::OpsWorks::Instance/Properties/AvailabilityZone",
	"Resources/AWS::RDS::DBCluster/Properties/AvailabilityZones/*",
	"Resources/AWS::RDS::DBInstance/Properties/AvailabilityZone",
}

func hardCodedZone(v *check.Validator, n *template.Node, _ *js.Schema) {
	zones := []*template.Node{n}
	if n.Kind == template.List {
		zones = n.Items
	}
	if v.CDK() || slices.ContainsFunc(v.Path(), func(s check.Step) bool { return js.AllFunctions.Has(js.Function(s.Key)) }) {
		return
	}
	for _, z := range zones {
		if z.IsString() && z.Text != "all" {
			v.Fault("%s is a zone of one region and account", check.Excerpt(z)).By("W3010")
		}
	}
}
