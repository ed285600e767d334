package rules

import (
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// unusedRules find what is declared and not used.
func unusedRules() []check.Rule {
	return []check.Rule{
		{ID: "W2001", Severity: check.Warning, Title: "A parameter is not used", Link: parametersGuide,
			Description: "No Ref and no Fn::Sub names the parameter.", Template: unusedParameters},
		{ID: "W7001", Severity: check.Warning, Title: "A mapping is not used", Link: guide + "mappings-section-structure.html",
			Description: "No Fn::FindInMap names the mapping.", Template: unusedMappings},
		{ID: "W8001", Severity: check.Warning, Title: "A condition is not used", Link: guide + "conditions-section-structure.html",
			Description: "No resource, output, Fn::If or other condition names the condition.", Template: unusedConditions},
	}
}

// usedNames are the names that the functions of a template use.
type usedNames struct {
	refs, subs, mappings, conditions map[string]bool
	openMapping                      bool // the name of a mapping is computed
}

func namesIn(root *template.Node) *usedNames {
	u := &usedNames{refs: map[string]bool{}, subs: map[string]bool{}, mappings: map[string]bool{}, conditions: map[string]bool{}}
	root.Walk(func(n *template.Node) bool {
		for i := range n.Entries {
			u.call(n.Entries[i].Key, n.Entries[i].Value)
		}
		return true
	})
	return u
}

// add notes the name that a text is.
func add(names map[string]bool, n *template.Node) {
	if n.IsString() {
		names[n.Text] = true
	}
}

func (u *usedNames) call(function string, arg *template.Node) {
	switch function {
	case "Ref":
		add(u.refs, arg)
	case "Fn::Sub":
		for _, name := range variables(first(arg).Str()) {
			u.subs[name] = true
		}
	case "Fn::FindInMap":
		u.openMapping = u.openMapping || arg.IsList() && first(arg).IsMap()
		add(u.mappings, first(arg))
	case "Fn::If":
		add(u.conditions, first(arg))
	}
}

// first is the first item of a list, or what is no list itself.
func first(n *template.Node) *template.Node {
	if !n.IsList() {
		return n
	}
	if len(n.Items) == 0 {
		return nil
	}
	return n.Items[0]
}

// variables returns the names in ${…}, without those that ! makes literal.
func variables(text string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(text, "${")
		if !ok {
			return names
		}
		text = rest
		if rest == "" || rest[0] == '!' {
			continue
		}
		// The first character belongs to the name whatever it is.
		_, size := utf8.DecodeRuneInString(rest)
		end := strings.IndexAny(rest[size:], "}\n")
		if end < 0 || rest[size+end] == '\n' {
			continue
		}
		names = append(names, strings.TrimSpace(rest[:size+end]))
		text = rest[size+end+1:]
	}
}

// unusedParameters looks at the template as it is written. A transform may use
// parameters in ways that are not seen.
func unusedParameters(t *check.Template, report check.Report) {
	parameters := entriesOf(t.Root.Get("Parameters"))
	if len(parameters) == 0 || transformed(t) || noNames(t) != "" {
		return
	}
	used := namesIn(t.Before)
	for _, e := range parameters {
		if !used.refs[e.Key] && !used.subs[e.Key] {
			report("", check.Keys("Parameters", e.Key), "the parameter %s is not used", e.Key)
		}
	}
}

// transformed reports whether the template declares any transform.
func transformed(t *check.Template) bool {
	transform := t.Before.Get("Transform")
	return transform != nil && !(transform.IsList() && len(transform.Items) == 0)
}

func unusedMappings(t *check.Template, report check.Report) {
	mappings := entriesOf(t.Root.Get("Mappings"))
	if len(mappings) == 0 || len(mappings) == 1 && mappings[0].Key == "Fn::Transform" {
		return
	}
	used := namesIn(t.Before)
	if used.openMapping || noMappings(t) != "" {
		return
	}
	for _, e := range mappings {
		if !used.mappings[e.Key] {
			report("", check.Keys("Mappings", e.Key), "the mapping %s is not used", e.Key)
		}
	}
}

func unusedConditions(t *check.Template, report check.Report) {
	conditions := t.Root.Get("Conditions")
	if !conditions.IsMap() || len(conditions.Entries) == 0 || noConditions(t) != "" {
		return
	}
	used := namesIn(t.Before).conditions
	conditions.Walk(func(n *template.Node) bool {
		add(used, n.Get("Condition"))
		return true
	})
	for _, e := range entriesOf(t.Root.Get("Resources")) {
		if typ := e.Value.Get("Type"); typ != nil && typ.Kind != template.Null {
			add(used, e.Value.Get("Condition"))
		}
	}
	for _, e := range entriesOf(t.Root.Get("Outputs")) {
		add(used, e.Value.Get("Condition"))
	}
	for _, e := range conditions.Entries {
		if !used[e.Key] {
			report("", check.Keys("Conditions", e.Key), "the condition %s is not used", e.Key)
		}
	}
}
