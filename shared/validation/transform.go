package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/template/sam"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// located is a message about a path.
type located struct {
	path    check.Path
	message string
	at      position // if the path does not say where
}

// transform applies the transforms that are known, in the order of the
// template. A transform that fails ends the analysis, as nothing is known of
// its result.
func transform(root *template.Node, settings Settings) (*template.Node, []located) {
	for _, name := range root.Get("Transform").Strings() {
		var problems []located
		switch name {
		case sam.Name:
			root, problems = serverless(root, settings)
		case languageExtensions:
			root, problems = extensions(root, settings)
		}
		if len(problems) > 0 {
			return nil, problems
		}
	}
	return root, nil
}

const languageExtensions = template.LanguageExtensionsTransform

func region(settings Settings) string { return first(settings.Regions, []string{DefaultRegion})[0] }

func serverless(root *template.Node, settings Settings) (*template.Node, []located) {
	translated, problems := sam.Translate(root, sam.Options{Region: region(settings)})
	out := make([]located, len(problems))
	for i, p := range problems {
		out[i] = located{check.Keys(p.Path...), p.Message, position{p.Line, p.Column, p.Line, p.Column}}
	}
	return translated, out
}

func extensions(root *template.Node, settings Settings) (*template.Node, []located) {
	expanded, problems := template.LanguageExtensions{Region: region(settings)}.Expand(root)
	out := make([]located, len(problems))
	for i, p := range problems {
		out[i] = located{nil, p.Message, position{p.Line, p.Column, p.Line, p.Column}}
	}
	return expanded, out
}

// leftAlone says which parts are not checked and why.
func leftAlone(t *check.Template) []located {
	var out []located
	for _, name := range t.Before.Get("Transform").Strings() {
		if name != languageExtensions && name != sam.Name {
			out = append(out, located{path: check.Keys("Transform"), message: "the macro " + name + " changes this template when it is deployed; what depends on its result is not checked"})
		}
	}
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		at := check.Keys("Resources", id, "Type")
		switch {
		case strings.HasSuffix(r.Written, "::MODULE"):
			out = append(out, located{path: at, message: r.Written + " is a module; its properties are not checked"})
		case strings.HasPrefix(r.Written, "Custom::"):
			out = append(out, located{path: at, message: r.Written + " is a custom resource; only ServiceToken is checked"})
		case !strings.HasPrefix(r.Written, "AWS::") && !strings.HasPrefix(r.Written, "Alexa::") && strings.Count(r.Written, "::") == 2:
			out = append(out, located{path: at, message: r.Written + " is a private or third-party type; it is not checked"})
		}
	}
	slices.SortStableFunc(out, func(a, b located) int { return strings.Compare(a.path.String(), b.path.String()) })
	return out
}
