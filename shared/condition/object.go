package condition

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Object is a map, list or other value in one scenario of the template's model.
type Object struct {
	Scenario Scenario // nil if no condition decides about it
	Node     *template.Node
}

// Objects returns what n is in each scenario of the conditions in it: each
// Fn::If that is the value of a property or an item is replaced by its branch,
// what AWS::NoValue stands for is gone. Of a map only the named properties
// count, all if none is named. A scenario that leaves nothing is left out.
func (s *Set) Objects(n *template.Node, properties ...string) []Object {
	if !n.IsMap() && !n.IsList() {
		return []Object{{Node: n}}
	}
	part := n
	if n.IsMap() && len(properties) > 0 {
		part = selection(n, properties)
	}
	scenarios := s.ObjectScenarios(part)
	if len(scenarios) == 0 {
		if n.IsMap() && len(n.Entries) == 1 && n.Entries[0].Key == "Ref" && isNoValue(n.Entries[0].Value) {
			return nil
		}
		return []Object{{Node: Resolve(part, nil)}}
	}
	var out []Object
	for _, scenario := range scenarios {
		var v *template.Node
		if n.IsList() {
			v = resolveItems(n, scenario)
		} else if v = Resolve(part, scenario); falsy(v) {
			continue
		}
		out = append(out, Object{scenario, v})
	}
	return out
}

func selection(n *template.Node, properties []string) *template.Node {
	var entries []template.Entry
	for _, p := range properties {
		if e := n.Entry(p); e != nil {
			entries = append(entries, *e)
			continue
		}
		// A missing property is null, which resolving removes; but it counts
		// when the properties are counted.
		entries = append(entries, template.Entry{Key: p, Value: &template.Node{Line: n.Line, Column: n.Column}})
	}
	return withEntries(n, entries)
}

func resolveItems(n *template.Node, scenario Scenario) *template.Node {
	items := make([]*template.Node, 0, len(n.Items))
	for _, item := range n.Items {
		if v := Resolve(item, scenario); !falsy(v) {
			items = append(items, v)
		}
	}
	return withItems(n, items)
}

// Resolve returns what a map or list is in a scenario: Fn::If in the place of
// the node, of a property's value or of an item is replaced by its branch if
// the scenario decides it, AWS::NoValue and null are removed.
func Resolve(n *template.Node, scenario Scenario) *template.Node {
	switch {
	case n.IsList():
		return resolveList(n, scenario)
	case !n.IsMap():
		return n
	case isIf(n) && !falsy(n.Entries[0].Value):
		if v := resolveValue(n, scenario); v != nil {
			return v
		}
		return withEntries(n, nil)
	}
	entries := make([]template.Entry, 0, len(n.Entries))
	for _, e := range n.Entries {
		if e.Value = resolveValue(e.Value, scenario); e.Value != nil {
			entries = append(entries, e)
		}
	}
	return withEntries(n, entries)
}

func resolveList(n *template.Node, scenario Scenario) *template.Node {
	items := make([]*template.Node, 0, len(n.Items))
	for _, item := range n.Items {
		if v := resolveValue(item, scenario); v != nil {
			items = append(items, v)
		}
	}
	return withItems(n, items)
}

// resolveValue returns nil for what is to be removed.
func resolveValue(n *template.Node, scenario Scenario) *template.Node {
	if n == nil || n.Kind == template.Null {
		return nil
	}
	if n.IsList() {
		return resolveList(n, scenario)
	}
	if !n.IsMap() || len(n.Entries) != 1 {
		return n
	}
	if condition, yes, no, ok := choice(n); ok {
		switch value, known := scenario.Get(condition); {
		case !known:
			return n
		case value:
			return resolveValue(yes, scenario)
		}
		return resolveValue(no, scenario)
	}
	if n.Entries[0].Key == "Ref" && isNoValue(n.Entries[0].Value) {
		return nil
	}
	return n
}

// ObjectScenarios returns the scenarios of all conditions that decide about the
// nodes, their properties or items. Items that are no maps do not count.
func (s *Set) ObjectScenarios(nodes ...*template.Node) []Scenario {
	var names []string
	for _, n := range nodes {
		switch {
		case n.IsMap():
			names = objectConditions(n, names)
		case n.IsList():
			for _, item := range n.Items {
				if item.IsMap() {
					names = objectConditions(item, names)
				}
			}
		}
	}
	wanted := make([]Wanted, len(names))
	for i, name := range names {
		wanted[i] = Wanted{Name: name}
	}
	return s.Scenarios(wanted...)
}

// noCondition is no valid name: where cfn-lint takes something else for a
// condition, it finds no scenarios.
const noCondition = "\x00"

func objectConditions(n *template.Node, names []string) []string {
	if arg := n.Get("Fn::If"); isIf(n) && arg.IsList() && len(arg.Items) == 3 && !arg.Items[0].IsString() {
		return append(names, noCondition)
	}
	if condition, yes, no, ok := choice(n); ok {
		if !slices.Contains(names, condition) {
			names = append(names, condition)
		}
		for _, branch := range []*template.Node{yes, no} {
			if !branch.IsMap() {
				continue
			}
			if nested := branch.Get("Fn::If"); nested != nil {
				names = valueConditions(&template.Node{Kind: template.Map, Entries: []template.Entry{{Key: "Fn::If", Value: nested}}}, names)
			}
		}
		return names
	}
	for _, e := range n.Entries {
		names = valueConditions(e.Value, names)
	}
	return names
}

func valueConditions(n *template.Node, names []string) []string {
	if n.IsList() {
		for _, item := range n.Items {
			names = valueConditions(item, names)
		}
		return names
	}
	condition, yes, no, ok := choice(n)
	if !ok {
		return names
	}
	if !slices.Contains(names, condition) {
		names = append(names, condition)
	}
	return valueConditions(no, valueConditions(yes, names))
}
