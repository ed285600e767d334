//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/rollout"
)

func newRolloutGraphCommand(a *app) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use:   "graph stage/stack|account/region/stack|run",
		Short: "Draw the weights of a rollout over time as an SVG",
		Long: `Draw what share of the traffic the new side had at which time, with what was measured and decided, from the
record of the rollout. One that still runs is drawn as far as it is; an old one by the id of its run.`,
		Example:           "  evenkeel rollout graph prod/api -o rollout.svg\n  evenkeel rollout graph 1f0c9a7b > rollout.svg",
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: a.rolloutNames(func(rollout.Record) bool { return true }),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.rolloutGraph(cmd.Context(), args[0], file) },
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write (default: standard output)")
	return cmd
}

// graph is a drawing as --json shows it.
type graph struct {
	ID   string `json:"id"`
	File string `json:"file,omitempty"`
	SVG  string `json:"svg,omitempty"` // when it is in no file
}

func (a *app) rolloutGraph(ctx context.Context, which, file string) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	shown, _, err := a.shownRollouts(ctx, found, which)
	if err != nil {
		return err
	}
	if len(shown) > 1 {
		return severalRollouts(shown, which)
	}
	drawn := graph{ID: shown[0].ID, File: file}
	svg := rollout.Graph(shown[0], a.now())
	if file == "" {
		drawn.SVG = string(svg)
	} else if err := os.WriteFile(file, svg, 0o644); err != nil { //nolint:gosec // a picture is for everybody
		return err
	}
	return a.print(drawn, func(w io.Writer) {
		if file == "" {
			_, _ = w.Write(svg)
			return
		}
		fmt.Fprintf(w, "%s drawn into %s\n", drawn.ID, file)
	})
}
