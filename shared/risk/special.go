package risk

import (
	"slices"
	"strings"
	"unicode"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/redact"
	"github.com/evenkeel/evenkeel/shared/template"
)

// special rates what depends on the action and on the type alone.
func (a *assessor) special(s *subject) {
	switch s.Action {
	case changeset.Import:
		a.add("import", s, "", "is imported")
	case changeset.SyncWithActual:
		a.add("sync-drift", s, "", "stays as somebody changed it outside of the stack; CloudFormation takes note of it")
	}
	if custom(s.Type) && s.Action != changeset.SyncWithActual {
		a.add("custom-resource", s, "", "is a custom resource: its code runs")
	}
}

// custom reports a type whose handler is the user's code.
// Source: CloudFormation template reference, AWS::CloudFormation::CustomResource.
func custom(typeName string) bool {
	return typeName == "AWS::CloudFormation::CustomResource" || strings.HasPrefix(typeName, "Custom::")
}

// drift rates what the deployment overwrites. Only a drift-aware change set
// tells about drift.
// Source: CloudFormation user guide, "Using drift-aware change sets".
func (a *assessor) drift(s *subject) {
	if s.added() || s.Action == changeset.SyncWithActual {
		return
	}
	var paths []string
	values := map[string]string{}
	for _, d := range s.Details {
		overwrites := d.ChangeType != changeset.SyncWithActual && d.BeforeFrom == "ACTUAL_STATE" && (d.Deployed == "" || d.Deployed != d.Before)
		if overwrites && !slices.Contains(paths, d.Where()) {
			paths = append(paths, d.Where())
			values[d.Where()] = fromTo(d.Where(), d.Deployed, d.Before)
		}
	}
	slices.Sort(paths)
	switch {
	case s.Drift == "DELETED":
		a.add("overwrites-drift", s, "", "was deleted outside of the stack"+told(s.DriftBy.Text())+told(s.DriftAccepted))
	case len(paths) > 0:
		for _, path := range paths {
			a.add("overwrites-drift", s, path, "was changed outside of the stack"+values[path]+", and the deployment overwrites "+path+told(s.DriftBy.Text()))
		}
	case s.Drift == "MODIFIED" && len(s.Drifted) > 0:
		for _, d := range s.Drifted {
			path := "/Properties" + d.Path
			a.add("overwrites-drift", s, path, "was changed outside of the stack"+fromTo(path, d.Expected, d.Actual)+", and the deployment may overwrite "+path+told(d.By.Text())+told(d.Accepted))
		}
	case s.Drift == "MODIFIED":
		a.add("overwrites-drift", s, "", "was changed outside of the stack, and the deployment may overwrite that"+told(s.DriftBy.Text()))
	case s.Drift == "UNKNOWN":
		a.add("drift-unknown", s, "", "may have been changed outside of the stack")
	}
}

// maxDriftValue is how many characters of a value a reason names.
const maxDriftValue = 80

// told adds who made or accepted drift, or nothing.
func told(who string) string {
	if who == "" {
		return ""
	}
	return "; " + who
}

// fromTo names what the template says of a drifted property and what is live,
// as far as they are known; secrets stay hidden.
func fromTo(path, expected, actual string) string {
	if expected == "" && actual == "" {
		return ""
	}
	return " from " + driftValue(path, expected) + " to " + driftValue(path, actual)
}

func driftValue(path, value string) string {
	if value == "" {
		return "nothing"
	}
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' ' // values come from whoever changed the resource
		}
		return r
	}, redact.Value(path, value)))
	if len(runes) > maxDriftValue {
		return string(runes[:maxDriftValue]) + "…"
	}
	return string(runes)
}

// nested rates the change set of a nested stack, as far as it is known.
func (a *assessor) nested(s *subject, set changeset.Set, t Templates, depth int) {
	if s.removed() {
		return
	}
	child, ok := set.Nested[s.Nested]
	ready := child.Status == "" || child.Status == "CREATE_COMPLETE" || child.Unchanged()
	if s.Nested == "" || !ok || !ready || depth >= maxNesting {
		a.add("nested-stack-unknown", s, "", "is a nested stack; its own row says nothing about its resources")
		return
	}
	a.set(child, t.Nested[s.LogicalID], s.id+"/", depth+1)
}

// resolved are the transforms whose result is known without CloudFormation,
// because this program applies them.
var resolved = []string{template.LanguageExtensionsTransform}

// transforms rates macros whose result nobody knows: the template after the
// change still has them. A processed template has none.
func (a *assessor) transforms(w *world, parent string) {
	after := w.templates.After
	if after == nil {
		return
	}
	names := slices.DeleteFunc(slices.Clone(after.Transforms), func(name string) bool { return slices.Contains(resolved, name) })
	if len(names) == 0 && !after.Loops {
		return
	}
	text := "a loop or a macro makes entries of the template that are not known"
	if len(names) > 0 {
		text = "the macro " + strings.Join(names, ", ") + " makes resources that are not in the template"
	}
	id := strings.TrimSuffix(parent, "/")
	a.reasons = append(a.reasons, Reason{Level: codes["macro-unknown"].level, Code: "macro-unknown", LogicalID: id, Text: text})
}
