package interpreter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/infra/workflow"
)

// resolve follows a path through value, or through the context object, which is
// made only then, when it begins with $$. found is false when it leads nowhere.
func resolve(path string, value any, context func(token string) any) (result any, found bool, err error) {
	fromContext, steps, err := workflow.ParsePath(path)
	if err != nil {
		return nil, false, err
	}
	if fromContext {
		value = context("")
	}
	for _, step := range steps {
		if step.Field == "" {
			list, ok := value.([]any)
			if !ok || step.Index >= len(list) {
				return nil, false, nil
			}
			value = list[step.Index]
			continue
		}
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false, nil
		}
		if value, ok = object[step.Field]; !ok {
			return nil, false, nil
		}
	}
	return value, true, nil
}

// inject puts result into a copy of value at a reference path, making objects
// on the way.
func inject(path string, value, result any) (any, error) {
	fromContext, steps, err := workflow.ParsePath(path)
	if err != nil {
		return nil, err
	}
	if fromContext {
		return nil, fmt.Errorf("%q: the context object cannot be written", path)
	}
	return injectAt(steps, value, result)
}

func injectAt(steps []workflow.Step, value, result any) (any, error) {
	if len(steps) == 0 {
		return result, nil
	}
	step := steps[0]
	if step.Field == "" {
		list, ok := value.([]any)
		if !ok || step.Index >= len(list) {
			return nil, fmt.Errorf("[%d] is not an element of %s", step.Index, brief(value))
		}
		inner, err := injectAt(steps[1:], list[step.Index], result)
		list = slices.Clone(list)
		list[step.Index] = inner
		return list, err
	}
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		return nil, fmt.Errorf("%q: %s is no object", step.Field, brief(value))
	}
	inner, err := injectAt(steps[1:], object[step.Field], result)
	object = maps.Clone(object)
	if object == nil {
		object = map[string]any{}
	}
	object[step.Field] = inner
	return object, err
}

// fillTemplate replaces the fields "x.$" of a payload template.
func fillTemplate(template, value any, context func(string) any) (any, error) {
	switch t := template.(type) {
	case []any:
		out := make([]any, len(t))
		for i, item := range t {
			filled, err := fillTemplate(item, value, context)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(t))
		for key, item := range t {
			name, computed := strings.CutSuffix(key, ".$")
			filled, err := any(nil), error(nil)
			if computed {
				filled, err = compute(item, value, context)
			} else {
				filled, err = fillTemplate(item, value, context)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out[name] = filled
		}
		return out, nil
	default:
		return template, nil
	}
}

func compute(text, value any, context func(string) any) (any, error) {
	source, ok := text.(string)
	if !ok {
		return nil, fmt.Errorf("%s is not a path", brief(text))
	}
	expression, err := workflow.ParseExpression(source)
	if err != nil {
		return nil, err
	}
	return evaluate(expression, value, context)
}

func evaluate(e workflow.Expression, value any, context func(string) any) (any, error) {
	switch {
	case e.Path != "":
		result, found, err := resolve(e.Path, value, context)
		if err == nil && !found {
			err = fmt.Errorf("%q leads nowhere in %s", e.Path, brief(value))
		}
		return result, err
	case e.Function == "":
		return e.Literal, nil
	}
	arguments := make([]any, len(e.Arguments))
	for i, a := range e.Arguments {
		var err error
		if arguments[i], err = evaluate(a, value, context); err != nil {
			return nil, err
		}
	}
	return intrinsic(e.Function, arguments)
}

// intrinsic evaluates an intrinsic function.
// Source: Amazon States Language, "Intrinsic Functions".
func intrinsic(name string, arguments []any) (any, error) {
	one := func() any {
		if len(arguments) == 1 {
			return arguments[0]
		}
		return nil
	}
	switch name {
	case "States.Array":
		return arguments, nil
	case "States.ArrayLength":
		if list, ok := one().([]any); ok {
			return float64(len(list)), nil
		}
	case "States.JsonToString":
		if len(arguments) == 1 {
			data, err := json.Marshal(arguments[0])
			return string(data), err
		}
	case "States.StringToJson":
		if text, ok := one().(string); ok {
			var out any
			err := json.Unmarshal([]byte(text), &out)
			return out, err
		}
	case "States.MathAdd":
		if len(arguments) == 2 {
			a, okA := arguments[0].(float64)
			b, okB := arguments[1].(float64)
			if okA && okB {
				return a + b, nil
			}
		}
	case "States.Format":
		if len(arguments) > 0 {
			if text, ok := arguments[0].(string); ok {
				return format(text, arguments[1:])
			}
		}
	}
	return nil, fmt.Errorf("%s does not take %s", name, brief(arguments))
}

// format puts the arguments in place of {}; \{ and \} stand for themselves.
func format(text string, arguments []any) (any, error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			out.WriteByte(text[i])
		case strings.HasPrefix(text[i:], "{}"):
			if len(arguments) == 0 {
				return nil, fmt.Errorf("States.Format has more {} than arguments")
			}
			if s, ok := arguments[0].(string); ok {
				out.WriteString(s)
			} else {
				data, err := json.Marshal(arguments[0])
				if err != nil {
					return nil, err
				}
				out.Write(data)
			}
			arguments = arguments[1:]
			i++
		default:
			out.WriteByte(text[i])
		}
	}
	if len(arguments) > 0 {
		return nil, fmt.Errorf("States.Format has fewer {} than arguments")
	}
	return out.String(), nil
}
