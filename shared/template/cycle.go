package template

import (
	"slices"
	"strings"
)

// Edge says that the resource From needs the resource To.
type Edge struct{ From, To string }

// CircularDependencies returns the dependencies that are part of a cycle, as
// cfn-lint's rule E3004 finds them: for every resource, in the order of the
// text, the edges of the first cycle that can be reached from it, none twice.
// Dependencies are DependsOn, Ref, Fn::GetAtt (two items, or a text with a dot)
// and the variables of Fn::Sub, anywhere in a resource; conditions do not
// matter. Edges from or to what is no proper resource are left out. The time is
// linear in the size of the template.
func (t *Template) CircularDependencies() []Edge {
	g := newGraph(t.Root.Get("Resources"))
	g.prune()
	var out []Edge
	reported := make([]bool, len(g.names))
	for start := range g.names {
		for _, u := range g.cycleFrom(start) {
			v := g.next[u]
			if reported[u] {
				continue
			}
			reported[u] = true
			if g.proper[u] && g.proper[v] {
				out = append(out, Edge{g.names[u], g.names[v]})
			}
		}
	}
	return out
}

// graph is the resources by number and what each needs, in the order in which
// a search follows it.
type graph struct {
	names  []string
	index  map[string]int
	proper []bool
	needs  [][]int
	next   []int  // the first need that leads to a cycle, -1 if none does
	seen   []int8 // of cycleFrom: 1 on the way, 2 done
}

func newGraph(resources *Node) *graph {
	g := &graph{index: map[string]int{}}
	if !resources.IsMap() {
		return g
	}
	for _, e := range resources.Entries {
		if falsy(e.Value) {
			continue
		}
		g.index[e.Key] = len(g.names)
		g.names = append(g.names, e.Key)
		typ := e.Value.Get("Type")
		g.proper = append(g.proper, e.Value.Kind == Map && (typ == nil || typ.IsString()))
	}
	g.needs = make([][]int, len(g.names))
	for _, e := range resources.Entries {
		if i, ok := g.index[e.Key]; ok {
			g.needs[i] = g.needsOf(e.Value, g.proper[i])
		}
	}
	g.seen = make([]int8, len(g.names))
	return g
}

// needs of one resource, by how it names them.
type needs struct {
	g                   *graph
	refs, getAtts, subs []int
}

func (g *graph) needsOf(n *Node, proper bool) []int {
	var out []int
	if proper {
		for _, id := range n.Get("DependsOn").Strings() {
			out = g.add(out, id)
		}
	}
	f := &needs{g: g}
	f.collect(n)
	for _, more := range [][]int{f.refs, f.getAtts, f.subs} {
		for _, v := range more {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

func (g *graph) add(list []int, id string) []int {
	i, ok := g.index[id]
	if !ok || slices.Contains(list, i) {
		return list
	}
	return append(list, i)
}

func (f *needs) collect(n *Node) {
	for _, item := range n.Items {
		f.collect(item)
	}
	for i := range n.Entries {
		v := n.Entries[i].Value
		switch n.Entries[i].Key {
		case "Ref":
			f.refs = f.g.add(f.refs, v.Str())
		case "Fn::GetAtt":
			f.getAtt(v)
		case "Fn::Sub":
			f.sub(v)
		}
		if v.Kind >= List {
			f.collect(v)
		}
	}
}

func (f *needs) getAtt(v *Node) {
	if v.Kind == List && len(v.Items) == 2 {
		f.getAtts = f.g.add(f.getAtts, v.Items[0].Str())
	}
	if id, _, dotted := strings.Cut(v.Str(), "."); dotted {
		f.getAtts = f.g.add(f.getAtts, id)
	}
}

func (f *needs) sub(v *Node) {
	text, own := v, (*Node)(nil)
	if v.Kind == List {
		if len(v.Items) == 0 {
			return
		}
		if text = v.Items[0]; len(v.Items) == 2 {
			own = v.Items[1]
		}
	}
	for _, name := range plainVariables(text.Str()) {
		if own.Entry(name) == nil {
			id, _, _ := strings.Cut(name, ".")
			f.subs = f.g.add(f.subs, id)
		}
	}
}

// plainVariables lists the names in "${…}" that consist of letters, digits and
// dots.
func plainVariables(s string) (names []string) {
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			return names
		}
		s = s[i+2:]
		n := 0
		for n < len(s) && (s[n] == '.' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
			n++
		}
		if n < len(s) && s[n] == '}' {
			names = append(names, s[:n])
		}
	}
}

// prune finds what leads to a cycle: all but the resources that remain when
// those without needs are taken away again and again.
func (g *graph) prune() {
	users := make([][]int, len(g.names))
	open := make([]int, len(g.names))
	var free []int
	for u, needs := range g.needs {
		open[u] = len(needs)
		for _, v := range needs {
			users[v] = append(users[v], u)
		}
		if len(needs) == 0 {
			free = append(free, u)
		}
	}
	for len(free) > 0 {
		v := free[len(free)-1]
		free = free[:len(free)-1]
		for _, u := range users[v] {
			if open[u]--; open[u] == 0 {
				free = append(free, u)
			}
		}
	}
	g.next = make([]int, len(g.names))
	for u, needs := range g.needs {
		g.next[u] = -1
		// A depth-first search finds its cycle behind the first of these.
		if i := slices.IndexFunc(needs, func(v int) bool { return open[v] > 0 }); i >= 0 {
			g.next[u] = needs[i]
		}
	}
}

// cycleFrom returns the cycle at the end of the way from start, beginning where
// the way meets it; nil if there is none or it is known.
func (g *graph) cycleFrom(start int) []int {
	var way []int
	u := start
	for u >= 0 && g.seen[u] == 0 {
		g.seen[u] = 1
		way = append(way, u)
		u = g.next[u]
	}
	var cycle []int
	if u >= 0 && g.seen[u] == 1 {
		cycle = way[slices.Index(way, u):]
	}
	for _, w := range way {
		g.seen[w] = 2
	}
	return cycle
}
