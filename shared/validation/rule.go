package validation

import (
	"slices"
	"strings"
)

// Rule is one check of a template. Check reports through the Template it is
// given; the findings get the rule's id and severity.
type Rule struct {
	ID       string
	Severity Severity
	Title    string
	Link     string // documentation
	Check    func(c *Template)
}

const (
	guide = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	fsbp  = "https://docs.aws.amazon.com/securityhub/latest/userguide/"
)

// families are the rules, one file a family.
var families = [][]Rule{
	templateRules, parameterRules, mappingRules, conditionRules, functionRules, resourceRules, schemaRules, outputRules, securityRules,
}

// The findings that no Check reports.
var (
	parseRule = Rule{ID: "E0000", Severity: Error, Title: "The template cannot be parsed", Link: guide + "template-formats.html"}
	noteRule  = Rule{ID: "EK0001", Severity: Info, Title: "A part of the template is left alone", Link: guide + "template-macros.html"}
	limitRule = Rule{ID: "EK0002", Severity: Warning, Title: "Analysis incomplete: the template is too large", Link: guide + "cloudformation-limits.html"}
)

// Rules returns all rules, sorted by id.
func Rules() []Rule {
	rules := []Rule{parseRule, noteRule, limitRule}
	for _, family := range families {
		rules = append(rules, family...)
	}
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}
