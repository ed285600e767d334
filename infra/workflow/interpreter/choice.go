package interpreter

import "github.com/evenkeel/evenkeel/infra/workflow"

// choice goes to the first rule that holds, or to Default.
func (v *visiting) choice() {
	output, ok := v.path("OutputPath", v.state.OutputPath, v.input)
	if !ok {
		return
	}
	for i := range v.state.Choices {
		holds, ok := v.holds(&v.state.Choices[i])
		if !ok {
			return
		}
		if holds {
			v.next(v.state.Choices[i].Next, output)
			return
		}
	}
	if v.state.Default == "" {
		v.finish(nil, &Error{Name: "States.NoChoiceMatched", Cause: v.at})
		return
	}
	v.next(v.state.Default, output)
}

// holds evaluates a rule; And and Or stop at the first answer. A comparison of
// a variable that is not there fails the execution, as it does in AWS; only
// IsPresent may ask about it. A value of another type is simply not equal.
func (v *visiting) holds(r *workflow.Rule) (holds, ok bool) {
	switch {
	case len(r.And) > 0:
		for i := range r.And {
			if holds, ok := v.holds(&r.And[i]); !ok || !holds {
				return false, ok
			}
		}
		return true, true
	case len(r.Or) > 0:
		for i := range r.Or {
			if holds, ok := v.holds(&r.Or[i]); !ok || holds {
				return holds, ok
			}
		}
		return false, true
	case r.Not != nil:
		holds, ok := v.holds(r.Not)
		return !holds, ok
	}
	value, found, err := resolve(r.Variable, v.input, v.context)
	if err == nil && r.IsPresent != nil {
		return found == *r.IsPresent, true
	}
	if err != nil || !found {
		v.execution.fatal("%s: the variable %q is not in %s (%v)", v.at, r.Variable, brief(v.input), err)
		return false, false
	}
	return compare(r, value), true
}

func compare(r *workflow.Rule, value any) bool {
	text, isText := value.(string)
	truth, isBool := value.(bool)
	number, isNumber := value.(float64)
	switch {
	case r.BooleanEquals != nil:
		return isBool && truth == *r.BooleanEquals
	case r.StringEquals != nil:
		return isText && text == *r.StringEquals
	case r.NumericEquals != nil:
		return isNumber && number == *r.NumericEquals
	case r.NumericGreaterThan != nil:
		return isNumber && number > *r.NumericGreaterThan
	case r.NumericGreaterThanEquals != nil:
		return isNumber && number >= *r.NumericGreaterThanEquals
	case r.NumericLessThan != nil:
		return isNumber && number < *r.NumericLessThan
	case r.NumericLessThanEquals != nil:
		return isNumber && number <= *r.NumericLessThanEquals
	case r.IsNull != nil:
		return (value == nil) == *r.IsNull
	case r.IsString != nil:
		return isText == *r.IsString
	}
	return false
}
