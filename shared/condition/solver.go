package condition

// literal is a variable or its negation: variable<<1, plus 1 if negated.
type literal int32

func (l literal) variable() int32 { return int32(l) >> 1 }
func (l literal) not() literal    { return l ^ 1 }
func (l literal) negated() bool   { return l&1 == 1 }

// always is the literal of variable 0, which every theory fixes as true.
const (
	always literal = 0
	never  literal = 1
)

// solver decides whether clauses can be satisfied under assumptions. It learns
// a clause from each conflict (first unique implication point) and keeps it for
// later questions about the same template.
type solver struct {
	clauses  [][]literal
	watches  [][]int32 // by literal: the clauses that watch it
	value    []int8    // by variable: 1 true, -1 false, 0 open
	level    []int32
	reason   []int32 // by variable: the clause that forced it, -1 if none
	phase    []bool  // the value to try first
	activity []float64
	bump     float64
	trail    []literal
	limits   []int // length of the trail at each decision
	head     int   // next literal of the trail to propagate
	seen     []bool
	broken   bool // unsatisfiable without any assumption
	steps    *int // what is left of the budget, in clause visits
}

const noReason = -1

func newSolver(steps *int) *solver {
	s := &solver{steps: steps, bump: 1}
	s.fix(s.variable().of(true))
	return s
}

// index is the number of a variable.
type index int32

func (v index) of(value bool) literal {
	if value {
		return literal(v << 1)
	}
	return literal(v<<1 | 1)
}

func (s *solver) variable() index {
	s.value = append(s.value, 0)
	s.level = append(s.level, 0)
	s.reason = append(s.reason, noReason)
	s.phase = append(s.phase, false)
	s.activity = append(s.activity, 0)
	s.seen = append(s.seen, false)
	s.watches = append(s.watches, nil, nil)
	return index(len(s.value) - 1)
}

// add adds a clause. No assumption may stand.
func (s *solver) add(clause []literal) {
	kept := clause[:0:0]
	for _, l := range clause {
		switch s.holds(l) {
		case 1:
			return
		case 0:
			kept = append(kept, l)
		}
	}
	switch len(kept) {
	case 0:
		s.broken = true
	case 1:
		s.fix(kept[0])
	default:
		s.attach(kept)
	}
}

func (s *solver) fix(l literal) {
	s.assign(l, noReason)
	// Propagation of what the template itself states is not charged: it is
	// linear in the size of the sections.
	left := *s.steps
	if s.propagate() != noReason {
		s.broken = true
	}
	*s.steps = left
}

func (s *solver) attach(clause []literal) int32 {
	at := int32(len(s.clauses))
	s.clauses = append(s.clauses, clause)
	s.watches[clause[0]] = append(s.watches[clause[0]], at)
	s.watches[clause[1]] = append(s.watches[clause[1]], at)
	return at
}

func (s *solver) holds(l literal) int8 {
	if l.negated() {
		return -s.value[l.variable()]
	}
	return s.value[l.variable()]
}

func (s *solver) assign(l literal, reason int32) {
	v := l.variable()
	s.value[v] = 1
	if l.negated() {
		s.value[v] = -1
	}
	s.level[v], s.reason[v] = int32(len(s.limits)), reason
	s.trail = append(s.trail, l)
}

func (s *solver) decide(l literal) {
	s.limits = append(s.limits, len(s.trail))
	s.assign(l, noReason)
}

// undo takes back every decision above a level.
func (s *solver) undo(level int) {
	if len(s.limits) <= level {
		return
	}
	for _, l := range s.trail[s.limits[level]:] {
		s.phase[l.variable()] = !l.negated()
		s.value[l.variable()] = 0
	}
	s.trail = s.trail[:s.limits[level]]
	s.limits = s.limits[:level]
	s.head = len(s.trail)
}

// propagate draws the unit consequences of the trail. It returns the clause
// that became false, or noReason.
func (s *solver) propagate() int32 {
	for s.head < len(s.trail) {
		falsified := s.trail[s.head].not()
		s.head++
		if conflict := s.visit(falsified); conflict != noReason {
			return conflict
		}
	}
	return noReason
}

// visit moves the watches of a literal that became false.
func (s *solver) visit(falsified literal) int32 {
	watching := s.watches[falsified]
	kept := watching[:0]
	*s.steps -= len(watching) + 1
	for i, at := range watching {
		clause := s.clauses[at]
		if clause[0] == falsified {
			clause[0], clause[1] = clause[1], falsified
		}
		if s.holds(clause[0]) == 1 {
			kept = append(kept, at)
			continue
		}
		if s.rewatch(clause, at) {
			continue
		}
		kept = append(kept, at)
		if s.holds(clause[0]) == -1 {
			s.watches[falsified] = append(kept, watching[i+1:]...)
			return at
		}
		s.assign(clause[0], at)
	}
	s.watches[falsified] = kept
	return noReason
}

// rewatch gives the second watch of a clause to a literal that is not false.
func (s *solver) rewatch(clause []literal, at int32) bool {
	for i := 2; i < len(clause); i++ {
		if s.holds(clause[i]) != -1 {
			clause[1], clause[i] = clause[i], clause[1]
			s.watches[clause[1]] = append(s.watches[clause[1]], at)
			return true
		}
	}
	*s.steps -= len(clause) / 4
	return false
}

// learn derives from a conflict the clause that prevents it; its first literal
// is the one to assign after going back to level.
func (s *solver) learn(conflict int32) (clause []literal, level int) {
	clause = []literal{0}
	open, at := 0, len(s.trail)-1
	uip := literal(-1)
	for {
		for _, l := range s.clauses[conflict] {
			v := l.variable()
			if l == uip || s.seen[v] || s.level[v] == 0 {
				continue
			}
			s.seen[v] = true
			s.activity[v] += s.bump
			if int(s.level[v]) == len(s.limits) {
				open++
			} else {
				clause = append(clause, l)
			}
		}
		for !s.seen[s.trail[at].variable()] {
			at--
		}
		uip = s.trail[at]
		at--
		s.seen[uip.variable()] = false
		if open--; open == 0 {
			break
		}
		conflict = s.reason[uip.variable()]
	}
	clause[0] = uip.not()
	for i, l := range clause[1:] {
		s.seen[l.variable()] = false
		if int(s.level[l.variable()]) > level {
			level = int(s.level[l.variable()])
			clause[1], clause[i+1] = clause[i+1], clause[1]
		}
	}
	s.bump *= 1.05
	if s.bump > 1e100 {
		for v := range s.activity {
			s.activity[v] *= 1e-100
		}
		s.bump *= 1e-100
	}
	return clause, level
}

// solve decides the assumptions over the given variables, which must be closed:
// no clause joins them with a variable outside. After Yes the caller reads
// value and calls undo(0); after No and Unknown nothing stands.
func (s *solver) solve(assumed []literal, variables []int32) Truth {
	if s.broken {
		return No
	}
	next, conflicts := 0, 0
	for {
		if *s.steps <= 0 {
			s.undo(0)
			return Unknown
		}
		if conflict := s.propagate(); conflict != noReason {
			if len(s.limits) == 0 {
				s.broken = true
				return No
			}
			conflicts++
			next = 0
			s.recover(conflict)
			if s.broken {
				return No
			}
			continue
		}
		l, state := s.choose(assumed, variables, &next, conflicts > 0)
		switch state {
		case Yes:
			return Yes
		case No:
			s.undo(0)
			return No
		}
		s.decide(l)
	}
}

func (s *solver) recover(conflict int32) {
	clause, level := s.learn(conflict)
	s.undo(level)
	if len(clause) == 1 {
		s.fix(clause[0])
		return
	}
	s.assign(clause[0], s.attach(clause))
}

// choose finds the next decision: first the assumptions, one a level, then the
// open variables. Yes means that all is decided, No that an assumption is false.
func (s *solver) choose(assumed []literal, variables []int32, next *int, active bool) (literal, Truth) {
	for len(s.limits) < len(assumed) {
		l := assumed[len(s.limits)]
		switch s.holds(l) {
		case -1:
			return 0, No
		case 0:
			return l, Unknown
		}
		s.limits = append(s.limits, len(s.trail)) // holds already: a level of its own, empty
	}
	best := int32(-1)
	for ; *next < len(variables) && s.value[variables[*next]] != 0; *next++ {
		*s.steps--
	}
	for i := *next; i < len(variables); i++ {
		v := variables[i]
		if s.value[v] != 0 {
			continue
		}
		if best < 0 || s.activity[v] > s.activity[best] {
			best = v
		}
		if !active {
			break
		}
		*s.steps--
	}
	if best < 0 {
		return 0, Yes
	}
	return index(best).of(s.phase[best]), Unknown
}
