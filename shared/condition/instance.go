package condition

import (
	"iter"
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Functions says which functions mean something where an instance stands.
type Functions struct {
	If  bool // Fn::If is resolved
	Ref bool // Ref AWS::NoValue removes its property or item
}

// instance is a node in one scenario.
type instance struct {
	node   *template.Node
	status Status
}

type instanceKey struct {
	node *template.Node
	from Status
	f    Functions
}

// maxCopied bounds how many entries remembered instances hold in all.
const maxCopied = 1 << 17

// Instances yields what n is in each scenario of the conditions that decide
// about the values directly inside it: every Fn::If there is replaced by its
// branch, and what AWS::NoValue stands for is gone. Deeper values stay. A node
// that is removed altogether is not yielded. Scenarios come with the first
// condition true before false, at most MaxScenarios of them; a node without such
// a function yields itself with the status unchanged.
func (s Status) Instances(n *template.Node, f Functions) iter.Seq2[*template.Node, Status] {
	return func(yield func(*template.Node, Status) bool) {
		if unconditional(n, true) {
			yield(n, s)
			return
		}
		s.eachInstance(n, f, yield)
	}
}

// unconditional reports whether nothing directly inside a node is an Fn::If,
// AWS::NoValue or null.
func unconditional(n *template.Node, root bool) bool {
	if n == nil {
		return true
	}
	switch n.Kind {
	case template.Null: // goes as what AWS::NoValue stands for does
		return root
	case template.List:
		for _, item := range n.Items {
			if !unconditional(item, false) {
				return false
			}
		}
	case template.Map:
		if len(n.Entries) == 1 {
			switch e := &n.Entries[0]; e.Key {
			case "Fn::If":
				return false
			case "Ref":
				return !isNoValue(e.Value)
			}
		}
		if !root {
			return true
		}
		for i := range n.Entries {
			if !unconditional(n.Entries[i].Value, false) {
				return false
			}
		}
	}
	return true
}

func isNoValue(n *template.Node) bool { return n.IsString() && n.Text == "AWS::NoValue" }

func (s Status) eachInstance(n *template.Node, f Functions, yield func(*template.Node, Status) bool) {
	if s.s == nil {
		if v := (resolver{f: f}).value(n, true); v != nil {
			yield(v, s)
		}
		return
	}
	set, key := s.s.walk.set, instanceKey{n, s, f}
	if known, ok := set.instances[key]; ok {
		for _, i := range known {
			if !yield(i.node, i.status) {
				return
			}
		}
		return
	}
	var found []instance
	complete := true
	s.eachScenario(conditionsIn(n, true, nil), func(status Status) bool {
		v := (resolver{f: f, status: status}).value(n, true)
		if v == nil {
			return true
		}
		found = append(found, instance{v, status})
		complete = yield(v, status)
		return complete
	})
	set.remember(key, found, complete)
}

// remember keeps instances for the next question about the same node, within
// the bounds of memory.
func (s *Set) remember(key instanceKey, found []instance, complete bool) {
	if !complete {
		return
	}
	size := 1
	for _, i := range found {
		size += 1 + len(i.node.Entries) + len(i.node.Items)
	}
	if s.copied+size > maxCopied {
		return
	}
	if s.instances == nil {
		s.instances = map[instanceKey][]instance{}
	}
	s.copied += size
	s.instances[key] = found
}

// conditionsIn adds the conditions that decide directly inside a node, in the
// order of the text.
func conditionsIn(n *template.Node, root bool, names []string) []string {
	if n == nil {
		return names
	}
	if n.IsList() {
		for _, item := range n.Items {
			names = conditionsIn(item, false, names)
		}
		return names
	}
	if condition, yes, no, ok := choice(n); ok {
		if !slices.Contains(names, condition) {
			names = append(names, condition)
		}
		return conditionsIn(no, root, conditionsIn(yes, root, names))
	}
	if root && n.IsMap() && !isIf(n) {
		for i := range n.Entries {
			names = conditionsIn(n.Entries[i].Value, false, names)
		}
	}
	return names
}

func isIf(n *template.Node) bool {
	return n.IsMap() && len(n.Entries) == 1 && n.Entries[0].Key == "Fn::If"
}

// choice takes a well-formed Fn::If apart.
func choice(n *template.Node) (condition string, yes, no *template.Node, ok bool) {
	if !isIf(n) {
		return "", nil, nil, false
	}
	arg := n.Entries[0].Value
	if !arg.IsList() || len(arg.Items) != 3 || !arg.Items[0].IsString() {
		return "", nil, nil, false
	}
	return arg.Items[0].Text, arg.Items[1], arg.Items[2], true
}

// eachScenario calls f for every way to decide the named conditions, true
// before false, until f returns false. Ways that cannot be are not followed, so
// the work is bounded by the scenarios that are.
func (s Status) eachScenario(names []string, f func(Status) bool) {
	count := 0
	var follow func(Status, []string) bool
	follow = func(at Status, rest []string) bool {
		for len(rest) > 0 && !at.free(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			if count++; count > MaxScenarios {
				s.s.walk.set.cut++
				return false
			}
			return f(at)
		}
		for _, value := range [...]bool{true, false} {
			if next, ok := at.Evolve(rest[0], value); ok && !follow(next, rest[1:]) {
				return false
			}
		}
		return true
	}
	follow(s, names)
}

// free reports whether a name is a condition of which nothing is assumed.
func (s Status) free(name string) bool {
	i, ok := s.s.walk.number[name]
	return ok && !s.s.known.has(i)
}

// resolver replaces Fn::If and AWS::NoValue directly inside a node.
type resolver struct {
	status Status
	f      Functions
}

// value returns nil for what AWS::NoValue removes, and for null.
func (r resolver) value(n *template.Node, root bool) *template.Node {
	if unconditional(n, root) {
		return n
	}
	if n.Kind == template.Null {
		return nil
	}
	if n.IsList() {
		return r.list(n)
	}
	if isIf(n) && r.f.If {
		condition, yes, no, ok := choice(n)
		if !ok {
			return n
		}
		switch value, known := r.status.Value(condition); {
		case !known:
			return n
		case value:
			return r.value(yes, root)
		default:
			return r.value(no, root)
		}
	}
	if e := &n.Entries[0]; len(n.Entries) == 1 && e.Key == "Ref" && isNoValue(e.Value) && r.f.Ref {
		return nil
	}
	if !root {
		return n
	}
	entries := make([]template.Entry, 0, len(n.Entries))
	for _, e := range n.Entries {
		if e.Value = r.value(e.Value, false); e.Value != nil {
			entries = append(entries, e)
		}
	}
	return withEntries(n, entries)
}

func (r resolver) list(n *template.Node) *template.Node {
	items := make([]*template.Node, 0, len(n.Items))
	for _, item := range n.Items {
		if v := r.value(item, false); v != nil {
			items = append(items, v)
		}
	}
	return withItems(n, items)
}

// withEntries is the map n with other content, at the same place.
func withEntries(n *template.Node, entries []template.Entry) *template.Node {
	c := *n
	c.Entries = entries
	return &c
}

// withItems is the list n with other content, at the same place.
func withItems(n *template.Node, items []*template.Node) *template.Node {
	c := *n
	c.Items = items
	return &c
}
