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
)

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const sourceKey = "sources/acme/shop/c.zip"

// world is a service over fakes, and the workflow walked by hand in the order
// of infra/workflow/pipeline.asl.json.
type world struct {
	t       *testing.T
	clock   *fake.Clock
	cloud   *fake.DeploymentCloud
	files   *fake.DeploymentFiles
	facts   *fake.DeploymentFacts
	tasks   *fake.DeploymentTasks
	listed  *fake.DeploymentRegistry
	service *deployment.Service
	visited []string
	tokens  int
	heard   []events.Envelope[events.StackStatusDetail]
	deaf    bool // status events are lost
	decide  func(w *world, r deployment.Release)
}

func newWorld(t *testing.T) *world {
	clock := fake.NewClock(epoch)
	w := &world{
		t: t, clock: clock, cloud: fake.NewDeploymentCloud(clock), files: &fake.DeploymentFiles{Objects: map[string][]byte{}},
		facts: &fake.DeploymentFacts{}, tasks: &fake.DeploymentTasks{}, listed: &fake.DeploymentRegistry{},
	}
	w.cloud.Emit = w.hear
	w.service = &deployment.Service{
		Stacks: w.cloud.Stacks(), ChangeSets: w.cloud.ChangeSets(), Templates: w.cloud.Templates(),
		Locks: &fake.DeploymentLocks{}, Runs: &fake.DeploymentRuns{}, Approvals: &fake.DeploymentApprovals{},
		Tokens: &fake.DeploymentTokens{}, Registry: w.listed, Tasks: w.tasks, Files: w.files, Publisher: w.facts, Now: clock.Now,
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
		Actor: "ann", DeliveryID: "delivery-" + commit,
	}
	return p
}

// do sends a request through Handle, as the workflow does.
func (w *world) do(action string, r deployment.Release) (deployment.Release, error) {
	w.visited = append(w.visited, action)
	return handle[deployment.Release](w, deployment.Request{Action: action, Release: r})
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
	if _, err := handle[deployment.Answered](w, deployment.Request{Action: action, Release: r, Token: token}); err != nil {
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
	r.SourceKey, r.Stages = sourceKey, stages
	r.Validation = deployment.Validation{Valid: true, Validated: events.Validated{Files: 2, Findings: []events.Finding{}}}
	for {
		var err error
		if r, err = w.do(deployment.ActionNext, r); err != nil {
			w.t.Fatal(err)
		}
		if r.Step.Kind == deployment.StepFinish {
			return w.finish(r)
		}
		var through bool
		if r, through = w.deploy(r); !through {
			return w.finish(r)
		}
	}
}

func (w *world) finish(r deployment.Release) deployment.Release {
	w.t.Helper()
	r, err := w.do(deployment.ActionFinish, r)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// try is do with the workflow's Catch.
func (w *world) try(action string, r deployment.Release) (deployment.Release, bool) {
	out, err := w.do(action, r)
	if err != nil {
		r.Error = caught(err)
		return r, false
	}
	return out, true
}

// deploy walks one stack from Plan to Verify.
func (w *world) deploy(r deployment.Release) (deployment.Release, bool) {
	w.t.Helper()
	r, ok := w.try(deployment.ActionPlan, r)
	for ok && r.Plan.Status != deployment.PlanReady {
		w.clock.Advance(time.Duration(r.Plan.WaitSeconds) * time.Second)
		r, ok = w.try(deployment.ActionReadPlan, r)
	}
	if !ok {
		return r, false
	}
	if r.Plan.Empty {
		return w.try(deployment.ActionVerify, r)
	}
	if r.Plan.Gate == deployment.GateApproval {
		r.Decision, r.Error = wait[deployment.Decision](w, deployment.ActionRequestApproval, r, 24*time.Hour)
		if r.Error != nil || !r.Decision.Approved {
			return r, false
		}
	}
	if r.Plan.Gate == deployment.GateBlocked {
		return r, false
	}
	action, timeout := deployment.ActionExecute, 30*time.Minute
	for {
		r.Signal, r.Error = wait[deployment.Signal](w, action, r, timeout)
		if action == deployment.ActionAwait && r.Error != nil && r.Error.Name != "States.Timeout" {
			return r, false
		}
		if r, ok = w.try(deployment.ActionDescribeOutcome, r); !ok {
			return r, false
		}
		switch r.Plan.Result {
		case deployment.ResultDeployed:
			return w.try(deployment.ActionVerify, r)
		case deployment.ResultRunning:
			action, timeout = deployment.ActionAwait, 2*time.Hour
		case deployment.ResultNotStarted:
			action, timeout = deployment.ActionExecute, 30*time.Minute
		default:
			return r, false
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
