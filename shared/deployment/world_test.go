package deployment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const sourceKey = "sources/acme/shop/c.zip"

// world is a service over fakes, and the workflow walked by hand in the order
// of infra/workflow/pipeline.asl.json.
type world struct {
	t       *testing.T
	clock   *fake.Clock
	cloud   *fake.DeploymentCloud
	locks   *fake.DeploymentStackLocks
	files   *fake.DeploymentFiles
	facts   *fake.DeploymentFacts
	tasks   *fake.DeploymentTasks
	listed  *fake.DeploymentRegistry
	records *fake.DeploymentRollouts
	service *deployment.Service
	visited []string
	tokens  int
	retries int // of the state that is walked
	checks  *checks
	heard   []events.Envelope[events.StackStatusDetail]
	deaf    bool // status events are lost
	decide  func(w *world, r deployment.Release)
	shift   func(w *world, q rollout.Request) (*rollout.Result, *deployment.Caught) // the RollOut state; nil promotes
	asked   []rollout.Request

	identities map[string][]string // of the repository's registration
}

func newWorld(t *testing.T) *world {
	clock := fake.NewClock(epoch)
	w := &world{
		t: t, clock: clock, cloud: fake.NewDeploymentCloud(clock), files: &fake.DeploymentFiles{Objects: map[string][]byte{}},
		locks: &fake.DeploymentStackLocks{Now: clock.Now}, facts: &fake.DeploymentFacts{}, tasks: &fake.DeploymentTasks{}, listed: &fake.DeploymentRegistry{},
		records: &fake.DeploymentRollouts{},
	}
	w.cloud.Emit = w.hear
	w.checks = newChecks(clock)
	w.cloud.Alarms = w.checks.alarms.State
	w.service = &deployment.Service{
		Stacks: w.cloud.Stacks(), ChangeSets: w.cloud.ChangeSets(), Templates: w.cloud.Templates(), Recoveries: w.cloud.Stacks(), Alarms: w.checks.alarms,
		Locks: &fake.DeploymentLocks{}, StackLocks: w.locks, Runs: &fake.DeploymentRuns{}, Approvals: &fake.DeploymentApprovals{},
		Verifier: w.checks.verifier(clock), Tokens: &fake.DeploymentTokens{}, Registry: w.listed, Rollouts: w.records, Tasks: w.tasks, Files: w.files, Publisher: w.facts, Now: clock.Now,
	}
	return w
}

func (w *world) hear(event events.Envelope[events.StackStatusDetail]) {
	w.heard = append(w.heard, event)
	if !w.deaf {
		w.deliver(event)
	}
}

func (w *world) deliver(event events.Envelope[events.StackStatusDetail]) {
	w.t.Helper()
	data, err := json.Marshal(event)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.service.Handle(context.Background(), data); err != nil {
		w.t.Errorf("event %s: %v", event.Detail.StatusDetails.Status, err)
	}
}

// source puts a commit's files where validation would.
func (w *world) source(files map[string]string) {
	for path, content := range files {
		w.files.Objects[sourceKey+"!"+path] = []byte(content)
	}
}

// push makes the event of a push, n seconds after the epoch.
func push(commit string, n int) deployment.Push {
	var p deployment.Push
	p.ID = "event-" + commit
	p.Detail.Metadata = events.Metadata{ID: "push-" + commit, Time: epoch.Add(time.Duration(n) * time.Second)}
	p.Detail.Data = events.GitPushed{
		Repository: "acme/shop", Provider: "github", Branch: "main", Commit: commit + strings.Repeat("0", 40-len(commit)),
		Actor: "dev", DeliveryID: "delivery-" + commit,
	}
	return p
}

// do sends a request through Handle, as the workflow does.
func (w *world) do(action string, r deployment.Release) (deployment.Release, error) {
	w.visited = append(w.visited, action)
	return handle[deployment.Release](w, deployment.Request{Action: action, Release: r})
}

// doStack is do for an action on one stack.
func (w *world) doStack(action string, r deployment.Release) (deployment.Release, error) {
	w.visited = append(w.visited, action)
	work, err := handle[deployment.Work](w, deployment.Request{Action: action, Release: r, Step: &r.Step})
	return work.Release, err
}

func handle[T any](w *world, q deployment.Request) (T, error) {
	w.t.Helper()
	var zero T
	data, err := json.Marshal(q)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.service.Handle(context.Background(), data)
	if err != nil {
		return zero, err
	}
	if data, err = json.Marshal(out); err == nil {
		err = json.Unmarshal(data, &zero)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return zero, nil
}

// wait runs an action that waits for a token, and lets time pass until the
// token is answered or the state's time-out has passed.
func wait[T any](w *world, action string, r deployment.Release, timeout time.Duration) (*T, *deployment.Caught) {
	w.t.Helper()
	w.visited = append(w.visited, action)
	w.tokens++
	token := fmt.Sprintf("task-%d", w.tokens)
	until := w.clock.Now().Add(timeout)
	request := deployment.Request{Action: action, Release: r, Token: token, Retries: w.retries}
	if action != deployment.ActionLock && action != deployment.ActionVerifyStage {
		request.Step = &r.Step
	}
	if _, err := handle[deployment.Answered](w, request); err != nil {
		return nil, caught(err)
	}
	if action == deployment.ActionRequestApproval && w.decide != nil {
		w.decide(w, r)
	}
	for {
		for _, answer := range w.tasks.Answers {
			if answer.Token != token {
				continue
			}
			if answer.Kind != "" {
				return nil, &deployment.Caught{Name: answer.Kind, Cause: answer.Cause}
			}
			var out T
			if err := json.Unmarshal(answer.Output, &out); err != nil {
				w.t.Fatal(err)
			}
			return &out, nil
		}
		if w.clock.Now().After(until) || !w.clock.Step() {
			return nil, &deployment.Caught{Name: "States.Timeout"}
		}
	}
}

func caught(err error) *deployment.Caught {
	cause, _ := json.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": fault.Kind(err)})
	return &deployment.Caught{Name: fault.Kind(err), Cause: string(cause)}
}

// begin starts a run up to the lock.
func (w *world) begin(p deployment.Push) deployment.Release {
	w.t.Helper()
	event, err := json.Marshal(p)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := handle[deployment.Release](w, deployment.Request{Action: deployment.ActionBegin, Event: event, Execution: "execution-" + p.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// run walks a push to its end. stages stands for what validation found.
func (w *world) run(p deployment.Push, stages []pipeline.Stage) deployment.Release {
	w.t.Helper()
	r := w.begin(p)
	lock, err := wait[deployment.LockAnswer](w, deployment.ActionLock, r, 15*time.Minute)
	r.Lock, r.Error = lock, err
	if err != nil || lock.State != deployment.LockHeld {
		return w.finish(r)
	}
	r.SourceKey, r.Stages, r.Authors = sourceKey, stages, r.Authors.With(w.identities)
	r.Validation = deployment.Validation{Valid: true, Validated: events.Validated{Files: 2, Findings: []events.Finding{}}}
	return w.waves(r)
}

// waves walks a run from Next to its end, the stacks of a wave one after the
// other; or to where it waits for a stage to open.
func (w *world) waves(r deployment.Release) deployment.Release {
	w.t.Helper()
	for {
		next, err := w.do(deployment.ActionNext, r)
		if err != nil {
			r.Error = caught(err)
			return w.finish(r)
		}
		switch r = next; r.Step.Kind {
		case deployment.StepVerify:
			out, caught := verifying[deployment.Release](w, deployment.ActionVerifyStage, r, time.Duration(r.Step.VerifySeconds)*time.Second)
			if r.Error = caught; caught != nil {
				return w.finish(r)
			}
			r = *out
			continue
		case deployment.StepFinish:
			return w.finish(r)
		case deployment.StepWait:
			if r, err = w.do(deployment.ActionStandAside, r); err != nil {
				w.t.Fatal(err)
			}
			return r
		}
		r.Results = []deployment.StackResult{}
		for _, step := range r.Wave {
			work := r
			work.Step = step
			r.Results = append(r.Results, w.endStack(w.deploy(work)))
		}
	}
}

func (w *world) endStack(r deployment.Release) deployment.StackResult {
	w.t.Helper()
	w.visited = append(w.visited, deployment.ActionEndStack)
	result, err := handle[deployment.StackResult](w, deployment.Request{Action: deployment.ActionEndStack, Release: r, Step: &r.Step})
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

func (w *world) finish(r deployment.Release) deployment.Release {
	w.t.Helper()
	r, err := w.do(deployment.ActionFinish, r)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// try is doStack with the workflow's Catch.
func (w *world) try(action string, r deployment.Release) (deployment.Release, bool) {
	out, err := w.doStack(action, r)
	if err != nil {
		r.Error = caught(err)
		return r, false
	}
	return out, true
}

// pauses are the seconds before each retry of ReadPlan.
var pauses = []int{2, 8, 30, 110, 420}

// readPlan is the ReadPlan state with its retries.
func (w *world) readPlan(r deployment.Release) (deployment.Release, bool) {
	w.t.Helper()
	var caught *deployment.Caught
	for _, pause := range append(pauses, 0) {
		var work *deployment.Work
		if work, caught = wait[deployment.Work](w, deployment.ActionReadPlan, r, 2*time.Minute); caught == nil {
			return work.Release, true
		}
		if caught.Name != deployment.PlanPending {
			break
		}
		w.clock.Advance(time.Duration(pause) * time.Second)
	}
	r.Error = caught
	return r, false
}

// deploy walks one stack from Plan to Verify.
func (w *world) deploy(r deployment.Release) deployment.Release {
	w.t.Helper()
	r, ok := w.try(deployment.ActionPlan, r)
	if ok && r.Plan.Next == deployment.NextRollOut {
		return w.rollOut(r)
	}
	if ok && r.Plan.Operation != "" {
		return w.operate(r)
	}
	if ok {
		r, ok = w.readPlan(r)
	}
	if !ok {
		return r
	}
	switch {
	case r.Plan.Empty:
		r = w.verify(r)
		return r
	case r.Plan.Gate == deployment.GateApproval:
		r.Decision, r.Error = wait[deployment.Decision](w, deployment.ActionRequestApproval, r, 24*time.Hour)
		if r.Error != nil || !r.Decision.Approved {
			return r
		}
	case r.Plan.Gate == deployment.GateBlocked:
		return r
	}
	return w.operate(r)
}

// verify is the Verify state with its retries.
func (w *world) verify(r deployment.Release) deployment.Release {
	w.t.Helper()
	work, caught := verifying[deployment.Work](w, deployment.ActionVerify, r, time.Duration(r.Plan.VerifySeconds)*time.Second)
	if caught != nil {
		r.Error = caught
		return r
	}
	if work.Release.Plan.Next != deployment.NextRollOut {
		return work.Release
	}
	return w.rollOut(work.Release)
}

// rollOut is the RollOut state.
func (w *world) rollOut(r deployment.Release) deployment.Release {
	w.t.Helper()
	w.visited = append(w.visited, "rollOut")
	if r.Plan.RolloutSeconds < 1 || r.Rollout == nil {
		w.t.Fatalf("asked for a rollout: %+v", r.Plan)
	}
	w.asked = append(w.asked, *r.Rollout)
	shift := w.shift
	if shift == nil {
		shift = promoted
	}
	r.RolledOut, r.Error = shift(w, *r.Rollout)
	return r
}

// settled writes the record of a rollout that has come to the phase.
func (w *world) settled(q rollout.Request, phase rollout.Phase, live, old rollout.Side) {
	w.t.Helper()
	before, _, err := w.records.Read(w.t.Context(), q.Target)
	if err != nil {
		w.t.Fatal(err)
	}
	record := rollout.Record{
		ID: rollout.ID(q.Run.RunID, q.Target.Stage, q.Target.Stack), Request: q, Plan: rollout.NewPlan(q, before.Live), Live: live, Old: old, Version: before.Version,
		State: rollout.State{Phase: phase, Since: w.clock.Now(), Weight: 100},
	}
	if err := w.records.Write(w.t.Context(), q.Target, record); err != nil {
		w.t.Fatal(err)
	}
}

// promoted is a rollout that went well, or one that is switched back.
func promoted(w *world, q rollout.Request) (*rollout.Result, *deployment.Caught) {
	before, _, _ := w.records.Read(w.t.Context(), q.Target)
	if q.SwitchBack {
		w.settled(before.Request, rollout.SwitchedBack, before.Old, rollout.Side{})
		return &rollout.Result{Outcome: rollout.OutcomeSwitchedBack, Why: q.Why}, nil
	}
	w.settled(q, rollout.Promoted, q.Candidate, before.Live)
	return &rollout.Result{Outcome: rollout.OutcomePromoted, Weight: 100}, nil
}

// verifying is a state that makes checks, with its retries.
func verifying[T any](w *world, action string, r deployment.Release, timeout time.Duration) (*T, *deployment.Caught) {
	w.t.Helper()
	defer func() { w.retries = 0 }()
	for {
		out, caught := wait[T](w, action, r, timeout)
		if caught == nil {
			return out, nil
		}
		pause, pending := map[string]time.Duration{
			deployment.VerificationPending10s: 10 * time.Second, deployment.VerificationPending30s: 30 * time.Second,
			deployment.VerificationPending1m: time.Minute, deployment.VerificationPending5m: 5 * time.Minute,
			deployment.VerificationBuildEnded: time.Second, "States.Timeout": 2 * time.Second,
		}[caught.Name]
		if w.retries++; !pending || w.retries > 4 {
			return nil, caught
		}
		w.clock.Advance(pause)
	}
}

// operate walks from Operate to Verify.
func (w *world) operate(r deployment.Release) deployment.Release {
	w.t.Helper()
	for {
		r.Signal, r.Error = wait[deployment.Signal](w, deployment.ActionOperate, r, time.Duration(r.Plan.WaitSeconds)*time.Second)
		var ok bool
		if r, ok = w.try(deployment.ActionDescribeOutcome, r); !ok {
			return r
		}
		switch r.Plan.Result {
		case deployment.ResultDeployed:
			r = w.verify(r)
			return r
		case deployment.ResultPlanAgain:
			return w.deploy(r)
		case deployment.ResultRunning, deployment.ResultNotStarted, deployment.ResultUndo:
		default:
			return r
		}
	}
}

// approver decides as ann would on the command line.
func (w *world) approver() *deployment.Approver {
	return &deployment.Approver{Approvals: w.service.Approvals, Runs: w.service.Runs, Tasks: w.tasks, Publisher: w.facts, Now: w.clock.Now}
}

func decide(approve bool, comment string) func(*world, deployment.Release) {
	return func(w *world, r deployment.Release) {
		_, err := w.approver().Decide(context.Background(), deployment.Verdict{
			RunID: r.RunID, Stage: r.Step.Stage, Stack: r.Step.Stack, Approve: approve, By: "arn:aws:iam::111111111111:user/ann", Comment: comment,
		})
		if err != nil {
			w.t.Errorf("decide: %v", err)
		}
	}
}

// types lists the published facts, joined.
func (w *world) types() string { return strings.Join(w.facts.Types(), " ") }
