// Package generate makes values from provider schemas, for tests: values that a
// schema would take, or nearly, since it does not solve patterns.
package generate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// maxDepth is how deep values go: schemas are recursive.
const maxDepth = 8

// Generator makes values; the same seed gives the same values.
type Generator struct{ random *rand.Rand }

// New returns a generator.
func New(seed uint64) *Generator {
	return &Generator{rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))} //nolint:gosec // tests
}

// Properties makes the properties of a resource: each property that a template
// may set is there, or is left out one time in eight, more often further down.
func (g *Generator) Properties(typ *schema.Type) map[string]any {
	m, _ := g.Value(typ.Root, "").(map[string]any)
	for name := range m {
		if schema.Covers(typ.ReadOnly, name) {
			delete(m, name)
		}
	}
	return m
}

// Value makes a value for a schema; name is that of the property.
func (g *Generator) Value(s *schema.Schema, name string) any { return g.value(s, name, 0) }

func (g *Generator) value(s *schema.Schema, name string, depth int) any {
	s = g.choose(s)
	switch {
	case s == nil || depth > maxDepth:
		return g.word(name)
	case s.HasConst:
		return s.Const
	case len(s.Enum) > 0:
		return s.Enum[g.random.IntN(len(s.Enum))]
	case len(s.EnumCaseInsensitive) > 0:
		return s.EnumCaseInsensitive[g.random.IntN(len(s.EnumCaseInsensitive))]
	}
	switch g.kind(s) {
	case "object":
		return g.object(s, depth)
	case "array":
		return g.array(s, name, depth)
	case "boolean":
		return g.random.IntN(2) == 0
	case "integer", "number":
		return g.number(s)
	default:
		return g.text(s, name)
	}
}

// choose takes one of the alternatives of a schema that is nothing by itself.
func (g *Generator) choose(s *schema.Schema) *schema.Schema {
	for range maxDepth {
		if s == nil || s.Properties != nil || s.Items != nil || len(s.Enum) > 0 || len(s.PatternProperties) > 0 || len(s.Types) > 0 && !s.Allows("object") && !s.Allows("array") {
			return s
		}
		options := slices.Concat(s.OneOf, s.AnyOf, s.AllOf)
		if len(options) == 0 {
			return s
		}
		s = options[g.random.IntN(len(options))]
	}
	return s
}

func (g *Generator) kind(s *schema.Schema) string {
	switch {
	case s.Properties != nil || len(s.PatternProperties) > 0 || s.Additional != nil:
		return "object"
	case s.Items != nil:
		return "array"
	case len(s.Types) > 0:
		return s.Types[g.random.IntN(len(s.Types))]
	default:
		return "string"
	}
}

func (g *Generator) object(s *schema.Schema, depth int) any {
	m := map[string]any{}
	for _, name := range sorted(s.Properties) {
		if slices.Contains(s.Required, name) || g.random.IntN(8) > depth {
			m[name] = g.value(s.Properties[name], name, depth+1)
		}
	}
	for _, p := range s.PatternProperties {
		m[g.word("key")] = g.value(p.Schema, "key", depth+1)
	}
	if s.Additional != nil {
		m[g.word("key")] = g.value(s.Additional, "key", depth+1)
	}
	return m
}

func (g *Generator) array(s *schema.Schema, name string, depth int) any {
	items := []any{}
	for range 1 + g.random.IntN(3) {
		items = append(items, g.value(s.Items, name, depth+1))
	}
	return items
}

func (g *Generator) number(s *schema.Schema) any {
	least := 1.0
	if s.Minimum != nil {
		least = *s.Minimum
	}
	n := least + float64(g.random.IntN(1000))
	if s.Maximum != nil && n > *s.Maximum {
		return *s.Maximum
	}
	return n
}

func (g *Generator) text(s *schema.Schema, name string) any {
	switch {
	case s.Format == "date-time" || s.Format == "timestamp":
		return fmt.Sprintf("2026-03-%02dT10:%02d:00Z", 1+g.random.IntN(28), g.random.IntN(60))
	case s.Format == "json":
		return fmt.Sprintf(`{"a":%d,"b":[1,2]}`, g.random.IntN(1000))
	case s.Format == "ipv4-network" || strings.HasPrefix(name, "Cidr"):
		return fmt.Sprintf("10.%d.%d.0/24", g.random.IntN(256), g.random.IntN(256))
	case s.Format == "ipv6-network" || strings.HasPrefix(name, "Ipv6Cidr"):
		return fmt.Sprintf("2001:db8:%x:%x00::/56", 1+g.random.IntN(65535), g.random.IntN(256))
	case name == "Time":
		return fmt.Sprintf("%02d:%02d", g.random.IntN(24), g.random.IntN(60))
	case strings.HasSuffix(s.Format, ".Arn"):
		return fmt.Sprintf("arn:aws:%s:us-east-1:222222222222:thing/%s", strings.ToLower(strings.Split(s.Format+"::x", "::")[1]), g.word(name))
	}
	return g.word(name)
}

// word is a text that says which property it was made for.
func (g *Generator) word(name string) string {
	return fmt.Sprintf("%s-%06d", name, g.random.IntN(1_000_000))
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
