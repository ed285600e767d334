// Command rollout performs the actions of the rollout workflow, and what a
// person commands. Its role moves traffic and measures; it deploys nothing.
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
	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudmetrics"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/adapter/executions"
	"github.com/evenkeel/evenkeel/shared/adapter/httpcheck"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/stacks"
	"github.com/evenkeel/evenkeel/shared/adapter/tasks"
	"github.com/evenkeel/evenkeel/shared/adapter/traffic"
	"github.com/evenkeel/evenkeel/shared/adapter/workloadsecrets"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/invoke"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/verification"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, bucket, role := env.String(config.Bus), env.String(config.StateTable), env.String(config.Bucket), env.String(config.RoleName)
	workflow, loopback, margin := env.String(config.RolloutWorkflow), env.Allowed(config.Loopback), env.Duration(config.MetricMargin, cloudmetrics.Margin)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	workloads, state := session.NewWorkloads(cfg, role), deploymentstate.New(cfg, table, time.Now)
	service := &rollout.Service{
		Traffic: traffic.New(workloads, time.Now), Metrics: cloudmetrics.New(workloads, margin),
		Checks:  &verification.Verifier{HTTP: httpcheck.New(time.Now, loopback), Alarms: alarms.New(workloads), Secrets: workloadsecrets.New(workloads), Now: time.Now},
		Records: rolloutstate.New(cfg, table), Executions: executions.New(cfg, workflow), Tasks: tasks.New(cfg), Files: objects.New(cfg, bucket),
		Stacks: stacks.NewRetiring(workloads), Locks: state.StackLocks(), Registry: state.Registry(), Publisher: bus.New(cfg, busName), Now: time.Now,
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		action, id := rollout.Describe(event)
		invoke.Annotate(ctx, "action", action, "rollout", id)
		out, err := service.Handle(ctx, event)
		if answered, ok := out.(rollout.Answered); ok {
			invoke.Annotate(ctx, "state", answered.State)
		}
		return out, err
	}))
}
