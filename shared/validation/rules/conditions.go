package rules

import (
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// conditionFunctions are the functions that make a condition; ruleFunctions
// those that make an assertion of the Rules section.
var (
	conditionFunctions = js.Functions(js.FnAnd, js.FnOr, js.FnNot, js.FnEquals, js.Condition)
	ruleFunctions      = conditionFunctions | js.Functions(js.FnContains, js.FnEachMemberEquals, js.FnEachMemberIn, js.FnRefAll, js.FnValueOf, js.FnValueOfAll)
)

// booleanSchema wants a boolean.
var booleanSchema = literal(`{"type": "boolean"}`)

// conditionRules are about the Conditions section and the functions in it.
func conditionRules() []check.Rule {
	const link = guide + "conditions-section-structure.html"
	return []check.Rule{
		{ID: "E8001", Severity: check.Error, Title: "A condition is not built right", Link: link,
			Description: "A condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not, or refers to another one with Condition.",
			Places:      []string{"Conditions"}, AllMatches: true,
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Allow(conditionFunctions)
				v.HideResources()
				v.Strict = false
				v.Report(v.Registry.Rule("E8001"), func() { v.Walk(n, schema.Other("conditions/conditions")) })
			}},
		{ID: "E8002", Severity: check.Error, Title: "A condition that is used does not exist", Link: link, Description: "Conditions that are used stand in the Conditions section."},
		called("E8003", "Fn::Equals does not have two values", "conditions", js.FnEquals, callEquals),
		called("E8004", "Fn::And does not have two to ten conditions", "conditions", js.FnAnd, plainCall(js.FnAnd, js.Boolean, "and", "")),
		called("E8005", "Fn::Not does not have one condition", "conditions", js.FnNot, plainCall(js.FnNot, js.Boolean, "not", "")),
		called("E8006", "Fn::Or does not have two to ten conditions", "conditions", js.FnOr, plainCall(js.FnOr, js.Boolean, "or", "")),
		called("E8007", "Condition does not name a condition", "conditions", js.Condition, plainCall(js.Condition, js.Boolean, "condition", "")),
		{ID: "W8003", Severity: check.Warning, Title: "Fn::Equals always gives the same", Link: guide + "intrinsic-function-reference-conditions.html",
			Description: "The comparison is between two constants, or between two equal calls."},
	}
}

var equalsCall = &check.Call{Keyword: js.FnEquals, Gives: js.Boolean, Argument: arguments("equals")}

func callEquals(v *check.Validator, s *js.Schema, n *template.Node) {
	arg := n.Entries[0].Value
	if equalsCall.Check(v, s, n) && arg.IsList() && len(arg.Items) == 2 && constant(arg.Items[0], arg.Items[1]) {
		v.Fault("the comparison always gives the same").By("W8003")
	}
}

// constant reports whether a comparison does not depend on anything.
func constant(a, b *template.Node) bool {
	return isScalar(a) && isScalar(b) || identical(a, b)
}

func isScalar(n *template.Node) bool {
	return n.Kind == template.String || n.Kind == template.Number || n.Kind == template.Bool
}

// identical reports whether two values are written the same way.
func identical(a, b *template.Node) bool {
	if a.Kind != b.Kind || a.Text != b.Text || a.True != b.True || len(a.Entries) != len(b.Entries) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Entries {
		if a.Entries[i].Key != b.Entries[i].Key || !identical(a.Entries[i].Value, b.Entries[i].Value) {
			return false
		}
	}
	for i := range a.Items {
		if !identical(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}
