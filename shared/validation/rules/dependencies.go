package rules

import (
	"slices"
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// dependencyRules are about how resources depend on each other.
func dependencyRules() []check.Rule {
	const link = guide + "aws-attribute-dependson.html"
	return []check.Rule{
		{ID: "E3004", Severity: check.Error, Title: "Resources depend on each other in a circle", Link: link,
			Description: "No resource may need itself, by DependsOn, Ref, Fn::GetAtt or Fn::Sub, over any number of others.",
			Template:    cycles},
		{ID: "E3005", Severity: check.Error, Title: "DependsOn names no other resource, or one that may not exist", Link: link,
			Description: "DependsOn names resources of the template that exist whenever this one does.",
			Places:      []string{"Resources/*/DependsOn", "Resources/*/DependsOn/*"}, Check: dependsOn},
		{ID: "E3007", Severity: check.Error, Title: "A resource and a parameter have one name", Link: guide + "resources-section-structure.html",
			Description: "Names are unique among resources and parameters.",
			Template: func(t *check.Template, report check.Report) {
				for _, e := range entriesOf(t.Root.Get("Resources")) {
					if typ := e.Value.Get("Type"); typ != nil && typ.Kind != template.Null && t.Root.Get("Parameters").Entry(e.Key) != nil {
						report("", check.Keys("Resources", e.Key), "%s is also the name of a parameter", e.Key)
					}
				}
			}},
		{ID: "W3005", Severity: check.Warning, Title: "DependsOn repeats what a reference says", Link: link,
			Description: "Ref, Fn::GetAtt and Fn::Sub already make a resource wait for another.",
			Template:    obsoleteDependsOn},
	}
}

func dependsOn(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.String {
		return
	}
	at := v.Path()
	if v.Resources[n.Text] == nil || len(at) > 1 && at[1].Key == n.Text {
		v.Fault("%s is not another resource of this template", check.Excerpt(n))
		return
	}
	steps := make([]string, len(at))
	for i, s := range at {
		steps[i] = s.Text()
	}
	for _, scenario := range v.Set.Unavailable(v.Root, steps, n.Text) {
		v.Fault("%s is not there when %s", n.Text, when(scenario))
	}
}

// dependencies are what a resource needs, each once: what DependsOn names,
// then Ref, Fn::GetAtt and Fn::Sub, each in the order of the text.
type dependencies struct {
	t                  *check.Template
	refs, atts, inSubs []string
}

func (d *dependencies) of(resource *template.Node) {
	d.refs, d.atts, d.inSubs = d.refs[:0], d.atts[:0], d.inSubs[:0]
	resource.Walk(func(n *template.Node) bool {
		for i := range n.Entries {
			d.call(n.Entries[i].Key, n.Entries[i].Value)
		}
		return true
	})
}

func (d *dependencies) call(function string, arg *template.Node) {
	switch function {
	case "Ref":
		if arg.IsString() {
			d.refs = append(d.refs, arg.Text)
		}
	case "Fn::GetAtt":
		if arg.IsList() && len(arg.Items) == 2 {
			if arg.Items[0].IsString() {
				d.atts = append(d.atts, arg.Items[0].Text)
			}
		} else if id, _, ok := strings.Cut(arg.Str(), "."); ok {
			d.atts = append(d.atts, id)
		}
	case "Fn::Sub":
		var given *template.Node
		if arg.IsList() && len(arg.Items) == 2 {
			given = arg.Items[1]
		}
		for _, name := range simpleVariables(first(arg).Str()) {
			if given.Get(name) == nil {
				id, _, _ := strings.Cut(name, ".")
				d.inSubs = append(d.inSubs, id)
			}
		}
	}
}

// references are the names found by of, in order.
func (d *dependencies) references() []string { return slices.Concat(d.refs, d.atts, d.inSubs) }

func obsoleteDependsOn(t *check.Template, report check.Report) {
	d := &dependencies{t: t}
	for _, e := range entriesOf(t.Root.Get("Resources")) {
		given := e.Value.Get("DependsOn")
		if given == nil || !isAlphanumericText(e.Key) {
			continue
		}
		d.of(e.Value)
		needed := map[string]bool{}
		for _, id := range d.references() {
			needed[id] = exists(t, id)
		}
		at := check.Keys("Resources", e.Key, "DependsOn")
		for i, target := range targets(given) {
			if !target.IsString() || !needed[target.Text] {
				continue
			}
			path := at
			if given.IsList() {
				path = at.With(check.Index(i))
			}
			report("", path, "a reference already makes %s wait for %s", e.Key, target.Text)
		}
	}
}

// targets are what a DependsOn names.
func targets(n *template.Node) []*template.Node {
	if n.IsList() {
		return n.Items
	}
	return []*template.Node{n}
}

// exists reports whether the template has something under a logical id.
func exists(t *check.Template, id string) bool {
	n := t.Root.Get("Resources").Get(id)
	return n != nil && !empty(n)
}

func isAlphanumericText(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return s != ""
}

// cycles reports the resources on circles. Of several circles through one
// resource it reports the one that follows the first dependency of each, as
// cfn-lint's search does.
func cycles(t *check.Template, report check.Report) {
	ids, typed, edges := graph(t)
	next := firstOnCircle(edges)
	state := make([]int8, len(edges)) // 1 on the present way, 2 done
	for start := range edges {
		var way []int
		at := start
		for at >= 0 && state[at] == 0 {
			state[at] = 1
			way = append(way, at)
			at = next[at]
		}
		if at >= 0 && state[at] == 1 {
			for _, member := range way[slices.Index(way, at):] {
				if !typed[member] || !typed[next[member]] {
					continue
				}
				report("", check.Keys("Resources", ids[member]), "%s depends on itself, through %s", ids[member], ids[next[member]])
			}
		}
		for _, v := range way {
			state[v] = 2
		}
	}
}

// graph numbers the resources and lists what each depends on, without
// repetition. The DependsOn of something without a type does not count.
func graph(t *check.Template) (ids []string, typed []bool, edges [][]int) {
	number := map[string]int{}
	var nodes []*template.Node
	for _, e := range entriesOf(t.Root.Get("Resources")) {
		typ := e.Value.Get("Type")
		if _, again := number[e.Key]; again {
			continue
		}
		typed = append(typed, e.Value.IsMap() && (typ == nil || typ.IsString()))
		number[e.Key] = len(ids)
		ids, nodes = append(ids, e.Key), append(nodes, e.Value)
	}
	edges = make([][]int, len(ids))
	d, seen := &dependencies{t: t}, make([]int, len(ids)) // the last node, from 1, with an edge to it
	for i, n := range nodes {
		d.of(n)
		var needs []string
		if typed[i] {
			for _, target := range targets(n.Get("DependsOn")) {
				if target.IsString() {
					needs = append(needs, target.Text)
				}
			}
		}
		for _, id := range append(needs, d.references()...) {
			if to, ok := number[id]; ok && !empty(nodes[to]) && seen[to] != i+1 {
				seen[to] = i + 1
				edges[i] = append(edges[i], to)
			}
		}
	}
	return ids, typed, edges
}

// firstOnCircle gives for each node the first successor from which a circle can
// be reached, -1 if there is none: nodes without successors are taken away until
// none is left.
func firstOnCircle(edges [][]int) []int {
	left := make([]int, len(edges))
	before := make([][]int, len(edges))
	var ends []int
	for from, to := range edges {
		if left[from] = len(to); len(to) == 0 {
			ends = append(ends, from)
		}
		for _, v := range to {
			before[v] = append(before[v], from)
		}
	}
	for len(ends) > 0 {
		v := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		for _, from := range before[v] {
			if left[from]--; left[from] == 0 {
				ends = append(ends, from)
			}
		}
	}
	next := make([]int, len(edges))
	for from, to := range edges {
		next[from] = -1
		if i := slices.IndexFunc(to, func(v int) bool { return left[v] > 0 }); i >= 0 {
			next[from] = to[i]
		}
	}
	return next
}
