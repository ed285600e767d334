package rules

import (
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// assertionRules are about the Rules section.
func assertionRules() []check.Rule {
	const link = guide + "rules-section-structure.html"
	return []check.Rule{
		{ID: "E1700", Severity: check.Error, Title: "A rule is not built right", Link: link,
			Description: "A rule has assertions and perhaps a condition.",
			Places:      []string{"Rules"}, AllMatches: true,
			Overrides: map[js.Keyword]check.Func{js.PatternProperties: callRulesBelow},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Strict = false
				v.ReportUnder("E1700", n, schema.Other("rules/configuration"))
			}},
		{ID: "E1701", Severity: check.Error, Title: "An assertion is not built right", Link: link,
			Description: "An assertion is made of the functions for conditions and rules.",
			Places:      []string{"Rules/*/Assertions/*/Assert"}, AllMatches: true, Check: assertion("E1701")},
		{ID: "E1702", Severity: check.Error, Title: "The condition of a rule is not built right", Link: link,
			Description: "The condition of a rule is made of the functions for conditions and rules.",
			Places:      []string{"Rules/*/RuleCondition"}, AllMatches: true, Check: assertion("E1702")},
	}
}

func assertion(id string) func(*check.Validator, *template.Node, *js.Schema) {
	return func(v *check.Validator, n *template.Node, _ *js.Schema) {
		v.Allow(ruleFunctions)
		v.Report(v.Registry.Rule(id), func() { v.Walk(n, booleanSchema()) })
	}
}
