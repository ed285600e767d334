package interpreter_test

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
)

// world is a Host in virtual time whose functions a test scripts.
type world struct {
	now    time.Time
	queue  queue
	jitter float64
	calls  []interpreter.Call
	answer func(call interpreter.Call) (any, *interpreter.Error) // nil result and error: no answer
}

type event struct {
	at    time.Time
	order int
	run   func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || (q[i].at.Equal(q[j].at) && q[i].order < q[j].order)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (w *world) Now() time.Time  { return w.now }
func (w *world) Jitter() float64 { return w.jitter }

var orders int

func (w *world) After(d time.Duration, f func()) {
	orders++
	heap.Push(&w.queue, event{w.now.Add(d), orders, f})
}

func (w *world) Invoke(call interpreter.Call, reply func(any, *interpreter.Error)) {
	w.calls = append(w.calls, call)
	if result, failure := w.answer(call); result != nil || failure != nil {
		reply(result, failure)
	}
}

func (w *world) run() {
	for len(w.queue) > 0 {
		next := heap.Pop(&w.queue).(event)
		w.now = next.at
		next.run()
	}
}

func execute(t *testing.T, definition, input string, w *world) *interpreter.Execution {
	t.Helper()
	e := start(t, definition, input, w)
	w.run()
	return e
}

func start(t *testing.T, definition, input string, w *world) *interpreter.Execution {
	t.Helper()
	w.now = epoch
	ended := 0
	program, err := interpreter.Load("m", []byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	e, err := program.Start("run-1", json.RawMessage(input), w, func(*interpreter.Execution) { ended++ })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if e.Status != interpreter.Running && ended != 1 {
			t.Errorf("done was called %d times", ended)
		}
	})
	return e
}

func want(t *testing.T, e *interpreter.Execution, output string) {
	t.Helper()
	var expected any
	if err := json.Unmarshal([]byte(output), &expected); err != nil {
		t.Fatal(err)
	}
	if e.Status != interpreter.Succeeded || !reflect.DeepEqual(e.Output, expected) {
		got, _ := json.Marshal(e.Output)
		t.Errorf("%s %s (%s: %s), want %s", e.Status, got, e.Error, e.Cause, output)
	}
}

func wantFailure(t *testing.T, e *interpreter.Execution, name, cause string) {
	t.Helper()
	if e.Status != interpreter.Failed || e.Error != name || !strings.Contains(e.Cause, cause) {
		t.Errorf("%s %s: %q, want %s with %q", e.Status, e.Error, e.Cause, name, cause)
	}
}

// machine makes a definition from its states, beginning at A.
func machine(states string) string { return `{"StartAt": "A", "States": {` + states + `}}` }

// TestPaths: "InputPath … null means that the raw input is discarded, and the
// effective input is {}"; ResultPath combines with the *raw* input; OutputPath
// applies last. Source: Amazon States Language, "Input and Output Processing".
func TestPaths(t *testing.T) {
	tests := []struct{ name, fields, output string }{
		{"nothing", ``, `{"a": {"b": 1}, "c": [1, 2]}`},
		{"InputPath", `"InputPath": "$.a"`, `{"b": 1}`},
		{"InputPath null", `"InputPath": null`, `{}`},
		{"index", `"InputPath": "$.c[1]"`, `2`},
		{"quoted field", `"InputPath": "$['a']['b']"`, `1`},
		{"ResultPath keeps the raw input", `"InputPath": "$.a", "ResultPath": "$.r"`, `{"a": {"b": 1}, "c": [1, 2], "r": {"b": 1}}`},
		{"ResultPath makes objects", `"InputPath": "$.a.b", "ResultPath": "$.x.y"`, `{"a": {"b": 1}, "c": [1, 2], "x": {"y": 1}}`},
		{"ResultPath null", `"Result": 7, "ResultPath": null`, `{"a": {"b": 1}, "c": [1, 2]}`},
		{"Result", `"Result": {"n": 7}`, `{"n": 7}`},
		{"OutputPath null", `"OutputPath": null`, `{}`},
		{"OutputPath after ResultPath", `"Result": 7, "ResultPath": "$.a.b", "OutputPath": "$.a"`, `{"b": 7}`},
		{"Parameters", `"Parameters": {"k": [{"v.$": "$.a.b"}], "s": "$.a"}`, `{"k": [{"v": 1}], "s": "$.a"}`},
		{"context", `"Parameters": {"n.$": "$$.Execution.Name", "s.$": "$$.State.Name", "i.$": "$$.Execution.Input.a"}`, `{"n": "run-1", "s": "A", "i": {"b": 1}}`},
		{"intrinsics", `"Parameters": {"f.$": "States.Format('{} of {} \\{\\}', $.a.b, 'x')", "l.$": "States.ArrayLength($.c)", "m.$": "States.MathAdd($.a.b, 2)",
			"s.$": "States.JsonToString($.a)", "j.$": "States.StringToJson('[1]')", "a.$": "States.Array($.a.b, 'y')"}`,
			`{"f": "1 of x {}", "l": 2, "m": 3, "s": "{\"b\":1}", "j": [1], "a": [1, "y"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.fields != "" {
				tt.fields = ", " + tt.fields
			}
			e := execute(t, machine(`"A": {"Type": "Pass", "End": true`+tt.fields+`}`), `{"a": {"b": 1}, "c": [1, 2]}`, &world{})
			want(t, e, tt.output)
		})
	}
}

// TestPathFailures: a path that leads nowhere ends the execution with
// States.Runtime, which no Catch takes. Source: "Error names", States.Runtime.
func TestPathFailures(t *testing.T) {
	for name, state := range map[string]string{
		"InputPath":  `{"Type": "Pass", "End": true, "InputPath": "$.x"}`,
		"OutputPath": `{"Type": "Pass", "End": true, "OutputPath": "$.c[2]"}`,
		"Parameters": `{"Type": "Pass", "End": true, "Parameters": {"v.$": "$.a.b.c"}}`,
		"ResultPath": `{"Type": "Pass", "End": true, "ResultPath": "$.c.d"}`,
		"context":    `{"Type": "Pass", "End": true, "Parameters": {"t.$": "$$.Task.Token"}}`,
		"Variable":   `{"Type": "Choice", "Choices": [{"Variable": "$.x", "BooleanEquals": true, "Next": "A"}], "Default": "A"}`,
		"wait":       `{"Type": "Wait", "SecondsPath": "$.a", "End": true}`,
		"items":      `{"Type": "Map", "ItemsPath": "$.a", "MaxConcurrency": 1, "End": true, "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, execute(t, machine(`"A": `+state), `{"a": {"b": 1}, "c": [1, 2]}`, &world{}), "States.Runtime", "A: ")
		})
	}
}

// TestChoice: the first rule that holds; a value of another type does not
// equal; And stops at the first false, so that IsPresent can guard.
func TestChoice(t *testing.T) {
	definition := machine(`"A": {"Type": "Choice", "Default": "none", "Choices": [
		{"And": [{"Variable": "$.kind", "IsPresent": true}, {"Variable": "$.kind", "StringEquals": "x"}], "Next": "kind"},
		{"Not": {"Variable": "$.n", "NumericLessThan": 10}, "Next": "ten"},
		{"Or": [{"Variable": "$.b", "BooleanEquals": true}, {"Variable": "$.b", "IsNull": true}], "Next": "bool"},
		{"Variable": "$.n", "NumericGreaterThanEquals": 5, "Next": "five"}]},
		"kind": {"Type": "Pass", "Result": "kind", "End": true}, "ten": {"Type": "Pass", "Result": "ten", "End": true},
		"bool": {"Type": "Pass", "Result": "bool", "End": true}, "five": {"Type": "Pass", "Result": "five", "End": true},
		"none": {"Type": "Succeed"}`)
	for input, output := range map[string]string{
		`{"kind": "x", "n": 1, "b": false}`:    `"kind"`,
		`{"kind": "y", "n": 10, "b": false}`:   `"ten"`,
		`{"n": 1, "b": true}`:                  `"bool"`,
		`{"n": 1, "b": null}`:                  `"bool"`,
		`{"n": 5, "b": "true"}`:                `"five"`,
		`{"n": 1, "b": false, "kind": "last"}`: `{"n": 1, "b": false, "kind": "last"}`,
	} {
		want(t, execute(t, definition, input, &world{}), output)
	}
	wantFailure(t, execute(t, machine(`"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "A"}]}`), `1`, &world{}), "States.NoChoiceMatched", "A")
}

func TestWait(t *testing.T) {
	for state, seconds := range map[string]int{
		`"Seconds": 30`:                       30,
		`"SecondsPath": "$.s"`:                7,
		`"Timestamp": "2026-01-02T03:05:05Z"`: 60,
		`"Timestamp": "2020-01-02T03:05:05Z"`: 0,
		`"TimestampPath": "$.at"`:             120,
	} {
		w := &world{}
		want(t, execute(t, machine(`"A": {"Type": "Wait", `+state+`, "OutputPath": "$.s", "End": true}`), `{"s": 7, "at": "2026-01-02T03:06:05Z"}`, w), `7`)
		if waited := w.now.Sub(epoch); waited != time.Duration(seconds)*time.Second {
			t.Errorf("%s waited %s", state, waited)
		}
	}
}

const task = `"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "${DriftFunction}", "Payload": {"x.$": "$.x"}}`

// TestTask: the result of lambda:invoke is an object around the answer.
func TestTask(t *testing.T) {
	w := &world{answer: func(call interpreter.Call) (any, *interpreter.Error) {
		return map[string]any{"got": call.Payload}, nil
	}}
	e := execute(t, machine(`"A": {`+task+`, "ResultSelector": {"r.$": "$.Payload.got", "s.$": "$.StatusCode"}, "ResultPath": "$.y", "End": true}`), `{"x": 1}`, w)
	want(t, e, `{"x": 1, "y": {"r": {"x": 1}, "s": 200}}`)
	if c := w.calls[0]; c.Function != "DriftFunction" || c.State != "A" || c.Execution != "run-1" || c.Token != "" {
		t.Errorf("call %+v", c)
	}
}

// TestRetry: IntervalSeconds × BackoffRate^n, MaxDelaySeconds as the limit,
// MaxAttempts retries for each entry, then Catch with the error beside the
// input. Source: "Retrying after an error", "Fallback states".
func TestRetry(t *testing.T) {
	definition := machine(`"A": {` + task + `, "End": true,
		"Retry": [{"ErrorEquals": ["TransientError"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10, "MaxAttempts": 3, "JitterStrategy": "NONE"},
		          {"ErrorEquals": ["ConflictError"], "JitterStrategy": "FULL"}],
		"Catch": [{"ErrorEquals": ["ConflictError"], "Next": "C"}, {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}]},
		"B": {"Type": "Succeed"}, "C": {"Type": "Fail", "Error": "Held", "CausePath": "$.Cause"}`)
	answers := func(names ...string) func(interpreter.Call) (any, *interpreter.Error) {
		return func(call interpreter.Call) (any, *interpreter.Error) {
			if call.Attempt >= len(names) {
				return "well", nil
			}
			return nil, &interpreter.Error{Name: names[call.Attempt], Cause: fmt.Sprint("try ", call.Attempt)}
		}
	}
	tests := []struct {
		name    string
		errors  []string
		seconds float64
		check   func(t *testing.T, e *interpreter.Execution)
	}{
		{"two retries", []string{"TransientError", "TransientError"}, 2 + 6, func(t *testing.T, e *interpreter.Execution) {
			want(t, e, `{"ExecutedVersion": "$LATEST", "Payload": "well", "StatusCode": 200}`)
		}},
		{"used up", []string{"TransientError", "TransientError", "TransientError", "TransientError"}, 2 + 6 + 10, func(t *testing.T, e *interpreter.Execution) {
			want(t, e, `{"x": 1, "error": {"Error": "TransientError", "Cause": "try 3"}}`)
		}},
		{"each entry counts alone", []string{"TransientError", "ConflictError", "TransientError"}, 2 + 0.5 + 6, func(t *testing.T, e *interpreter.Execution) {
			want(t, e, `{"ExecutedVersion": "$LATEST", "Payload": "well", "StatusCode": 200}`)
		}},
		{"jitter and defaults", []string{"ConflictError", "ConflictError", "ConflictError", "ConflictError"}, (1 + 2 + 4) * 0.5, func(t *testing.T, e *interpreter.Execution) {
			wantFailure(t, e, "Held", "try 3")
		}},
		{"not retried", []string{"PermanentError"}, 0, func(t *testing.T, e *interpreter.Execution) {
			want(t, e, `{"x": 1, "error": {"Error": "PermanentError", "Cause": "try 0"}}`)
			last := e.Visits[len(e.Visits)-2]
			if last.Kind != interpreter.Caught || last.State != "A" || last.Error != "PermanentError" || last.Index != 1 {
				t.Errorf("visit %+v", last)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{jitter: 0.5, answer: answers(tt.errors...)}
			e := execute(t, definition, `{"x": 1}`, w)
			tt.check(t, e)
			if got := w.now.Sub(epoch).Seconds(); got != tt.seconds {
				t.Errorf("took %v s, want %v", got, tt.seconds)
			}
		})
	}
	t.Run("no catch", func(t *testing.T) {
		e := execute(t, machine(`"A": {`+task+`, "End": true}`), `{"x": 1}`, &world{answer: answers("InvalidError")})
		wantFailure(t, e, "InvalidError", "try 0")
	})
}

// TestErrorNames: States.TaskFailed takes every error but a time-out;
// States.ALL does not take States.DataLimitExceeded.
func TestErrorNames(t *testing.T) {
	definition := machine(`"A": {` + task + `, "TimeoutSeconds": 9, "End": true, "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "T"}, {"ErrorEquals": ["States.ALL"], "Next": "E"}]},
		"T": {"Type": "Pass", "Result": "task", "End": true}, "E": {"Type": "Pass", "Result": "all", "End": true}`)
	fail := func(interpreter.Call) (any, *interpreter.Error) {
		return nil, &interpreter.Error{Name: "Lambda.Unknown"}
	}
	want(t, execute(t, definition, `{"x": 1}`, &world{answer: fail}), `"task"`)

	silent := &world{answer: func(interpreter.Call) (any, *interpreter.Error) { return nil, nil }}
	want(t, execute(t, definition, `{"x": 1}`, silent), `"all"`)
	if waited := silent.now.Sub(epoch); waited != 9*time.Second {
		t.Errorf("timed out after %s", waited)
	}
	big := &world{answer: func(interpreter.Call) (any, *interpreter.Error) { return strings.Repeat("x", 300_000), nil }}
	wantFailure(t, execute(t, definition, `{"x": 1}`, big), "States.DataLimitExceeded", "A")
}

const callback = `"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Parameters": {"FunctionName": "${DriftFunction}", "Payload": {"token.$": "$$.Task.Token"}}`

// TestTaskToken: the answer of the function is not the result; a token takes
// one answer; a retry has a new token; the failure of the function fails the
// task. Source: "Wait for a callback with the task token".
func TestTaskToken(t *testing.T) {
	definition := machine(`"A": {` + callback + `, "ResultPath": "$.answer", "TimeoutSeconds": 60, "End": true,
		"Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1, "IntervalSeconds": 5, "JitterStrategy": "NONE"}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}]},
		"F": {"Type": "Fail", "ErrorPath": "$.Error", "Cause": "gave up"}`)
	ignored := func(interpreter.Call) (any, *interpreter.Error) { return "ignored", nil }

	w := &world{answer: ignored}
	e := start(t, definition, `{"x": 1}`, w)
	w.After(10*time.Second, func() {
		token := w.calls[0].Token
		if w.calls[0].Payload.(map[string]any)["token"] != token || !e.Waits(token) {
			t.Errorf("nothing waits for %q", token)
		}
		if err := e.Succeed(token, json.RawMessage(`{"ok": true}`)); err != nil {
			t.Error(err)
		}
		if err := e.Fail(token, "X", ""); err == nil {
			t.Error("the token was good for two answers")
		}
	})
	w.run()
	want(t, e, `{"x": 1, "answer": {"ok": true}}`)

	w = &world{answer: ignored}
	e = start(t, definition, `{"x": 1}`, w)
	w.After(62*time.Second, func() {
		if err := e.Succeed(w.calls[0].Token, json.RawMessage(`1`)); err == nil {
			t.Error("a token outlived its time-out")
		}
	})
	w.After(70*time.Second, func() {
		if len(w.calls) != 2 || w.calls[1].Token == w.calls[0].Token {
			t.Fatalf("calls %+v", w.calls)
		}
		if err := e.Fail(w.calls[1].Token, "ConflictError", "held"); err != nil {
			t.Error(err)
		}
	})
	w.run()
	wantFailure(t, e, "ConflictError", "gave up")

	w = &world{answer: func(interpreter.Call) (any, *interpreter.Error) { return nil, &interpreter.Error{Name: "InvalidError"} }}
	wantFailure(t, execute(t, definition, `{"x": 1}`, w), "InvalidError", "gave up")
}

// TestMap: results in the order of the items, at most MaxConcurrency at once.
// TestTimeoutPath: the input says how long the task may take; what is no
// positive whole number fails the execution.
func TestTimeoutPath(t *testing.T) {
	definition := machine(`"A": {` + callback + `, "TimeoutSecondsPath": "$.wait", "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}], "End": true},
		"Late": {"Type": "Pass", "Result": "late", "End": true}`)
	silent := func(interpreter.Call) (any, *interpreter.Error) { return nil, nil }
	for input, after := range map[string]time.Duration{`{"wait": 900}`: 15 * time.Minute, `{"wait": 86400}`: 24 * time.Hour} {
		w := &world{answer: silent}
		want(t, execute(t, definition, input, w), `"late"`)
		if got := w.now.Sub(epoch); got != after {
			t.Errorf("%s ended after %s", input, got)
		}
	}
	for _, input := range []string{`{"wait": 0}`, `{"wait": 1.5}`, `{"wait": "900"}`, `{}`} {
		wantFailure(t, execute(t, definition, input, &world{answer: silent}), "States.Runtime", "TimeoutSecondsPath")
	}
}

// TestVisitsNameTheItem: what an iteration costs can be told from the visits.
func TestVisitsNameTheItem(t *testing.T) {
	e := execute(t, machine(`"A": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}}`), `{"items": [1, 2, 3]}`, &world{})
	seen := map[string]int{}
	for _, v := range e.Visits {
		seen[fmt.Sprint(v.State, v.Item)]++
	}
	if len(seen) != 4 || seen["A-1"] != 1 || seen["A / B0"] != 1 || seen["A / B2"] != 1 {
		t.Errorf("%v", seen)
	}
}

func TestMap(t *testing.T) {
	definition := machine(`"A": {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "all.$": "$.n"}, "MaxConcurrency": 2, "ResultPath": "$.results", "OutputPath": "$.results", "End": true,
		"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}],
		"ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "W", "States": {
			"W": {"Type": "Wait", "SecondsPath": "$.v", "Next": "B?"},
			"B?": {"Type": "Choice", "Choices": [{"Variable": "$.v", "NumericEquals": 9, "Next": "Bad"}], "Default": "P"},
			"Bad": {"Type": "Fail", "Error": "Nine"},
			"P": {"Type": "Pass", "Parameters": {"i.$": "$.i", "same.$": "$$.Map.Item.Index", "all.$": "$.all"}, "End": true}}}},
		"F": {"Type": "Pass", "OutputPath": "$.Error", "End": true}`)
	w := &world{}
	e := execute(t, definition, `{"items": [5, 1, 2], "n": 3}`, w)
	want(t, e, `[{"i": 0, "same": 0, "all": 3}, {"i": 1, "same": 1, "all": 3}, {"i": 2, "same": 2, "all": 3}]`)
	if took := w.now.Sub(epoch); took != 5*time.Second {
		t.Errorf("took %s, want 5 s for 5 beside 1 and 2", took)
	}
	want(t, execute(t, definition, `{"items": [], "n": 3}`, &world{}), `[]`)

	w = &world{}
	e = execute(t, definition, `{"items": [20, 9, 1], "n": 3}`, w)
	want(t, e, `"Nine"`)
	for _, v := range e.Visits {
		if v.State == "A / P" {
			t.Error("an item went on after its sibling had failed the Map")
		}
	}
}

func TestEnds(t *testing.T) {
	w := &world{}
	e := start(t, `{"TimeoutSeconds": 60, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 100, "End": true}}}`, `{}`, w)
	w.run()
	if e.Status != interpreter.TimedOut || w.now.Sub(epoch) < 60*time.Second {
		t.Errorf("status %s", e.Status)
	}
	w = &world{}
	e = start(t, machine(`"A": {"Type": "Wait", "Seconds": 100, "End": true}`), `{}`, w)
	w.After(time.Second, func() { e.Stop("Operator", "enough") })
	w.run()
	if e.Status != interpreter.Aborted || e.Error != "Operator" || e.Cause != "enough" {
		t.Errorf("%s %s %s", e.Status, e.Error, e.Cause)
	}
	e = execute(t, machine(`"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}`), `{}`, &world{})
	wantFailure(t, e, "States.Runtime", "25,000")
}

// TestRefuses: what is not interpreted must not pass silently.
func TestRefuses(t *testing.T) {
	for name, definition := range map[string]string{
		"type":      machine(`"A": {"Type": "Parallel", "End": true}`),
		"field":     machine(`"A": {"Type": "Pass", "Assign": {}, "End": true}`),
		"service":   machine(`"A": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true}`),
		"heartbeat": machine(`"A": {` + task + `, "HeartbeatSeconds": 5, "End": true}`),
		"in a map":  machine(`"A": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Activity"}}}}`),
		"trailing":  machine(`"A": {"Type": "Succeed"}`) + "{}",
	} {
		if _, err := interpreter.Load("m", []byte(definition)); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
