// Command healing closes security groups that open to the world: on a
// CloudTrail event, on a schedule, and it undoes a heal on request.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/network"
	"github.com/evenkeel/evenkeel/shared/adapter/openers"
	"github.com/evenkeel/evenkeel/shared/adapter/owners"
	"github.com/evenkeel/evenkeel/shared/adapter/redelivery"
	"github.com/evenkeel/evenkeel/shared/adapter/securitygroups"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/writes"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, prefix, role := env.String(config.Bus), env.String(config.StateTable), env.String(config.ParameterPrefix), env.String(config.RoleName)
	writesTable := env.String(config.WritesTable)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	state := healingstate.New(cfg, table, prefix, time.Now)
	where := places(state.Places, driftstate.New(cfg, table).Stacks)
	workloads := session.NewWorkloads(cfg, role)
	groups := securitygroups.New(workloads)
	service := &healing.Service{
		Parser:    healing.Parser{Role: role},
		Groups:    groups,
		Changes:   groups,
		Records:   state,
		Policies:  state,
		Publisher: bus.New(cfg, busName),
		Reach:     network.New(workloads, time.Now),
		Owners:    owners.New(workloads, time.Now),
		Openers:   openers.New(writes.New(cfg, writesTable, 0), role),
		Versions:  groups,
		Places:    where,
		Now:       time.Now,
	}
	batches := &batches{parse: service.Parser.Parse, first: service.HandleFirst, handle: service.Handle, after: redelivery.New(cfg).After, spread: jitter, log: log}
	handler := &handler{service: service, batches: batches, places: where}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		return handler.handle(ctx, event)
	}))
}

// jitter takes up to half of a time away.
func jitter(t time.Duration) time.Duration { return t/2 + rand.N(t/2+1) }
