package condition

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
)

// strictModel is the template's model: valid conditions, Rules and AllowedValues.
type strictModel struct {
	set      *Set
	theory   *theory
	valid    []bool
	symbols  []index              // by number of condition
	atoms    map[string]*atom     // by untyped identity of the comparison
	order    []*atom              // as found
	members  map[string][]literal // by operand: the comparisons it takes part in
	truisms  map[string]bool      // operands that are compared with themselves
	rules    []*ruleExpression
	region   map[[2]string][2]bool
	equals   map[int][]*equal // by number of condition: what equalsOf found
	compared []*compared      // by number of condition, once known
	kept     int              // comparisons in equals and compared
	round    int              // number of the question, for atom.round
	byRef    map[string][]*atom
}

// atom is a comparison in the theory.
type atom struct {
	equal *equal
	raw   literal // the variable of the comparison
	value literal // what the comparison is in formulas: raw or a constant

	round   int // the question that the next two belong to
	forced  literal
	decided bool
}

// ruleExpression is an entry of Rules: if condition holds, all assertions do.
type ruleExpression struct {
	condition  *expression // nil: always
	assertions []*expression
}

func (s *Set) strictModel() *strictModel {
	if s.strict == nil {
		s.strict = newStrictModel(s)
	}
	return s.strict
}

func newStrictModel(s *Set) *strictModel {
	m := &strictModel{
		set: s, theory: newTheory(&s.steps, &s.cut), atoms: map[string]*atom{}, members: map[string][]literal{},
		truisms: map[string]bool{}, region: map[[2]string][2]bool{}, equals: map[int][]*equal{}, compared: make([]*compared, len(s.names)),
		byRef: map[string][]*atom{},
	}
	m.valid = s.validConditions()
	for range s.names {
		m.symbols = append(m.symbols, m.theory.variable())
	}
	m.readRules()
	m.declareAll()
	m.exclusive()
	m.allowedValues()
	m.compile()
	return m
}

// validConditions finds the conditions that are well formed together with all
// that they refer to, and do not depend on themselves.
func (s *Set) validConditions() []bool {
	const (
		unseen = iota
		running
		good
		bad
	)
	state := make([]uint8, len(s.names))
	var check func(i int) bool
	check = func(i int) bool {
		switch state[i] {
		case good:
			return true
		case running, bad:
			state[i] = bad
			return false
		}
		state[i] = running
		ok := s.expressions[i] != nil
		if ok {
			s.expressions[i].visit(func(x *expression) {
				if x.op == opName && ok {
					at, exists := s.number[x.name]
					ok = exists && check(at)
				}
			})
		}
		if state[i] = bad; ok {
			state[i] = good
		}
		return ok
	}
	valid := make([]bool, len(s.names))
	for i := range valid {
		valid[i] = check(i)
	}
	return valid
}

func (m *strictModel) index(name string) (int, bool) {
	i, ok := m.set.number[name]
	return i, ok && m.valid[i]
}

// readRules keeps the Rules that use only what conditions know. Others, with
// Fn::Contains and the like, are left out.
func (m *strictModel) readRules() {
	if !m.set.rules.IsMap() || m.set.conditions != nil && !m.set.conditions.IsMap() {
		return
	}
	for _, e := range m.set.rules.Entries {
		if r := m.rule(e.Value); r != nil {
			m.rules = append(m.rules, r)
		}
	}
}

func (m *strictModel) rule(n *template.Node) *ruleExpression {
	r := &ruleExpression{}
	if c := n.Get("RuleCondition"); !falsy(c) {
		if r.condition = m.usable(c); r.condition == nil {
			return nil
		}
	}
	assertions := n.Get("Assertions")
	if !assertions.IsList() || len(assertions.Items) == 0 {
		return nil
	}
	for _, a := range assertions.Items {
		x := m.usable(a.Get("Assert"))
		if x == nil {
			return nil
		}
		r.assertions = append(r.assertions, x)
	}
	return r
}

// usable parses an expression, nil unless every condition in it is valid.
func (m *strictModel) usable(n *template.Node) *expression {
	x := m.set.parse(n)
	if x == nil {
		return nil
	}
	ok := true
	x.visit(func(x *expression) {
		if x.op == opName {
			_, valid := m.index(x.name)
			ok = ok && valid
		}
	})
	if !ok {
		return nil
	}
	return x
}

func (r *ruleExpression) visit(f func(*expression)) {
	if r.condition != nil {
		r.condition.visit(f)
	}
	for _, a := range r.assertions {
		a.visit(f)
	}
}

// declareAll gives every comparison its variable: those of Rules first, then
// those of conditions, each with what it refers to in its place.
func (m *strictModel) declareAll() {
	visited := make([]bool, len(m.set.names))
	var declare func(*expression)
	condition := func(i int) {
		if !visited[i] {
			visited[i] = true
			m.set.expressions[i].visit(declare)
		}
	}
	declare = func(x *expression) {
		switch x.op {
		case opEquals:
			m.declareEqual(x.equal)
		case opName:
			i, _ := m.index(x.name)
			condition(i)
		}
	}
	for _, r := range m.rules {
		r.visit(declare)
	}
	for i, valid := range m.valid {
		if valid {
			condition(i)
		}
	}
}

// equalsOf lists the comparisons of a valid condition and of those it refers
// to, each once, in the order of the text.
func (m *strictModel) equalsOf(condition int) []*equal {
	if known, ok := m.equals[condition]; ok {
		return known
	}
	seen, visited := map[string]bool{}, map[int]bool{}
	var out []*equal
	var visit func(int)
	visit = func(i int) {
		if visited[i] {
			return
		}
		visited[i] = true
		m.set.expressions[i].visit(func(x *expression) {
			switch {
			case x.op == opName:
				at, _ := m.index(x.name)
				visit(at)
			case x.op == opEquals && !seen[x.equal.untyped]:
				seen[x.equal.untyped] = true
				out = append(out, x.equal)
			}
		})
	}
	visit(condition)
	if m.kept += len(out); m.kept < maxKept {
		m.equals[condition] = out
	}
	return out
}

// maxKept bounds the memory of equalsOf and comparedIn.
const maxKept = 1 << 17

// declareEqual gives a comparison its variable. cfn-lint holds that of all
// comparisons with one operand at most one is true, whatever the other side is;
// an operand that equals itself makes every later comparison of it false.
func (m *strictModel) declareEqual(e *equal) {
	if m.atoms[e.untyped] != nil {
		return
	}
	a := &atom{equal: e}
	m.atoms[e.untyped] = a
	m.order = append(m.order, a)
	for _, o := range e.functions() {
		if at := m.byRef[o.ref]; o.ref != "" && (len(at) == 0 || at[len(at)-1] != a) {
			m.byRef[o.ref] = append(at, a)
		}
	}
	switch e.static {
	case Yes:
		a.raw, a.value = always, always
		if e.left.function {
			m.truisms[e.left.key] = true
		}
		return
	case No:
		a.raw, a.value = never, never
		return
	}
	a.raw = m.theory.variable().of(true)
	a.value = a.raw
	for _, o := range e.functions() {
		if m.truisms[o.key] {
			m.theory.clause(a.raw.not())
		}
		m.members[o.key] = append(m.members[o.key], a.raw)
	}
}

func (m *strictModel) exclusive() {
	done := map[string]bool{}
	for _, a := range m.order {
		for _, o := range a.equal.functions() {
			if !done[o.key] {
				done[o.key] = true
				m.theory.atMostOne(m.members[o.key])
			}
		}
	}
}

// allowedValues makes comparisons with values that a parameter cannot have
// false, and one comparison true if all possible values are compared with.
func (m *strictModel) allowedValues() {
	if !m.set.parameters.IsMap() {
		return
	}
	for _, e := range m.set.parameters.Entries {
		values := e.Value.Get("AllowedValues")
		if !values.IsList() || len(values.Items) == 0 {
			continue
		}
		open := map[string]int{}
		for _, v := range values.Items {
			if v != nil && v.Kind != template.Null && v.Kind != template.List && v.Kind != template.Map {
				open[pythonText(v)]++
			}
		}
		m.restrict(e.Key, open)
	}
}

func (m *strictModel) restrict(parameter string, open map[string]int) {
	involved := m.byRef[parameter]
	left := 0
	for _, n := range open {
		left += n
	}
	for _, a := range involved {
		_, text, ok := a.equal.other()
		if !ok {
			continue
		}
		if open[text] == 0 {
			a.value = never
			continue
		}
		open[text]--
		left--
	}
	if left > 0 || len(involved) == 0 {
		return
	}
	clause := make([]literal, len(involved))
	for i, a := range involved {
		clause[i] = a.value
	}
	m.theory.clause(clause...)
}

func (m *strictModel) compile() {
	for i, x := range m.set.expressions {
		if m.valid[i] {
			m.theory.equal(m.symbols[i].of(true), x.literal(m.theory, m.leaf))
		}
	}
	for _, r := range m.rules {
		asserted := make([]literal, len(r.assertions))
		for i, a := range r.assertions {
			asserted[i] = a.literal(m.theory, m.leaf)
		}
		holds := m.theory.all(asserted)
		if r.condition == nil {
			m.theory.clause(holds)
			continue
		}
		m.theory.clause(r.condition.literal(m.theory, m.leaf).not(), holds)
	}
}

func (m *strictModel) leaf(x *expression) literal {
	if x.op == opName {
		i, _ := m.index(x.name)
		return m.symbols[i].of(true)
	}
	return m.atoms[x.equal.untyped].value
}

// assume adds the literals of a scenario; ok is false if a name is not valid.
func (m *strictModel) assume(literals []literal, scenario Scenario) (out []literal, ok bool) {
	for _, a := range scenario {
		i, valid := m.index(a.Name)
		if !valid {
			return literals, false
		}
		literals = append(literals, m.symbols[i].of(a.Value))
	}
	return slices.Clip(literals), true
}
