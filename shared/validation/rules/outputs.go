package rules

import (
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// outputFunctions are the functions that an output may call.
var outputFunctions = js.AllFunctions &^ js.Functions(js.FnGetStackOutput)

// textSchema wants a text.
var textSchema = literal(`{"type": ["string"]}`)

// outputRules are about the Outputs section.
func outputRules() []check.Rule {
	const (
		link   = guide + "outputs-section-structure.html"
		limits = guide + "cloudformation-limits.html"
	)
	return []check.Rule{
		{ID: "E6001", Severity: check.Error, Title: "An output is not declared right", Link: link,
			Description: "An output has a Value, and only the attributes that CloudFormation knows.",
			Places:      []string{"Outputs"}, AllMatches: true,
			Sets: map[js.Keyword]string{
				js.PropertyNames: "E6011", js.MaxLength: "E6011", js.Pattern: "E6004", js.Required: "E6002", js.Type: "E6003", js.MaxProperties: "E6010",
			},
			Overrides: map[js.Keyword]check.Func{js.PatternProperties: callRulesBelow},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Strict = false
				v.ReportUnder("E6001", n, schema.Other("outputs/configuration"))
			}},
		{ID: "E6002", Severity: check.Error, Title: "An output has no value", Link: link, Description: "An output needs a Value, an export a Name."},
		{ID: "E6003", Severity: check.Error, Title: "A part of an output has the wrong type", Link: link, Description: "Description and Condition are texts, Export is an object."},
		{ID: "E6004", Severity: check.Error, Title: "The name of an output is not alphanumeric", Link: link, Description: "Names of outputs have only letters and digits."},
		{ID: "E6005", Severity: check.Error, Title: "The condition of an output does not exist", Link: link,
			Description: "An output names a condition of the template.",
			Places:      []string{"Outputs/*/Condition"}, AllMatches: true, Check: resourceCondition},
		{ID: "E6010", Severity: check.Error, Title: "The template has too many outputs", Link: limits, Description: "A template has at most 200 outputs.",
			Funcs: map[js.Keyword]check.Func{js.MaxProperties: maxProperties("I6010")}},
		{ID: "E6011", Severity: check.Error, Title: "The name or description of an output is too long", Link: limits,
			Description: "Names have at most 255 characters, descriptions 1024.",
			Funcs:       map[js.Keyword]check.Func{js.PropertyNames: propertyNames("I6011")}},
		{ID: "E6101", Severity: check.Error, Title: "The value of an output is not a text", Link: link,
			Description: "The value of an output is a text, or a function that gives one.",
			Places:      []string{"Outputs/*"}, Check: outputValue},
		{ID: "E6102", Severity: check.Error, Title: "The name of an export is not a text", Link: link,
			Description: "The name of an export is a text that does not depend on resources.",
			Places:      []string{"Outputs/*/Export/Name"}, AllMatches: true,
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.HideResources()
				v.Allow(outputFunctions)
				v.Report(v.Registry.Rule("E6102"), func() { v.Walk(n, textSchema()) })
			}},
		{ID: "I6010", Severity: check.Info, Title: "The template has nearly too many outputs",
			Description: "A template has at most 200 outputs. Think of splitting it.",
			Link:        limits},
		{ID: "I6011", Severity: check.Info, Title: "The name of an output is nearly too long",
			Description: "The name of an output has at most 255 characters. Think of a shorter one.",
			Link:        limits},
		{ID: "W6001", Severity: check.Warning, Title: "An output passes on an import", Link: link,
			Description: "The value comes from the output of another stack, which can be imported directly.",
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if at := v.Path(); len(at) >= 3 && at[0].Key == "Outputs" && at[2].Key == "Value" {
					v.Fault("the value is an import from another stack").AtKey(n.Entries[0].Key)
				}
			}},
	}
}

// outputValue checks the value of an output under the output's condition. All
// that is wrong with it and not a rule's own is E6101. What cannot be read as an
// output, or never exists, is E6001.
func outputValue(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.Map {
		v.Fault("the output is not an object").By("E6001")
		return
	}
	value := n.Get("Value")
	if value == nil || empty(value) {
		return
	}
	if c := n.Get("Condition"); c != nil && !empty(c) {
		status, ok := v.Conditions.Evolve(c.Str(), true)
		if !ok || c.Kind == template.Map || c.Kind == template.List {
			v.Fault("the condition of the output is never true").By("E6001")
			return
		}
		v.Conditions = status
	}
	v.Allow(outputFunctions)
	v.Strict = false
	found := v.Collect(func() { v.Descend(value, textSchema(), check.Key("Value"), "Value") })
	for i := range found {
		if found[i].Rule == "" {
			found[i].Rule = "E6101"
		}
	}
	v.Add(found...)
}
