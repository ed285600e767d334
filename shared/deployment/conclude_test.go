package deployment

import (
	"strings"
	"testing"

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
		{"rolled back", deploying(func(r *Release) {
			r.Plan.Result, r.Failure = ResultRolledBack, &events.Failure{LogicalID: "Queue", ResourceType: "AWS::SQS::Queue", Reason: "too long"}
		}), events.OutcomeRolledBack, "The deployment of data in test failed and was rolled back: Queue (AWS::SQS::Queue): too long"},
		{"rolled back for an unknown reason", deploying(func(r *Release) { r.Plan.Result = ResultRolledBack }), events.OutcomeRolledBack, "the reason is not known"},
		{"denied without a comment", deploying(func(r *Release) { r.Decision = &Decision{By: "ann"} }), events.OutcomeRejected, "was rejected by ann."},
		{"in the middle", deploying(func(*Release) {}), events.OutcomeStuck, "ended in the middle of data in test"},
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

func TestNext(t *testing.T) {
	r := Release{Stages: []pipeline.Stage{
		{Name: "test", Stacks: []pipeline.Stack{{Name: "network"}, {Name: "data"}}},
		{Name: "prod", Stacks: []pipeline.Stack{{Name: "network"}}},
	}}
	var order []string
	for range 5 {
		step := Next(r)
		order = append(order, step.Kind+":"+step.Stage+"/"+step.Stack)
		if step.Kind == StepDeploy {
			r.Done = append(r.Done, Deployed{Stage: step.Stage, Stack: step.Stack})
		}
	}
	if got := strings.Join(order, " "); got != "deploy:test/network deploy:test/data deploy:prod/network finish:/ finish:/" {
		t.Errorf("%s", got)
	}
}
