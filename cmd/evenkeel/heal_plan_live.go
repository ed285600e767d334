//go:build !validator

package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/securitygroups"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/preview"
)

// livePlan is where to look, with what policy.
type livePlan struct {
	places     []healing.Place
	own        string // account of the caller
	policy     healing.Policy
	exceptions func(ctx context.Context, group string) ([]healing.Exception, error) // nil: none are recorded
}

// healPlanLive shows what the policy would do to live groups. It only reads.
func (a *app) healPlanLive(ctx context.Context, f *healPlanFlags) error {
	cfg, err := a.aws(ctx)
	if err != nil {
		return err
	}
	plan, err := a.livePlan(ctx, cfg, f)
	if err != nil {
		return err
	}
	var report healPlan
	groups := securitygroups.New(session.NewWorkloads(cfg, f.role))
	for _, at := range plan.places {
		name := at.Account + " in " + at.Region
		if f.role == "" && at.Account != plan.own {
			report.add(name, "", errors.New("you are in account "+plan.own+": say --role with a role there that may read security groups, or --account "+plan.own))
			continue
		}
		found, unread, err := preview.Live(ctx, groups, plan.policy, at, a.now(), plan.exceptions)
		if err != nil {
			report.add(name, "", err)
		}
		for _, why := range unread {
			report.add(name, "", errors.New(why))
		}
		report.Places++
		report.Findings = append(report.Findings, found...)
	}
	return a.healPlanReport(f, report)
}

// livePlan asks the installation for its places, its policy and its exceptions,
// as far as the command line does not say them. Without one, it is the caller's
// account and region, and the default policy.
func (a *app) livePlan(ctx context.Context, cfg aws.Config, f *healPlanFlags) (plan livePlan, err error) {
	caller, err := session.Caller(ctx, cfg)
	if err != nil {
		return plan, err
	}
	if part := strings.SplitN(caller, ":", 6); len(part) == 6 {
		plan.own = part[4]
	}
	if plan.policy, err = readHealPolicy(f.policy); err != nil {
		return plan, err
	}
	if err := a.askInstallation(ctx, &plan, f); err != nil {
		return plan, err
	}
	if f.account != "" || len(plan.places) == 0 {
		plan.places = []healing.Place{{Account: cmp.Or(f.account, plan.own), Region: cfg.Region}}
	}
	return plan, nil
}

func (a *app) askInstallation(ctx context.Context, plan *livePlan, f *healPlanFlags) error {
	found, err := a.installation(ctx)
	if coded := (*codedError)(nil); errors.As(err, &coded) && coded.code == exitNotFound {
		a.progress("Evenkeel is not installed here: your own account, and %s", cmp.Or(f.policy, "the default policy"))
		return nil
	}
	if err != nil {
		return err
	}
	table, errTable := found.output("StateTable")
	prefix, errPrefix := found.output("ParameterPrefix")
	if err := errors.Join(errTable, errPrefix); err != nil {
		return err
	}
	state := healingstate.New(found.cfg, table, prefix, a.now)
	plan.exceptions = state.Exceptions
	if f.policy == "" {
		if plan.policy, err = state.Policy(ctx, 0); err != nil {
			return err
		}
	}
	if f.account != "" {
		return nil
	}
	if plan.places, err = state.Places(ctx); err != nil || len(plan.places) > 0 {
		return err
	}
	stacks, err := driftstate.New(found.cfg, table).Stacks(ctx)
	plan.places = healing.PlacesOf(stacks)
	return err
}
