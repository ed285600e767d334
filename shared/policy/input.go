package policy

import (
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Input is what users' policies see. Its JSON form is the document "input" of
// Rego; docs/policies.md describes it.
type Input struct {
	// Template is the template as JSON, with every function resolved whose value
	// is known; other functions stay as they are written. Of an Fn::If whose
	// condition is open, both branches stay, resolved.
	Template map[string]any `json:"template"`
	// Resources are the resources that can exist, by logical id.
	Resources map[string]InputResource `json:"resources"`
	// Parameters are the known values of parameters: given ones and defaults.
	Parameters map[string]any `json:"parameters"`
	// Conditions are the conditions whose value is known.
	Conditions map[string]bool `json:"conditions"`
	Stage      string          `json:"stage"` // "" if the template is checked for none
	File       string          `json:"file"`
	// Changes is what a plan does, nil if no plan is checked.
	Changes []Change `json:"changes"`
}

// InputResource is one resource of an Input.
type InputResource struct {
	Type                string         `json:"type"`
	Properties          map[string]any `json:"properties"`
	Metadata            any            `json:"metadata"`
	Condition           string         `json:"condition"`           // "" if it always exists, or its condition is known to hold
	DeletionPolicy      string         `json:"deletionPolicy"`      // "" is CloudFormation's default
	UpdateReplacePolicy string         `json:"updateReplacePolicy"` // likewise
	DependsOn           []string       `json:"dependsOn"`
	Line                int            `json:"line"` // of the logical id, from 1
	Column              int            `json:"column"`
}

// NewInput makes the input of a template.
func NewInput(t *template.Template, s Scope) Input {
	r := &run{t: t, budget: MaxSteps}
	r.setScope(s)
	in := Input{
		Resources: map[string]InputResource{}, Parameters: map[string]any{}, Conditions: map[string]bool{},
		Stage: s.Stage, File: t.File,
	}
	if document, ok := r.plain(t.Root, place{}); ok {
		in.Template, _ = document.(map[string]any)
	}
	for name, p := range r.parameters {
		if len(p.values) == 1 {
			in.Parameters[name] = p.values[0].Value()
		}
	}
	for name, holds := range r.conditions {
		in.Conditions[name] = holds
	}
	resources, _ := in.Template["Resources"].(map[string]any)
	for id, resource := range t.Resources.All() {
		if root, exists := r.root(id, resource); exists {
			written, _ := resources[id].(map[string]any)
			in.Resources[id] = newInputResource(resource, written, root)
		}
	}
	return in
}

func newInputResource(r *template.Resource, written map[string]any, root Value) InputResource {
	properties, _ := written["Properties"].(map[string]any)
	if properties == nil {
		properties = map[string]any{}
	}
	in := InputResource{
		Type: r.Type, Properties: properties, Metadata: written["Metadata"],
		DeletionPolicy: r.DeletionPolicy, UpdateReplacePolicy: r.UpdateReplacePolicy, DependsOn: r.DependsOn, Line: r.Line, Column: r.Column,
	}
	if in.DependsOn == nil {
		in.DependsOn = []string{}
	}
	if root.when != nil {
		in.Condition = r.Condition
	}
	return in
}

// plain gives n as JSON values; ok is false for AWS::NoValue. The sections of
// a template that hold no functions pass through unchanged.
func (r *run) plain(n *template.Node, at place) (value any, ok bool) {
	if n == nil || r.steps > r.budget {
		return nil, true
	}
	r.steps++
	if name, arg, isCall := n.Call(); isCall {
		return r.plainCall(n, name, arg, at)
	}
	switch n.Kind {
	case template.List:
		list := make([]any, 0, len(n.Items))
		for _, item := range n.Items {
			if v, ok := r.plain(item, at); ok {
				list = append(list, v)
			}
		}
		return list, true
	case template.Map:
		object := make(map[string]any, len(n.Entries))
		for i := range n.Entries {
			if v, ok := r.plain(n.Entries[i].Value, at); ok {
				object[n.Entries[i].Key] = v
			}
		}
		return object, true
	}
	return n.Value(), true
}

func (r *run) plainCall(n *template.Node, name string, arg *template.Node, at place) (value any, ok bool) {
	if name == "Fn::If" && arg.IsList() && len(arg.Items) == 3 {
		if condition := arg.Items[0].Str(); condition != "" {
			holds, decided := r.decide(condition, at.when)
			switch {
			case decided && holds:
				return r.plain(arg.Items[1], at)
			case decided:
				return r.plain(arg.Items[2], at)
			}
			return map[string]any{name: []any{condition, r.branch(arg.Items[1], at, condition, true), r.branch(arg.Items[2], at, condition, false)}}, true
		}
	}
	// Functions of the section Conditions are not values.
	if strings.HasPrefix(name, "Fn::") && (name == "Fn::Equals" || name == "Fn::And" || name == "Fn::Or" || name == "Fn::Not") {
		return n.Value(), true
	}
	var only Value
	count := 0
	r.resolve(n, at, func(v Value) bool {
		only = v
		count++
		return count < 2
	})
	switch {
	case count == 1 && only.state == absent:
		return nil, false
	case count == 1 && only.state == known && only.node != n:
		return only.node.Value(), true
	}
	return n.Value(), true
}

// branch keeps AWS::NoValue visible, because the list of Fn::If has three items.
func (r *run) branch(n *template.Node, at place, condition string, holds bool) any {
	at.when = r.assume(at.when, condition, holds)
	if v, ok := r.plain(n, at); ok {
		return v
	}
	return map[string]any{"Ref": "AWS::NoValue"}
}

// Locate gives the position of a path in a template, as findings have it: the
// place of the last key that exists. A path that leads through an Fn::If
// without naming it finds the first branch that has the next key.
func Locate(t *template.Template, path []string) (line, column int) {
	line, column = 1, 1
	n := t.Root
	for _, key := range path {
		child, l, c := step(n, key, 0)
		if child == nil {
			break
		}
		n, line, column = child, l, c
	}
	return line, column
}

func step(n *template.Node, key string, depth int) (child *template.Node, line, column int) {
	if n == nil || depth > 10 {
		return nil, 0, 0
	}
	if e := n.Entry(key); e != nil {
		return e.Value, e.Line, e.Column
	}
	if n.IsList() {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Items) {
			return n.Items[i], n.Items[i].Line, n.Items[i].Column
		}
	}
	if name, arg, ok := n.Call(); ok && name == "Fn::If" && arg.IsList() && len(arg.Items) > 1 {
		for _, branch := range arg.Items[1:] {
			if child, line, column = step(branch, key, depth+1); child != nil {
				return child, line, column
			}
		}
	}
	return nil, 0, 0
}
