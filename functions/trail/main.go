// Command trail keeps who changed what: it hears the calls of an account that
// write, and keeps them by the resource that they changed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/writes"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

// kept is how long a write is kept by default: as long as CloudTrail's own
// event history goes back.
const kept = 90 * 24 * time.Hour

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	table, life := env.String(config.WritesTable), env.Duration(config.WritesKept, kept)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	trail := &attribution.Trail{Keeper: writes.New(cfg, table, life)}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		heard, err := trail.Handle(ctx, event)
		invoke.Annotate(ctx, "event", heard.EventID, "call", heard.Call, "resources", heard.Resources, "kept", heard.Kept)
		if heard.Skipped != "" {
			invoke.Annotate(ctx, "skipped", heard.Skipped)
		}
		return heard, err
	}))
}
