package deployment

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func TestConclude(t *testing.T) {
	stages := []pipeline.Stage{{Name: "test", Stacks: []pipeline.Stack{{Name: "data"}}}}
	deploying := func(change func(*Release)) Release {
		r := Release{
			Repository: "acme/shop", Branch: "main", Validation: Validation{Valid: true}, Stages: stages,
			Step: Step{Kind: StepDeploy, Stage: "test", Stack: "data"}, Lock: &LockAnswer{State: LockHeld},
		}
		change(&r)
		return r
	}
	failed := func(name, cause string) func(*Release) {
		return func(r *Release) { r.Error = &Caught{Name: name, Cause: cause} }
	}
	ended := func(results ...StackResult) func(*Release) {
		return func(r *Release) { r.Step, r.Results = Step{Kind: StepFinish}, results }
	}
	tests := []struct {
		name    string
		release Release
		outcome string
		reason  string
	}{
		{"invalid source", deploying(func(r *Release) {
			r.Validation = Validation{Validated: events.Validated{Errors: 2, Files: 1, Findings: []events.Finding{
				{Severity: "warning", File: "x"}, {Severity: "error", File: "t.yaml", Line: 3, Column: 5, Rule: "E3002", Message: "no such property"}}}}
		}), events.OutcomeRejected, "Validation found 2 errors in 1 template. First: t.yaml:3:5: E3002 no such property"},
		{"no stage", deploying(func(r *Release) { r.Stages = nil }), events.OutcomeSucceeded, "No stage follows the branch main; nothing was deployed."},
		{"superseded", deploying(func(r *Release) { r.Lock = &LockAnswer{State: LockSuperseded, By: "r2"} }), events.OutcomeDeferred, "run r2 took over"},
		{"superseded by one that has left", deploying(func(r *Release) { r.Lock = &LockAnswer{State: LockSuperseded} }), events.OutcomeDeferred, "A later push of main took over."},
		{"waited for the lock", deploying(func(r *Release) { r.Lock, r.Error = nil, &Caught{Name: "States.Timeout"} }), events.OutcomeDeferred, "lock of acme/shop did not become free"},
		{"one stack, through", deploying(func(r *Release) {
			r.Step, r.Done = Step{Kind: StepFinish}, []Deployed{{Stage: "test", Stack: "data", Unchanged: true}}
		}), events.OutcomeSucceeded, "Nothing changed: 1 stack already at this commit."},
		{"the message of a failed function", deploying(failed("InvalidError", `{"errorType":"InvalidError","errorMessage":"t.yaml: bad"}`)), events.OutcomeRejected, "t.yaml: bad"},
		{"the message of a failed task", deploying(failed("ConflictError", "busy")), events.OutcomeDeferred, "busy"},
		{"a time-out", deploying(failed("States.Timeout", "")), events.OutcomeStuck, "States.Timeout: no cause was given"},
		{"an error of the runtime", deploying(failed("States.Runtime", "path")), events.OutcomeStuck, "States.Runtime: path"},
		{"one stack failed", deploying(ended(StackResult{Stage: "test", Stack: "data", Outcome: events.OutcomeRejected, Reason: "The plan of data in test was rejected by ann."})),
			events.OutcomeRejected, "The plan of data in test was rejected by ann."},
		{"the worst of several", deploying(ended(
			StackResult{Stage: "test", Stack: "a", Outcome: events.OutcomeDeferred, Reason: "busy."},
			StackResult{Stage: "test", Stack: "b", Outcome: events.OutcomeStuck, Reason: "broken.", Failure: &events.Failure{Stack: "b"}},
			StackResult{Stage: "test", Stack: "c", Outcome: events.OutcomeRolledBack, Reason: "failed."})),
			events.OutcomeStuck, "test/b: Stuck: broken. test/c: RolledBack: failed. test/a: Deferred: busy."},
		{"a stack failed, and then Next", deploying(func(r *Release) {
			ended(StackResult{Stage: "test", Stack: "a", Outcome: events.OutcomeRolledBack, Reason: "failed."})(r)
			failed("Lambda.Unknown", "")(r)
		}), events.OutcomeRolledBack, "failed."},
		{"in the middle", deploying(func(*Release) {}), events.OutcomeStuck, "ended in the middle of test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Conclude(tt.release)
			if got.Outcome != tt.outcome || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("%s: %s\nwant %s: …%s…", got.Outcome, got.Reason, tt.outcome, tt.reason)
			}
			if needs := got.Outcome == events.OutcomeStuck && tt.release.Error != nil; needs && got.Failure == nil {
				t.Error("a stuck run names no failure")
			}
		})
	}
}

func TestConcludeStack(t *testing.T) {
	failed := func(name, cause string) func(*Release) {
		return func(r *Release) { r.Error = &Caught{Name: name, Cause: cause} }
	}
	tests := []struct {
		name    string
		change  func(*Release)
		outcome string
		reason  string
		discard bool // the change set
	}{
		{"verified", func(r *Release) { r.Plan.Result, r.Plan.Verified = ResultDeployed, true }, events.OutcomeSucceeded, "", false},
		{"rolled back", func(r *Release) {
			r.Plan.Result, r.Failure = ResultRolledBack, &events.Failure{LogicalID: "Queue", ResourceType: "AWS::SQS::Queue", Reason: "too long"}
		}, events.OutcomeRolledBack, "The deployment of data in test failed and was rolled back: Queue (AWS::SQS::Queue): too long", false},
		{"rolled back for an unknown reason", func(r *Release) { r.Plan.Result = ResultRolledBack }, events.OutcomeRolledBack, "the reason is not known", false},
		{"blocked", func(r *Release) { r.Plan.Gate, r.Plan.Reasons = GateBlocked, []string{"no"} }, events.OutcomeRejected, "The plan of data in test is blocked: no", true},
		{"denied without a comment", func(r *Release) { r.Decision = &Decision{By: "ann"} }, events.OutcomeRejected, "was rejected by ann.", true},
		{"nobody decided", func(r *Release) { r.Plan.Gate, r.Error = GateApproval, &Caught{Name: "States.Timeout"} }, events.OutcomeRejected, "Nobody decided on the plan of data in test in time.", true},
		{"refused", func(r *Release) {
			r.Plan.Result = ResultRefused
			failed("ConflictError", "locked by r2")(r)
		}, events.OutcomeDeferred, "locked by r2", true},
		{"never ready", failed(PlanPending, "not ready"), events.OutcomeStuck, "PlanPending: not ready", false},
		{"the outcome cannot be read", failed("TransientError", "slow"), events.OutcomeStuck, "The deployment of data in test cannot go on: TransientError: slow", false},
		{"in the middle", func(*Release) {}, events.OutcomeStuck, "ended in the middle of data in test", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Release{Step: Step{Kind: StepDeploy, Stage: "test", Stack: "data"}, Plan: Plan{ChangeSetID: "arn:cs", Operation: OperationExecute}}
			tt.change(&r)
			got := concludeStack(r)
			if got.Outcome != tt.outcome || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("%s: %s\nwant %s: …%s…", got.Outcome, got.Reason, tt.outcome, tt.reason)
			}
			if unexecuted(r, got.Outcome) != tt.discard {
				t.Errorf("the change set is deleted: %v", !tt.discard)
			}
			if got.Outcome == events.OutcomeStuck && r.Error != nil && got.Failure == nil {
				t.Error("a stack that is stuck names no failure")
			}
		})
	}
}

func TestNext(t *testing.T) {
	r := Release{Stages: []pipeline.Stage{
		{Name: "test", Stacks: []pipeline.Stack{
			{Name: "network"}, {Name: "web"}, {Name: "data", DependsOn: []string{"network"}}, {Name: "jobs", DependsOn: []string{"data", "web"}}}},
		{Name: "prod", Stacks: []pipeline.Stack{{Name: "network"}}},
	}}
	var waves []string
	for range 6 {
		step, wave := Next(r, time.Time{})
		names := []string{}
		for _, s := range wave {
			names = append(names, s.Stack)
			r.Done = append(r.Done, Deployed{Stage: s.Stage, Stack: s.Stack})
		}
		waves = append(waves, step.Kind+" "+step.Stage+"["+strings.Join(names, " ")+"]")
	}
	want := "deploy test[network web], deploy test[data], deploy test[jobs], deploy prod[network], finish [], finish []"
	if got := strings.Join(waves, ", "); got != want {
		t.Errorf("waves %s\nwant  %s", got, want)
	}
	r.Done, r.Results = nil, []StackResult{{Stage: "test", Stack: "web", Outcome: events.OutcomeRolledBack}}
	if step, _ := Next(r, time.Time{}); step.Kind != StepFinish {
		t.Errorf("a stack failed, and the next step is %+v", step)
	}
}

// TestWavesAreBounded: the results of a wave travel together.
func TestWavesAreBounded(t *testing.T) {
	stage := pipeline.Stage{Name: "test"}
	for i := range 100 {
		stage.Stacks = append(stage.Stacks, pipeline.Stack{Name: fmt.Sprint("s", i)})
	}
	r, waves := Release{Stages: []pipeline.Stage{stage}}, 0
	for {
		_, wave := Next(r, time.Time{})
		if len(wave) == 0 {
			break
		}
		if waves++; len(wave) > maxWave {
			t.Fatalf("a wave of %d", len(wave))
		}
		for _, s := range wave {
			r.Done = append(r.Done, Deployed{Stage: s.Stage, Stack: s.Stack})
		}
	}
	if waves != 3 || len(r.Done) != 100 {
		t.Errorf("%d waves, %d stacks", waves, len(r.Done))
	}
	results := make([]StackResult, maxWave)
	for i := range results {
		text := cut(strings.Repeat("ü", 5000), maxStackReason)
		results[i] = StackResult{Stage: strings.Repeat("s", 32), Stack: strings.Repeat("s", 32), Outcome: events.OutcomeStuck, Reason: text,
			Failure: &events.Failure{Reason: text}, ChangeSetID: strings.Repeat("a", 250), Digest: strings.Repeat("0", 64), Document: strings.Repeat("d", 120)}
	}
	if data, err := json.Marshal(results); err != nil || len(data) > 128<<10 {
		t.Errorf("the results of a wave take %d bytes, %v", len(data), err)
	}
}

// rolledOut is a release at a stack whose traffic is moved by a rollout.
func rolledOut() Release {
	stack := pipeline.Stack{Name: "api", Rollout: &pipeline.Rollout{Strategy: pipeline.StrategyCanary}}
	return Release{Step: Step{Kind: StepDeploy, Stage: "prod", Stack: "api"}, Stages: []pipeline.Stage{{Name: "prod", Stacks: []pipeline.Stack{stack}}}}
}

// TestBudget: waiting for a whole day fits into the transitions of a stack,
// whatever came before; operations that end what a failed one left have a
// budget of their own.
func TestBudget(t *testing.T) {
	const plain, worst = 2 + 2 + asking, 2 + 2 + 2 + 5 + asking // with conflicts and a slow change set
	for recoveries := range maxRecoveries + 3 {
		for spent := plain; spent <= worst; spent++ {
			for ends, began := range map[int]Release{ending: {}, ending + rolling: rolledOut()} {
				began.Transitions, began.Plan = spent+perRecovery*recoveries, Plan{Recoveries: recoveries}
				r := operate(began, OperationExecute)
				waited, transitions := time.Duration(0), began.Transitions
				for {
					waited += r.Plan.wait()
					transitions += round
					if r.Transitions = transitions; rounds(r) <= 0 {
						break
					}
					r = operate(r, OperationExecute)
				}
				if waited < maxOperation || transitions+ends > maxTransitions+perRecovery*recoveries {
					t.Errorf("after %d transitions and %d recoveries: waits %s, %d transitions in all", spent, recoveries, waited, transitions+ends)
				}
			}
		}
	}
	if first := operate(Release{Transitions: plain}, OperationExecute).Plan.wait(); first != 15*time.Minute {
		t.Errorf("the first look comes after %s", first)
	}
	baking := Release{
		Transitions: plain, Step: Step{Kind: StepDeploy, Stage: "prod", Stack: "web"},
		Stages: []pipeline.Stage{{Name: "prod", Stacks: []pipeline.Stack{{Name: "web", Rollback: pipeline.Rollback{Bake: 30}}}}},
	}
	if first := operate(baking, OperationExecute).Plan.wait(); first != 45*time.Minute {
		t.Errorf("the first look at a stack that bakes half an hour comes after %s", first)
	}
}
