package validation

import "github.com/evenkeel/evenkeel/shared/template"

const mappingGuide = guide + "mappings-section-structure.html"

var mappingRules = []Rule{
	{ID: "E7001", Severity: Error, Title: "Mappings have two levels of keys", Link: mappingGuide, Check: checkMappings},
	{ID: "E7002", Severity: Error, Title: "Mapping names are at most 255 characters long", Link: guide + "cloudformation-limits.html", Check: shortNames("Mappings")},
	{ID: "E7010", Severity: Error, Title: "At most 200 mappings", Link: guide + "cloudformation-limits.html", Check: limited("Mappings", 200)},
	{ID: "W7001", Severity: Warning, Title: "Mappings are used", Link: mappingGuide, Check: checkUnusedMappings},
}

func checkMappings(c *Template) {
	if n := c.Root.Get("Mappings"); n != nil && !n.IsMap() {
		c.reportf(path{"Mappings"}, "Mappings is an object")
	}
	for name, m := range c.Mappings.All() {
		if !alphanumeric.MatchString(name) {
			c.reportf(path{"Mappings", name}, "the name %q is not alphanumeric", name)
		}
		if !m.IsMap() || len(m.Entries) == 0 {
			c.reportf(path{"Mappings", name}, "a mapping is an object of objects")
			continue
		}
		for _, top := range m.Entries {
			checkMappingLevel(c, path{"Mappings", name, top.Key}, top)
		}
	}
}

func checkMappingLevel(c *Template, at path, top template.Entry) {
	if template.Expands(top.Key) {
		return
	}
	if !top.Value.IsMap() || len(top.Value.Entries) == 0 {
		c.reportf(at, "the value of the top-level key %q is an object", top.Key)
		return
	}
	for _, e := range top.Value.Entries {
		if e.Value.IsMap() && !template.Expands(e.Key) {
			c.reportf(at.with(e.Key), "a value of a mapping is a string, a number, a boolean or a list")
		}
	}
}

// checkUnusedMappings stays silent if a mapping is chosen by a function.
func checkUnusedMappings(c *Template) {
	if c.opaque() || c.hasTransform(serverless) {
		return
	}
	used := map[string]bool{}
	for _, f := range c.functions() {
		if f.name != "Fn::FindInMap" {
			continue
		}
		if !f.arg.IsList() || len(f.arg.Items) == 0 {
			continue
		}
		if !f.arg.Items[0].IsString() {
			return
		}
		used[f.arg.Items[0].Text] = true
	}
	for name := range c.Mappings.All() {
		if !used[name] {
			c.reportf(path{"Mappings", name}, "the mapping %s is not used", name)
		}
	}
}
