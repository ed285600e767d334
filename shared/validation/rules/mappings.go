package rules

import (
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// mappingRules are about the Mappings section.
func mappingRules() []check.Rule {
	const (
		link   = guide + "mappings-section-structure.html"
		limits = guide + "cloudformation-limits.html"
	)
	return []check.Rule{
		{ID: "E7001", Severity: check.Error, Title: "A mapping is not built right", Link: link,
			Description: "A mapping has two levels of keys, and texts, numbers, booleans or lists as values.",
			Places:      []string{"Mappings"}, AllMatches: true,
			Sets: map[js.Keyword]string{js.MaxProperties: "E7010", js.MaxLength: "E7002"},
			Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Strict = false
				v.ReportUnder("E7001", n, schema.Other("mappings/configuration"))
			}},
		{ID: "E7002", Severity: check.Error, Title: "The name of a mapping is too long", Link: limits, Description: "Names in mappings have at most 255 characters."},
		{ID: "E7010", Severity: check.Error, Title: "A mapping has too many keys", Link: limits, Description: "A mapping has at most 200 keys on each level.",
			Funcs: map[js.Keyword]check.Func{js.MaxProperties: maxProperties("I7010")}},
		{ID: "I7002", Severity: check.Info, Title: "The name of a mapping is nearly too long",
			Description: "The name of a mapping has at most 255 characters. Think of a shorter one.",
			Link:        limits},
		{ID: "I7010", Severity: check.Info, Title: "A mapping has nearly too many keys",
			Description: "A mapping has at most 200 keys. Think of splitting it.",
			Link:        limits},
	}
}
