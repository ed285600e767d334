package simulation

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Chaos is how unkind a world is. Probabilities are per occasion.
type Chaos struct {
	Transient  float64       // a call to AWS fails, before or after its effect, and may succeed later
	Permanent  float64       // a call to AWS fails for good
	Lambda     float64       // an invocation fails: not started, or its outcome unknown
	Hang       float64       // an invocation neither works nor answers
	Drop       float64       // a best-effort event is lost
	Repeat     float64       // an event is delivered again
	Delay      time.Duration // of an event, at most
	Latency    time.Duration // of an invocation, at most
	Interleave float64       // between two calls of one invocation, something else happens
	Force      *Force
}

// Force fails every attempt of one state in the first execution that reaches
// it.
type Force struct {
	State string // with the Map's name before it
	Error string
	After bool // the function has done its work before
}

// The levels of chaos.
func calm() Chaos { return Chaos{Delay: time.Second, Latency: 200 * time.Millisecond} }

func light() Chaos {
	return Chaos{
		Transient: 0.01, Lambda: 0.01, Drop: 0.05, Repeat: 0.1, Delay: 10 * time.Second,
		Latency: 5 * time.Second, Interleave: 0.05,
	}
}

func heavy() Chaos {
	return Chaos{
		Transient: 0.08, Permanent: 0.003, Lambda: 0.08, Hang: 0.01, Drop: 0.4, Repeat: 0.3, Delay: 20 * time.Minute,
		Latency: 50 * time.Second, Interleave: 0.3,
	}
}

// sluggish invocations often hang until their time-out, so that leases end
// while their holders still work.
func sluggish() Chaos {
	return Chaos{Hang: 0.3, Delay: time.Minute, Latency: 50 * time.Second, Interleave: 0.1}
}

// crowded invocations get into each other's way at every call.
func crowded() Chaos {
	return Chaos{Repeat: 0.2, Delay: 500 * time.Millisecond, Latency: 500 * time.Millisecond, Interleave: 0.6}
}

// port is asked before a call to AWS takes effect and, with " done" added,
// after it. It may let something else happen first.
func (w *World) port(call string) error {
	if w.quiet {
		return nil
	}
	w.interleave()
	switch {
	case w.chance(w.chaos.Transient):
		return fault.Transient("%s: ThrottlingException: Rate exceeded", call)
	case !strings.HasSuffix(call, " done") && w.chance(w.chaos.Permanent):
		return fault.Permanent("%s: AccessDenied: not authorized", call)
	}
	return nil
}

// soon is how long an invocation may be held up by others at one call.
const soon = 2 * time.Second

// interleave lets other things happen in the middle of an invocation, as they
// do when several functions run at once.
func (w *World) interleave() {
	const deepest = 3
	if w.depth >= deepest || !w.chance(w.chaos.Interleave) {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	for range 1 + w.rng.IntN(3) {
		if !w.Clock.within(soon) {
			return
		}
		w.Clock.Step()
	}
}

// silently runs f without chaos: an invariant looks at the world.
func (w *World) silently(f func()) {
	before := w.quiet
	w.quiet = true
	defer func() { w.quiet = before }()
	f()
}

// host runs workflows in the world.
type host struct{ *World }

func (h host) Now() time.Time                  { return h.Clock.Now() }
func (h host) After(d time.Duration, f func()) { h.Clock.After(d, f) }
func (h host) Jitter() float64                 { return h.rng.Float64() }

// What becomes of an invocation.
const (
	works = iota
	failsBefore
	failsAfter
	hangs
)

// Invoke runs a function for a Task state.
func (h host) Invoke(call interpreter.Call, reply func(any, *interpreter.Error)) {
	payload, err := json.Marshal(call.Payload)
	if err != nil {
		h.Violate("%s %s: %v", call.Execution, call.State, err)
		return
	}
	fate, name := h.fate(call)
	function := strings.ToLower(strings.TrimSuffix(call.Function, "Function"))
	h.Clock.After(h.upTo(h.chaos.Latency), func() {
		switch fate {
		case hangs:
			return
		case failsBefore:
			reply(nil, lambdaError(name, "not started"))
			return
		}
		out, err := h.Call(function, payload)
		result, encoded := plain(out)
		if encoded != nil {
			h.Violate("%s answered what is not JSON: %v", function, encoded)
		}
		h.Clock.After(h.upTo(h.chaos.Latency), func() {
			switch {
			case fate == failsAfter:
				reply(nil, lambdaError(name, "the outcome is unknown"))
			case err != nil:
				reply(nil, lambdaError(fault.Kind(err), err.Error()))
			default:
				reply(result, nil)
			}
		})
	})
}

// fate draws what becomes of an invocation, and the error's name if it fails.
func (h host) fate(call interpreter.Call) (int, string) {
	if f := h.chaos.Force; f != nil && !h.quiet && f.State == call.State && (h.forcedOn == "" || h.forcedOn == call.Execution) {
		h.forcedOn = call.Execution
		switch {
		case f.Error == "States.Timeout":
			return hangs, ""
		case f.After:
			return failsAfter, f.Error
		default:
			return failsBefore, f.Error
		}
	}
	switch {
	case h.chance(h.chaos.Hang):
		return hangs, ""
	case !h.chance(h.chaos.Lambda):
		return works, ""
	}
	// Source: Step Functions developer guide, "Handle transient Lambda service exceptions".
	before := []string{"Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException", "Lambda.Unknown", "Sandbox.Timedout"}
	after := []string{"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.ServiceException", "Lambda.AWSLambdaException"}
	if h.rng.IntN(2) == 0 {
		return failsBefore, before[h.rng.IntN(len(before))]
	}
	return failsAfter, after[h.rng.IntN(len(after))]
}

// lambdaError is the error of a failed function as Step Functions gives it: the
// cause is the payload of the failure.
func lambdaError(name, message string) *interpreter.Error {
	cause, err := json.Marshal(map[string]string{"errorType": name, "errorMessage": message})
	if err != nil {
		cause = []byte(message)
	}
	return &interpreter.Error{Name: name, Cause: string(cause)}
}

// plain turns an answer into JSON values, as the Lambda runtime does.
func plain(out any) (any, error) {
	data, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(data, &value)
}
