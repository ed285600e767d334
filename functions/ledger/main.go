// Command ledger records every fact that the suite publishes, and measures the
// new ones.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/journal"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/invoke"
	"github.com/evenkeel/evenkeel/shared/ledger"
	"github.com/evenkeel/evenkeel/shared/metrics"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	table := env.String(config.LedgerTable)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	recorder := &ledger.Recorder{Journal: journal.New(cfg, table), Metrics: metrics.NewWriter(os.Stdout, time.Now)}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		recorded, err := recorder.Handle(ctx, event)
		invoke.Annotate(ctx, "result", recorded.Result(), "detailType", recorded.DetailType, "subject", recorded.Subject, "event", recorded.EventID)
		return recorded, err
	}))
}
