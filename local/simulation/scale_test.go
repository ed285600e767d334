package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/adapter/quota"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The world of TestScaleOfScan. The quotas are those that quota.Rates assumes,
// now as the service keeps them: whoever calls more often is throttled.
const (
	scaleResources = 40                     // of a stack
	scaleLatency   = 100 * time.Millisecond // of a call
	scaleDetection = 18 * time.Second       // of a stack
	scaleDelivery  = 2 * time.Second        // of its event
	scaleParallel  = 8                      // reads of the live engine at once
)

// service is the API side: token buckets, and what was called.
type scaleAPI struct {
	mu        sync.Mutex
	tokens    map[string]float64
	last      map[string]time.Time
	calls     map[string]int
	throttled int
}

func (a *scaleAPI) take(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	rate, now := quota.Rates()[name], time.Now()
	if a.last[name].IsZero() {
		a.tokens[name], a.last[name] = float64(rate.Burst), now
	}
	a.tokens[name] = min(float64(rate.Burst), a.tokens[name]+rate.PerSecond*now.Sub(a.last[name]).Seconds())
	a.last[name] = now
	if a.tokens[name] < 1 {
		a.throttled++
		return false
	}
	a.tokens[name]--
	a.calls[name]++
	return true
}

// optimum is the least time in which the quotas let these calls through, each
// as often as times.
func (a *scaleAPI) optimum(times int) (time.Duration, string) {
	longest, bound := time.Duration(0), ""
	for name, n := range a.calls {
		rate := quota.Rates()[name]
		if d := time.Duration(float64(n*times-rate.Burst) / rate.PerSecond * float64(time.Second)); d > longest {
			longest, bound = d, name
		}
	}
	return longest, bound
}

// scaleInstance is one warm function: the ports of its service call through
// buckets of its own, as the SDK middleware does.
type scaleInstance struct {
	world  *scaleWorld
	quotas *quota.Quotas
}

func (i *scaleInstance) call(ctx context.Context, name, region string) error {
	for attempt := range quota.Attempts {
		if err := i.quotas.Wait(ctx, "222222222222", region, name); err != nil {
			return fault.Transient("%s: %w", name, err)
		}
		if i.world.api.take(name) {
			time.Sleep(scaleLatency)
			return nil
		}
		i.quotas.Throttled("222222222222", region, name)
		time.Sleep(time.Duration(rand.Int64N(int64(min(time.Second<<attempt, 20*time.Second))))) //nolint:gosec // jitter
	}
	return fault.Transient("%s: ThrottlingException: Rate exceeded", name)
}

func (i *scaleInstance) State(ctx context.Context, s events.StackRef) (drift.StackState, error) {
	return drift.StackState{Status: "UPDATE_COMPLETE"}, i.call(ctx, "DescribeStacks", s.Region)
}

func (i *scaleInstance) StartDetection(ctx context.Context, s events.StackRef) (string, error) {
	if err := i.call(ctx, "DetectStackDrift", s.Region); err != nil {
		return "", err
	}
	id := "detection-" + s.StackName
	i.world.ends.Store(id, time.Now().Add(scaleDetection))
	time.AfterFunc(scaleDetection+scaleDelivery, func() {
		event := events.Envelope[events.DriftDetectionDetail]{DetailType: events.DriftDetectionStatusChange, Time: time.Now()}
		event.Detail.StackID, event.Detail.DriftDetectionID, event.Detail.StatusDetails.DetectionStatus = s.StackID, id, "DETECTION_COMPLETE"
		raw, _ := json.Marshal(event)
		_, _ = i.world.handle(raw)
	})
	return id, nil
}

func (i *scaleInstance) Detection(ctx context.Context, s events.StackRef, id string) (drift.Detection, error) {
	ends, _ := i.world.ends.Load(id)
	state := drift.DetectionStarted
	if at, ok := ends.(time.Time); ok && !time.Now().Before(at) {
		state = drift.DetectionDone
	}
	return drift.Detection{ID: id, State: state}, i.call(ctx, "DescribeStackDriftDetectionStatus", s.Region)
}

func (i *scaleInstance) Drifts(ctx context.Context, s events.StackRef) ([]drift.ResourceDrift, error) {
	resources, err := i.resources(), i.call(ctx, "DescribeStackResourceDrifts", s.Region)
	out := make([]drift.ResourceDrift, len(resources))
	for n, r := range resources {
		out[n] = drift.ResourceDrift{Resource: r, Status: drift.StatusInSync, Checked: time.Now()}
	}
	return out, err
}

func (i *scaleInstance) Resources(ctx context.Context, s events.StackRef) ([]drift.Resource, error) {
	return i.resources(), i.call(ctx, "ListStackResources", s.Region)
}

func (*scaleInstance) resources() []drift.Resource {
	out := make([]drift.Resource, scaleResources)
	for n := range out {
		out[n] = drift.Resource{LogicalID: fmt.Sprintf("R%02d", n), PhysicalID: fmt.Sprint(n), Type: "AWS::SQS::Queue"}
	}
	return out
}

// Check reads the models as the live engine does: eight at once.
func (i *scaleInstance) Check(ctx context.Context, s events.StackRef, resources []drift.Resource) ([]drift.LiveResult, error) {
	for _, name := range []string{"DescribeStacks", "GetTemplate"} {
		if err := i.call(ctx, name, s.Region); err != nil {
			return nil, err
		}
	}
	results := make([]drift.LiveResult, len(resources))
	places := make(chan struct{}, scaleParallel)
	faults := make(chan error, len(resources))
	var group sync.WaitGroup
	for n, r := range resources {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			results[n] = drift.LiveResult{ResourceDrift: drift.ResourceDrift{Resource: r, Status: drift.StatusInSync}}
			if err := i.call(ctx, "GetResource", s.Region); err != nil {
				faults <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-faults:
		return nil, err
	default:
		return results, nil
	}
}

// scaleWorld runs the real workflows and the real service in the virtual time
// of a synctest bubble.
type scaleWorld struct {
	api    *scaleAPI
	stacks []events.StackRef
	ends   sync.Map // detection → end
	tokens sync.Map // drift.Wait → token
	files  sync.Map // key → data
	tasks  sync.Map // token → execution
	loop   chan func()
	done   chan struct{}
	most   int // instances

	mu   sync.Mutex
	idle []*scaleInstance
	rng  *rand.Rand
}

func (w *scaleWorld) Stacks(context.Context) ([]events.StackRef, error) { return w.stacks, nil }

func (w *scaleWorld) Keep(_ context.Context, wait drift.Wait, token string, _ time.Time) error {
	w.tokens.Store(wait, token)
	return nil
}

func (w *scaleWorld) Find(_ context.Context, wait drift.Wait) (string, error) {
	token, _ := w.tokens.Load(wait)
	text, _ := token.(string)
	return text, nil
}

func (w *scaleWorld) Forget(_ context.Context, wait drift.Wait, token string) error {
	w.tokens.CompareAndDelete(wait, token)
	return nil
}

func (w *scaleWorld) Get(_ context.Context, key string) ([]byte, error) {
	data, ok := w.files.Load(key)
	if !ok {
		return nil, fault.Permanent("%w", fs.ErrNotExist)
	}
	return data.([]byte), nil
}

func (w *scaleWorld) Put(_ context.Context, key string, data []byte) error {
	w.files.Store(key, data)
	return nil
}

func (w *scaleWorld) Publish(context.Context, ...events.Fact) error { return nil }

func (w *scaleWorld) Succeed(_ context.Context, token string, output any) error {
	raw, err := json.Marshal(output)
	w.answer(token, func(e *interpreter.Execution) { _ = e.Succeed(token, raw) })
	return err
}

func (w *scaleWorld) Fail(_ context.Context, token, kind, cause string) error {
	w.answer(token, func(e *interpreter.Execution) { _ = e.Fail(token, kind, cause) })
	return nil
}

func (w *scaleWorld) answer(token string, give func(*interpreter.Execution)) {
	w.post(func() {
		if e, ok := w.tasks.Load(token); ok && e.(*sync.Map) != nil {
			if run, ok := e.(*sync.Map).Load("execution"); ok && run.(*interpreter.Execution).Waits(token) {
				give(run.(*interpreter.Execution))
			}
		}
	})
}

// post runs f in the loop: the interpreter is for one goroutine.
func (w *scaleWorld) post(f func()) {
	select {
	case w.loop <- f:
	case <-w.done:
	}
}

// handle runs an invocation in an idle instance, or a new one.
func (w *scaleWorld) handle(raw json.RawMessage) (any, error) {
	w.mu.Lock()
	var i *scaleInstance
	if n := len(w.idle); n > 0 {
		i, w.idle = w.idle[n-1], w.idle[:n-1]
	} else {
		i = &scaleInstance{world: w, quotas: quota.New(quota.Rates(), time.Now)}
		w.most++
	}
	w.mu.Unlock()
	service := &drift.Service{Stacks: i, Live: i, Tokens: w, Tasks: w, Inventory: w, Publisher: w, Files: w, Executions: w, Now: time.Now}
	out, _, err := service.Handle(context.Background(), raw)
	w.mu.Lock()
	w.idle = append(w.idle, i)
	w.mu.Unlock()
	return out, err
}

// Start implements drift.Executions.
func (w *scaleWorld) Start(_ context.Context, name string, input any) (string, error) {
	raw, err := json.Marshal(input)
	w.post(func() { w.begin("drift", name, raw, func(*interpreter.Execution) {}) })
	return name, err
}

func (w *scaleWorld) begin(machine, name string, input json.RawMessage, ended func(*interpreter.Execution)) {
	run := &sync.Map{}
	e, err := programs()[machine].Start(name, input, scaleHost{w, run}, ended)
	if err != nil {
		panic(err)
	}
	run.Store("execution", e)
}

// scaleHost is the host of one execution.
type scaleHost struct {
	w   *scaleWorld
	run *sync.Map
}

func (scaleHost) Now() time.Time                    { return time.Now() }
func (h scaleHost) After(d time.Duration, f func()) { time.AfterFunc(d, func() { h.w.post(f) }) }
func (h scaleHost) Jitter() float64                 { return h.w.rng.Float64() }
func (h scaleHost) Invoke(c interpreter.Call, reply func(any, *interpreter.Error)) {
	if c.Token != "" {
		h.w.tasks.Store(c.Token, h.run)
	}
	raw, err := json.Marshal(c.Payload)
	if err != nil {
		panic(err)
	}
	go func() {
		out, err := h.w.handle(raw)
		var result any
		if encoded, encodeErr := json.Marshal(out); err == nil {
			err = errors.Join(encodeErr, json.Unmarshal(encoded, &result))
		}
		h.w.post(func() {
			if err != nil {
				reply(nil, &interpreter.Error{Name: fault.Kind(err), Cause: err.Error()})
				return
			}
			reply(result, nil)
		})
	}()
}

// scan scans n stacks, and returns what it took.
func scaleScan(t *testing.T, n int) (*scaleWorld, drift.Summary, time.Duration) {
	var w *scaleWorld
	var sum drift.Summary
	var took time.Duration
	synctest.Test(t, func(t *testing.T) {
		w = &scaleWorld{
			api:  &scaleAPI{tokens: map[string]float64{}, last: map[string]time.Time{}, calls: map[string]int{}},
			loop: make(chan func()), done: make(chan struct{}), rng: rand.New(rand.NewPCG(1, 2)),
		}
		for i := range n {
			name := fmt.Sprintf("stack-%04d", i)
			w.stacks = append(w.stacks, events.StackRef{
				StackID: "arn:aws:cloudformation:us-east-1:222222222222:stack/" + name + "/x", StackName: name, Account: "222222222222", Region: "us-east-1",
			})
		}
		began := time.Now()
		over := false
		w.begin("driftscan", "scan", json.RawMessage(`{}`), func(e *interpreter.Execution) {
			over = true
			raw, _ := json.Marshal(e.Output)
			if err := json.Unmarshal(raw, &sum); err != nil || e.Status != interpreter.Succeeded {
				t.Errorf("%s: %s %s, %v", e.Status, e.Error, e.Cause, err)
			}
		})
		for !over {
			(<-w.loop)()
		}
		took = time.Since(began)
		close(w.done)
	})
	return w, sum, took
}

// TestScaleOfScan: 1,000 stacks of 40 resources in one account and region, by
// the real workflows and the real service, against quotas that throttle. The
// goal is 1.1 times what the quotas allow at best.
func TestScaleOfScan(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand stacks take a while")
	}
	const stacks = 1000
	one, _, sequential := scaleScan(t, 1)
	w, sum, took := scaleScan(t, stacks)
	if sum.Counts[drift.OutcomeInSync] != stacks {
		t.Errorf("outcomes %v", sum.Counts)
	}
	optimum, bound := one.api.optimum(stacks)
	calls, alone := 0, 0
	for _, n := range w.api.calls {
		calls += n
	}
	for _, n := range one.api.calls {
		alone += n
	}
	ratio := took.Seconds() / optimum.Seconds()
	t.Logf("%d stacks × %d resources: %s; optimum of the quotas %s (%s): %.2f times; one after another %s: %.1f times as long",
		stacks, scaleResources, took.Round(time.Second), optimum.Round(time.Second), bound, ratio, (sequential * stacks).Round(time.Second), (sequential*stacks).Seconds()/took.Seconds())
	t.Logf("%.1f calls a stack (%d alone), %.2f %% throttled, %d functions at once at most", float64(calls)/stacks, alone, 100*float64(w.api.throttled)/float64(calls+w.api.throttled), w.most)
	if ratio > 1.1 {
		t.Errorf("%.2f times the optimum, want at most 1.1", ratio)
	}
}
