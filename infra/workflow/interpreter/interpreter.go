// Package interpreter runs the Amazon States Language of our workflows in
// virtual time. It is small and strict: what it does not know it refuses, and
// what Step Functions would fail at run time fails here in the same way. It
// starts no goroutine and reads no clock; the Host brings time and functions.
//
// Source of its rules: the Amazon States Language specification
// (states-language.net/spec.html) and the Step Functions developer guide,
// "Handling errors in Step Functions workflows".
package interpreter

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow"
)

// Host is the world that an execution runs in.
type Host interface {
	Now() time.Time
	// After calls f once, when d has passed.
	After(d time.Duration, f func())
	// Invoke calls a Lambda function. The host calls reply when the function has
	// answered: at once, later, or never. Later replies are ignored.
	Invoke(call Call, reply func(result any, failure *Error))
	// Jitter returns a number in [0, 1) for a retry's delay.
	Jitter() float64
}

// Call is one invocation of a function by a Task state.
type Call struct {
	Execution string // name
	State     string // "Each / Detect" inside a Map
	Function  string // the substitution's name, "DriftFunction"
	Payload   any    // JSON value; must not be changed
	Token     string // task token; "" when the Task does not wait for one
	Attempt   int    // 0, then the number of retries
}

// Error is an error as a state sees it.
type Error struct {
	Name  string // "States.Timeout", "ConflictError"
	Cause string
}

func (e *Error) Error() string { return e.Name + ": " + e.Cause }

// The statuses of an execution.
const (
	Running   = "RUNNING"
	Succeeded = "SUCCEEDED"
	Failed    = "FAILED"
	TimedOut  = "TIMED_OUT"
	Aborted   = "ABORTED"
)

// What happened at a state.
const (
	Entered = "entered"
	Retried = "retried" // Visit.Error was tried again
	Caught  = "caught"  // Visit.Error led to another state
)

// Visit is one thing that happened at a state.
type Visit struct {
	At    time.Time
	State string
	From  string // the state that led here, when Entered
	Kind  string
	Error string
	Index int // of the Retry or Catch entry that took the error
	Item  int // of the Map whose iteration this is; -1 outside of one
}

// maxPayload is the most bytes that pass between states, maxHistory the most
// events of an execution. Source: Step Functions developer guide, "Quotas".
const (
	maxPayload = 256 * 1024
	maxHistory = 25_000
)

// Execution is one run of a state machine.
type Execution struct {
	Name    string
	Machine string
	Input   any
	Started time.Time

	Status string
	Output any    // when it Succeeded
	Error  string // when it did not
	Cause  string
	Visits []Visit

	program *Program
	host    Host
	done    func(*Execution)
	waiting map[string]*attempt // by task token
	tokens  int
	history int
}

// Program is a definition that is ready to run. It does not change, so that
// many executions may share it.
type Program struct {
	name      string
	machine   *workflow.Machine
	templates map[*workflow.State]templates
}

// templates are the decoded payload templates of a state; nil where it has
// none.
type templates struct{ parameters, resultSelector, itemSelector any }

// Load makes a program of the definition of the state machine called name.
func Load(name string, definition []byte) (*Program, error) {
	m, err := workflow.Parse(definition)
	if err != nil {
		return nil, err
	}
	p := &Program{name: name, machine: m, templates: map[*workflow.State]templates{}}
	return p, p.load(m)
}

// Start starts an execution. Nothing happens before the host's time moves: the
// first state is entered by After(0). done, which may be nil, is called once,
// when the execution has ended.
func (p *Program) Start(name string, input json.RawMessage, host Host, done func(*Execution)) (*Execution, error) {
	var value any
	if err := json.Unmarshal(input, &value); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	m := p.machine
	e := &Execution{Name: name, Machine: p.name, Input: value, Started: host.Now(), Status: Running,
		program: p, host: host, done: done, waiting: map[string]*attempt{}}
	root := &branch{execution: e, machine: m}
	root.finish = func(output any, failure *Error) {
		if failure != nil {
			e.end(Failed, nil, failure)
		} else {
			e.end(Succeeded, output, &Error{})
		}
	}
	if m.TimeoutSeconds != nil {
		host.After(time.Duration(*m.TimeoutSeconds)*time.Second, func() { e.end(TimedOut, nil, &Error{Name: "States.Timeout"}) })
	}
	host.After(0, func() { root.enter("", m.StartAt, value) })
	return e, nil
}

// load decodes the templates, and refuses what this package does not interpret.
func (p *Program) load(m *workflow.Machine) error {
	for name, s := range m.States {
		switch s.Type {
		case "Task":
			if !strings.HasPrefix(s.Resource, "arn:aws:states:::lambda:invoke") {
				return fmt.Errorf("%s: resource %s is not interpreted", name, s.Resource)
			}
			if s.HeartbeatSeconds != nil {
				return fmt.Errorf("%s: HeartbeatSeconds is not interpreted", name)
			}
		case "Map":
			if s.ItemProcessor == nil {
				return fmt.Errorf("%s: no ItemProcessor", name)
			}
			if err := p.load(s.ItemProcessor); err != nil {
				return fmt.Errorf("%s / %w", name, err)
			}
		case "Choice", "Wait", "Pass", "Succeed", "Fail":
		default:
			return fmt.Errorf("%s: type %q is not interpreted", name, s.Type)
		}
		var t templates
		for _, field := range []struct {
			raw  json.RawMessage
			into *any
		}{{s.Parameters, &t.parameters}, {s.ResultSelector, &t.resultSelector}, {s.ItemSelector, &t.itemSelector}} {
			if field.raw == nil {
				continue
			}
			if err := json.Unmarshal(field.raw, field.into); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		p.templates[s] = t
	}
	return nil
}

// Stop aborts the execution, as StopExecution does.
func (e *Execution) Stop(name, cause string) { e.end(Aborted, nil, &Error{Name: name, Cause: cause}) }

func (e *Execution) end(status string, output any, failure *Error) {
	if e.Status != Running {
		return
	}
	e.Status, e.Output, e.Error, e.Cause = status, output, failure.Name, failure.Cause
	clear(e.waiting)
	if e.done != nil {
		e.done(e)
	}
}

// Succeed completes the task that waits for token, as SendTaskSuccess does.
func (e *Execution) Succeed(token string, output json.RawMessage) error {
	a, err := e.take(token)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(output, &value); err != nil {
		return fmt.Errorf("InvalidOutput: %w", err)
	}
	a.succeed(value)
	return nil
}

// Fail fails the task that waits for token, as SendTaskFailure does.
func (e *Execution) Fail(token, name, cause string) error {
	a, err := e.take(token)
	if err != nil {
		return err
	}
	a.fail(&Error{Name: name, Cause: cause})
	return nil
}

// Waits reports whether a task waits for token.
func (e *Execution) Waits(token string) bool {
	_, err := e.take(token)
	return err == nil
}

// take finds the task; a token is good for one answer.
// Source: API reference, SendTaskSuccess: TaskTimedOut, "the task token has
// either expired or the task associated with the token has already been closed".
func (e *Execution) take(token string) (*attempt, error) {
	a := e.waiting[token]
	if a == nil || a.over() {
		return nil, fmt.Errorf("TaskTimedOut: nothing waits for this token")
	}
	return a, nil
}

func (e *Execution) newToken() string {
	e.tokens++
	return fmt.Sprintf("%s/%s/%d", e.Machine, e.Name, e.tokens)
}

func (e *Execution) visit(v Visit) {
	v.At = e.host.Now()
	e.Visits = append(e.Visits, v)
}

// record counts history events; an execution that has too many is failed.
func (e *Execution) record(events int) {
	if e.history += events; e.history > maxHistory {
		e.fatal("the execution has more than 25,000 history events")
	}
}

// fatal ends the execution with an error that no Catch can take.
func (e *Execution) fatal(format string, args ...any) {
	e.end(Failed, nil, &Error{Name: "States.Runtime", Cause: fmt.Sprintf(format, args...)})
}
