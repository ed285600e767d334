package condition

import (
	"encoding/binary"
	"slices"
)

// theory is a set of clauses, split into components: variables that no clause
// joins, even indirectly, are decided apart.
type theory struct {
	solver    *solver
	parent    []int32 // union-find over variables
	component [][]int32
	of        []int32 // the component of a variable
	base      Truth
	model     bits // one way to satisfy the theory itself, where base is Yes
	checked   bool
	answers   map[string]Truth
	key       []byte // scratch of check
	cut       *int   // counts answers that the budget cut short
}

func newTheory(steps, cut *int) *theory {
	return &theory{solver: newSolver(steps), parent: []int32{0}, answers: map[string]Truth{}, cut: cut}
}

func (t *theory) variable() index {
	v := t.solver.variable()
	t.parent = append(t.parent, int32(v))
	return v
}

func (t *theory) root(v int32) int32 {
	for t.parent[v] != v {
		t.parent[v] = t.parent[t.parent[v]]
		v = t.parent[v]
	}
	return v
}

func (t *theory) clause(literals ...literal) {
	first := int32(-1)
	for _, l := range literals {
		switch {
		case l == always:
			return
		case l == never:
		case first < 0:
			first = t.root(l.variable())
		default:
			t.parent[t.root(l.variable())] = first
		}
	}
	t.solver.add(literals)
}

// equal states that two literals have one value.
func (t *theory) equal(a, b literal) {
	t.clause(a.not(), b)
	t.clause(a, b.not())
}

// all returns a literal that is true exactly if every operand is.
func (t *theory) all(operands []literal) literal {
	kept := make([]literal, 0, len(operands)+1)
	for _, l := range operands {
		switch l {
		case never:
			return never
		case always:
		default:
			kept = append(kept, l)
		}
	}
	switch len(kept) {
	case 0:
		return always
	case 1:
		return kept[0]
	}
	out := t.variable().of(true)
	for i, l := range kept {
		t.clause(out.not(), l)
		kept[i] = l.not()
	}
	t.clause(append(kept, out)...)
	return out
}

// some returns a literal that is true exactly if an operand is.
func (t *theory) some(operands []literal) literal {
	inverse := make([]literal, len(operands))
	for i, l := range operands {
		inverse[i] = l.not()
	}
	return t.all(inverse).not()
}

// pairwise is the size up to which atMostOne compares every pair.
const pairwise = 6

// atMostOne states that no two of the literals are true: pairwise if they are
// few, else with a running "one before this was true" that keeps it linear.
func (t *theory) atMostOne(literals []literal) {
	if len(literals) <= pairwise {
		for i, a := range literals {
			for _, b := range literals[:i] {
				t.clause(a.not(), b.not())
			}
		}
		return
	}
	before := literals[0]
	for i, l := range literals[1:] {
		t.clause(before.not(), l.not())
		if i == len(literals)-2 {
			break
		}
		next := t.variable().of(true)
		t.clause(before.not(), next)
		t.clause(l.not(), next)
		before = next
	}
}

// start splits the variables into components and decides the theory itself.
func (t *theory) start() Truth {
	if t.checked {
		return t.base
	}
	t.checked = true
	t.of = make([]int32, len(t.parent))
	number := map[int32]int32{}
	for v := range t.parent {
		root := t.root(int32(v))
		n, ok := number[root]
		if !ok {
			n = int32(len(t.component))
			number[root] = n
			t.component = append(t.component, nil)
		}
		t.of[v] = n
		t.component[n] = append(t.component[n], int32(v))
	}
	t.base, t.model = Yes, make(bits, words(len(t.parent)))
	for _, variables := range t.component {
		switch t.decide(nil, variables, t.model) {
		case No:
			t.base = No
			return No
		case Unknown:
			t.base = Unknown
		}
	}
	return t.base
}

// decide answers for one component and writes the model it finds.
func (t *theory) decide(assumed []literal, variables []int32, model bits) Truth {
	answer := t.solver.solve(assumed, variables)
	switch answer {
	case Unknown:
		*t.cut++
	case Yes:
		if model != nil {
			for _, v := range variables {
				model.set(int(v), t.solver.value[v] == 1)
			}
		}
		t.solver.undo(0)
	}
	return answer
}

// check decides whether all the literals can be true together. It may reorder
// and shorten the slice.
func (t *theory) check(literals []literal) Truth {
	if base := t.start(); base != Yes {
		return base
	}
	modelled := true
	kept := literals[:0:len(literals)]
	for _, l := range literals {
		switch l {
		case never:
			return No
		case always:
		default:
			modelled = modelled && t.model.has(int(l.variable())) != l.negated()
			kept = append(kept, l)
		}
	}
	if modelled {
		return Yes
	}
	t.key = t.key[:0]
	for _, l := range kept {
		t.key = binary.LittleEndian.AppendUint32(t.key, uint32(l))
	}
	if answer, ok := t.answers[string(t.key)]; ok {
		return answer
	}
	key := string(t.key)
	answer := t.checkComponents(kept)
	if len(t.answers) < maxAnswers {
		t.answers[key] = answer
	}
	return answer
}

// maxAnswers bounds the memory of remembered answers.
const maxAnswers = 1 << 14

func (t *theory) checkComponents(literals []literal) Truth {
	slices.SortStableFunc(literals, func(a, b literal) int {
		return int(t.of[a.variable()]) - int(t.of[b.variable()])
	})
	answer := Yes
	for len(literals) > 0 {
		c, n := t.of[literals[0].variable()], 1
		for n < len(literals) && t.of[literals[n].variable()] == c {
			n++
		}
		switch t.decide(literals[:n], t.component[c], nil) {
		case No:
			return No
		case Unknown:
			answer = Unknown
		}
		literals = literals[n:]
	}
	return answer
}

// extend decides one literal more, where the assumed ones are possible together
// and model, if there is one, satisfies them. It returns the model for both.
func (t *theory) extend(assumed []literal, l literal, model bits) (bits, Truth) {
	if model != nil && model.has(int(l.variable())) != l.negated() {
		return model, Yes
	}
	c := t.of[l.variable()]
	group := make([]literal, 0, 8)
	for _, a := range assumed {
		if t.of[a.variable()] == c {
			group = append(group, a)
		}
	}
	next := slices.Clone(model)
	answer := t.decide(append(group, l), t.component[c], next)
	if answer != Yes {
		next = nil
	}
	return next, answer
}

// bits is a set of small numbers.
type bits []uint64

func words(n int) int { return (n + 63) / 64 }

func (b bits) has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

func (b bits) set(i int, value bool) {
	if value {
		b[i>>6] |= 1 << (i & 63)
	} else {
		b[i>>6] &^= 1 << (i & 63)
	}
}
