// Command build starts the builds of cloud assemblies in CodeBuild, and hears
// their ends. It is a function of its own because whoever may start a build may
// run any command in the project's role.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/builds"
	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/tasks"
	"github.com/evenkeel/evenkeel/shared/build"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, bucket, project := env.String(config.Bus), env.String(config.StateTable), env.String(config.Bucket), env.String(config.BuildProject)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	state := deploymentstate.New(cfg, table, time.Now)
	service := &build.Service{
		Project: project, Builds: builds.New(cfg, project, bucket), Records: state.Builds(),
		Lease: &deployment.Service{Locks: state.Locks(), Now: time.Now},
		Tasks: tasks.New(cfg), Publisher: bus.New(cfg, busName), Now: time.Now,
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		action, runID := deployment.Describe(event)
		invoke.Annotate(ctx, "action", action, "run", runID)
		out, err := service.Handle(ctx, event)
		if answered, ok := out.(deployment.Answered); ok {
			invoke.Annotate(ctx, "run", answered.RunID, "state", answered.State, "answeredError", answered.Error)
		}
		return out, err
	}))
}
