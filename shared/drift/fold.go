package drift

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// foldsCase reports a text whose case has no meaning: the schema lists what is
// allowed, the property is called what only has a few values, it names a header
// of HTTP, or it cannot be changed at all without a new resource.
// Source: resource type definition schema, "enum" and "createOnlyProperties";
// RFC 9110, section 5.1.
func foldsCase(n *schema.Schema, path []string, createOnly bool) bool {
	if len(n.EnumCaseInsensitive) > 0 || isEnum(n.Enum) {
		return true
	}
	if len(n.Types) != 1 || n.Types[0] != "string" {
		return false
	}
	name := last(path)
	return createOnly || endsWith(name, "Type", "Types", "Protocol", "Protocols", "Mode", "Status", "State", "Engine", "EngineName") ||
		slices.ContainsFunc(path, func(at string) bool { return strings.Contains(at, "Header") }) && (endsWith(name, "Name", "Header", "Headers") || name == "Items")
}

// isEnum reports values of which no two differ in case alone.
func isEnum(values []any) bool {
	seen := map[string]bool{}
	for _, v := range values {
		text, ok := v.(string)
		if !ok || seen[strings.ToLower(text)] {
			return false
		}
		seen[strings.ToLower(text)] = true
	}
	return len(seen) > 0
}

// lowered reports a name that the service keeps in lower case, or a domain name
// with the dot of the root at its end.
// Source: Route 53 developer guide, "DNS domain name format".
func (p place) lowered(want, have string) bool {
	if p.shape == nil || p.pair || strings.ContainsAny(have, " \t\n") {
		return false
	}
	have = strings.Replace(have, `\052`, "*", 1) // as Route 53 writes it
	if short := strings.TrimSuffix(have, "."); short != have && strings.Contains(short, ".") {
		want, have = strings.TrimSuffix(want, "."), short
	}
	if have != strings.ToLower(want) {
		return false
	}
	name := last(p.shape.path)
	return endsWith(name, "Name", "Names", "Identifier", "Identifiers") && !endsWith(name, "DisplayName")
}
