package interpreter

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow"
)

// branch runs the states of one machine: the execution's own, or a Map's for
// one item.
type branch struct {
	execution *Execution
	machine   *workflow.Machine
	prefix    string  // "Each / "
	parent    *branch // of a Map's branch
	item      *item
	stopped   bool // a sibling failed
	finish    func(output any, failure *Error)
}

type item struct {
	index int
	value any
}

// visiting is one visit to a state.
type visiting struct {
	*branch
	name    string
	at      string // with the prefix
	state   *workflow.State
	raw     any // the state's input
	input   any // after InputPath
	entered time.Time
	retries []int // attempts used, by Retry entry
	total   int
}

// over reports whether the branch, or one that it is part of, has ended.
func (b *branch) over() bool {
	return b.stopped || b.execution.Status != Running || (b.parent != nil && b.parent.over())
}

// visit notes what happened at a state of the branch.
func (b *branch) visit(v Visit) {
	v.Item = -1
	if b.item != nil {
		v.Item = b.item.index
	}
	b.execution.visit(v)
}

// enter enters a state; from is the state before it, "" for the first.
func (b *branch) enter(from, name string, raw any) {
	if b.over() {
		return
	}
	e := b.execution
	v := &visiting{branch: b, name: name, at: b.prefix + name, state: b.machine.States[name], raw: raw, entered: e.host.Now()}
	if v.state == nil {
		e.fatal("%q is not a state", v.at)
		return
	}
	v.retries = make([]int, len(v.state.Retry))
	b.visit(Visit{State: v.at, From: from, Kind: Entered})
	if e.record(2); b.over() {
		return
	}
	var ok bool
	if v.input, ok = v.path("InputPath", v.state.InputPath, raw); !ok {
		return
	}
	switch v.state.Type {
	case "Task":
		v.task()
	case "Map":
		v.mapState()
	case "Choice":
		v.choice()
	case "Wait":
		v.wait()
	case "Pass":
		v.pass()
	case "Succeed":
		if output, ok := v.path("OutputPath", v.state.OutputPath, v.input); ok {
			b.finish(output, nil)
		}
	case "Fail":
		v.failState()
	}
}

// path applies InputPath or OutputPath: absent is all, null is {}.
func (v *visiting) path(field string, p workflow.Path, value any) (any, bool) {
	switch {
	case !p.Set:
		return value, true
	case p.Null:
		return map[string]any{}, true
	}
	return v.read(field, p.Text, value)
}

// read resolves a path that must lead somewhere.
func (v *visiting) read(field, path string, value any) (any, bool) {
	found, ok, err := resolve(path, value, v.context)
	if err != nil || !ok {
		v.execution.fatal("%s: %s %q leads nowhere in %s (%v)", v.at, field, path, brief(value), err)
		return nil, false
	}
	return found, true
}

// templates are those of the state.
func (v *visiting) templates() templates { return v.execution.program.templates[v.state] }

// fill evaluates a payload template; none gives the value itself.
func (v *visiting) fill(field string, template, value any, token string) (any, bool) {
	if template == nil {
		return value, true
	}
	out, err := fillTemplate(template, value, func(string) any { return v.context(token) })
	if err != nil {
		v.execution.fatal("%s: %s: %v", v.at, field, err)
		return nil, false
	}
	return out, true
}

// leave combines a result with the input and goes on.
func (v *visiting) leave(result any) {
	s := v.state
	result, ok := v.fill("ResultSelector", v.templates().resultSelector, result, "")
	if !ok {
		return
	}
	output := v.raw
	switch {
	case !s.ResultPath.Set:
		output = result
	case !s.ResultPath.Null:
		var err error
		if output, err = inject(s.ResultPath.Text, v.raw, result); err != nil {
			v.execution.fatal("%s: ResultPath: %v", v.at, err)
			return
		}
	}
	if output, ok = v.path("OutputPath", s.OutputPath, output); ok {
		v.next(s.Next, output)
	}
}

// next goes to a state, or ends the branch when there is none.
func (v *visiting) next(name string, output any) {
	if v.over() {
		return
	}
	if n := size(output); n > maxPayload {
		v.execution.end(Failed, nil, &Error{Name: "States.DataLimitExceeded", Cause: fmt.Sprintf("%s: %d bytes of output", v.at, n)})
		return
	}
	if name == "" {
		v.finish(output, nil)
		return
	}
	v.execution.host.After(0, func() { v.enter(v.at, name, output) })
}

func (v *visiting) pass() {
	result, ok := v.fill("Parameters", v.templates().parameters, v.input, "")
	if !ok {
		return
	}
	if v.state.Result != nil {
		if err := json.Unmarshal(v.state.Result, &result); err != nil {
			v.execution.fatal("%s: Result: %v", v.at, err)
			return
		}
	}
	// A Pass without ResultPath passes its input on in place of a result.
	v.leave(result)
}

func (v *visiting) wait() {
	var d time.Duration
	s := v.state
	switch {
	case s.Seconds != nil:
		d = time.Duration(*s.Seconds) * time.Second
	case s.SecondsPath != "":
		value, ok := v.read("SecondsPath", s.SecondsPath, v.input)
		if !ok {
			return
		}
		seconds, isNumber := value.(float64)
		if !isNumber || seconds < 0 || seconds != float64(int64(seconds)) {
			v.execution.fatal("%s: SecondsPath is %s, not a whole number of seconds", v.at, brief(value))
			return
		}
		d = time.Duration(seconds) * time.Second
	default:
		text := any(s.Timestamp)
		if s.TimestampPath != "" {
			var ok bool
			if text, ok = v.read("TimestampPath", s.TimestampPath, v.input); !ok {
				return
			}
		}
		at, err := time.Parse(time.RFC3339, fmt.Sprint(text))
		if err != nil {
			v.execution.fatal("%s: Timestamp: %v", v.at, err)
			return
		}
		d = max(at.Sub(v.execution.host.Now()), 0)
	}
	v.execution.host.After(d, func() {
		if output, ok := v.path("OutputPath", s.OutputPath, v.input); ok {
			v.next(s.Next, output)
		}
	})
}

func (v *visiting) failState() {
	failure := &Error{Name: v.state.Error, Cause: v.state.Cause}
	for path, into := range map[string]*string{v.state.ErrorPath: &failure.Name, v.state.CausePath: &failure.Cause} {
		if path == "" {
			continue
		}
		value, ok := v.read("ErrorPath or CausePath", path, v.input)
		if !ok {
			return
		}
		text, isText := value.(string)
		if !isText {
			v.execution.fatal("%s: %q is %s, not text", v.at, path, brief(value))
			return
		}
		*into = text
	}
	v.finish(nil, failure)
}

// context is the context object, $$.
// Source: Step Functions developer guide, "Accessing the Context object".
func (v *visiting) context(token string) any {
	e := v.execution
	c := map[string]any{
		"Execution": map[string]any{
			"Id": "arn:aws:states:us-east-1:111111111111:execution:" + e.Machine + ":" + e.Name, "Name": e.Name,
			"Input": e.Input, "StartTime": e.Started.UTC().Format(time.RFC3339Nano),
		},
		"State":        map[string]any{"Name": v.name, "EnteredTime": v.entered.UTC().Format(time.RFC3339Nano), "RetryCount": float64(v.total)},
		"StateMachine": map[string]any{"Id": "arn:aws:states:us-east-1:111111111111:stateMachine:" + e.Machine, "Name": e.Machine},
	}
	if token != "" {
		c["Task"] = map[string]any{"Token": token}
	}
	if v.item != nil {
		c["Map"] = map[string]any{"Item": map[string]any{"Index": float64(v.item.index), "Value": v.item.value}}
	}
	return c
}

// size is the length of a value's JSON, escapes in strings left out.
func size(value any) int {
	switch v := value.(type) {
	case string:
		return len(v) + 2
	case []any:
		n := 2
		for _, item := range v {
			n += size(item) + 1
		}
		return n
	case map[string]any:
		n := 2
		for key, item := range v {
			n += len(key) + 4 + size(item)
		}
		return n
	default: // a number, true, false or null
		return 8
	}
}

func brief(value any) string {
	data, _ := json.Marshal(value)
	const most = 300
	if len(data) > most {
		return strings.ToValidUTF8(string(data[:most]), "") + "…"
	}
	return string(data)
}
