package ledger_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/ledger"
)

// TestRolloutOfARun: the states that a rollout gives to its stack and to its
// run, and the moves with the weights and the values that decided.
func TestRolloutOfARun(t *testing.T) {
	story := []struct {
		fact, run, stack string
		weight           int
	}{
		{"StackDeployed.v1", ledger.StatePlanning, "", 0},
		{"RolloutStarted.v1", ledger.StateRollingOut, ledger.StackRollingOut, 0},
		{"RolloutStepped.v1", ledger.StateRollingOut, ledger.StackRollingOut, 5},
		{"RolloutPaused.v1", ledger.StatePaused, ledger.StackPaused, 5},
		{"RolloutResumed.v1", ledger.StateRollingOut, ledger.StackRollingOut, 5},
		{"RolloutAborted.v1", ledger.StatePlanning, ledger.StackAborted, 0},
	}
	seen := []string{"GitPushed.v1", "RunStarted.v1"}
	var v ledger.RunView
	for _, step := range story {
		seen = append(seen, step.fact)
		var err error
		if v, err = ledger.Run(entries(t, seen...)); err != nil || v.State != step.run {
			t.Fatalf("after %s: %s, %v; want %s", step.fact, v.State, err, step.run)
		}
		if step.stack == "" {
			continue
		}
		s := v.Stages[1].Stacks[0]
		if s.State != step.stack || s.Rollout == nil || s.Rollout.Weight != step.weight {
			t.Errorf("after %s: %s, %+v", step.fact, s.State, s.Rollout)
		}
		if paused := s.State == ledger.StackPaused; paused != (s.Rollout.Until != nil) || paused != (len(v.Paused()) == 1) {
			t.Errorf("after %s: until %v, paused %+v", step.fact, s.Rollout.Until, v.Paused())
		}
	}
	r := v.Stages[1].Stacks[0].Rollout
	if r.ID != "1f0c9a7b-1bee13-prod-api" || r.Strategy != "canary" || r.Router != "route53" || r.Candidate != "green" || !slices.Equal(r.Steps, []int{5, 25, 100}) {
		t.Errorf("%+v", r)
	}
	if len(r.Moves) != 5 || r.Moves[3].By == "" || len(r.Moves[4].Decided) != 2 || *r.Moves[4].Decided[0].Value != 7.25 || r.Moves[4].Fact != "RolloutAborted.v1" {
		t.Errorf("%+v", r.Moves)
	}
}

// TestTheOldSideOutlivesItsRun: what becomes of it is told, and changes nothing
// else of a run that has finished.
func TestTheOldSideOutlivesItsRun(t *testing.T) {
	facts := []string{"GitPushed.v1", "StackPlanned.v1", "RolloutStarted.v1", "RolloutStepped.v1", "RolloutPromoted.v1"}
	finished := entryOf(t, json.RawMessage(strings.ReplaceAll(string(sample(t, "RunFinished.v1")), "2026-01-02T03:11:", "2026-01-02T03:31:")))
	before, err := ledger.Run(append(entries(t, facts...), finished))
	if err != nil || !before.Finished || before.State != "RolledBack" {
		t.Fatalf("%+v, %v", before, err)
	}
	promoted := before.Stages[1].Stacks[0]
	if promoted.State != ledger.StackPromoted || promoted.Rollout.Weight != 100 || promoted.Rollout.KeptUntil == nil {
		t.Errorf("%+v", promoted)
	}
	after, err := ledger.Run(append(entries(t, append(facts, "RolloutRetired.v1")...), finished))
	if err != nil {
		t.Fatal(err)
	}
	retired := after.Stages[1].Stacks[0]
	if retired.State != ledger.StackPromoted || retired.Rollout.KeptUntil != nil || retired.Rollout.Old != "shop-api-prod-blue" || retired.Rollout.OldState != "kept" || retired.Duration != promoted.Duration {
		t.Errorf("%+v", retired)
	}
	back, err := ledger.Run(append(entries(t, append(facts, "RolloutSwitchedBack.v1")...), finished))
	if err != nil || back.Stages[1].Stacks[0].State != ledger.StackAborted || back.Stages[1].Stacks[0].Rollout.Weight != 0 {
		t.Errorf("%+v, %v", back, err)
	}
	before.Stages, after.Stages = nil, nil
	if !reflect.DeepEqual(before, after) {
		t.Errorf("%+v, was %+v", after, before)
	}
}

// TestARunWaitsForAPausedRollout: whatever happens to other stacks meanwhile.
func TestARunWaitsForAPausedRollout(t *testing.T) {
	later := entryOf(t, json.RawMessage(strings.ReplaceAll(string(sample(t, "StackDeployed.v1")), "03:04:40", "03:14:00")))
	v, err := ledger.Run(append(entries(t, "RolloutStarted.v1", "RolloutPaused.v1"), later))
	if err != nil || v.State != ledger.StatePaused {
		t.Errorf("%s, %v", v.State, err)
	}
}

// TestRolloutTimeline: each line tells the weight and the values that decided.
func TestRolloutTimeline(t *testing.T) {
	lines, err := ledger.Timeline(entries(t, "RolloutStarted.v1", "RolloutStepped.v1", "RolloutPaused.v1", "RolloutResumed.v1", "RolloutAborted.v1", "RolloutPromoted.v1", "RolloutSwitchedBack.v1", "RolloutRetired.v1"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"prod/api rolls out to green by route53, 5, 25, 100 %: The checks of green passed; it gets 5, 25 and 100 % of the traffic step by step.",
		"prod/api green has 5 %: The first step.",
		"prod/api paused at 5 % until 2026-01-03T03:13:02Z: errors is neither a success nor a failure. (errors inconclusive 2.5)",
		"prod/api goes on from 5 % by arn:aws:iam::111111111111:user/kim: The errors are those of a crawler.",
		"prod/api aborted, green back from at most 25 % to 0 %: errors failed once, and no failure is borne. (errors failed 7.25, alarms successful: api-errors is OK)",
		"prod/api green promoted, the old side kept until 2026-01-02T04:30:00Z: The last step baked for 5m and every metric is successful. (errors successful 0.25)",
		"prod/api switched back, green has 0 % by arn:aws:iam::111111111111:user/kim: The checks of the stage prod failed.",
		"prod/api shop-api-prod-blue retired, kept: The hour in which blue could take the traffic back is over.",
	}
	for i, line := range lines {
		if i >= len(want) || line.Text != want[i] {
			t.Errorf("%q", line.Text)
		}
	}
}
