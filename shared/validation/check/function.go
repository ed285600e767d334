package check

import (
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Call is the check of a call of one intrinsic function: what it gives, what
// its arguments must be, and which rule answers for the values it resolves to.
type Call struct {
	Keyword  js.Keyword
	Gives    js.TypeSet        // types that the function can give
	Argument func() *js.Schema // nil is anything
	Resolved string            // rule of the resolved values, "" if they are not checked
	// Right reports whether an argument is certainly right, so that it need not be
	// walked; nil is never sure.
	Right func(v *Validator, arg *template.Node) bool
}

// Types is what a schema demands as type, following references; 0 if nothing.
func Types(s *js.Schema) js.TypeSet {
	for range 20 {
		if s.Types != 0 || !s.Has(js.Ref) {
			return s.Types
		}
		s = s.Target()
	}
	return 0
}

// CompatibleTypes reports whether something that gives one of the types fits
// where one of the wanted types is expected, after CloudFormation's conversion.
func CompatibleTypes(gives, wanted js.TypeSet) bool {
	if gives.Has(js.String) {
		gives |= js.Number | js.Boolean | js.Integer
	}
	if gives.Has(js.Integer) {
		gives |= js.Number | js.String
	}
	if gives.Has(js.Boolean | js.Number) {
		gives |= js.String
	}
	return gives.Has(wanted)
}

// Check checks a call n whose value must obey s: the type, the arguments, and
// the values it can have. It reports whether type and arguments are right and
// the call could be looked at.
func (c *Call) Check(v *Validator, s *js.Schema, n *template.Node) bool {
	if v.Unresolvable {
		v.Unknown()
		return false
	}
	if !c.CheckCall(v, s, n) {
		return false
	}
	return c.Resolve(v, s, n)
}

// CheckCall checks type and arguments.
func (c *Call) CheckCall(v *Validator, s *js.Schema, n *template.Node) bool {
	if c.Right != nil && c.Right(v, n.Entries[0].Value) && c.fits(s) {
		return true
	}
	found := v.Collect(func() {
		c.CheckType(v, s, n)
		if c.Argument != nil {
			v.Scoped(func() {
				v.Strict, v.callRules = false, false
				v.Descend(n.Entries[0].Value, c.Argument(), Key(n.Entries[0].Key), "")
			})
		}
	})
	c.own(found)
	v.Add(found...)
	return len(found) == 0
}

// CheckType reports if the function cannot give what the schema wants.
func (c *Call) CheckType(v *Validator, s *js.Schema, n *template.Node) {
	if !c.fits(s) {
		v.Fault("%s does not give %s", c.Keyword, typeNames(Types(s)))
	}
}

func (c *Call) fits(s *js.Schema) bool {
	wanted := Types(s)
	return wanted == 0 || CompatibleTypes(c.Gives, wanted)
}

// own makes faults those of the function.
func (c *Call) own(found []Fault) {
	for i := range found {
		if found[i].Keyword != js.FnRef {
			found[i].Keyword = c.Keyword
		}
	}
}

// Resolve checks every value that the call can have against s. It reports
// whether it found nothing.
func (c *Call) Resolve(v *Validator, s *js.Schema, n *template.Node) bool {
	if c.Resolved == "" || !s.Constrained() {
		return true
	}
	var all, lookup []Fault
	fits := false
	v.Scoped(func() {
		v.Strict = false
		depth := len(v.path) + 1
		v.Resolve(n, func(value *template.Node, fault *Fault) bool {
			if fault != nil {
				fault.Path = v.path.With(fault.Path...)
				fault.Keyword = c.Keyword
				lookup = append(lookup, *fault)
				return true
			}
			found := v.Collect(func() { v.Descend(value, s, Key(n.Entries[0].Key), "") })
			if len(found) == 0 && !v.FromParameters {
				fits = true
				return false
			}
			c.own(found)
			for i := range found {
				found[i].resolved(c.Resolved, c.Keyword.String(), depth, value, n)
			}
			all = append(all, found...)
			return true
		})
	})
	v.Add(lookup...) // stand even if another value fits
	if fits {
		return len(lookup) == 0
	}
	v.Add(all...)
	return len(all)+len(lookup) == 0
}

// resolved turns a fault in a resolved value into one of the call.
func (f *Fault) resolved(rule, function string, depth int, value, call *template.Node) {
	f.Rule = rule
	if len(f.Path) > depth {
		f.Path = f.Path[:depth]
	}
	f.Message += " when " + function + " is resolved"
	f.Like = strings.Replace(f.Message, Excerpt(value), Excerpt(call), 1)
	if len(f.Override) > 0 {
		f.Like += " at " + f.Path.String()
	}
	for i := range f.Context {
		f.Context[i].resolved(rule, function, depth, value, call)
	}
}
