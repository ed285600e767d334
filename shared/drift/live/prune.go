package live

import (
	"maps"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// prune leaves out what is unresolved in the expected properties, on both
// sides, and returns pointers to it. In a list nothing says which live item an
// unresolved one is, so that the whole list is left out.
func prune(expected, actual map[string]any) (known, live map[string]any, unresolved []string) {
	p := pruner{}
	known, live = p.object("", expected, actual)
	return known, live, sortedPointers(p.unresolved)
}

type pruner struct{ unresolved []string }

func (p *pruner) object(at string, expected, actual map[string]any) (known, live map[string]any) {
	known, live = make(map[string]any, len(expected)), maps.Clone(actual)
	for name, want := range expected {
		if !template.IsUnknown(want) {
			known[name] = want
			continue
		}
		path := at + "/" + escape(name)
		w, isObject := want.(map[string]any)
		h, both := actual[name].(map[string]any)
		if isObject && both {
			known[name], live[name] = p.object(path, w, h)
			continue
		}
		p.unresolved = append(p.unresolved, path)
		delete(live, name)
	}
	return known, live
}

// escape writes a name as part of a JSON pointer (RFC 6901).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// pointer writes a path as a JSON pointer.
func pointer(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteString("/" + escape(name))
	}
	return b.String()
}

// names is the inverse: the parts of a JSON pointer.
func names(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
	}
	return parts
}
