// Command review performs the actions of the review workflow, and publishes
// what becomes of pull requests and of runs. Its role can execute no change set.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/adapter/github"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/repositories"
	"github.com/evenkeel/evenkeel/shared/adapter/reviewstate"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/adapter/secrets"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/stacks"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/invoke"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, bucket, role := env.String(config.Bus), env.String(config.StateTable), env.String(config.Bucket), env.String(config.RoleName)
	prefix := env.String(config.ParameterPrefix)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	workloads := session.NewWorkloads(cfg, role)
	workloadStacks, changeSets := stacks.New(workloads)
	drifts := driftstate.New(cfg, table)
	service := &review.Service{
		Stacks: workloadStacks, ChangeSets: changeSets, Templates: stacks.NewTemplates(workloads), Reviews: reviewstate.New(cfg, table, time.Now),
		Rollouts: rolloutstate.New(cfg, table), Baselines: drifts, Changers: drifts, Exposure: healingstate.New(cfg, table, prefix, time.Now),
		Runs: deploymentstate.New(cfg, table, time.Now).Runs(), Registry: repositories.New(cfg, prefix), Files: objects.New(cfg, bucket),
		Forge: github.New(webhook.NewCachedSecrets(secrets.New(cfg), time.Now), time.Now), Publisher: bus.New(cfg, busName), Now: time.Now,
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		action, reviewID := review.Describe(event)
		invoke.Annotate(ctx, "action", action, "review", reviewID)
		out, err := service.Handle(ctx, event)
		if handled, ok := out.(review.Handled); ok {
			invoke.Annotate(ctx, "state", handled.State)
		}
		return out, err
	}))
}
