package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// suppressed returns the findings without those that the template switches off:
// Metadata.cfn-lint.config.ignore_checks of the template or of the resource, as
// cfn-lint reads it. An entry is a rule id or the beginning of one.
func (c *Template) suppressed() []Finding {
	all := ignored(c.Root.Get("Metadata"))
	ofResource := map[string][]string{}
	for id, r := range c.Resources.All() {
		if ids := ignored(r.Metadata); len(ids) > 0 {
			ofResource[id] = ids
		}
	}
	if len(all) == 0 && len(ofResource) == 0 {
		return c.findings
	}
	return slices.DeleteFunc(c.findings, func(f Finding) bool {
		if matches(all, f.Rule) {
			return true
		}
		rest, ok := strings.CutPrefix(f.Path, "Resources/")
		id, _, _ := strings.Cut(rest, "/")
		return ok && matches(ofResource[id], f.Rule)
	})
}

func ignored(metadata *template.Node) []string {
	return metadata.Get("cfn-lint").Get("config").Get("ignore_checks").Strings()
}

func matches(ids []string, rule string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return id != "" && strings.HasPrefix(rule, id) })
}
