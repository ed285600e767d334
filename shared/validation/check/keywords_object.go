package check

import (
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Properties is the keyword properties.
func Properties(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	if len(s.Properties) <= len(n.Entries) || len(s.Properties) < 4 {
		// In the order of the schema, which decides between faults that explain equally well.
		for i := range s.Properties {
			p := &s.Properties[i]
			if e := n.Entry(p.Name); e != nil {
				v.Descend(e.Value, p.Schema, Key(p.Name), p.Name)
			}
		}
		return
	}
	for i := range n.Entries {
		e := &n.Entries[i]
		if sub := s.Property(e.Key); sub != nil {
			v.Descend(e.Value, sub, Key(e.Key), e.Key)
		}
	}
}

// PatternProperties is the keyword patternProperties.
func PatternProperties(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	for _, p := range s.PatternProperties {
		for i := range n.Entries {
			if e := &n.Entries[i]; e.KeyNode == nil && p.Pattern.Match(e.Key) {
				v.Descend(e.Value, p.Schema, Key(e.Key), "*")
			}
		}
	}
}

// AdditionalProperties is the keyword additionalProperties. Where functions may
// stand beside other keys, Fn::Transform and Fn::ForEach are no properties.
func AdditionalProperties(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	if k, _ := Function(n); v.functions.Has(k) {
		return
	}
	for i := range n.Entries {
		if v.steps < 0 {
			return // the end of the budget is noted, and there may be many more
		}
		e := &n.Entries[i]
		if s.Property(e.Key) != nil || e.KeyNode == nil && matchesPattern(s, e.Key) || v.standsBeside(e.Key) {
			continue
		}
		switch s.AdditionalProperties.Verdict {
		case js.Accept:
		case js.Reject:
			suggestion := ""
			if v.faults < maxSuggestions {
				suggestion = meant(s, e.Key)
			}
			v.Fault("%q is not allowed here%s", e.Key, suggestion).AtKey(e.Key)
		default:
			v.Descend(e.Value, s.AdditionalProperties, Key(e.Key), "*")
		}
	}
}

func matchesPattern(s *js.Schema, name string) bool {
	for _, p := range s.PatternProperties {
		if p.Pattern.Match(name) {
			return true
		}
	}
	return false
}

func (v *Validator) standsBeside(key string) bool {
	return key == "Fn::Transform" && v.functions.Has(js.FnTransform) ||
		strings.HasPrefix(key, "Fn::ForEach::") && v.functions.Has(js.FnForEach)
}

// maxSuggestions is after how many faults no more suggestions are made: they
// cost more than all the rest.
const maxSuggestions = 2000

// meant names the property that was probably meant.
func meant(s *js.Schema, name string) string {
	best, least := "", len(name)/3+1
	for _, p := range s.Properties {
		if d := distance(strings.ToLower(name), strings.ToLower(p.Name), least); d < least {
			best, least = p.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the edit distance of two words, or most if it is not less.
func distance(a, b string, most int) int {
	if d := len(a) - len(b); d >= most || -d >= most || len(a) > 100 || len(b) > 100 {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return min(row[len(b)], most)
}

// PropertyNames is the keyword propertyNames.
func PropertyNames(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	for i := range n.Entries {
		e := &n.Entries[i]
		v.Descend(&template.Node{Kind: template.String, Text: e.Key, Line: e.Line, Column: e.Column}, s.PropertyNames, Key(e.Key), "")
	}
}

// MinProperties is the keyword minProperties.
func MinProperties(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.Map && len(n.Entries) < s.MinProperties {
		v.Fault("at least %d properties are needed, not %d", s.MinProperties, len(n.Entries))
	}
}

// MaxProperties is the keyword maxProperties.
func MaxProperties(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.Map && len(n.Entries) > s.MaxProperties {
		v.Fault("at most %d properties are allowed, not %d", s.MaxProperties, len(n.Entries))
	}
}

// Required is the keyword required.
func Required(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	for _, name := range s.Required {
		if n.Get(name) == nil {
			v.Fault("%q is required", name)
		}
	}
}

// RequiredOr is the keyword requiredOr: at least one of the names.
func RequiredOr(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.Map && len(present(n, s.RequiredOr)) == 0 {
		v.Fault("one of %s is required", strings.Join(s.RequiredOr, ", "))
	}
}

// RequiredXor is the keyword requiredXor: exactly one of the names.
func RequiredXor(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	have := present(n, s.RequiredXor)
	switch {
	case len(have) == 0:
		v.Fault("exactly one of %s is required", strings.Join(s.RequiredXor, ", "))
	case len(have) > 1:
		for _, name := range have {
			v.Fault("only one of %s is allowed, and %s is one of %d", strings.Join(s.RequiredXor, ", "), name, len(have)).AtKey(name)
		}
	}
}

func present(n *template.Node, names []string) []string {
	var out []string
	for _, name := range names {
		if n.Get(name) != nil {
			out = append(out, name)
		}
	}
	return out
}

// DependentRequired is the keyword dependentRequired.
func DependentRequired(v *Validator, s *js.Schema, n *template.Node) {
	requireWith(v, s.DependentRequired, n)
}

func requireWith(v *Validator, dependents []js.Dependents, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	for _, d := range dependents {
		if n.Get(d.Name) == nil {
			continue
		}
		for _, name := range d.Names {
			if n.Get(name) == nil {
				v.Fault("%s needs %s", d.Name, name)
			}
		}
	}
}

// DependentExcluded is the keyword dependentExcluded.
func DependentExcluded(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	for _, d := range s.DependentExcluded {
		if n.Get(d.Name) == nil {
			continue
		}
		for _, name := range d.Names {
			if n.Get(name) != nil {
				v.Fault("%s and %s exclude each other", name, d.Name).AtKey(name)
			}
		}
	}
}

func dependencies(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.Map {
		return
	}
	requireWith(v, s.DependencyNames, n)
	for _, d := range s.DependencySchemas {
		if n.Get(d.Name) != nil {
			v.Walk(n, d.Schema)
		}
	}
}
