package template

import (
	"fmt"
	"strings"
)

// Dependencies returns the resources that must exist before this one: those
// named by Ref, Fn::GetAtt, Fn::Sub or DependsOn anywhere in it, sorted. Both
// sides of Fn::If count.
func (t *Template) Dependencies(logicalID string) []string {
	t.once.Do(func() {
		t.dependencies = make(map[string][]string, t.Resources.Len())
		for id, r := range t.Resources.All() {
			t.dependencies[id] = t.dependenciesOf(r)
		}
	})
	return t.dependencies[logicalID]
}

func (t *Template) dependenciesOf(r *Resource) []string {
	found := map[string]bool{}
	add := func(id string) {
		if t.Resources.Has(id) {
			found[id] = true
		}
	}
	for _, id := range r.DependsOn {
		add(id)
	}
	for _, ref := range References(r.Node) {
		add(ref.Name)
	}
	return sorted(found)
}

// Reference is one use of a name in Ref, Fn::GetAtt or Fn::Sub.
type Reference struct {
	Function  string // "Ref", "Fn::GetAtt", "Fn::Sub"
	Name      string // parameter, pseudo parameter or logical id
	Attribute string // of GetAtt, and of Sub's "${Id.Attribute}"
	Node      *Node  // the argument that names it
}

// References lists the uses of names in n, in the order of the text. Variables
// that Fn::Sub defines itself are not listed.
func References(n *Node) []Reference {
	var out []Reference
	n.Walk(func(n *Node) bool {
		name, arg, ok := n.Call()
		if !ok {
			return true
		}
		switch name {
		case "Ref":
			if arg.IsString() {
				out = append(out, Reference{Function: name, Name: arg.Text, Node: arg})
			}
		case "Fn::GetAtt":
			if id, attribute, ok := arg.GetAtt(); ok {
				out = append(out, Reference{name, id, attribute, arg})
			} else if arg.IsList() && len(arg.Items) > 0 && arg.Items[0].IsString() {
				out = append(out, Reference{Function: name, Name: arg.Items[0].Text, Node: arg})
			}
		case "Fn::Sub":
			out = append(out, subReferences(arg)...)
		}
		return true
	})
	return out
}

func subReferences(arg *Node) []Reference {
	text, own := arg, (*Node)(nil)
	if arg.IsList() && len(arg.Items) > 0 {
		text = arg.Items[0]
		if len(arg.Items) > 1 {
			own = arg.Items[1]
		}
	}
	var out []Reference
	for _, p := range SubParts(text.Str()) {
		if p.Name == "" || own.Entry(p.Name) != nil {
			continue
		}
		ref := Reference{Function: "Fn::Sub", Name: p.Name, Node: text}
		if id, attribute, ok := strings.Cut(p.Name, "."); ok {
			ref.Name, ref.Attribute = id, attribute
		}
		out = append(out, ref)
	}
	return out
}

// CycleError names resources that wait for each other.
type CycleError struct {
	Cycle []string // each depends on the next, the last on the first
}

// Error implements error.
func (e *CycleError) Error() string {
	const most = 10
	if n := len(e.Cycle); n > most {
		return fmt.Sprintf("circular dependency of %d resources: %s → …", n, strings.Join(e.Cycle[:most], " → "))
	}
	return fmt.Sprintf("circular dependency: %s → %s", strings.Join(e.Cycle, " → "), e.Cycle[0])
}

// CreationOrder returns all logical ids so that each comes after those it
// depends on; otherwise the order of the text is kept. The error is a
// *CycleError.
func (t *Template) CreationOrder() ([]string, error) {
	s := &ordering{t: t, state: make(map[string]truth, t.Resources.Len())}
	for _, id := range t.Resources.Names() {
		if cycle := s.visit(id); cycle != nil {
			return nil, &CycleError{cycle}
		}
	}
	return s.order, nil
}

// ordering is a depth-first topological sort. The path is kept apart from the
// call stack so that a cycle can be named.
type ordering struct {
	t     *Template
	state map[string]truth // running while on the path, yes when done
	path  []string
	order []string
}

func (s *ordering) visit(id string) (cycle []string) {
	switch s.state[id] {
	case yes:
		return nil
	case running:
		for i, on := range s.path {
			if on == id {
				return append([]string(nil), s.path[i:]...)
			}
		}
	}
	s.state[id] = running
	s.path = append(s.path, id)
	for _, d := range s.t.Dependencies(id) {
		if cycle := s.visit(d); cycle != nil {
			return cycle
		}
	}
	s.path = s.path[:len(s.path)-1]
	s.state[id] = yes
	s.order = append(s.order, id)
	return nil
}

// Cycles returns groups of resources that wait for each other, each as a cycle
// in which one depends on the next. A resource is in at most one.
func (t *Template) Cycles() [][]string {
	s := &ordering{t: t, state: make(map[string]truth, t.Resources.Len())}
	var cycles [][]string
	for _, id := range t.Resources.Names() {
		for cycle := s.visit(id); cycle != nil; cycle = s.visit(id) {
			cycles = append(cycles, cycle)
			// Take the cycle out and look again.
			for _, on := range s.path {
				delete(s.state, on)
			}
			for _, in := range cycle {
				s.state[in] = yes
			}
			s.path = nil
		}
	}
	return cycles
}
