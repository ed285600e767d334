package policy

import (
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/template"
)

// The limits of one check. A template of 1 MB stays far below them; what a
// hostile one holds beyond them is not looked at.
const (
	MaxSteps    = 2_000_000 // values that one check resolves
	maxFindings = 2_000
)

// Check gives the findings of the built-in pack in a template, in the order of
// the text.
func Check(t *template.Template, s Scope) []Finding {
	findings, _ := CheckWithin(t, s, MaxSteps)
	return findings
}

// CheckWithin is Check with a limit of values that it may resolve. complete is
// false if the limit, or that of findings, was reached.
func CheckWithin(t *template.Template, s Scope, steps int) (findings []Finding, complete bool) {
	r := &run{t: t, budget: steps}
	r.setScope(s)
	whole, byType := index()
	for id, resource := range t.Resources.All() {
		for _, rule := range byType[resource.Type] {
			r.resource(rule, id, resource)
		}
	}
	for _, rule := range whole {
		r.rule = rule
		rule.Template(&Template{r})
		r.settle()
	}
	Sort(r.findings)
	return r.findings, !r.incomplete
}

// index arranges the rules by resource type, once.
var index = sync.OnceValues(func() (whole []*Rule, byType map[string][]*Rule) {
	byType = map[string][]*Rule{}
	for _, family := range families {
		for i := range family {
			rule := &family[i]
			if rule.Template != nil {
				whole = append(whole, rule)
			}
			for _, name := range rule.Types {
				byType[name] = append(byType[name], rule)
			}
		}
	}
	return whole, byType
})

// run is one check of one template.
type run struct {
	t          *template.Template
	scope      template.Scope
	pseudo     map[string]string
	parameters map[string]parameter
	conditions map[string]bool // those that are decided
	set        *condition.Set  // the template's conditions, made when first asked
	decisions  map[decision]condition.Truth
	// assumptions are those made so far, each once.
	assumptions map[assumption]*assumption
	rule        *Rule
	pending     []pendingFinding
	findings    []Finding
	steps       int
	budget      int
	incomplete  bool
	byType      map[string][]string // logical ids, made when first asked for
	logTargets  map[string]bool     // buckets that receive logs, likewise
}

// pendingFinding is a finding of the current rule about one resource.
type pendingFinding struct {
	value   Value
	message string
}

func (r *run) resource(rule *Rule, id string, resource *template.Resource) {
	root, ok := r.root(id, resource)
	if !ok {
		return
	}
	r.rule = rule
	rule.Check(&Resource{Value: root, ID: id, Type: resource.Type, Raw: resource})
	r.settle()
}

// root is the value of a resource's properties; ok is false if its condition
// does not hold.
func (r *run) root(id string, resource *template.Resource) (v Value, ok bool) {
	v = Value{r: r, node: resource.Properties}
	v.path = &link{&link{nil, "Resources"}, id}
	v.line, v.column = resource.Line, resource.Column
	if v.node == nil {
		v.node = &template.Node{Kind: template.Map, Line: v.line, Column: v.column}
	} else {
		v.path = &link{v.path, "Properties"}
	}
	if resource.Condition != "" {
		holds, decided := r.conditions[resource.Condition]
		if decided && !holds {
			return v, false
		}
		if !decided {
			v.when = r.assume(nil, resource.Condition, true)
		}
	}
	return v, true
}

// settle keeps what the current rule found, each thing once. Where a value is
// chosen from several, only a fault of all of them is certain.
func (r *run) settle() {
	if len(r.pending) == 0 {
		return
	}
	type alternatives struct {
		choice choice
		path   string
	}
	at := make([]string, len(r.pending))
	faulty := map[alternatives]map[*template.Node]bool{}
	for i, p := range r.pending {
		at[i] = strings.Join(p.value.path.keys(), "\x00")
		if p.value.choice.of > 0 {
			a := alternatives{p.value.choice, at[i]}
			if faulty[a] == nil {
				faulty[a] = map[*template.Node]bool{}
			}
			faulty[a][p.value.node] = true
		}
	}
	type same struct{ path, message, condition string }
	seen := map[same]bool{}
	for i, p := range r.pending {
		key := same{at[i], p.message, p.value.when.String()}
		if of := p.value.choice.of; of > 0 {
			if len(faulty[alternatives{p.value.choice, at[i]}]) < of {
				continue
			}
			key.message = "" // one finding for all the alternatives
		}
		if !seen[key] {
			seen[key] = true
			r.keep(p)
		}
	}
	r.pending = r.pending[:0]
}

func (r *run) keep(p pendingFinding) {
	if len(r.findings) >= maxFindings {
		r.incomplete = true
		return
	}
	message := p.message
	if p.value.fallback != "" {
		message += " (by the default of the parameter " + p.value.fallback + ")"
	}
	r.findings = append(r.findings, Finding{
		Rule: r.rule.ID, Severity: r.rule.Severity, Path: p.value.path.keys(), Line: p.value.line, Column: p.value.column,
		Message: message, Condition: p.value.when.String(),
	})
}

// String writes assumptions in the order in which they were made.
func (a *assumption) String() string {
	if a == nil {
		return ""
	}
	text := a.condition
	if !a.holds {
		text = "not " + text
	}
	if before := a.up.String(); before != "" {
		return before + " and " + text
	}
	return text
}

// Resource is a resource as a rule sees it: the value of its properties.
type Resource struct {
	Value
	ID   string
	Type string
	Raw  *template.Resource
}

// Report adds a finding about the value v.
func (v Value) Report(message string) {
	if len(v.r.pending) >= maxFindings {
		v.r.incomplete = true
		return
	}
	v.r.pending = append(v.r.pending, pendingFinding{v, message})
}

// Peers visits the resources of the types that can exist together with v.
func (v Value) Peers(visit func(peer *Resource), types ...string) { v.r.each(visit, types) }

func (r *run) each(visit func(*Resource), types []string) {
	if r.byType == nil {
		r.byType = map[string][]string{}
		for id, resource := range r.t.Resources.All() {
			r.byType[resource.Type] = append(r.byType[resource.Type], id)
		}
	}
	for _, name := range types {
		for _, id := range r.byType[name] {
			resource, _ := r.t.Resources.Get(id)
			if root, ok := r.root(id, resource); ok {
				visit(&Resource{Value: root, ID: id, Type: name, Raw: resource})
			}
		}
	}
}

// RefersTo reports whether the property at the path names the resource: by Ref,
// Fn::GetAtt or Fn::Sub.
func (v Value) RefersTo(path []string, id string) bool {
	return v.Any(path, func(child Value) bool { return child.refers != "" && child.refers == id })
}

// Template is the whole template as a rule sees it.
type Template struct{ r *run }

// Parsed returns the parsed template.
func (t *Template) Parsed() *template.Template { return t.r.t }
