// Package check walks a template together with the schemas of CloudFormation:
// every value is held against the schema of its place, intrinsic functions are
// resolved to the values they can have under the template's conditions, and the
// rules registered at a place are called. The semantics are those of cfn-lint
// 1.x, whose findings the rules reproduce; the work is bounded.
package check

import (
	"cmp"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// DefaultSteps is the budget of one template: pairs of a value and a schema.
const DefaultSteps = 400_000

// Validator is the state of a walk. It is used by one goroutine.
type Validator struct {
	*Template
	Registry *Registry
	state

	steps    int
	depth    int
	spare    []*faults // to collect in again
	scratch  Fault     // of a fault that nobody looks at
	stopped  string    // where the budget ran out
	resolves int
	faults   int
	built    int            // bytes of the texts that calls were resolved to
	memory   map[string]any // by rule, see Memory
}

type tableKey struct {
	base *[jsonschema.Count]Func
	rule *Rule
}

// state is what changes along the walk and is put back on the way up. Save it
// with `old := v.state` and restore it with `v.state = old`; Scoped does both.
type state struct {
	out   *faults
	table *[jsonschema.Count]Func

	path      Path
	ruleAt    Path // of the value that the rule under way was called for
	valuePath Path // where a resolved value stands, if elsewhere: Parameters/Name/Default
	Place     *Place

	functions     jsonschema.FunctionSet // those that may be called here
	Conditions    condition.Status
	refs          *refs    // values given to names on the way
	Regions       []string // looked at
	pseudo        map[string]bool
	hideResources bool

	Strict         bool // types must match without conversion
	Unresolvable   bool // in if, anyOf…: a function makes the outcome unknown
	InIf           bool // in the if of if/then/else: exceptions from a keyword do not count
	Resolved       bool // the value is what a function resolved to
	FromParameters bool // the value came from a parameter
	noPseudo       bool // pseudo parameters do not resolve
	callRules      bool // add the rules of the place to every schema
	dynamicRefs    bool // check dynamic references
	inFunction     bool // the path goes through a function other than Fn::If
	inRef          bool
}

// Scoped runs a part of the walk and puts the state back.
func (v *Validator) Scoped(walk func()) {
	old := v.state
	walk()
	v.state = old
}

// Path returns the path of the value at hand. It is valid until the walk moves.
func (v *Validator) Path() Path { return v.path }

// ValuePath returns where the resolved value at hand stands, nil if in place.
func (v *Validator) ValuePath() Path { return v.valuePath }

// pathRoom is how many more steps a path takes without growing.
const pathRoom = 24

// SetPath moves to another path and place.
func (v *Validator) SetPath(path Path, place ...string) {
	v.path = append(make(Path, 0, len(path)+pathRoom), path...)
	v.inFunction, v.inRef = path.inFunction(), path.inRef()
	v.Place = v.PlaceOf(place...)
}

// PlaceOf returns the place of names from the root.
func (v *Validator) PlaceOf(names ...string) *Place {
	p := v.Registry.places
	for _, n := range names {
		p = p.child(n, v.Registry)
	}
	return p
}

// Push goes one step down without a schema; Pop goes up again. Prefer Descend.
func (v *Validator) push(s Step) {
	v.path = append(v.path, s)
	if s.Key == "Ref" {
		v.inRef, v.inFunction = true, true
	} else if !v.inFunction && strings.HasPrefix(s.Key, "Fn::") {
		v.inFunction = s.isFunction()
	}
}

// Descend checks n, at a step below the present path, against s. place is the
// step in the schemas: a property's name, "*", or "" to stay.
func (v *Validator) Descend(n *template.Node, s *jsonschema.Schema, step Step, place string) {
	path, where, inFunction, inRef := v.path, v.Place, v.inFunction, v.inRef
	v.push(step)
	if place != "" && v.Place != nil {
		v.Place = v.Place.child(place, v.Registry)
	}
	v.Walk(n, s)
	v.path, v.Place, v.inFunction, v.inRef = path, where, inFunction, inRef
}

// Below runs a part of the walk one step down.
func (v *Validator) Below(step Step, walk func()) {
	path, inFunction, inRef := v.path, v.inFunction, v.inRef
	v.push(step)
	walk()
	v.path, v.inFunction, v.inRef = path, inFunction, inRef
}

// maxDepth bounds the nesting of schema and value together.
const maxDepth = 400

// Walk checks n, at the present path, against s.
func (v *Validator) Walk(n *template.Node, s *jsonschema.Schema) {
	switch s.Verdict {
	case jsonschema.Accept:
		return
	case jsonschema.Reject:
		f := v.Fault("no value is allowed here")
		f.node, f.schema = n, s
		return
	}
	if v.steps--; v.steps < 0 || v.depth > maxDepth {
		v.stop()
		return
	}
	v.depth++
	v.filter(n, s)
	v.depth--
}

// stop notes where the budget ran out. What would be found beyond is unknown.
func (v *Validator) stop() {
	if v.stopped == "" {
		v.stopped = v.path.String()
		if v.stopped == "" {
			v.stopped = "/"
		}
	}
	v.Unknown()
}

// Spend takes steps of the budget for a rule's own loop, whose length is a
// product. It returns false if there are none left: then the loop must end.
func (v *Validator) Spend(steps int) bool {
	if v.steps -= steps; v.steps >= 0 {
		return true
	}
	if v.stopped == "" {
		v.stopped = cmp.Or(v.path.String(), "/")
	}
	return false
}

// Incomplete returns the path at which the budget ran out, "" if it did not.
func (v *Validator) Incomplete() string { return v.stopped }

// keyword runs one keyword and notes on its faults what they are about.
func (v *Validator) keyword(k jsonschema.Keyword, s *jsonschema.Schema, n *template.Node) {
	f := v.table[k]
	if f == nil {
		return
	}
	start := len(v.out.list)
	f(v, s, n)
	if len(v.out.list) > start {
		v.about(start, k, s, n)
	}
}

func (v *Validator) about(start int, k jsonschema.Keyword, s *jsonschema.Schema, n *template.Node) {
	text := s.Messages.Get(k.String()).Str()
	for i := start; i < len(v.out.list); i++ {
		f := &v.out.list[i]
		if f.Keyword == jsonschema.None && (f.schema == nil || f.schema.Verdict != jsonschema.Reject) {
			f.Keyword = k // the schema false has no keyword
		}
		if f.node == nil {
			f.node = n
		}
		if f.schema == nil {
			f.schema = s
		}
		if text != "" {
			f.Message = text
		}
	}
}

func (v *Validator) run(keywords []jsonschema.Keyword, s *jsonschema.Schema, n *template.Node) {
	for _, k := range keywords {
		v.keyword(k, s, n)
	}
}

// extend puts what a rule says about keywords on top of the present table.
func (v *Validator) extend(rule *Rule) {
	key, made := tableKey{v.table, rule}, &v.Registry.derived
	made.mu.RLock()
	t := made.made[key]
	made.mu.RUnlock()
	if t == nil {
		t = v.merged(rule)
		made.mu.Lock()
		if first := made.made[key]; first != nil {
			t = first // another walk made it meanwhile
		} else {
			made.made[key] = t
		}
		made.mu.Unlock()
	}
	v.table = t
}

func (v *Validator) merged(rule *Rule) *[jsonschema.Count]Func {
	merged := *v.table
	if own := v.Registry.tables[rule]; own != nil {
		for k, f := range own {
			if f != nil {
				merged[k] = f
			}
		}
		return &merged
	}
	for k, f := range rule.Overrides { // a set of overrides that is no rule of its own
		merged[k] = f
	}
	return &merged
}

// With runs a walk with other functions for some keywords than now. The table
// is made once for each base and kept: name it by a rule that is there only once.
func (v *Validator) With(rule *Rule, walk func()) {
	old := v.table
	v.extend(rule)
	walk()
	v.table = old
}

// Claim runs a walk in which the rule answers for its keywords: faults that no
// rule has claimed go to the one that its Sets name, else to the rule.
func (v *Validator) Claim(rule *Rule, walk func()) {
	old, start := v.table, len(v.out.list)
	v.extend(rule)
	walk()
	v.table = old
	claims := v.Registry.claims[rule]
	for i := start; i < len(v.out.list); i++ {
		claim(&v.out.list[i], rule.ID, claims)
	}
}

func claim(f *Fault, rule string, claims *[jsonschema.Count]string) {
	if f.Rule == "" {
		switch {
		case claims[f.Keyword] != "":
			f.Rule = claims[f.Keyword]
		case !f.Keyword.IsFunction() || f.Keyword == jsonschema.Condition:
			f.Rule = rule
		}
	}
	for i := range f.Context {
		claim(&f.Context[i], rule, claims)
	}
}
