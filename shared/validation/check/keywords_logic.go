package check

import (
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// composite runs a walk as the keywords that combine schemas do: the rules of
// the place are not called, and a function makes the outcome unknown.
func (v *Validator) composite(walk func()) {
	call, unresolvable := v.callRules, v.Unresolvable
	v.callRules, v.Unresolvable = false, true
	walk()
	v.callRules, v.Unresolvable = call, unresolvable
}

func allOf(v *Validator, s *js.Schema, n *template.Node) {
	v.composite(func() {
		var known []Fault
		unknown := false
		for _, sub := range s.AllOf {
			found := v.Collect(func() { v.Walk(n, sub) })
			if HasUnknown(found) {
				unknown = true
			} else {
				known = append(known, found...)
			}
		}
		if unknown {
			v.Unknown()
			return
		}
		v.Add(known...)
	})
}

// AnyOf is the keyword anyOf.
func AnyOf(v *Validator, s *js.Schema, n *template.Node) {
	v.composite(func() {
		unknown := false
		for _, sub := range s.AnyOf {
			wrong, unsure := v.Test(func() { v.Walk(n, sub) })
			if wrong && !unsure { // warnings do not count
				wrong = hasError(v, v.Collect(func() { v.Walk(n, sub) }))
			}
			switch {
			case unsure:
				unknown = true
			case !wrong:
				return
			}
		}
		if unknown {
			v.Unknown()
			return
		}
		v.alternatives(n, s.AnyOf)
	})
}

func hasError(v *Validator, found []Fault) bool {
	for i := range found {
		if r := v.Registry.byID[found[i].Rule]; r == nil || r.Severity == Error {
			return true
		}
	}
	return false
}

// alternatives reports that none of the schemas fits, and why.
func (v *Validator) alternatives(n *template.Node, alternatives []*js.Schema) {
	var reasons []Fault
	if !v.out.quiet {
		for _, sub := range alternatives {
			reasons = append(reasons, v.Collect(func() { v.Walk(n, sub) })...)
		}
	}
	v.Fault("%s fits none of the %d alternatives", quoted{n}, len(alternatives)).Context = reasons
}

// OneOf is the keyword oneOf.
func OneOf(v *Validator, s *js.Schema, n *template.Node) {
	v.composite(func() {
		fits, unknown := 0, false
		for _, sub := range s.OneOf {
			wrong, unsure := v.Test(func() { v.Walk(n, sub) })
			switch {
			case unsure:
				unknown = true
			case !wrong:
				fits++
			}
		}
		switch {
		case unknown && fits < 2:
			v.Unknown()
		case fits == 0:
			v.alternatives(n, s.OneOf)
		case fits > 1:
			v.Fault("%s fits %d of the alternatives, and only one is allowed", quoted{n}, fits)
		}
	})
}

func not(v *Validator, s *js.Schema, n *template.Node) {
	v.composite(func() {
		wrong, unknown := v.Test(func() { v.Walk(n, s.Not) })
		switch {
		case unknown:
			v.Unknown()
		case !wrong:
			v.Fault("%s is excluded here", quoted{n})
		}
	})
}

func ifThenElse(v *Validator, s *js.Schema, n *template.Node) {
	call := v.callRules
	v.callRules = false
	defer func() { v.callRules = call }()
	unresolvable, inIf := v.Unresolvable, v.InIf
	v.Unresolvable, v.InIf = true, true
	wrong, unknown := v.Test(func() { v.Walk(n, s.If) })
	v.Unresolvable, v.InIf = unresolvable, inIf
	switch {
	case unknown:
		v.Unknown()
	case !wrong && s.Then != nil:
		v.Walk(n, s.Then)
	case wrong && s.Else != nil:
		v.Walk(n, s.Else)
	}
}
