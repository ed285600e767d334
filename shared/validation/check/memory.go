package check

import "github.com/evenkeel/evenkeel/shared/schema/jsonschema"

// Memory returns what a rule remembers while one template is checked, such as
// the names that it met before. It is made when it is asked for first.
func Memory[T any](v *Validator, rule string, fresh func() T) T {
	if have, ok := v.memory[rule].(T); ok {
		return have
	}
	if v.memory == nil {
		v.memory = map[string]any{}
	}
	made := fresh()
	v.memory[rule] = made
	return made
}

// WithPath runs a part of the walk as if it stood at another path.
func (v *Validator) WithPath(path Path, walk func()) {
	old, inFunction, inRef := v.path, v.inFunction, v.inRef
	v.path = path[:len(path):len(path)]
	v.inFunction, v.inRef = path.inFunction(), path.inRef()
	walk()
	v.path, v.inFunction, v.inRef = old, inFunction, inRef
}

// WithoutRules runs a part of the walk in which neither the rules of the place
// nor those about dynamic references are called.
func (v *Validator) WithoutRules(walk func()) {
	old := v.state
	v.dynamicRefs, v.callRules = false, false
	walk()
	v.state = old
}

// Unusable reports that the rule under way cannot look at a value, because a
// function stands where it needs a plain value or is not built right. Where
// cfn-lint's rules fail with an exception, so does it report E1101.
func (v *Validator) Unusable(format string, args ...any) {
	f := v.Fault(format, args...)
	f.Path, f.Keyword = v.ruleAt.With(), jsonschema.CfnLint
}
