package condition

import (
	"encoding/binary"
	"iter"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// walkModel is the walk's model: its theory and the statuses seen so far.
type walkModel struct {
	set      *Set
	theory   *theory
	names    []string
	number   map[string]int
	symbols  []index // by number of condition
	root     *state
	states   map[stateKey]*state
	children map[step]*state // nil if the step cannot be taken
}

type step struct {
	from *state
	to   literal // over numbers of conditions, not variables
}

// state is what a Status points to. There is one for each set of assumptions,
// so that statuses compare with ==.
type state struct {
	walk         *walkModel
	known, value bits
	model        bits // by variable: one way to satisfy it, nil if none was found in time
	count        int
	inline       [2]uint64 // what known and value are made of if there are few conditions
}

// stateKey is what a state assumes: as two words for up to 64 conditions, else
// as text.
type stateKey struct {
	known, value uint64
	more         string
}

// newState makes a state without assumptions.
func newState(w *walkModel) *state {
	s := &state{walk: w}
	if n := words(len(w.names)); n > 1 {
		s.known, s.value = make(bits, n), make(bits, n)
	} else {
		s.known, s.value = s.inline[:1:1], s.inline[1:]
	}
	return s
}

func (s *Set) walkModel() *walkModel {
	if s.walk == nil {
		s.walk = newWalkModel(s)
	}
	return s.walk
}

func newWalkModel(s *Set) *walkModel {
	w := &walkModel{set: s, theory: newTheory(&s.steps, &s.cut), states: map[stateKey]*state{}, children: map[step]*state{}}
	if !s.voided() {
		w.names, w.number = s.names, s.number
	}
	for range w.names {
		w.symbols = append(w.symbols, w.theory.variable())
	}
	c := &walkCompiler{walkModel: w, undefined: map[string]literal{}, atoms: map[string]literal{}, tested: map[string]*tested{}}
	for i := range w.names {
		w.theory.equal(w.symbols[i].of(true), c.expression(s.expressions[i]))
	}
	c.allowedValues()
	w.root = newState(w)
	w.states[w.root.key()] = w.root
	if w.theory.start() == Yes {
		w.root.model = w.theory.model
	}
	return w
}

// walkCompiler turns expressions into clauses.
type walkCompiler struct {
	*walkModel
	undefined map[string]literal // conditions that are used but do not exist
	atoms     map[string]literal
	tested    map[string]*tested // by parameter
	readings  []int              // by number of condition, once needed
}

// tested is what a parameter is compared with.
type tested struct {
	values []string
	atoms  map[string][]literal
}

func (c *walkCompiler) expression(x *expression) literal {
	if x == nil || x.listed {
		return c.atom("") // all broken conditions are one unknown
	}
	return x.literal(c.theory, c.leaf)
}

func (c *walkCompiler) leaf(x *expression) literal {
	if x.op == opName {
		return c.named(x.name)
	}
	e := x.equal
	if e.left.key == nullKey && e.right.key == nullKey {
		return c.atom("") // what cfn-lint puts in the place of a broken condition
	}
	l := c.atom(e.typed)
	if e.right.ref != "" && !e.left.function && e.left.key != nullKey {
		c.test(e.right.ref, e.left.text, l)
	}
	return l
}

func (c *walkCompiler) named(name string) literal {
	if i, ok := c.number[name]; ok {
		return c.symbols[i].of(true)
	}
	l, ok := c.undefined[name]
	if !ok {
		l = c.theory.variable().of(true)
		c.undefined[name] = l
	}
	return l
}

func (c *walkCompiler) atom(key string) literal {
	l, ok := c.atoms[key]
	if !ok {
		l = c.theory.variable().of(true)
		c.atoms[key] = l
	}
	return l
}

func (c *walkCompiler) test(parameter, value string, atom literal) {
	t := c.tested[parameter]
	if t == nil {
		t = &tested{atoms: map[string][]literal{}}
		c.tested[parameter] = t
	}
	for _, known := range t.atoms[value] {
		if known == atom {
			return
		}
	}
	if len(t.atoms[value]) == 0 {
		t.values = append(t.values, value)
	}
	t.atoms[value] = append(t.atoms[value], atom)
}

// allowedValues states for each parameter with AllowedValues that it has at
// most one of the values it is compared with, and exactly one if it is compared
// with all that are allowed.
func (c *walkCompiler) allowedValues() {
	if !c.set.parameters.IsMap() {
		return
	}
	for _, e := range c.set.parameters.Entries {
		t := c.tested[e.Key]
		if t == nil {
			continue
		}
		allowed, ok := allowedValues(e.Value)
		if !ok {
			continue
		}
		groups := make([]literal, len(t.values))
		for i, v := range t.values {
			groups[i] = c.theory.some(t.atoms[v])
		}
		c.theory.atMostOne(groups)
		if c.covers(e.Key, t, allowed) {
			c.theory.clause(groups...)
		}
	}
}

// allowed is the AllowedValues of a parameter.
type allowed struct {
	texts map[string]int // how often each is listed
	other bool           // one of them is no text, so no comparison covers it
}

// covers reports whether the comparisons of a parameter cover all its allowed
// values. A value that is listed n times must be compared with n times, as
// cfn-lint strikes one off at each comparison that it meets.
func (c *walkCompiler) covers(parameter string, t *tested, a allowed) bool {
	if a.other {
		return false
	}
	for text, listed := range a.texts {
		if len(t.atoms[text]) == 0 || listed > 1 && c.met(parameter, text) < listed {
			return false
		}
	}
	return true
}

// met counts how often a comparison is met when every condition is read
// together with those that it refers to.
func (c *walkCompiler) met(parameter, text string) int {
	if c.readings == nil {
		c.countReadings()
	}
	total := 0
	for i, x := range c.set.expressions {
		if x == nil || x.listed {
			continue
		}
		x.visit(func(x *expression) {
			if x.op == opEquals && x.equal.right.ref == parameter && !x.equal.left.function && x.equal.left.text == text {
				total = min(total+c.readings[i], maxReadings)
			}
		})
	}
	return total
}

// maxReadings is more than a list of allowed values can ask for.
const maxReadings = 1 << 20

// countReadings finds how often each condition is read: for itself, and for
// each reading of one that refers to it.
func (c *walkCompiler) countReadings() {
	referrers := make([][]int, len(c.names))
	for from, x := range c.set.expressions {
		if x == nil || x.listed {
			continue
		}
		x.visit(func(x *expression) {
			if to, ok := c.number[x.name]; ok && x.op == opName {
				referrers[to] = append(referrers[to], from)
			}
		})
	}
	c.readings = make([]int, len(c.names))
	var count func(int) int
	count = func(i int) int {
		if c.readings[i] == 0 {
			c.readings[i] = 1 // also what a circle finds
			total := 1
			for _, from := range referrers[i] {
				total = min(total+count(from), maxReadings)
			}
			c.readings[i] = total
		}
		return c.readings[i]
	}
	for i := range c.readings {
		count(i)
	}
}

// allowedValues reads a parameter's AllowedValues; ok is false without any. A
// value counts only if it is written as text, and the value of a Systems
// Manager parameter is not known.
func allowedValues(parameter *template.Node) (a allowed, ok bool) {
	kind := parameter.Get("Type")
	if !kind.IsString() || strings.HasPrefix(kind.Text, "AWS::SSM::Parameter::") {
		return a, false
	}
	values := parameter.Get("AllowedValues")
	if !values.IsList() || len(values.Items) == 0 {
		return a, false
	}
	if isListType(kind.Text) {
		return allowed{other: true}, true
	}
	for _, v := range values.Items {
		if v.IsString() {
			if a.texts == nil {
				a.texts = map[string]int{}
			}
			a.texts[v.Text]++
		} else {
			a.other = true
		}
	}
	return a, true
}

func isListType(kind string) bool {
	return kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<")
}

// voided reports whether a parameter's AllowedValues is a scalar: then cfn-lint
// knows no condition at all.
func (s *Set) voided() bool {
	if !s.parameters.IsMap() {
		return false
	}
	for _, e := range s.parameters.Entries {
		values := e.Value.Get("AllowedValues")
		if values == nil || values.IsList() || values.IsMap() || falsy(values) {
			continue
		}
		kind := e.Value.Get("Type")
		if kind.IsString() && !strings.HasPrefix(kind.Text, "AWS::SSM::Parameter::") && !isListType(kind.Text) {
			return true
		}
	}
	return false
}

// falsy is Python's truth of a value: null, false, 0, "", [] and {} are false.
func falsy(n *template.Node) bool {
	if n == nil {
		return true
	}
	switch n.Kind {
	case template.Bool:
		return !n.True
	case template.Number:
		return n.Float == 0
	case template.String:
		return n.Text == ""
	case template.List:
		return len(n.Items) == 0
	case template.Map:
		return len(n.Entries) == 0
	}
	return true
}

// Status is what the walk assumes about conditions at one place. It is a single
// pointer, comparable, and never changes. The zero value belongs to a template
// without conditions.
type Status struct{ s *state }

// Evolve adds an assumption. ok is false if the conditions cannot satisfy it
// together with what is assumed already. A name that is no condition changes
// nothing. If the budget ends the search, the assumption is taken as possible.
func (s Status) Evolve(name string, value bool) (next Status, ok bool) {
	if s.s == nil {
		return s, true
	}
	i, found := s.s.walk.number[name]
	if !found {
		return s, true
	}
	if s.s.known.has(i) {
		return s, s.s.value.has(i) == value
	}
	to := index(i).of(value)
	child, seen := s.s.walk.children[step{s.s, to}]
	if !seen {
		child = s.s.evolve(i, value)
		s.s.walk.children[step{s.s, to}] = child
	}
	if child == nil {
		return s, false
	}
	return Status{child}, true
}

// EvolveAll adds several assumptions, as Evolve does.
func (s Status) EvolveAll(assumptions ...Assumption) (next Status, ok bool) {
	next = s
	for _, a := range assumptions {
		if next, ok = next.Evolve(a.Name, a.Value); !ok {
			return s, false
		}
	}
	return next, true
}

// evolve makes or finds the state with one more assumption, nil if there is none.
func (s *state) evolve(condition int, value bool) *state {
	w := s.walk
	next := newState(w)
	copy(next.known, s.known)
	copy(next.value, s.value)
	next.count = s.count + 1
	next.known.set(condition, true)
	next.value.set(condition, value)
	key := next.key()
	if same, ok := w.states[key]; ok {
		return same
	}
	if w.theory.base == No {
		return nil
	}
	model, answer := w.theory.extend(s.literals(), w.symbols[condition].of(value), s.model)
	if answer == No {
		return nil
	}
	next.model = model
	w.states[key] = next
	return next
}

// literals lists what the state assumes.
func (s *state) literals() []literal {
	out := make([]literal, 0, s.count)
	for i, v := range s.walk.symbols {
		if s.known.has(i) {
			out = append(out, v.of(s.value.has(i)))
		}
	}
	return out
}

func (s *state) key() stateKey {
	if len(s.known) == 1 {
		return stateKey{known: s.known[0], value: s.value[0]}
	}
	key := make([]byte, 0, 16*len(s.known))
	for i := range s.known {
		key = binary.LittleEndian.AppendUint64(key, s.known[i])
		key = binary.LittleEndian.AppendUint64(key, s.value[i])
	}
	return stateKey{more: string(key)}
}

// Value returns what is assumed of a condition; known is false if nothing is.
func (s Status) Value(name string) (value, known bool) {
	if s.s == nil {
		return false, false
	}
	i, ok := s.s.walk.number[name]
	if !ok || !s.s.known.has(i) {
		return false, false
	}
	return s.s.value.has(i), true
}

// Len returns how many conditions are assumed.
func (s Status) Len() int {
	if s.s == nil {
		return 0
	}
	return s.s.count
}

// All yields the assumptions in the order of the Conditions section.
func (s Status) All() iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		if s.s == nil || s.s.count == 0 {
			return
		}
		for i, name := range s.s.walk.names {
			if s.s.known.has(i) && !yield(name, s.s.value.has(i)) {
				return
			}
		}
	}
}

// Scenario returns the assumptions as a list, in the order of the section.
func (s Status) Scenario() Scenario {
	out := make(Scenario, 0, s.Len())
	for name, value := range s.All() {
		out = append(out, Assumption{name, value})
	}
	return out
}
