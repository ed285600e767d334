package rules

import (
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// rootRules are the rules that the walk of every template starts from: the base
// of the template, the resources, and the properties of a resource.
func rootRules() []check.Rule {
	return []check.Rule{
		{
			ID: check.RootRule, Severity: check.Error, Title: "The base of the template is wrong",
			Description: "A template has only the sections that CloudFormation knows, each of the right type, and at least Resources.",
			Link:        guide + "template-anatomy.html",
			Sets: map[js.Keyword]string{
				js.Condition: "E8007", js.DynamicReference: "E1050", js.DynamicReferenceSpaces: "W1053", js.RawPseudoParameter: "W1054",
				js.FnAnd: "E8004", js.FnBase64: "E1021", js.FnCidr: "E1024", js.FnEquals: "E8003", js.FnFindInMap: "E1011", js.FnForEach: "E1032",
				js.FnGetAtt: "E1010", js.FnGetAZs: "E1015", js.FnGetStackOutput: "E1033", js.FnIf: "E1028", js.FnImportValue: "E1016",
				js.FnJoin: "E1022", js.FnLength: "E1030", js.FnNot: "E8005", js.FnOr: "E8006", js.FnSelect: "E1017", js.FnSplit: "E1018",
				js.FnSub: "E1019", js.FnToJSONString: "E1031", js.Format: "E1103", js.FnRef: "E1020", js.CfnLint: "E1101",
			},
		},
		{
			ID: "E3001", Severity: check.Error, Title: "A resource is not built as CloudFormation wants it",
			Description: "A resource has a type and only the attributes that CloudFormation knows.",
			Link:        guide + "resources-section-structure.html",
			Places:      []string{"Resources"}, AllMatches: true,
			Sets:      map[js.Keyword]string{js.MaxProperties: "E3010", js.PropertyNames: "E3011"},
			Overrides: map[js.Keyword]check.Func{js.PatternProperties: callRulesBelow},
			Check:     checkResources,
		},
		{
			ID: "E3002", Severity: check.Error, Title: "A property is not allowed here",
			Description: "The properties of a resource are those that the schema of its type names.",
			Link:        guide + "aws-template-resource-type-ref.html",
			Places:      []string{"Resources/*"}, AllMatches: true,
			Sets: map[js.Keyword]string{
				js.AdditionalProperties: "E3002", js.AnyOf: "E3017", js.Properties: "E3002", js.DependentExcluded: "E3020", js.DependentRequired: "E3021",
				js.Required: "E3003", js.RequiredOr: "E3058", js.RequiredXor: "E3014", js.Enum: "E3030", js.EnumCaseInsensitive: "E3030", js.Type: "E3012",
				js.MinLength: "E3033", js.MaxLength: "E3033", js.UniqueItems: "E3037", js.Maximum: "E3034", js.Minimum: "E3034",
				js.ExclusiveMaximum: "E3034", js.ExclusiveMinimum: "E3034", js.MaxItems: "E3032", js.MinItems: "E3032", js.Pattern: "E3031",
				js.PrefixItems: "E3008", js.OneOf: "E3018", js.CfnLint: "E1101", js.Tagging: "E3024", js.Lifecycle: "E3710",
			},
			Check: checkProperties,
		},
	}
}

// callRulesBelow is patternProperties for the entries of a section: from there
// on the rules of each place are called.
func callRulesBelow(v *check.Validator, s *js.Schema, n *template.Node) {
	v.Scoped(func() {
		v.CallRules(true)
		check.PatternProperties(v, s, n)
	})
}

func checkResources(v *check.Validator, n *template.Node, _ *js.Schema) {
	v.ReportUnder("E3001", n, schema.Other("resources/configuration"))
}

// checkProperties holds the properties of one resource against the schema of
// its type, once for each set of regions that share a schema.
func checkProperties(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.Map {
		return
	}
	if c := n.Get("Condition"); c.IsString() {
		status, ok := v.Conditions.Evolve(c.Text, true)
		if !ok {
			v.Fault("the condition of the resource is never true").By("E3001")
			return
		}
		v.Conditions = status
	}
	v.Allow(js.AllFunctions)
	v.Strict = false
	v.CallRules(true)
	typ := n.Get("Type")
	if !typ.IsString() {
		return
	}
	properties := n.Get("Properties")
	if properties == nil {
		properties = &template.Node{Kind: template.Map, Line: n.Line, Column: n.Column}
	}
	if properties.Kind != template.Map {
		wrong := v.Fault("the properties are not an object").AtKey("Properties").By("E3012")
		wrong.Keyword = js.Type
		return
	}
	if k, name := check.Function(properties); k == js.FnRef && name.Str() == "AWS::NoValue" {
		wrong := v.Fault("the properties are not an object").AtKey("Properties", "Ref").By("E3012")
		wrong.Keyword = js.Type
		return
	}
	path := v.Path().With(check.Key("Properties"))
	r := v.Registry.Rule("E3002")
	v.EachSchema(typ.Text, func(s *js.Schema) {
		v.SetPath(path, "Resources", typ.Text, "Properties")
		v.Claim(r, func() { v.Walk(properties, s) })
	})
}
