//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/healing"
)

func newHealModeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mode [observe|enforce]",
		Short: "Show or set whether the healer closes what is too open, or only reports it",
		Long: `Without an argument, show the mode. "observe" reports what would be closed, "enforce" closes it.
The rest of the policy stays as it is written; a scope of it may have a mode of its own. The healer follows within half a minute.`,
		Example: "  evenkeel heal mode enforce",
		Args:    usageArgs(cobra.MaximumNArgs(1)), ValidArgs: []string{string(healing.Observe), string(healing.Enforce)},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.healMode(cmd.Context(), "")
			}
			mode := healing.Mode(args[0])
			if mode != healing.Observe && mode != healing.Enforce {
				return usageError("%q is no mode; the modes are observe and enforce", args[0])
			}
			return a.healMode(cmd.Context(), mode)
		},
	}
}

// healMode shows the mode, after setting it unless mode is empty.
func (a *app) healMode(ctx context.Context, mode healing.Mode) error {
	policies, err := a.healPolicies(ctx)
	if err != nil {
		return err
	}
	document, policy, err := policies.read(ctx)
	if err != nil {
		return err
	}
	if mode != "" && mode != policy.Mode {
		if document, err = healing.WithMode(document, mode); err != nil {
			return err
		}
		if err := policies.write(ctx, document); err != nil {
			return err
		}
		policy.Mode = mode
	}
	return a.print(policy, func(w io.Writer) {
		fmt.Fprintln(w, policy.Mode)
		for _, s := range policy.Scopes {
			if s.Mode != "" {
				fmt.Fprintf(w, "%s in the scope %q\n", s.Mode, s.Name)
			}
		}
	})
}
