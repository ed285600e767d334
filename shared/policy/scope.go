package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
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

// decide gives the value of a condition if the scope or assumptions decide it:
// the same condition was assumed, or one that excludes it or implies it.
func (r *run) decide(name string, when *assumption) (holds, decided bool) {
	if holds, ok := r.conditions[name]; ok {
		return holds, true
	}
	if when == nil {
		return false, false
	}
	for at := when; at != nil; at = at.up {
		if at.condition == name {
			return at.holds, true
		}
	}
	key := decision{when, name}
	if known, ok := r.decisions[key]; ok {
		return known == condition.Yes, known != condition.Unknown
	}
	answer := r.infer(name, when)
	if r.decisions == nil {
		r.decisions = map[decision]condition.Truth{}
	}
	r.decisions[key] = answer
	return answer == condition.Yes, answer != condition.Unknown
}

// assume adds an assumption to others. Equal ones are the same, so that what was
// decided under them is found again.
func (r *run) assume(up *assumption, name string, holds bool) *assumption {
	key := assumption{up, name, holds}
	if known, ok := r.assumptions[key]; ok {
		return known
	}
	if r.assumptions == nil {
		r.assumptions = map[assumption]*assumption{}
	}
	r.assumptions[key] = &key
	return &key
}

// decision is a question that decide has answered.
type decision struct {
	when *assumption
	name string
}

// solverSteps limits the work on one template's conditions, see package condition.
const solverSteps = 300_000

func (r *run) infer(name string, when *assumption) condition.Truth {
	if r.set == nil {
		root := r.t.Root
		r.set = condition.New(root.Get("Conditions"), root.Get("Rules"), root.Get("Parameters"))
		r.set.Limit(solverSteps)
	}
	var wanted []condition.Wanted
	for at := when; at != nil; at = at.up {
		if !r.set.Valid(at.condition) {
			return condition.Unknown
		}
		wanted = append(wanted, condition.Wanted{Name: at.condition, True: at.holds, False: !at.holds})
	}
	if !r.set.Valid(name) {
		return condition.Unknown
	}
	yes := len(r.set.Scenarios(append(wanted, condition.Wanted{Name: name, True: true})...)) > 0
	no := len(r.set.Scenarios(append(wanted, condition.Wanted{Name: name, False: true})...)) > 0
	switch {
	case yes && !no:
		return condition.Yes
	case no && !yes:
		return condition.No
	}
	return condition.Unknown
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
