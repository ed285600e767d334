package rules

import (
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// lifecycleRules are about what the schema says of a whole type: whether its
// service still exists, and how it is tagged.
func lifecycleRules() []check.Rule {
	const (
		closed      = services + "general/latest/gr/full_shutdown_services.html"
		maintenance = services + "general/latest/gr/maintenance_services.html"
	)
	return []check.Rule{
		{ID: "E3024", Severity: check.Error, Title: "The tags are wrong", Link: services + "tag-editor/latest/userguide/tagging.html",
			Description: "The keys of tags are unique, of the right length and without the prefix aws:.",
			Funcs:       map[js.Keyword]check.Func{js.Tagging: tagging}},
		{ID: "E3710", Severity: check.Error, Title: "The service of the resource type has been shut down",
			Description: "The service does not exist any more, so that the resource cannot be created. Remove it.",
			Link:        closed,
			Funcs:       map[js.Keyword]check.Func{js.Lifecycle: lifecycle}},
		{ID: "W3696", Severity: check.Warning, Title: "The service of the resource type will be shut down",
			Description: "The service has announced its end. Plan to leave it.",
			Link:        services + "general/latest/gr/sunset_services.html"},
		{ID: "W3697", Severity: check.Warning, Title: "The service of the resource type is in maintenance",
			Description: "The service gets no new features. Think of another one for new work.",
			Link:        maintenance},
	}
}

func tagging(v *check.Validator, s *js.Schema, n *template.Node) {
	if t := s.Tagging.Get("taggable"); t == nil || !t.True {
		return
	}
	var found []check.Fault
	v.Scoped(func() {
		v.CallRules(false)
		found = v.Collect(func() { v.Walk(n, schema.Other("resources/tagging")) })
	})
	for i := range found {
		found[i].Keyword = js.Tagging
	}
	v.Add(found...)
}

func lifecycle(v *check.Validator, s *js.Schema, _ *template.Node) {
	when := ""
	if date := s.Lifecycle.Get("date").Str(); date != "" {
		when = " (" + date + ")"
	}
	switch s.Lifecycle.Get("status").Str() {
	case "shutdown":
		v.Fault("the service of this resource type has been shut down%s", when).By("E3710")
	case "sunset":
		v.Fault("the service of this resource type will be shut down%s: plan to move to another", when).By("W3696")
	case "maintenance":
		v.Fault("the service of this resource type is in maintenance and gets no new features%s", when).By("W3697")
	}
}
