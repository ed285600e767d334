package check

import (
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

var (
	dynamicReference       = regexp.MustCompile(`^.*\{\{(resolve:.+)\}\}.*\n?$`)
	spacedDynamicReference = regexp.MustCompile(`\{\{\s+resolve\s*:\s*(?:ssm|ssm-secure|secretsmanager)\s*:`)
)

// IsDynamicReference reports whether a text holds a dynamic reference
// ("{{resolve:ssm:/name}}"), whose value only the service knows.
func IsDynamicReference(text string) bool {
	return strings.Contains(text, "{{resolve:") && dynamicReference.MatchString(text)
}

// filter decides which keywords of s apply to n: a function call is checked as
// a call, a dynamic reference as such, and what depends on which properties or
// items exist is checked in every scenario of the conditions in n.
func (v *Validator) filter(n *template.Node, s *jsonschema.Schema) {
	if s.Context != nil {
		v.run(s.Keywords, s, n)
		return
	}
	if n.Kind == template.String && v.special(n, s) {
		return
	}
	if v.functions == 0 {
		v.run(s.Keywords, s, n)
		return
	}
	standard, call := s.Standard(), v.callRules
	if len(v.path) > 0 && v.path[len(v.path)-1].Key == "Fn::If" {
		// Inside the list of an Fn::If, AWS::NoValue counts as an element.
		standard, call = s, false
	} else if len(s.Group()) > 0 {
		v.scenarios(n, func(instance *template.Node) { v.run(s.Group(), s, instance) })
	}
	if n.Kind == template.Map && len(n.Entries) == 1 {
		if k := jsonschema.Function(n.Entries[0].Key); v.functions.Has(k) {
			v.keyword(k, standard, n)
			return
		}
	}
	v.run(standard.Keywords, standard, n)
	if call && !standard.Has(jsonschema.Ref) {
		start := len(v.out.list)
		v.rulesAt(v.Place, n, standard)
		v.about(start, jsonschema.CfnLint, standard, n)
	}
}

// special handles texts that stand for something else.
func (v *Validator) special(n *template.Node, s *jsonschema.Schema) bool {
	if v.dynamicRefs && strings.Contains(n.Text, "{{") {
		if IsDynamicReference(n.Text) {
			if !v.inFunction {
				v.keyword(jsonschema.DynamicReference, s, n)
			}
			return true
		}
		if spacedDynamicReference.MatchString(n.Text) {
			v.keyword(jsonschema.DynamicReferenceSpaces, s, n)
			return true
		}
	}
	if !v.inRef && IsPseudoParameter(n.Text) {
		v.keyword(jsonschema.RawPseudoParameter, s, n)
		return true
	}
	return false
}

// scenarios calls visit with n as it is in each scenario of the conditions used
// directly in it, without the entries that AWS::NoValue removes.
func (v *Validator) scenarios(n *template.Node, visit func(*template.Node)) {
	old := v.Conditions
	functions := condition.Functions{If: v.functions.Has(jsonschema.FnIf), Ref: v.functions.Has(jsonschema.FnRef)}
	for instance, status := range old.Instances(n, functions) {
		if instance.Kind == template.Null {
			continue // like AWS::NoValue
		}
		v.Conditions = status
		visit(instance)
		if v.stopped != "" {
			break
		}
	}
	v.Conditions = old
}

// rulesAt calls the rules registered at a place.
func (v *Validator) rulesAt(place *Place, n *template.Node, s *jsonschema.Schema) {
	if place == nil || len(place.rules) == 0 {
		return
	}
	call, at := v.callRules, v.ruleAt
	v.callRules, v.ruleAt = false, v.path
	for _, rule := range place.rules {
		v.Call(rule, n, s)
	}
	v.callRules, v.ruleAt = call, at
}

// cfnLint is the keyword cfnLint: the schema names the places itself.
func cfnLint(v *Validator, s *jsonschema.Schema, n *template.Node) {
	for _, name := range s.CfnLint {
		v.rulesAt(&Place{rules: v.Registry.at[name]}, n, s)
	}
}

// Call runs a rule's own check of a value. Faults that it found itself, not by
// a keyword, are its own.
func (v *Validator) Call(rule *Rule, n *template.Node, s *jsonschema.Schema) {
	start := len(v.out.list)
	switch {
	case rule.Check != nil:
		v.Scoped(func() { rule.Check(v, n, s) })
	case rule.Schema != nil:
		v.bySchema(rule, n)
	}
	for i := start; i < len(v.out.list); i++ {
		if f := &v.out.list[i]; f.Rule == "" && f.Keyword == jsonschema.None {
			f.Rule = rule.ID
		}
	}
}

// CallUnder runs the rules that have this parent and are registered at the
// present place or at "*".
func (v *Validator) CallUnder(parent string, n *template.Node, s *jsonschema.Schema) {
	if v.Place != nil {
		for _, rule := range v.Place.under[parent] {
			v.Call(rule, n, s)
		}
	}
	for _, rule := range v.Registry.anyAt[parent] {
		v.Call(rule, n, s)
	}
}

func (v *Validator) bySchema(rule *Rule, n *template.Node) {
	if !rule.Regional {
		v.Against(rule, rule.Schema(""), n)
		return
	}
	for _, region := range v.Regions {
		v.Scoped(func() {
			v.Regions = []string{region}
			v.Against(rule, rule.Schema(region), n)
		})
	}
}

// Against checks a value against a schema of the rule's own, with CloudFormation's
// conversion of types; what depends on a function is unknown and passes. The
// rule reports as Report says.
func (v *Validator) Against(rule *Rule, s *jsonschema.Schema, n *template.Node) {
	if s == nil {
		return
	}
	v.Scoped(func() {
		v.dynamicRefs, v.callRules, v.Unresolvable = false, false, true
		v.extend(rule)
		v.table = v.withType(v.table)
		v.Report(rule, func() { v.Walk(n, s) })
	})
}

// Report runs a walk and reports the fault that explains best as the rule's, or,
// if the rule says AllMatches, every fault under the rule that answers for its
// keyword. What is unknown is dropped.
func (v *Validator) Report(rule *Rule, walk func()) {
	found := Known(v.Collect(walk))
	if !rule.AllMatches {
		if best, ok := bestMatch(found, v.path); ok {
			best.Rule, best.Context = rule.ID, nil
			v.Add(best)
		}
		return
	}
	claims := v.Registry.claims[rule]
	for i := range found {
		claim(&found[i], rule.ID, claims)
	}
	v.Add(found...)
}

// ReportUnder is Report of a walk in which the rule's Sets and Overrides hold.
func (v *Validator) ReportUnder(rule string, n *template.Node, s *jsonschema.Schema) {
	r := v.Registry.Rule(rule)
	v.With(r, func() { v.Report(r, func() { v.Walk(n, s) }) })
}

var typeOverride = &Rule{Overrides: map[jsonschema.Keyword]Func{jsonschema.Type: Type}}

func (v *Validator) withType(table *[jsonschema.Count]Func) *[jsonschema.Count]Func {
	old := v.table
	v.table = table
	v.extend(typeOverride)
	table, v.table = v.table, old
	return table
}
