package main

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

var (
	waitingRun  = []string{"GitPushed.v1", "RunStarted.v1", "TemplatesValidated.v1", "StackPlanned.v1", "StackDeployed.v1", "ApprovalRequested.v1"}
	finishedRun = append(waitingRun[:len(waitingRun):len(waitingRun)], "ApprovalDecided.v1", "StackRolledBack.v1", "RunFinished.v1")
)

func TestRuns(t *testing.T) {
	c := newCLI(t)
	c.ledger()
	c.run("runs").want(0, "nothing was pushed yet")
	c.ledger(finishedRun...)
	c.run("runs", "list").want(0)
	c.golden("runs-list")
	c.run("runs", "--json").want(0)
	if list := decoded[[]ledger.RunView](c); len(list) != 1 || list[0].State != "RolledBack" {
		t.Errorf("%+v", list)
	}
}

func TestRunShow(t *testing.T) {
	c := newCLI(t)
	c.ledger(waitingRun...)
	c.run("runs", "show", "1f0c9a7b-1bee13").want(0)
	c.golden("run-waiting")
	c.run("runs", "show", "1f0c9a7b", "--wait", "1m").want(0, "evenkeel approve 1f0c9a7b-1bee13")

	c.ledger(append(waitingRun[:4:4], "RolloutStarted.v1", "RolloutStepped.v1", "RolloutPaused.v1")...)
	c.run("runs", "show", "1f0c9a7b", "--wait", "1m").want(0, "evenkeel rollout resume|promote|abort 1f0c9a7b-1bee13-prod-api", "errors inconclusive 2.5")
	c.golden("run-paused-rollout")

	c.ledger(finishedRun...)
	c.run("runs", "show", "1f0c").want(1)
	c.golden("run-rolled-back")
	c.run("runs", "show", "1f0c", "--json").want(1)
	if r := decoded[ledger.RunReport](c); len(r.Timeline) != 9 || r.Failure.LogicalID != "Table" || r.RunID != "1f0c9a7b-1bee13" {
		t.Errorf("%+v", r)
	}
	c.run("runs", "show", "ffff").want(3, "no run ffff")
	c.run("runs", "show").want(2, "usage:")
	c.run("runs", "show", "a", "--wait", "soon").want(2, "usage:")
}

func TestNotInstalled(t *testing.T) {
	c := newCLI(t)
	c.aws.On("cloudformation", "DescribeStacks", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id evenkeel does not exist</Message></Error></ErrorResponse>`}
	})
	for _, args := range []string{"runs", "runs show x", "drift", "drift scan", "drift revert x --yes", "heal", "heal show x", "heal undo x --yes", "heal mode"} {
		c.run(strings.Fields(args)...).want(3, "not installed")
	}
}

func TestColourOnlyOnATerminal(t *testing.T) {
	c := newCLI(t)
	c.ledger(finishedRun...)
	c.app.terminal = true
	c.run("runs", "show", "1f0c").want(1, "\x1b[31mRolledBack\x1b[0m")
	c.app.getenv = func(name string) string { return map[string]string{"NO_COLOR": "1"}[name] }
	c.run("runs", "show", "1f0c").want(1)
	if strings.Contains(c.out.String(), "\x1b") {
		t.Error("NO_COLOR is not respected")
	}
}

// The rollouts of a run: how the traffic went, and what a person can do.
func TestRunWithRollouts(t *testing.T) {
	c := newCLI(t)
	steps := []string{"GitPushed.v1", "RunStarted.v1", "StackPlanned.v1", "RolloutStarted.v1", "RolloutStepped.v1", "RolloutPaused.v1"}
	c.ledger(steps...)
	c.app.now = func() time.Time { return time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC) }
	c.run("runs", "show", "1f0c", "--wait", "1m").want(0, "prod/api canary by route53, green: 0 → 5 %", "waits for a person until 2026-01-03 03:13:02 UTC, in 23h13m2s", "evenkeel rollout resume|promote|abort 1f0c9a7b-1bee13-prod-api")
	c.ledger(append(steps, "RolloutResumed.v1", "RolloutAborted.v1")...)
	c.run("runs", "show", "1f0c").want(0)
	c.golden("run-rolled-out")
	c.run("runs", "show", "1f0c", "--json").want(0)
	if r := decoded[ledger.RunReport](c); r.Stages[1].Stacks[0].Rollout.Weight != 0 || len(r.Stages[1].Stacks[0].Rollout.Moves) != 5 {
		t.Errorf("%+v", r.Stages)
	}
	c.ledger(append(steps, "RolloutPromoted.v1")...)
	c.run("runs", "show", "1f0c").want(0, "0 → 5 → 100 %", "can be switched back until", "evenkeel rollout abort 1f0c9a7b-1bee13-prod-api")
	c.app.now = func() time.Time { return time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC) }
	c.run("runs", "show", "1f0c").want(0, "evenkeel rollout status 1f0c9a7b-1bee13-prod-api")
}
