package condition

import "github.com/evenkeel/evenkeel/shared/template"

// Refs is what Ref of parameters and pseudo parameters is taken to be.
type Refs interface {
	// Empty reports whether nothing is assumed of any parameter.
	Empty() bool
	// Ref returns the value assumed for a parameter. Only a String node can
	// equal what conditions compare with.
	Ref(name string) (value *template.Node, ok bool)
}

// compared is what a condition and all that it refers to compare.
type compared struct {
	refs   []*atom // comparisons of parameters
	opaque bool
}

// Satisfiable reports whether parameters can have the given values under the
// status. Unknown if a condition is broken or compares what is not a parameter.
func (s Status) Satisfiable(r Refs) Truth {
	if s.s == nil {
		return Yes
	}
	m := s.s.walk.set.strictModel()
	if s.s.count == 0 {
		return m.baseTruth()
	}
	if r == nil || r.Empty() {
		if m.allValid(s.s) {
			return m.baseTruth()
		}
		return Unknown
	}
	return m.satisfiable(s.s, r)
}

// allValid reports whether every condition of the state is valid.
func (m *strictModel) allValid(s *state) bool {
	for i, valid := range m.valid {
		if !valid && i < len(s.walk.names) && s.known.has(i) {
			return false
		}
	}
	return true
}

func (m *strictModel) satisfiable(s *state, r Refs) Truth {
	var buffer [16]literal
	literals := buffer[:0]
	found := false
	m.round++
	for i := range s.walk.names {
		if !s.known.has(i) {
			continue
		}
		if !m.valid[i] {
			return Unknown
		}
		c := m.comparedIn(i)
		if c.opaque {
			return Unknown
		}
		used := false
		for _, a := range c.refs {
			if a.round != m.round {
				a.round = m.round
				a.forced, a.decided = a.test(r)
				if a.decided && a.forced != always {
					literals = append(literals, a.forced)
				}
			}
			used = used || a.decided
		}
		if used {
			found = true
			literals = append(literals, m.symbols[i].of(s.value.has(i)))
		}
	}
	if !found {
		return m.baseTruth()
	}
	return m.theory.check(literals)
}

// baseTruth is the answer if no condition matters: whether Rules can hold.
func (m *strictModel) baseTruth() Truth {
	if len(m.rules) == 0 {
		return Yes
	}
	return m.theory.start()
}

func (m *strictModel) comparedIn(condition int) *compared {
	if known := m.compared[condition]; known != nil {
		return known
	}
	c := &compared{}
	for _, e := range m.equalsOf(condition) {
		relevant := false
		for _, o := range e.functions() {
			c.opaque = c.opaque || !o.isRef
			relevant = relevant || o.ref != ""
		}
		if relevant {
			c.refs = append(c.refs, m.atoms[e.untyped])
		}
	}
	if m.kept += len(c.refs); m.kept < maxKept {
		m.compared[condition] = c
	}
	return c
}

// test says what the comparison is under assumed values; ok is false if they do
// not decide it. A comparison of two parameters counts as false.
func (a *atom) test(r Refs) (l literal, ok bool) {
	e := a.equal
	for _, o := range [...]*operand{&e.left, &e.right} {
		if o.ref == "" {
			continue
		}
		value, known := r.Ref(o.ref)
		if !known {
			continue
		}
		if e.static != Unknown {
			return always, true
		}
		if _, text, literal := e.other(); literal && value.IsString() && value.Text == text {
			return a.raw, true
		}
		return a.raw.not(), true
	}
	return always, false
}

// Valid reports whether a condition is well formed together with all that it
// refers to, so that the template's model knows it.
func (s *Set) Valid(name string) bool {
	_, ok := s.strictModel().index(name)
	return ok
}

// Implies reports whether a condition is true whenever the assumptions hold. It
// is if they cannot hold, and if a name is not valid; it is not if the
// assumptions say that it is false, or if the budget ends the search.
func (s *Set) Implies(assumed Scenario, name string) bool {
	if value, known := assumed.Get(name); known && !value {
		return false
	}
	m := s.strictModel()
	literals, ok := m.assume(nil, assumed)
	if !ok {
		return true
	}
	i, ok := m.index(name)
	if !ok {
		return true
	}
	return m.theory.check(append(literals, m.symbols[i].of(false))) == No
}

// Region reports which values a condition can have in a region. Both, if it is
// not valid or does not compare AWS::Region.
func (s *Set) Region(name, region string) (canBeTrue, canBeFalse bool) {
	m := s.strictModel()
	i, ok := m.index(name)
	if !ok {
		return true, true
	}
	key := [2]string{name, region}
	if known, ok := m.region[key]; ok {
		return known[0], known[1]
	}
	var literals []literal
	found := false
	for _, e := range m.equalsOf(i) {
		compared, ok := e.region()
		if !ok {
			continue
		}
		found = true
		l := m.atoms[e.untyped].value
		if compared != region {
			l = l.not()
		}
		literals = append(literals, l)
	}
	answer := [2]bool{true, true}
	for at, value := range [...]bool{true, false} {
		if found {
			answer[at] = m.theory.check(append(literals[:len(literals):len(literals)], m.symbols[i].of(value))) != No
		}
	}
	m.region[key] = answer
	return answer[0], answer[1]
}

// Wanted is a condition and the values it may have in a scenario. Both or
// neither leave it free.
type Wanted struct {
	Name        string
	True, False bool
}

func (w Wanted) free() bool { return w.True == w.False }

// Scenarios returns the ways in which conditions can hold together, free ones
// true before false and the first slowest, at most MaxScenarios. Each lists the
// free conditions, then those with one value. It is empty if a name is not
// valid, and without conditions.
func (s *Set) Scenarios(wanted ...Wanted) []Scenario {
	m := s.strictModel()
	var fixed Scenario
	var free []string
	for _, w := range wanted {
		_, ok := m.index(w.Name)
		if !ok {
			return nil
		}
		if w.free() {
			free = append(free, w.Name)
		} else {
			fixed = append(fixed, Assumption{w.Name, w.True})
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	e := &enumeration{m: m, fixed: fixed, free: free}
	if m.theory.start() == No {
		return nil
	}
	model := m.theory.model
	if m.theory.base == Unknown {
		model = nil
	}
	var literals []literal
	for _, a := range fixed {
		var ok bool
		if literals, model, ok = e.extend(literals, model, a); !ok {
			return nil
		}
	}
	e.follow(nil, literals, model)
	return e.found
}

// enumeration lists scenarios depth first and follows only what can be.
type enumeration struct {
	m     *strictModel
	fixed Scenario
	free  []string
	found []Scenario
}

// extend adds an assumption; ok is false if it is not possible.
func (e *enumeration) extend(literals []literal, model bits, a Assumption) (next []literal, found bits, ok bool) {
	i, _ := e.m.index(a.Name)
	l := e.m.symbols[i].of(a.Value)
	found, answer := e.m.theory.extend(literals, l, model)
	return append(literals[:len(literals):len(literals)], l), found, answer != No
}

func (e *enumeration) follow(chosen Scenario, literals []literal, model bits) bool {
	if len(chosen) == len(e.free) {
		if len(e.found) == MaxScenarios {
			e.m.set.cut++
			return false
		}
		e.found = append(e.found, append(chosen[:len(chosen):len(chosen)], e.fixed...))
		return true
	}
	for _, value := range [...]bool{true, false} {
		a := Assumption{e.free[len(chosen)], value}
		next, found, ok := e.extend(literals, model, a)
		if ok && !e.follow(append(chosen[:len(chosen):len(chosen)], a), next, found) {
			return false
		}
	}
	return true
}
