//go:build !validator

package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

func newRolloutCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Show how traffic is moved to what was deployed, and take a hand in it",
		Long: `Show the rollouts of all stacks: who has which share of the traffic, what decided that, and what comes
next. A rollout is named by its stage and stack, by account/region/stack, or by the beginning of its
run or of its own id. docs/rollouts.md says what a rollout does by itself.`,
		Example: "  evenkeel rollout\n  evenkeel rollout status prod/api --watch\n  evenkeel rollout abort prod/api --reason \"orders are lost\"",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.rolloutStatus(cmd.Context(), "", nil) },
	}
	cmd.AddCommand(newRolloutStatusCommand(a), newRolloutGraphCommand(a))
	for name, d := range deeds() {
		cmd.AddCommand(newDeedCommand(a, name, d)) // cobra sorts them
	}
	return cmd
}

func newRolloutStatusCommand(a *app) *cobra.Command {
	watching := false
	every := watchEvery
	cmd := &cobra.Command{
		Use:   "status [stage/stack | account/region/stack | run]",
		Short: "Show who has which share of the traffic, what decided that, and what comes next",
		Long: `Show a rollout: the weights in force, its steps, what was measured, and its timeline with the values that
decided; without a name, list the last rollout of every stack. Exit code 1 for one that was aborted or
switched back.

--watch shows it again whenever something happened, until the traffic is settled: promoted, aborted or
switched back. With --json it writes one line of JSON each time. Ctrl-C ends the watching only.`,
		Example:           "  evenkeel rollout status\n  evenkeel rollout status prod/api --watch\n  evenkeel rollout status 333333333333/us-east-1/shop-api-prod --json\n  evenkeel rollout status 1f0c9a7b",
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.rolloutNames(func(rollout.Record) bool { return true }),
		RunE: func(cmd *cobra.Command, args []string) error {
			var watch *time.Duration
			if every <= 0 {
				return usageError("--interval %s is not a time to wait", every)
			}
			if watching {
				watch = &every
			}
			return a.rolloutStatus(cmd.Context(), strings.Join(args, ""), watch)
		},
	}
	cmd.Flags().BoolVarP(&watching, "watch", "w", false, "show it again whenever something happened")
	cmd.Flags().DurationVar(&every, "interval", every, "how often --watch looks")
	return cmd
}

// rollouts opens the records of the installation, and the bucket with those
// that newer ones have replaced.
func (i *installation) rollouts() (rollout.Records, *objects.Bucket, error) {
	table, tableErr := i.output("StateTable")
	bucket, bucketErr := i.output("Bucket")
	if err := errors.Join(tableErr, bucketErr); err != nil {
		return nil, nil, err
	}
	return rolloutstate.New(i.cfg, table), objects.New(i.cfg, bucket), nil
}

// rolloutNames completes the names of the rollouts that fit.
func (a *app) rolloutNames(fits func(rollout.Record) bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionWait)
		defer cancel()
		found, err := a.installation(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		records, _, err := found.rollouts()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		all, err := records.List(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, r := range all {
			if fits(r) {
				names = append(names, unambiguous(r, all)+"\t"+phaseText(r))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completionWait is how long a shell may hang for the names.
const completionWait = 3 * time.Second
