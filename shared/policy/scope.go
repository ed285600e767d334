package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Scope is what is known of a deployment beside its template.
type Scope struct {
	// Stage is the name of the stage, "" if the template is checked for no
	// stage in particular. With a stage, parameters that are not given have
	// their defaults, and conditions are decided by them.
	Stage string
	// Parameters are given values, by name.
	Parameters map[string]string
	// Region, Account and Partition are the pseudo parameters, "" if unknown.
	Region, Account, Partition string
}

// parameter is what is known of a parameter's value.
type parameter struct {
	values    []*template.Node // the only value, or those it is chosen from
	byDefault bool             // the value is the default
}

func newParameter(p *template.Parameter, given string, isGiven bool) parameter {
	at := p.Node
	if strings.HasPrefix(p.Type, "AWS::SSM::Parameter::") {
		return parameter{} // the text names the value
	}
	switch {
	case isGiven:
		return parameter{values: []*template.Node{parameterNode(p, given, at)}}
	case p.Default != nil:
		text := p.DefaultText()
		if text == "" {
			return parameter{} // says "not set" to conditions, and is no value
		}
		return parameter{values: []*template.Node{parameterNode(p, text, p.Default)}, byDefault: true}
	}
	var all parameter
	if !p.IsList() {
		for _, text := range p.AllowedValues {
			all.values = append(all.values, parameterNode(p, text, at))
		}
	}
	return all
}

func parameterNode(p *template.Parameter, text string, at *template.Node) *template.Node {
	n := &template.Node{Kind: template.String, Text: text}
	if at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	if !p.IsList() {
		return n
	}
	list := &template.Node{Kind: template.List, Line: n.Line, Column: n.Column}
	for item := range strings.SplitSeq(text, ",") {
		list.Items = append(list.Items, &template.Node{Kind: template.String, Text: strings.TrimSpace(item), Line: n.Line, Column: n.Column})
	}
	return list
}

// setScope prepares what parameters and conditions are known to be.
func (r *run) setScope(s Scope) {
	values := make(map[string]any, r.t.Parameters.Len())
	decisive := make(map[string]any, r.t.Parameters.Len())
	r.parameters = make(map[string]parameter, r.t.Parameters.Len())
	for name, p := range r.t.Parameters.All() {
		given, isGiven := s.Parameters[name]
		known := newParameter(p, given, isGiven)
		r.parameters[name] = known
		values[name], decisive[name] = template.Unknown, template.Unknown
		if len(known.values) != 1 {
			if s.Stage != "" && p.Default != nil && p.DefaultText() == "" && !strings.HasPrefix(p.Type, "AWS::SSM::") {
				decisive[name] = ""
			}
			continue
		}
		values[name] = known.values[0].Value()
		// A default decides a condition only where a deployment is known to use it.
		if !known.byDefault || s.Stage != "" {
			decisive[name] = values[name]
		}
	}
	r.pseudo = map[string]string{}
	known := map[string]any{}
	for name, text := range map[string]string{"AWS::Region": s.Region, "AWS::AccountId": s.Account, "AWS::Partition": s.Partition} {
		if text != "" {
			r.pseudo[name], known[name] = text, text
		}
	}
	r.conditions = r.decided(&template.Scope{Parameters: decisive, Pseudo: known})
	r.scope = template.Scope{Parameters: values, Pseudo: known, Conditions: r.conditions}
}

// decided gives the conditions whose value is known.
func (r *run) decided(s *template.Scope) map[string]bool {
	if r.t.ConditionNodes.Len() == 0 {
		return nil
	}
	all, err := r.t.Conditions(s)
	if err == nil {
		return all
	}
	// One faulty condition must not hide the others.
	all = map[string]bool{}
	for name := range r.t.ConditionNodes.All() {
		text := func(s string) *template.Node { return &template.Node{Kind: template.String, Text: s} }
		choice := &template.Node{Kind: template.List, Items: []*template.Node{text(name), text("yes"), text("no")}}
		call := &template.Node{Kind: template.Map, Entries: []template.Entry{{Key: "Fn::If", Value: choice}}}
		if v, err := r.t.Evaluate(call, s); err == nil && !template.IsUnknown(v) {
			all[name] = v == "yes"
		}
	}
	return all
}

// decide gives the value of a condition if the scope or an assumption decides it.
func (r *run) decide(condition string, when *assumption) (holds, decided bool) {
	if holds, ok := r.conditions[condition]; ok {
		return holds, true
	}
	for at := when; at != nil; at = at.up {
		if at.condition == condition {
			return at.holds, true
		}
		if holds, ok := r.implied(at, condition); ok {
			return holds, true
		}
	}
	return false, false
}

// implied handles the usual case of conditions that exclude each other: both
// compare the same thing with different texts.
func (r *run) implied(a *assumption, condition string) (holds, decided bool) {
	if !a.holds {
		return false, false
	}
	left, leftText, ok := r.comparison(a.condition)
	if !ok {
		return false, false
	}
	right, rightText, ok := r.comparison(condition)
	return leftText == rightText, ok && left == right
}

// comparison reads a condition of the form Equals(Ref, text).
func (r *run) comparison(condition string) (reference, text string, ok bool) {
	body, _ := r.t.ConditionNodes.Get(condition)
	sides := body.Get("Fn::Equals")
	if !sides.IsList() || len(sides.Items) != 2 {
		return "", "", false
	}
	a, b := sides.Items[0], sides.Items[1]
	if b.IsMap() {
		a, b = b, a
	}
	name, arg, isCall := a.Call()
	return arg.Str(), b.Str(), isCall && name == "Ref" && b.IsString()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
