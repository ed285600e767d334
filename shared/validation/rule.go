package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation/check"
	"github.com/evenkeel/evenkeel/shared/validation/rules"
)

// Rule describes a check.
type Rule struct {
	ID          string
	Severity    Severity
	Title       string // what is wrong, a few words
	Description string // a sentence or two
	Link        string // documentation
}

const guide = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"

// The findings about a file as a whole.
var (
	parseRule = Rule{ID: "E0000", Severity: Error, Title: "The template cannot be parsed",
		Description: "The file is no YAML or JSON that CloudFormation could read. The message says what stands in the way.",
		Link:        guide + "template-formats.html"}
	transformRule = Rule{ID: "E0001", Severity: Error, Title: "A transform cannot be applied",
		Description: "SAM or the language extensions cannot be applied, so that the rest of the template cannot be checked. Correct what the message names.",
		Link:        guide + "transform-section-structure.html"}
	internalRule = Rule{ID: "E0002", Severity: Error, Title: "The validator itself failed",
		Description: "A fault of the validator, not of the template. Please report it with the template.",
		Link:        "https://github.com/evenkeel/evenkeel/issues"}
	bracesRule = Rule{ID: "EK0008", Severity: Error, Title: "The template begins like JSON and is none",
		Description: "CloudFormation reads a text that begins with a brace as JSON and refuses what is only YAML. Correct the JSON.",
		Link:        guide + "template-formats.html"}
	noteRule = Rule{ID: "EK0001", Severity: Info, Title: "A part of the template is left alone",
		Description: "What a macro, a module, a custom resource or a third-party type does with its input is not known here. Nothing needs to be done.",
		Link:        guide + "template-macros.html"}
	limitRule = Rule{ID: "EK0002", Severity: Warning, Title: "Analysis incomplete: the template is too large",
		Description: "The budget for one template was used up at the place that the finding names; what was found before that stands. Split the template.",
		Link:        guide + "cloudformation-limits.html"}
)

// Rules returns all rules, sorted by id.
func Rules() []Rule {
	all := []Rule{parseRule, transformRule, noteRule, bracesRule, limitRule, expiredRule, unusedRule}
	for _, r := range rules.Registry().Rules() {
		all = append(all, Rule{ID: r.ID, Severity: severityOf(r.Severity), Title: r.Title, Description: r.Description, Link: r.Link})
	}
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func severityOf(s check.Severity) Severity {
	switch s {
	case check.Error:
		return Error
	case check.Warning:
		return Warning
	}
	return Info
}
