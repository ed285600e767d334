package rules

import (
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// relationRules is the rule for references to resources that may not exist.
func relationRules() []check.Rule {
	return []check.Rule{{
		ID: "W1001", Severity: check.Warning, Title: "A resource that may not exist is used", Link: guide + "conditions-section-structure.html",
		Description: "A Ref or Fn::GetAtt stands where it can be reached although the condition of its resource is false.",
		Template:    relations,
	}}
}

// relations checks every use of a resource that has a condition. It uses the
// templates' own conditions, as nothing has to be walked for the others.
func relations(t *check.Template, report check.Report) {
	conditional := false
	for _, r := range t.Resources {
		conditional = conditional || r.Condition != ""
	}
	if !conditional {
		return
	}
	if noRelations(t) != "" {
		return // E0002 says so
	}
	w := relation{t: t, use: func(id string, at check.Path) { available(t, report, id, at) }}
	w.each()
}

// each calls use for every use of a name in the template.
func (w *relation) each() {
	for _, section := range [...]string{"Resources", "Outputs", "Parameters"} {
		for _, e := range entriesOf(w.t.Root.Get(section)) {
			w.walk(e.Value, check.Keys(section, e.Key))
		}
	}
}

// relation finds the uses of names in Ref, Fn::GetAtt and Fn::Sub.
type relation struct {
	t   *check.Template
	use func(name string, at check.Path)
}

func (w *relation) walk(n *template.Node, at check.Path) {
	for i := range n.Entries {
		e := &n.Entries[i]
		w.call(e.Key, e.Value, at)
		w.walk(e.Value, append(at, check.Key(e.Key)))
	}
	for i, item := range n.Items {
		w.walk(item, append(at, check.Index(i)))
	}
}

func (w *relation) call(function string, arg *template.Node, at check.Path) {
	if len(at) < 3 {
		return
	}
	switch function {
	case "Ref":
		w.use(arg.Str(), at)
	case "Fn::GetAtt":
		if arg.Kind == template.List && len(arg.Items) == 2 {
			w.use(arg.Items[0].Str(), at)
		} else if id, _, ok := strings.Cut(arg.Str(), "."); ok {
			w.use(id, at)
		}
	case "Fn::Sub":
		text, given := arg, (*template.Node)(nil)
		if arg.Kind == template.List && len(arg.Items) > 0 {
			text = arg.Items[0]
			if len(arg.Items) == 2 {
				given = arg.Items[1]
			}
		}
		for _, name := range simpleVariables(text.Str()) {
			if given.Get(name) == nil {
				id, _, _ := strings.Cut(name, ".")
				w.use(id, at)
			}
		}
	}
}

// simpleVariables returns the names in ${…} of letters, digits and dots.
func simpleVariables(text string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(text, "${")
		if !ok {
			return names
		}
		end := 0
		for end < len(rest) && (isAlphanumeric(rest[end]) || rest[end] == '.') {
			end++
		}
		if end < len(rest) && rest[end] == '}' {
			names = append(names, rest[:end])
		}
		text = rest
	}
}

func available(t *check.Template, report check.Report, id string, at check.Path) {
	r := t.Resources[id]
	if r == nil || r.Condition == "" {
		return
	}
	steps := make([]string, len(at))
	for i, s := range at {
		steps[i] = s.Text()
	}
	for _, scenario := range t.Set.Unavailable(t.Root, steps, id) {
		report("", at.With(), "the resource %s is not there when %s", id, when(scenario))
	}
}

// when puts a scenario in words.
func when(scenario condition.Scenario) string {
	words := make([]string, len(scenario))
	for i, a := range scenario {
		words[i] = a.Name + " is " + strconv.FormatBool(a.Value)
	}
	return strings.Join(words, " and ")
}
