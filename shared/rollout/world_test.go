package rollout_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var (
	begin = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	stack = events.Target{Stage: "test", Stack: "api", StackName: "shop-api-test", Account: "222222222222", Region: "us-east-1", Owner: "acme/shop"}
	dana  = "arn:aws:sts::111111111111:assumed-role/ops/dana"
)

// world is the service over fakes, and the workflow that is its clock.
type world struct {
	*testing.T
	*rollout.Service
	clock      *fake.Clock
	traffic    *fake.RolloutTraffic
	metrics    *fake.RolloutMetrics
	records    *fake.RolloutRecords
	executions *fake.RolloutExecutions
	tasks      *fake.DeploymentTasks
	files      *fake.DeploymentFiles
	stacks     *fake.RolloutStacks
	locks      *fake.DeploymentStackLocks
	registry   *fake.DeploymentRegistry
	facts      *fake.DeploymentFacts
	sites      *fake.VerificationSites
	alarms     *fake.VerificationAlarms

	calls, crashAt int // the call at which the invocation crashes; 0: none
	errors         float64
	missing        bool
	waits          map[string]func() // token → what the workflow does once it is answered
	ticks          []string
	tokens         int
}

// errCrash is what every call answers once the invocation has crashed.
var errCrash = errors.New("crashed")

func newWorld(t *testing.T) *world {
	w := &world{T: t, clock: fake.NewClock(begin), waits: map[string]func(){}}
	at := fake.Faults(func(string) error {
		if w.calls++; w.crashAt > 0 && w.calls >= w.crashAt {
			return errCrash
		}
		return nil
	})
	w.traffic = &fake.RolloutTraffic{Faults: at, Now: w.clock.Now}
	w.metrics = &fake.RolloutMetrics{Faults: at, Read: func(rollout.Query) (float64, time.Time, bool) { return w.errors, w.clock.Now(), !w.missing }}
	w.records = &fake.RolloutRecords{Faults: at}
	w.executions = &fake.RolloutExecutions{Faults: at}
	w.tasks = &fake.DeploymentTasks{Faults: at}
	w.files = &fake.DeploymentFiles{Faults: at}
	w.stacks = &fake.RolloutStacks{Faults: at, Timeline: w.clock, Deleting: 30 * time.Second, Known: map[string]*rollout.Stack{}, Templates: map[string]string{}}
	w.locks = &fake.DeploymentStackLocks{Faults: at, Now: w.clock.Now}
	w.registry = &fake.DeploymentRegistry{Faults: at}
	w.facts = &fake.DeploymentFacts{Faults: at}
	w.sites = &fake.VerificationSites{Pages: map[string]verification.Response{}}
	w.alarms = &fake.VerificationAlarms{State: map[string]string{}}
	w.Service = &rollout.Service{
		Traffic: w.traffic, Metrics: w.metrics, Records: w.records, Executions: w.executions, Tasks: w.tasks, Files: w.files, Stacks: w.stacks,
		Locks: w.locks, Registry: w.registry, Publisher: w.facts, Now: w.clock.Now,
		Checks: &verification.Verifier{HTTP: w.sites, Alarms: w.alarms, Secrets: &fake.VerificationSecrets{}, Now: w.clock.Now},
	}
	return w
}

// canary asks for a rollout of a commit to a side.
func canary(run, side string) rollout.Request {
	return rollout.Request{
		Run: events.Run{RunID: run, Repository: "acme/shop", Branch: "main", Commit: "4f2a91c07f0d3c1b5a69788796a5b4c3d2e1f001"}, Target: stack,
		Rollout: pipeline.Rollout{
			Strategy: pipeline.StrategyCanary, Promotion: pipeline.PromotionAuto, Retire: pipeline.RetireKeep, Keep: pipeline.Duration(time.Hour), PauseTimeout: pipeline.Duration(24 * time.Hour),
			Steps:    []pipeline.RolloutStep{{Weight: 5, Bake: pipeline.Duration(5 * time.Minute)}, {Weight: 25, Bake: pipeline.Duration(5 * time.Minute)}, {Weight: 100, Bake: pipeline.Duration(5 * time.Minute)}},
			Router:   pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1", Name: "api.example.com", Type: "CNAME", TTL: pipeline.Duration(time.Minute), Value: "${output.Host}"}},
			Analysis: pipeline.Analysis{Metrics: []pipeline.Metric{fake.RolloutErrors("errors")}},
		},
		Candidate: fake.RolloutSide(stack, side, "4f2a91c07f0d"),
	}
}

// live brings a first rollout to its end, so that blue is the live side.
func (w *world) live() *world {
	w.Helper()
	w.start(canary("r0", rollout.Blue))
	w.until(func() bool { return w.record().State.Phase == rollout.Retired })
	w.ticks, w.facts.Facts, w.tasks.Answers, w.executions.Names = nil, nil, nil, nil
	return w
}

func (w *world) handle(payload any) (any, error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		w.Fatal(err)
	}
	return w.Handle(w.Context(), raw)
}

func must[T any](w *world, payload any) T {
	w.Helper()
	out, err := w.handle(payload)
	if err != nil {
		w.Fatalf("%+v: %v", payload, err)
	}
	answer, ok := out.(T)
	if !ok {
		w.Fatalf("%+v: answered %T", payload, out)
	}
	return answer
}

// start is the pipeline's RollOut state, and the execution that it begins.
func (w *world) start(q rollout.Request) rollout.Ref {
	w.Helper()
	w.tokens++
	token := fmt.Sprintf("release-%d", w.tokens)
	if got := must[rollout.Answered](w, rollout.Call{Action: rollout.ActionStart, Request: q, Token: token}); got.State == "failed" {
		w.Fatalf("start: %+v", got)
	}
	ref := rollout.Ref{ID: rollout.ID(q.Run.RunID, "test", "api"), Target: stack}
	if len(w.executions.Names) > 0 {
		w.clock.After(0, func() { w.advance(ref) })
	}
	return ref
}

// advance is the workflow rollout.asl.json, with its waits on the clock.
func (w *world) advance(ref rollout.Ref) {
	w.Helper()
	tick := must[rollout.Tick](w, rollout.Call{Action: rollout.ActionAdvance, Rollout: ref})
	w.ticks = append(w.ticks, fmt.Sprintf("%s %d", tick.Next, tick.Seconds))
	wait := time.Duration(tick.Seconds) * time.Second
	switch tick.Next {
	case rollout.NextBake:
		w.clock.After(wait, func() { w.advance(ref) })
	case rollout.NextAsk:
		w.tokens++
		token := fmt.Sprintf("pause-%d", w.tokens)
		once := true
		w.waits[token] = func() {
			if once {
				once = false
				w.advance(ref)
			}
		}
		w.clock.After(wait, w.waits[token])
		must[rollout.Answered](w, rollout.Call{Action: rollout.ActionAsk, Rollout: ref, Token: token})
	case rollout.NextKeep:
		w.clock.After(wait, func() { w.retire(ref, 0) })
	}
}

func (w *world) retire(ref rollout.Ref, retries int) {
	w.Helper()
	w.tokens++
	got := must[rollout.Answered](w, rollout.Call{Action: rollout.ActionRetire, Rollout: ref, Token: fmt.Sprintf("retire-%d", w.tokens), Retries: retries})
	if got.State == "failed" {
		w.clock.After(15*time.Second, func() { w.retire(ref, retries+1) })
	}
}

// until lets time pass until something is so, at most a week.
func (w *world) until(so func() bool) {
	w.Helper()
	for end := w.clock.Now().Add(7 * 24 * time.Hour); !so(); {
		if !w.clock.Step() || w.clock.Now().After(end) {
			w.Fatalf("it never came to that; the record is %+v", w.record().State)
		}
		for _, answer := range w.tasks.Answers {
			if next := w.waits[answer.Token]; next != nil {
				delete(w.waits, answer.Token)
				next()
			}
		}
	}
}

func (w *world) record() rollout.Record {
	w.Helper()
	crash := w.crashAt
	w.crashAt = 0
	r, _, err := w.records.Read(w.Context(), stack)
	w.crashAt = crash
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) command(name string) (rollout.Record, error) {
	w.Helper()
	out, err := w.handle(rollout.CommandRequest{
		Action: rollout.ActionCommand, ID: w.record().ID, Target: stack, Command: rollout.Command{Name: name, By: dana, Reason: "because"},
	})
	record, _ := out.(rollout.Record)
	return record, err
}

// percent is what a side gets now.
func (w *world) percent(side string) int {
	return w.traffic.Shares(stack)[fake.RolloutSide(stack, side, "").Endpoint]
}

// result is what the release was told last.
func (w *world) result() (result rollout.Result) {
	w.Helper()
	for _, answer := range w.tasks.Answers {
		if strings.HasPrefix(answer.Token, "release-") {
			if err := json.Unmarshal(answer.Output, &result); err != nil {
				w.Fatal(err)
			}
		}
	}
	return result
}

func (w *world) wantFacts(want ...string) {
	w.Helper()
	if got := w.facts.Types(); !slices.Equal(got, want) {
		w.Errorf("facts %q\nwant  %q", got, want)
	}
}

func (w *world) wantWeights(blue, green int) {
	w.Helper()
	if b, g := w.percent(rollout.Blue), w.percent(rollout.Green); b != blue || g != green {
		w.Errorf("blue has %d %% and green %d %%, want %d and %d", b, g, blue, green)
	}
}
