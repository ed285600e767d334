package rules

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// beyondRules find what CloudFormation refuses and cfn-lint 1.51 lets pass. Their
// ids are our own, so that nobody takes them for cfn-lint's.
func beyondRules() []check.Rule {
	return []check.Rule{
		{ID: "EK0003", Severity: check.Error, Title: "A value is null", Link: guide + "template-formats.html",
			Description: "CloudFormation refuses a template that has null among its values. Leave the property out, or use AWS::NoValue.",
			Template:    nulls},
		{ID: "EK0006", Severity: check.Warning, Title: "A property is set by the service only", Link: services + "cloudformation-cli/latest/userguide/resource-type-schema.html",
			Description: "The schema of the type names the property as read-only: most types refuse a value, and the others ignore it.",
			Template:    readOnly},
		{ID: "EK0007", Severity: check.Error, Title: "A section has too many entries", Link: guide + "cloudformation-limits.html",
			Description: "A template has at most 200 parameters and 200 mappings.",
			Template:    sectionLimits},
	}
}

func nulls(t *check.Template, report check.Report) {
	for _, section := range []string{"Resources", "Outputs", "Conditions", "Mappings"} {
		if !holdsNull(t.Before.Get(section)) {
			continue
		}
		eachNull(t.Before.Get(section), check.Keys(section), func(at check.Path) {
			report("", at.With(), "the value is null, which CloudFormation refuses")
		})
	}
}

func holdsNull(n *template.Node) bool {
	if n == nil {
		return false
	}
	if n.Kind == template.Null {
		return true
	}
	for i := range n.Entries {
		if holdsNull(n.Entries[i].Value) {
			return true
		}
	}
	return slices.ContainsFunc(n.Items, holdsNull)
}

func eachNull(n *template.Node, at check.Path, visit func(check.Path)) {
	if n == nil {
		return
	}
	if n.Kind == template.Null && len(at) > 2 {
		visit(at)
		return
	}
	for i := range n.Entries {
		eachNull(n.Entries[i].Value, append(at[:len(at):len(at)], check.Key(n.Entries[i].Key)), visit)
	}
	for i, item := range n.Items {
		eachNull(item, append(at[:len(at):len(at)], check.Index(i)), visit)
	}
}

// readOnly looks at the properties at the top of a resource; what is read-only
// further down is often taken from an enclosing object that is not.
func readOnly(t *check.Template, report check.Report) {
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		properties := r.Node.Get("Properties")
		if !properties.IsMap() || len(properties.Entries) == 0 {
			continue
		}
		names := schema.ReadOnly(r.Type, t.Options.Regions[0])
		for _, e := range properties.Entries {
			if slices.Contains(names, "/properties/"+e.Key) {
				report("", check.Keys("Resources", id, "Properties", e.Key), "%s is set by the service: a template only reads it, with Fn::GetAtt", e.Key)
			}
		}
	}
}

func sectionLimits(t *check.Template, report check.Report) {
	const most = 200 // of each; source: CloudFormation User Guide, "Understand CloudFormation quotas"
	for _, section := range []string{"Parameters", "Mappings"} {
		if n := len(entriesOf(t.Root.Get(section))); n > most {
			report("", check.Keys(section), "there are %d entries, at most %d are allowed", n, most)
		}
	}
}
