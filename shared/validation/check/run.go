package check

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Finding is a fault as it is reported: with its rule and its place in the
// template.
type Finding struct {
	Rule    string
	Path    Path
	Message string
	Like    string // as in Fault
}

// Result is what a run found.
type Result struct {
	Findings   []Finding
	Incomplete string // path at which the analysis ran out of budget, "" if complete
	// Sampled says that conditions have more scenarios than were looked at, as in
	// a list of many items that each depend on a condition of their own.
	Sampled bool
}

// Run checks a template with every rule. The rules see t; findings come in no
// particular order and may repeat.
func (r *Registry) Run(t *Template, base *js.Schema) Result {
	v := r.NewValidator(t)
	found := v.Collect(func() { v.Claim(r.root, func() { v.Walk(t.Root, base) }) })
	var result Result
	for i := range found {
		result.add(&found[i])
	}
	for _, rule := range r.wholes {
		rule.Template(t, func(id string, at Path, format string, args ...any) {
			if id == "" {
				id = rule.ID
			}
			if len(result.Findings) >= maxFaults {
				v.stopped = at.String()
				return
			}
			result.Findings = append(result.Findings, Finding{Rule: id, Path: slices.Clone(at), Message: fmt.Sprintf(format, args...)})
		})
	}
	result.Incomplete = v.stopped
	result.Sampled = t.Set.Gaps() > 0
	return result
}

func (res *Result) add(f *Fault) {
	if f.Unknown || f.Rule == "" {
		return
	}
	at := f.Path
	if len(f.Override) > 0 {
		at = f.Override
	}
	res.Findings = append(res.Findings, Finding{Rule: f.Rule, Path: at, Message: f.Message, Like: f.Like})
	for i := range f.Context {
		res.add(&f.Context[i])
	}
}

// NewValidator returns the walk of a template, at its root.
func (r *Registry) NewValidator(t *Template) *Validator {
	v := &Validator{Template: t, Registry: r, steps: t.Options.Steps}
	v.state = state{
		out: &faults{}, path: make(Path, 0, pathRoom), table: r.standard, Place: r.places, functions: js.Functions(js.FnTransform),
		Conditions: t.Set.Root(), Regions: t.Options.Regions, Strict: true, callRules: true, dynamicRefs: true,
	}
	return v
}

// Functions returns the functions that may be called here.
func (v *Validator) Functions() js.FunctionSet { return v.functions }

// Allow sets the functions that may be called in the rest of the scope.
func (v *Validator) Allow(f js.FunctionSet) { v.functions = f }

// HideResources makes that nothing may refer to resources in the rest of the scope.
func (v *Validator) HideResources() { v.hideResources = true }

// CallRules sets whether the rules of the place are called at every schema in
// the rest of the scope.
func (v *Validator) CallRules(on bool) { v.callRules = on }

// ResourceByName returns a resource, if it is of one of the types (or types is
// empty) and its condition can hold here. The walk moves to it for the rest of
// the scope.
func (v *Validator) ResourceByName(name string, types ...string) *template.Node {
	r := v.Resources[name]
	if r == nil || len(types) > 0 && !contain(types, r.Type) {
		return nil
	}
	if c := r.Node.Get("Condition"); c.IsMap() || c.IsList() {
		v.Unusable("the condition of %s is not a name", name)
		return nil
	}
	if r.Condition != "" {
		status, ok := v.Conditions.Evolve(r.Condition, true)
		if !ok {
			return nil
		}
		v.Conditions = status
	}
	v.SetPath(Keys("Resources", name), "Resources", r.Type)
	return r.Node
}

func contain(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// Visible returns a resource that may be referred to here, nil if there is none.
func (v *Validator) Visible(name string) *Resource {
	if v.hideResources {
		return nil
	}
	return v.Resources[name]
}

// InFunction reports whether the path goes through a function other than Fn::If,
// InAnyFunction whether it goes through any.
func (v *Validator) InFunction() bool { return v.inFunction }

// InAnyFunction is described with InFunction.
func (v *Validator) InAnyFunction() bool {
	return v.inFunction || slices.ContainsFunc(v.path, func(s Step) bool { return s.Key == "Fn::If" })
}

// EachSchema calls visit with the schema of a resource type for each set of the
// walk's regions that share one; the walk is in those regions meanwhile. A type
// that a region does not have is left out.
func (v *Validator) EachSchema(resourceType string, visit func(*js.Schema)) {
	var schemas []*js.Schema
	regions := map[*js.Schema][]string{}
	for _, region := range v.Regions {
		s, ok := schema.Resource(resourceType, region)
		if !ok {
			continue
		}
		if regions[s] == nil {
			schemas = append(schemas, s)
		}
		regions[s] = append(regions[s], region)
	}
	for _, s := range schemas {
		v.Scoped(func() {
			v.Regions = regions[s]
			visit(s)
		})
	}
}
