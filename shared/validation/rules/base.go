package rules

import (
	"unicode/utf8"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// maxBody is the size of a template's text in bytes that CloudFormation takes
// from S3.
const maxBody = 1_000_000

// baseRules are about the template as a whole: its size, description and
// transforms.
func baseRules() []check.Rule {
	const limits = guide + "cloudformation-limits.html"
	return []check.Rule{
		{ID: "E1002", Severity: check.Error, Title: "The template is too large", Link: limits,
			Description: "CloudFormation takes at most 1,000,000 bytes.",
			Template: func(t *check.Template, report check.Report) {
				if t.Size > maxBody {
					report("", check.Keys("Template"), "the template has %d bytes, at most %d are allowed", t.Size, maxBody)
				}
			}},
		{ID: "I1002", Severity: check.Info, Title: "The template is nearly too large", Link: limits,
			Description: "The template has more than 90 % of the bytes that CloudFormation takes.",
			Template: func(t *check.Template, report check.Report) {
				if 10*t.Size > 9*maxBody && t.Size <= maxBody {
					report("", check.Keys("Template"), "the template has %d bytes, and at most %d are allowed", t.Size, maxBody)
				}
			}},
		{ID: "E1003", Severity: check.Error, Title: "The description is too long", Link: limits,
			Description: "The description of a template has at most 1024 characters.",
			Funcs:       map[js.Keyword]check.Func{js.MaxLength: descriptionLength}},
		{ID: "I1003", Severity: check.Info, Title: "The description is nearly too long", Link: limits,
			Description: "The description has more than 90 % of the characters that are allowed."},
		{ID: "E1004", Severity: check.Error, Title: "The description is not a text", Link: guide + "template-description-structure.html",
			Description: "The description of a template is a plain text without functions.",
			Places:      []string{"Description"}, AllMatches: true, Schema: other("template/description"),
			Sets: map[js.Keyword]string{js.MaxLength: "E1003"}},
		{ID: "E1005", Severity: check.Error, Title: "The transforms are not declared right", Link: guide + "transform-section-structure.html",
			Description: "Transform is the name of a macro, or a list of names or of objects with Name and Parameters.",
			Places:      []string{"Transform"}, AllMatches: true, Schema: other("transforms/configuration")},
		{ID: "W1100", Severity: check.Warning, Title: "A YAML merge key needs the package command", Link: services + "cli/latest/reference/cloudformation/package.html",
			Description: "CloudFormation does not merge maps (<<); the package command of the AWS CLI resolves it.",
			Template:    mergeKeys},
	}
}

func descriptionLength(v *check.Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.String {
		return
	}
	switch have := utf8.RuneCountInString(n.Text); {
	case have > s.MaxLength:
		v.Fault("the description has %d characters, at most %d are allowed", have, s.MaxLength)
	case 10*have > 9*s.MaxLength:
		v.Fault("the description has %d characters, and at most %d are allowed", have, s.MaxLength).By("I1003")
	}
}

// mergeKeys reports every map that uses a merge key. What an alias repeats is
// reported where it is repeated, too.
func mergeKeys(t *check.Template, report check.Report) {
	left := maxVisited
	eachNode(t.Root, nil, func(n *template.Node, at check.Path) bool {
		if n.Merged {
			report("", at.With(), "the map is merged from another one")
		}
		left--
		return left > 0
	})
}

// maxVisited bounds how many nodes a rule looks at that does not need them all.
const maxVisited = 1_000_000

// eachNode calls visit for n and everything in it, parents first, in the order
// of the text, until visit returns false. The path is valid during the call.
func eachNode(n *template.Node, at check.Path, visit func(*template.Node, check.Path) bool) bool {
	if at == nil {
		at = make(check.Path, 0, roomy)
	}
	if n == nil {
		return true
	}
	if !visit(n, at) {
		return false
	}
	for i := range n.Entries {
		if !eachNode(n.Entries[i].Value, append(at, check.Key(n.Entries[i].Key)), visit) {
			return false
		}
	}
	for i, item := range n.Items {
		if !eachNode(item, append(at, check.Index(i)), visit) {
			return false
		}
	}
	return true
}
