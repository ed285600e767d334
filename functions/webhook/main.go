// Command webhook receives pushes: signed requests over its function URL, and
// CodeCommit events from EventBridge.
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
	"github.com/evenkeel/evenkeel/shared/adapter/deliveries"
	"github.com/evenkeel/evenkeel/shared/adapter/repositories"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/invoke"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, prefix := env.String(config.Bus), env.String(config.StateTable), env.String(config.ParameterPrefix)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	registry := repositories.New(cfg, prefix)
	service := &webhook.Service{
		Providers: webhook.Providers(), Registry: registry, Secrets: webhook.NewCachedSecrets(registry, time.Now),
		Deliveries: deliveries.New(cfg, table), Bus: bus.New(cfg, busName), Now: time.Now,
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		return service.Handle(ctx, event, func(pairs ...any) { invoke.Annotate(ctx, pairs...) })
	}))
}
