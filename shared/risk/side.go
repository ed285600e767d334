package risk

import (
	"encoding/json"
	"strings"

	"github.com/evenkeel/evenkeel/shared/healing/declared"
	"github.com/evenkeel/evenkeel/shared/template"
)

// side is the resource before or after the change.
type side struct {
	exists      bool
	whole       bool           // properties has all of them
	fromContext bool           // the change set shows them
	properties  map[string]any // plain JSON values; an unknown one is template.KnownAfterApply
	resource    *template.Resource
	template    *template.Template
	deletion    string // DeletionPolicy, "" if none is written or known
	replace     string // UpdateReplacePolicy, likewise
	policies    bool   // deletion and replace are known
}

// newSide reads the context that the change set gives, else the template.
func newSide(context, id string, t *template.Template, scope *template.Scope) side {
	var out side
	var given struct {
		Properties          map[string]any
		DeletionPolicy      string
		UpdateReplacePolicy string
	}
	read := context != "" && json.Unmarshal([]byte(context), &given) == nil && given.Properties != nil
	if read {
		out.whole, out.fromContext, out.properties = true, true, given.Properties
		out.deletion, out.replace = given.DeletionPolicy, given.UpdateReplacePolicy
	}
	if t == nil {
		return out
	}
	out.template = t
	resource, ok := t.Resources.Get(id)
	if !ok {
		return out
	}
	out.resource, out.policies = resource, true
	out.deletion, out.replace = written(resource, "DeletionPolicy"), written(resource, "UpdateReplacePolicy")
	if !read && resource.Properties == nil {
		out.whole = true
	} else if !read {
		if value, err := t.Evaluate(resource.Properties, scope); err == nil {
			properties, _ := declared.Marked(value).(map[string]any)
			out.whole, out.properties = properties != nil, properties
		}
	}
	return out
}

// unreadable stands for a policy that a function gives.
const unreadable = "?"

// written is a policy as the template writes it.
func written(r *template.Resource, name string) string {
	n := r.Node.Get(name)
	if n == nil {
		return ""
	}
	if !n.IsString() {
		return unreadable
	}
	return n.Text
}

// put sets a value at a path. Lists become maps by index: only some of their
// items are known.
func (p *side) put(path []string, value string) {
	if value == "" || !p.exists {
		return
	}
	if p.properties == nil {
		p.properties = map[string]any{}
	}
	at := p.properties
	for _, name := range path[:len(path)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	last := path[len(path)-1]
	if _, set := at[last].(map[string]any); !set {
		at[last] = document(value)
	}
}

// document reads JSON out of a text; any other text stays one.
func document(text string) any {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' || strings.HasPrefix(trimmed, "{{") {
		return text
	}
	var v any
	if json.Unmarshal([]byte(trimmed), &v) != nil {
		return text
	}
	return v
}
