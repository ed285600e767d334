// Package simulation runs the real services and the real workflow definitions
// in virtual time, over in-memory fakes, under a seeded scheduler that drops,
// repeats, delays, reorders and fails what it likes. A seed reproduces a run
// exactly: nothing here starts a goroutine, reads the clock or ranges over a map
// where the order shows.
package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/route"
	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Function is a Lambda function: an event in, a JSON-encodable value out.
type Function func(ctx context.Context, event json.RawMessage) (any, error)

// World is one simulated installation.
type World struct {
	Seed       uint64
	Clock      *Scheduler
	Functions  map[string]Function // by name: "deployment"
	Violations []string            // invariants that did not hold
	Trace      []string            // what happened, for a person
	Runs       []*interpreter.Execution
	Facts      []events.Fact // in the order of their first publication

	chaos     Chaos
	rng       *rand.Rand
	published map[string]int // fact id → index in Facts
	onFact    []func(events.Fact)
	onEnd     []func(*interpreter.Execution)
	depth     int  // of interleaved steps
	quiet     bool // no chaos: an invariant is being checked
	ids       int
	forcedOn  string // execution that the forced fault hits
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// NewWorld makes an empty world in which the chaos is drawn from seed.
func NewWorld(seed uint64, chaos Chaos) *World {
	rng := rand.New(rand.NewPCG(seed, 0x6576656e6b65656c))
	return &World{
		Seed: seed, Clock: &Scheduler{now: start, rng: rng}, Functions: map[string]Function{}, chaos: chaos,
		rng: rng, published: map[string]int{},
	}
}

// Run lets virtual time pass until nothing is left to happen. A world that does
// not come to rest within a year of it is a violation.
func (w *World) Run() {
	end := start.AddDate(1, 0, 0)
	for w.Clock.Now().Before(end) {
		if !w.Clock.Step() {
			return
		}
	}
	w.Violate("the world did not come to rest")
}

// Violate records that an invariant did not hold.
func (w *World) Violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.Violations = append(w.Violations, text)
	w.Log("VIOLATION: %s", text)
}

// Log adds a line to the trace.
func (w *World) Log(format string, args ...any) {
	at := w.Clock.Now().Sub(start).Round(time.Millisecond)
	w.Trace = append(w.Trace, fmt.Sprintf("%12s  %s", at, fmt.Sprintf(format, args...)))
}

// chance is true with probability p.
func (w *World) chance(p float64) bool { return p > 0 && !w.quiet && w.rng.Float64() < p }

// upTo returns a random duration below d.
func (w *World) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(d)))
}

func (w *World) id(kind string) string {
	w.ids++
	return fmt.Sprintf("%s-%d", kind, w.ids)
}

// Publish implements every service's Publisher. A publication may fail before
// or after its effect; a fact is known by its id, and a repeated one must say
// the same about the end of a run.
func (w *World) Publish(_ context.Context, facts ...events.Fact) error {
	if err := w.port("Publish"); err != nil {
		return err
	}
	for _, fact := range facts {
		w.publish(fact)
	}
	return w.port("Publish done")
}

func (w *World) publish(fact events.Fact) {
	if fact.Metadata.ID == "" {
		w.Violate("%s without an id", fact.Data.DetailType())
	}
	if _, known := w.published[fact.Metadata.ID]; !known {
		w.published[fact.Metadata.ID] = len(w.Facts)
		w.Facts = append(w.Facts, fact)
		w.Log("fact %s %s", fact.Data.DetailType(), fact.Metadata.ID)
	}
	for _, hear := range w.onFact {
		hear(fact)
	}
	w.Send(fact.Data.Source(), fact.Data.DetailType(), fact.Metadata.ID, events.Detail[events.Data](fact))
}

// Send puts an event on the bus: every rule of the suite that matches it
// delivers it, at least once, late, and in any order.
func (w *World) Send(source, detailType, id string, detail any) {
	raw, err := json.Marshal(events.Envelope[any]{
		Version: "0", ID: id, DetailType: detailType, Source: source, Account: "111111111111", Region: "us-east-1",
		Time: w.Clock.Now(), Resources: []string{}, Detail: detail,
	})
	if err != nil {
		w.Violate("encode %s: %v", detailType, err)
		return
	}
	w.SendRaw(raw)
}

// SendRaw is Send for an event that is encoded already.
func (w *World) SendRaw(raw json.RawMessage) {
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		w.Violate("an event is not JSON: %v", err)
		return
	}
	source, _ := event["source"].(string)
	for _, r := range route.Routes() {
		if r.Pattern == nil {
			continue
		}
		matched, err := route.Matches(r.Pattern, event)
		if err != nil {
			w.Violate("%s: %v", r.Name, err)
		}
		if matched {
			w.deliver(r, source, raw)
		}
	}
}

// deliver delivers an event by a rule. Events of CloudFormation, CloudTrail and CodeBuild
// are sent with best effort and may get lost; our own and those of Step
// Functions are delivered at least once.
func (w *World) deliver(r route.Route, source string, raw json.RawMessage) {
	lossy := source == events.SourceCloudFormation || source == events.SourceEC2 || source == events.SourceCodeBuild
	if lossy && w.chance(w.chaos.Drop) {
		w.Log("lost: %s", r.Name)
		return
	}
	copies := 1
	for copies < 3 && w.chance(w.chaos.Repeat) {
		copies++
	}
	for range copies {
		w.Clock.After(w.upTo(w.chaos.Delay), func() {
			if r.Workflow != "" {
				w.Start(r.Workflow, raw)
				return
			}
			if w.Functions[r.Function] != nil {
				w.invokeAsync(r.Function, raw, 0)
			}
		})
	}
}

// redrive is how long a dead letter waits for an operator.
const redrive = 6 * time.Hour

// invokeAsync is an asynchronous invocation: two retries, then the dead-letter
// queue, from which an operator sends it again, and in the end when nothing
// disturbs it.
func (w *World) invokeAsync(function string, raw json.RawMessage, tries int) {
	const patience = 30
	var err error
	if tries < patience {
		_, err = w.Call(function, raw)
	} else {
		w.silently(func() { _, err = w.Call(function, raw) })
	}
	switch {
	case err == nil:
	case tries%3 < 2:
		w.Clock.After(time.Minute*time.Duration(1+tries%3), func() { w.invokeAsync(function, raw, tries+1) })
	case tries < patience+3:
		w.Clock.After(redrive, func() { w.invokeAsync(function, raw, tries+1) })
	default:
		w.Violate("%s never handled %.200s: %v", function, raw, err)
	}
}

// Call runs a function at this moment.
func (w *World) Call(function string, event json.RawMessage) (any, error) {
	out, err := w.Functions[function](context.Background(), event)
	if err != nil {
		w.Log("%s: %s: %v", function, fault.Kind(err), err)
	}
	return out, err
}

// programs are the workflows of the suite, loaded once.
var programs = sync.OnceValue(func() map[string]*interpreter.Program {
	all := map[string]*interpreter.Program{}
	for name, definition := range workflow.Definitions() {
		program, err := interpreter.Load(name, []byte(definition))
		if err != nil {
			panic(err) // the definitions are embedded, and linted by a test
		}
		all[name] = program
	}
	return all
})

// Start starts an execution of a workflow.
func (w *World) Start(machine string, input json.RawMessage) *interpreter.Execution {
	return w.StartNamed(programs()[machine], w.id(machine), input)
}

// StartNamed starts an execution of a program under a name.
func (w *World) StartNamed(program *interpreter.Program, name string, input json.RawMessage) *interpreter.Execution {
	e, err := program.Start(name, input, host{w}, w.ended)
	if err != nil {
		w.Violate("start %s: %v", name, err)
		return nil
	}
	w.Log("start %s", name)
	w.Runs = append(w.Runs, e)
	return e
}

// ARN is the ARN of an execution, as the context object shows it.
func ARN(e *interpreter.Execution) string {
	return "arn:aws:states:us-east-1:111111111111:execution:" + e.Machine + ":" + e.Name
}

func (w *World) ended(e *interpreter.Execution) {
	w.Log("end %s %s %s %s", e.Name, e.Status, e.Error, e.Cause)
	if strings.HasPrefix(e.Error, "States.") && e.Status == interpreter.Failed {
		w.Violate("%s ended with %s: %s", e.Name, e.Error, e.Cause)
	}
	for _, hear := range w.onEnd {
		hear(e)
	}
	input, err := json.Marshal(e.Input)
	if err != nil {
		w.Violate("%s: %v", e.Name, err)
	}
	w.Send(events.SourceStepFunctions, events.ExecutionStatusChange, w.id("states"), events.ExecutionStatusDetail{
		ExecutionARN: ARN(e), StateMachineARN: "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-" + e.Machine,
		Name: e.Name, Status: e.Status, Input: string(input), Error: e.Error, Cause: e.Cause,
	})
}

// succeed and failTask answer a task token; they report whether a task waits.
func (w *World) succeed(token string, output json.RawMessage) bool {
	return w.answer(token, func(e *interpreter.Execution) error { return e.Succeed(token, output) })
}

func (w *World) failTask(token, kind, cause string) bool {
	return w.answer(token, func(e *interpreter.Execution) error { return e.Fail(token, kind, cause) })
}

func (w *World) answer(token string, give func(*interpreter.Execution) error) bool {
	for _, e := range w.Runs {
		if e.Waits(token) {
			if err := give(e); err != nil {
				w.Violate("answer %s: %v", token, err)
			}
			return true
		}
	}
	return false
}
