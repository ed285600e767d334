package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// identifierRules are about resources that would be the same one.
func identifierRules() []check.Rule {
	return []check.Rule{
		{ID: "E3019", Severity: check.Error, Title: "Two resources have the same primary identifier", Link: guide + "resources-section-structure.html",
			Description: "Resources of one type whose primary identifier is set in the template must differ in it, as far as they can exist together.",
			Template:    primaryIdentifiers},
	}
}

func primaryIdentifiers(t *check.Template, report check.Report) {
	byType := map[string][]*check.Resource{}
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		byType[r.Written] = append(byType[r.Written], r)
	}
	for typ, resources := range byType {
		if len(resources) < 2 {
			continue
		}
		if names := identifierNames(typ, t.Options.Regions[0]); len(names) > 0 {
			sameIdentifiers(t, resources, names, report)
		}
	}
}

// identifierNames are the properties that identify a resource of the type, none
// if the service sets one of them or one is nested.
func identifierNames(typ, region string) []string {
	if typ == "AWS::CodeBuild::Project" {
		return []string{"Name"} // its schema names the id that the service gives
	}
	readOnly := schema.ReadOnly(typ, region)
	var names []string
	for _, pointer := range schema.PrimaryIdentifier(typ, region) {
		name := strings.TrimPrefix(pointer, "/properties/")
		if slices.Contains(readOnly, pointer) || strings.Contains(name, "/") {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// identity is a set of identifying values and the resources that have them.
type identity struct {
	scenario condition.Scenario
	values   []*template.Node
	ids      []string
}

func sameIdentifiers(t *check.Template, resources []*check.Resource, names []string, report check.Report) {
	var seen []*identity
	for _, r := range resources {
		properties := r.Node.Get("Properties")
		if properties == nil {
			continue
		}
		for _, object := range t.Set.Objects(properties) {
			scenario := slices.Clone(object.Scenario)
			if r.Condition != "" {
				scenario = assume(scenario, r.Condition)
			}
			values := valuesOf(object.Node, names)
			if values == nil {
				continue
			}
			if !joins(t, seen, &identity{scenario, values, []string{r.LogicalID}}) {
				seen = append(seen, &identity{scenario, values, []string{r.LogicalID}})
			}
		}
	}
	for _, s := range seen {
		if len(s.ids) < 2 {
			continue
		}
		for _, id := range s.ids {
			at := check.Keys("Resources", id, "Properties")
			if len(names) == 1 {
				at = at.With(check.Key(names[0]))
			}
			report("", at, "the resources %s have the same %s", some(s.ids), strings.Join(names, " and "))
		}
	}
}

// some lists the first of many names.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func assume(scenario condition.Scenario, name string) condition.Scenario {
	scenario = slices.DeleteFunc(scenario, func(a condition.Assumption) bool { return a.Name == name })
	return append(scenario, condition.Assumption{Name: name, Value: true})
}

func valuesOf(n *template.Node, names []string) []*template.Node {
	if !n.IsMap() {
		return nil
	}
	values := make([]*template.Node, len(names))
	for i, name := range names {
		if values[i] = n.Get(name); values[i] == nil {
			return nil
		}
	}
	return values
}

// joins adds a resource to the identities that it shares, as far as both can
// exist. It reports whether one of them exists in the very same scenario.
func joins(t *check.Template, seen []*identity, own *identity) bool {
	same := false
	for _, s := range seen {
		if !slices.EqualFunc(s.values, own.values, check.Equal) {
			continue
		}
		merged, ok := merge(s.scenario, own.scenario)
		if !ok {
			continue
		}
		if len(merged) > 0 && len(t.Set.Scenarios(wanted(merged)...)) == 0 {
			continue
		}
		if !slices.Contains(s.ids, own.ids[0]) {
			s.ids = append(s.ids, own.ids[0])
		}
		same = same || len(merged) == 0 || equalScenarios(s.scenario, own.scenario)
	}
	return same
}

func merge(a, b condition.Scenario) (condition.Scenario, bool) {
	out := slices.Clone(a)
	for _, x := range b {
		if value, known := a.Get(x.Name); known {
			if value != x.Value {
				return nil, false
			}
			continue
		}
		out = append(out, x)
	}
	return out, true
}

func wanted(scenario condition.Scenario) []condition.Wanted {
	out := make([]condition.Wanted, len(scenario))
	for i, a := range scenario {
		out[i] = condition.Wanted{Name: a.Name, True: a.Value, False: !a.Value}
	}
	return out
}

func equalScenarios(a, b condition.Scenario) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if value, known := b.Get(x.Name); !known || value != x.Value {
			return false
		}
	}
	return true
}
