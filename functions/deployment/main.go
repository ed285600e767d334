// Command deployment performs the actions of the pipeline workflow, and hears
// the ends of stack operations and of workflow executions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/alarms"
	"github.com/evenkeel/evenkeel/shared/adapter/assets"
	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/adapter/functions"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/httpcheck"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/stacks"
	"github.com/evenkeel/evenkeel/shared/adapter/tasks"
	"github.com/evenkeel/evenkeel/shared/adapter/testbuilds"
	"github.com/evenkeel/evenkeel/shared/adapter/workloadsecrets"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/invoke"
	"github.com/evenkeel/evenkeel/shared/verification"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, bucket, role := env.String(config.Bus), env.String(config.StateTable), env.String(config.Bucket), env.String(config.RoleName)
	prefix := env.String(config.ParameterPrefix)
	loopback := env.Allowed(config.Loopback)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	state := deploymentstate.New(cfg, table, time.Now)
	workloads := session.NewWorkloads(cfg, role)
	workloadStacks, changeSets := stacks.New(workloads)
	workloadAlarms := alarms.New(workloads)
	drifts := driftstate.New(cfg, table)
	service := &deployment.Service{
		Stacks: workloadStacks, ChangeSets: changeSets, Templates: stacks.NewTemplates(workloads), Recoveries: workloadStacks, Alarms: workloadAlarms,
		Locks: state.Locks(), StackLocks: state.StackLocks(), Runs: state.Runs(), Approvals: state.Approvals(), Tokens: state.Tokens(), Registry: state.Registry(),
		Rollouts: rolloutstate.New(cfg, table), Baselines: drifts, Changers: drifts, Exposure: healingstate.New(cfg, table, prefix, time.Now),
		Tasks: tasks.New(cfg), Files: objects.New(cfg, bucket), Assets: assets.New(workloads), Publisher: bus.New(cfg, busName),
		Verifier: &verification.Verifier{
			HTTP: httpcheck.New(time.Now, loopback), Functions: functions.New(workloads), Alarms: workloadAlarms,
			Builds: testbuilds.New(workloads), Secrets: workloadsecrets.New(workloads), Now: time.Now,
		},
		Now: time.Now,
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		action, runID := deployment.Describe(event)
		invoke.Annotate(ctx, "action", action, "run", runID)
		out, err := service.Handle(ctx, event)
		if answered, ok := out.(deployment.Answered); ok {
			invoke.Annotate(ctx, "state", answered.State, "answeredError", answered.Error)
		}
		return out, err
	}))
}
