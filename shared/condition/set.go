// Package condition answers questions about the conditions of a template: which
// of them can hold together, what one implies, and what a map or list looks
// like in each scenario. Conditions become boolean formulas over their
// comparisons (Fn::Equals), compiled once; a small solver with a step budget
// decides them and remembers its answers. No template makes it hang: beyond the
// budget an answer is Unknown and counted (see Set.Gaps).
//
// Two models stand side by side, as in cfn-lint 1.x, whose answers this package
// gives. The walk's model (Status) treats a broken condition as one that may be
// true or false, does not evaluate comparisons of constants, and knows that a
// parameter has one value only if it has AllowedValues. The template's model
// (Satisfiable, Implies, Region, Scenarios) leaves broken conditions out,
// evaluates constants, knows that a parameter has one value, and heeds Rules.
package condition

import (
	"github.com/evenkeel/evenkeel/shared/template"
)

// Truth is an answer.
type Truth uint8

// The answers. Unknown: it cannot be decided, or not within the budget.
const (
	Unknown Truth = iota
	No
	Yes
)

func truthOf(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

// Assumption is a condition and its value.
type Assumption struct {
	Name  string
	Value bool
}

// Scenario is a set of assumptions, each condition once.
type Scenario []Assumption

// Get returns the value assumed for a condition; known is false if there is none.
func (s Scenario) Get(name string) (value, known bool) {
	for _, a := range s {
		if a.Name == name {
			return a.Value, true
		}
	}
	return false, false
}

// DefaultLimit is the solver budget of a set, in visits of a clause: some tens
// of milliseconds. A template with ten independent conditions uses a few
// hundred, one with 24 that depend on each other less than a million.
const DefaultLimit = 3_000_000

// MaxScenarios bounds how many scenarios one question yields, as in cfn-lint.
const MaxScenarios = 128

// Set is the conditions of one template. It compiles its formulas when they are
// first needed and remembers answers, so it is not safe for concurrent use.
type Set struct {
	conditions, rules, parameters *template.Node

	names       []string
	number      map[string]int
	expressions []*expression // by number; nil if broken
	steps, cut  int           // what is left of the budget; answers cut short

	walk      *walkModel
	strict    *strictModel
	swapped   map[*template.Node]bool
	instances map[instanceKey][]instance
	copied    int // entries copied into instances that are remembered
}

// New reads the sections Conditions, Rules and Parameters of a template. Each
// may be nil or have any shape; what is broken is treated as cfn-lint does.
func New(conditions, rules, parameters *template.Node) *Set {
	s := &Set{conditions: conditions, rules: rules, parameters: parameters, steps: DefaultLimit}
	if !conditions.IsMap() {
		return s
	}
	s.number = make(map[string]int, len(conditions.Entries))
	for _, e := range conditions.Entries {
		x := s.parse(e.Value)
		if at, again := s.number[e.Key]; again { // the last of two wins
			s.expressions[at] = x
			continue
		}
		s.number[e.Key] = len(s.names)
		s.names = append(s.names, e.Key)
		s.expressions = append(s.expressions, x)
	}
	return s
}

// Limit sets the solver budget of the whole set, in visits of a clause. Call it
// before the first question.
func (s *Set) Limit(steps int) { s.steps = steps }

// Gaps counts the answers that were cut short, by the budget or by
// MaxScenarios. Comparing it before and after a piece of work tells whether
// that work is complete.
func (s *Set) Gaps() int { return s.cut }

// Names returns the names of all conditions, broken ones included, in the order
// of the text. The caller must not change it.
func (s *Set) Names() []string {
	if s.voided() {
		return nil
	}
	return s.names
}

// Known reports whether there is a condition of that name, broken or not.
func (s *Set) Known(name string) bool {
	_, ok := s.number[name]
	return ok && !s.voided()
}

// Root returns the status in which nothing is assumed.
func (s *Set) Root() Status {
	if len(s.names) == 0 && s.rules == nil {
		return Status{}
	}
	return Status{s.walkModel().root}
}
