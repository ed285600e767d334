package workflow_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
)

// call is one call of a function that a test expects, and what comes of it.
type call struct {
	action string // of the payload
	fails  string // name of the error, of the function or, with after, of the token
	answer string // JSON: of the function, or with after what the token is answered with
	after  time.Duration
}

// script is a Host in virtual time that plays the calls in their order.
type script struct {
	t         *testing.T
	calls     []call
	seen      []interpreter.Call
	now       time.Time
	queue     []timer
	execution *interpreter.Execution
}

type timer struct {
	at  time.Time
	run func()
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (s *script) Now() time.Time  { return s.now }
func (s *script) Jitter() float64 { return 1 }

// After keeps the queue sorted; of the same time, what came first is first.
func (s *script) After(d time.Duration, f func()) {
	at := s.now.Add(d)
	i := slices.IndexFunc(s.queue, func(t timer) bool { return t.at.After(at) })
	if i < 0 {
		i = len(s.queue)
	}
	s.queue = slices.Insert(s.queue, i, timer{at, f})
}

func (s *script) Invoke(c interpreter.Call, reply func(any, *interpreter.Error)) {
	s.t.Helper()
	action, _ := c.Payload.(map[string]any)["action"].(string)
	n := len(s.seen)
	s.seen = append(s.seen, c)
	if n >= len(s.calls) || s.calls[n].action != action {
		s.t.Fatalf("call %d is %q of %s, which the test does not expect", n, action, c.State)
	}
	expected := s.calls[n]
	switch {
	case expected.fails != "" && expected.after == 0:
		reply(nil, &interpreter.Error{Name: expected.fails, Cause: "scripted"})
	case expected.after > 0:
		reply("the function's own answer counts for nothing", nil)
		s.After(expected.after, func() {
			err := error(nil)
			if expected.fails != "" {
				err = s.execution.Fail(c.Token, expected.fails, "scripted")
			} else {
				err = s.execution.Succeed(c.Token, json.RawMessage(expected.answer))
			}
			if err != nil {
				s.t.Error(err)
			}
		})
	case expected.answer != "":
		var value any
		if err := json.Unmarshal([]byte(expected.answer), &value); err != nil {
			s.t.Fatal(err)
		}
		reply(value, nil)
	}
}

// play runs a definition to its end and returns the states that were entered.
func play(t *testing.T, definition, input string, calls ...call) (*script, []string) {
	t.Helper()
	s := &script{t: t, calls: calls, now: epoch}
	program, err := interpreter.Load("m", []byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	if s.execution, err = program.Start("e", json.RawMessage(input), s, func(*interpreter.Execution) {}); err != nil {
		t.Fatal(err)
	}
	for len(s.queue) > 0 && s.execution.Status == interpreter.Running {
		next := s.queue[0]
		s.queue = s.queue[1:]
		s.now = next.at
		next.run()
	}
	if len(s.seen) != len(calls) {
		t.Errorf("%d calls, want %d", len(s.seen), len(calls))
	}
	var entered []string
	for _, v := range s.execution.Visits {
		if v.Kind == interpreter.Entered {
			entered = append(entered, v.State)
		}
	}
	return s, entered
}

// visited collects what executions went through, by the names that every gives.
type visited map[string]bool

func (v visited) add(e *interpreter.Execution) {
	for _, visit := range e.Visits {
		if visit.Kind == interpreter.Entered {
			v[visit.State], v[visit.From+" → "+visit.State] = true, true
		} else {
			v[fmt.Sprintf("%s %s by %d", visit.State, visit.Kind, visit.Index)] = true
		}
	}
}

// every lists the states of a machine, the ways between them, and the entries
// of Retry and Catch.
func every(m *workflow.Machine) []string {
	var all []string
	for name, s := range m.States {
		all = append(all, name)
		for _, next := range workflow.Targets(s) {
			all = append(all, name+" → "+next)
		}
		for i := range s.Retry {
			all = append(all, fmt.Sprintf("%s %s by %d", name, interpreter.Retried, i))
		}
		for i := range s.Catch {
			all = append(all, fmt.Sprintf("%s %s by %d", name, interpreter.Caught, i))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func wantStates(t *testing.T, got []string, want string) {
	t.Helper()
	if strings.Join(got, " ") != want {
		t.Errorf("visited\n%s\nwant\n%s", strings.Join(got, " "), want)
	}
}
