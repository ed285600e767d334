// Command validation fetches the source of a release and checks it.
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
	"github.com/evenkeel/evenkeel/shared/adapter/gitsource"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/repositories"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/templates"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/invoke"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
	"github.com/evenkeel/evenkeel/shared/validation"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, bucket, prefix := env.String(config.Bus), env.String(config.Bucket), env.String(config.ParameterPrefix)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	registry, archive := repositories.New(cfg, prefix), objects.New(cfg, bucket)
	service := &validation.Service{
		Registry: registry, Fetcher: gitsource.New(registry, &gitsource.Signer{Credentials: cfg.Credentials, Now: time.Now}),
		Archive: archive, Cloud: templates.New(cfg, archive), Engine: validation.Offline{}, Bus: bus.New(cfg, busName), Now: time.Now,
		Options: validation.Options{LoadPolicies: func(files map[string]string) (validation.Judge, error) { return rego.NewJudge(files) }},
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		r, err := service.Handle(ctx, event)
		invoke.Annotate(ctx, "run", r.RunID, "repository", r.Repository, "commit", r.Commit, "valid", r.Validation.Valid, "errors", r.Validation.Errors)
		return r, err
	}))
}
