//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift"
)

func newDriftAcceptCommand(a *app) *cobra.Command {
	var ask drift.Acceptance
	var until string
	cmd := &cobra.Command{
		Use:   "accept stack logicalId [path]",
		Short: "Make what is live the baseline, with a reason",
		Long: `Accept what the last scan found at a resource, or at one property of it given by its JSON pointer.
It is in later reports, but nobody is told, no build fails, and no revert takes it away. It is drift
again when it changes, when --until is over, or after "evenkeel drift unaccept".`,
		Example: `  evenkeel drift accept shop-data-prod Jobs /VisibilityTimeout --reason "load test" --until 2027-01-31
  evenkeel drift accept shop-data-prod News --reason "deleted on purpose, see #214"`,
		Args: usageArgs(cobra.RangeArgs(2, 3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if ask.Until, err = parseUntil(until); err != nil {
				return err
			}
			if err := acceptanceOf(&ask, args); err != nil {
				return err
			}
			return a.driftAccept(cmd.Context(), ask)
		},
	}
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "why it may stay; kept in the ledger")
	cmd.Flags().StringVar(&until, "until", "", "the last day, 2027-01-31, or an instant in RFC 3339; without it, until it changes")
	return cmd
}

func newDriftUnacceptCommand(a *app) *cobra.Command {
	var ask drift.Acceptance
	cmd := &cobra.Command{
		Use:     "unaccept stack logicalId [path]",
		Short:   "Take an acceptance back: it is drift again",
		Example: `  evenkeel drift unaccept shop-data-prod Jobs /VisibilityTimeout`,
		Args:    usageArgs(cobra.RangeArgs(2, 3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := acceptanceOf(&ask, args); err != nil {
				return err
			}
			return a.driftUnaccept(cmd.Context(), ask)
		},
	}
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "why; kept in the ledger")
	return cmd
}

// acceptanceOf reads stack, logical id and path.
func acceptanceOf(ask *drift.Acceptance, args []string) error {
	ask.Stack, ask.LogicalID = args[0], args[1]
	if len(args) > 2 {
		ask.Path = args[2]
	}
	if ask.Path != "" && !strings.HasPrefix(ask.Path, "/") {
		return usageError("%q is no JSON pointer, such as /Tags/0; `evenkeel drift show %s` has those that drifted", ask.Path, ask.Stack)
	}
	return nil
}

// parseUntil is an instant; a day counts to its end in UTC.
func parseUntil(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageError("--until %q is neither a day such as 2027-01-31 nor an instant in RFC 3339", text)
	}
	return instant.UTC(), nil
}

// driftAccept accepts what the last scan in the ledger found, and nothing else.
func (a *app) driftAccept(ctx context.Context, ask drift.Acceptance) error {
	if strings.TrimSpace(ask.Reason) == "" {
		reason, err := a.ask("Why may it stay?", "reason")
		if err != nil {
			return err
		}
		if ask.Reason = reason; reason == "" {
			return usageError("drift is accepted for a reason: say --reason")
		}
	}
	found, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	view, err := scannedStack(ctx, reader, ask.Stack)
	if err != nil {
		return err
	}
	ask.Stack, ask.Seen = view.StackID, view.Digest
	return a.changeBaseline(ctx, found, "accept", ask)
}

func (a *app) driftUnaccept(ctx context.Context, ask drift.Acceptance) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	return a.changeBaseline(ctx, found, "unaccept", ask)
}

func (a *app) changeBaseline(ctx context.Context, found *installation, action string, ask drift.Acceptance) error {
	var err error
	if ask.By, err = session.Caller(ctx, found.cfg); err != nil {
		return err
	}
	var done events.DriftAccepted
	request := map[string]any{"action": action, "accept": ask}
	if err := found.invoke(ctx, "DriftFunction", request, &done); err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) {
		switch {
		case done.Withdrawn:
			fmt.Fprintf(w, "%s%s of %s is drift again\n", done.LogicalID, done.Path, done.StackName)
		case done.Until.IsZero():
			fmt.Fprintf(w, "%s%s of %s is accepted until it changes\n", done.LogicalID, done.Path, done.StackName)
		default:
			fmt.Fprintf(w, "%s%s of %s is accepted until %s, or until it changes\n", done.LogicalID, done.Path, done.StackName, done.Until.UTC().Format(time.RFC3339))
		}
	})
}
