package rules

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// arnParts are the six parts of an ARN; what is missing is "*".
type arnParts [6]string

func parseARN(text string) arnParts {
	parts := arnParts{"*", "*", "*", "*", "*", "*"}
	copy(parts[:], strings.SplitN(text, ":", 6))
	return parts
}

// covers reports whether an ARN in a statement can name a resource of a format
// such as arn:${Partition}:s3:::${BucketName}, whose variables are "${…}" or ".*".
func (a arnParts) covers(format arnParts) bool {
	for i := range 5 {
		if a[i] == "*" || format[i] == "${Partition}" || format[i] == "${Region}" || format[i] == "${Account}" {
			continue
		}
		if a[i] != format[i] {
			return false
		}
	}
	if a[5] == "*" {
		return true
	}
	delimiter := ""
	switch {
	case strings.Contains(format[5], ":"):
		delimiter = ":"
	case strings.Contains(format[5], "/"):
		delimiter = "/"
	default:
		return true
	}
	have, want := strings.Split(a[5], delimiter), strings.Split(format[5], delimiter)
	for i := range min(len(have), len(want)) {
		x, y := have[i], want[i]
		switch {
		case x == y:
			continue
		case strings.HasPrefix(x, "*"), y == "", y == ".*", strings.HasPrefix(x, y) && strings.Contains(x, "*"):
			return true
		}
		return false
	}
	return true
}

// statementResources reports an action that needs another kind of resource than
// those that its statement names.
func statementResources(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.Map {
		return
	}
	arns, computed, skip := statementARNs(v, n)
	if skip {
		return
	}
	at := v.Path().With(check.Key("Resource"))
	v.ValuesAt(n, []string{"Action"}, func(actions *template.Node) {
		if actions == nil {
			return
		}
		for _, action := range list(actions) {
			if action.Kind == template.String && !strings.ContainsAny(action.Text, "*?") {
				actionResources(v, action.Text, arns, computed, at)
			}
		}
	})
}

// statementARNs are the ARNs that a statement names, and whether functions give
// more. skip says that the resources cannot be known, or are all.
func statementARNs(v *check.Validator, n *template.Node) (arns []arnParts, computed, skip bool) {
	for _, key := range []string{"Resource", "NotResource"} {
		v.ValuesAt(n, []string{key}, func(resources *template.Node) {
			if resources == nil || skip {
				return
			}
			for _, r := range list(resources) {
				if r.Kind == template.String {
					skip = skip || r.Text == "*" || check.IsDynamicReference(r.Text)
					arns = append(arns, parseARN(r.Text))
					continue
				}
				k, arg := check.Function(r)
				if k == js.None {
					continue
				}
				skip = skip || k == js.FnRef && arg.Kind == template.String && v.Parameters[arg.Text] != nil
				computed = true
			}
		})
	}
	return arns, computed, skip
}

func actionResources(v *check.Validator, action string, arns []arnParts, computed bool, at check.Path) {
	prefix, name, ok := strings.Cut(strings.ToLower(action), ":")
	service, known := schema.IAM(prefix)
	if !ok || !known || computed || len(service.Actions[name].Resources) == 0 {
		return
	}
	for _, kind := range service.Actions[name].Resources {
		formats := service.Resources[strings.ToLower(kind)].ARNFormats
		if len(formats) == 0 {
			continue
		}
		format := parseARN(formats[len(formats)-1])
		for _, a := range arns {
			if a.covers(format) {
				return
			}
		}
	}
	v.Fault("the action %s works on another kind of resource", action).By("I3510").Path = at
}
