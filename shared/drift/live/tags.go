package live

import (
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// addStackTags adds the tags of the stack to those that the template gives a
// resource; its own win. Without tags of its own the property is not compared.
// Source: CloudFormation user guide, "Resource tags" (stack-level tags are
// propagated to the resources that support it).
func (t *Template) addStackTags(typ *schema.Type, properties map[string]any) {
	if len(t.tags) == 0 || !typ.Tagging.Taggable || !typ.Tagging.OnCreate || typ.Tagging.TagProperty == "" {
		return
	}
	path := schema.Names(typ.Tagging.TagProperty)
	if len(path) != 1 {
		return
	}
	switch own := properties[path[0]].(type) {
	case map[string]any:
		all := map[string]any{}
		for name, value := range t.tags {
			all[name] = value
		}
		maps.Copy(all, own)
		properties[path[0]] = all
	case []any:
		properties[path[0]] = appendTags(own, t.tags)
	}
}

func appendTags(own []any, tags map[string]string) any {
	all := slices.Clone(own)
	set := map[string]bool{}
	for _, tag := range own {
		m, _ := tag.(map[string]any)
		name, ok := m["Key"].(string)
		if !ok {
			return template.Unknown // which tags these are is not known, or they have another form
		}
		set[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		if !set[name] {
			all = append(all, map[string]any{"Key": name, "Value": tags[name]})
		}
	}
	return all
}
