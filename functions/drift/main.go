// Command drift does the actions of the drift workflow, and hears the
// CloudFormation events that the workflow waits for.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudcontrol"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/adapter/driftdetection"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/adapter/executions"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/quota"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/tasks"
	"github.com/evenkeel/evenkeel/shared/adapter/writes"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env := config.FromOS()
	busName, table, writesTable, bucket := env.String(config.Bus), env.String(config.StateTable), env.String(config.WritesTable), env.String(config.Bucket)
	prefix, role, workflow := env.String(config.ParameterPrefix), env.String(config.RoleName), env.String(config.DriftWorkflow)
	scope := drift.Scope{Accounts: env.List(config.WorkloadAccounts, nil), Regions: env.List(config.DriftRegions, nil), All: slices.Equal(env.List(config.DriftScope, nil), []string{"all"})}
	classes := attribution.Default()
	classes.Roles = env.List(config.BreakGlassRoles, classes.Roles)
	classes.Tags = env.List(config.BreakGlassTags, classes.Tags)
	classes.Session = env.List(config.BreakGlassSessions, classes.Session)
	cfg, err := session.Hub(context.Background())
	if err = errors.Join(env.Err(), err); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	workloads := session.NewWorkloads(cfg, role)
	workloads.Limit = quota.New(quota.Rates(), time.Now).Apply
	detection := driftdetection.New(workloads)
	state := driftstate.New(cfg, table)
	files := objects.New(cfg, bucket)
	engine := &live.Engine{Models: cloudcontrol.New(workloads), Deployments: detection, Snapshots: files, Parallel: 8}
	attributor := &attribution.Service{
		Ledger: writes.New(cfg, writesTable, 0), Lookup: cloudtrail.New(workloads), Classifier: classes, Now: time.Now,
	}
	service := &drift.Service{
		Live: engine, Stacks: detection, ChangeSets: detection, Tokens: state, Inventory: state, Discovery: detection, Scope: scope,
		Files: files, Executions: executions.New(cfg, workflow), Rollouts: rolloutstate.New(cfg, table),
		Attributor: attributor, Policies: driftstate.NewPolicies(cfg, prefix), Baselines: state, Standings: state,
		Heals: healingstate.New(cfg, table, prefix, time.Now),
		Locks: deploymentstate.New(cfg, table, time.Now).StackLocks(), Tasks: tasks.New(cfg), Publisher: bus.New(cfg, busName), Now: time.Now,
	}
	lambda.Start(invoke.Handler(log, time.Now, func(ctx context.Context, event json.RawMessage) (any, error) {
		out, did, err := service.Handle(ctx, event)
		invoke.Annotate(ctx, "did", did)
		return out, err
	}))
}
