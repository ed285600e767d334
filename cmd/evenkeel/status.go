//go:build !validator

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/local/cloud"
)

// status is what `evenkeel status` prints.
type status struct {
	LocalCloud   *cloud.State      `json:"localCloud"`   // null when none runs in this folder
	Installation map[string]string `json:"installation"` // outputs of the stack; null when not installed
	Region       string            `json:"region,omitempty"`
}

func newStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the local cloud of this folder and the installation that this shell points at",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context()) },
	}
}

func (a *app) status(ctx context.Context) error {
	var s status
	if local, err := cloud.Status(ctx, "."); err == nil {
		s.LocalCloud = &local
	}
	found, missing := a.installation(ctx)
	if missing == nil {
		s.Installation, s.Region = found.outputs, found.cfg.Region
	}
	if err := a.print(s, func(w io.Writer) { printStatus(w, s, missing) }); err != nil {
		return err
	}
	var coded *codedError
	if missing != nil && !errors.As(missing, &coded) {
		return missing
	}
	if missing != nil {
		return &codedError{code: coded.code, silent: true, err: missing}
	}
	return nil
}

func printStatus(w io.Writer, s status, missing error) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.LocalCloud == nil {
		fmt.Fprintln(table, "local cloud\tnot up in this folder")
	} else {
		fmt.Fprintf(table, "local cloud\t%s\tlogs in %s\n", s.LocalCloud.Endpoint, s.LocalCloud.Logs)
		for _, p := range s.LocalCloud.Processes {
			fmt.Fprintf(table, "  %s\t%s\tpid %d\n", p.Name, p.Endpoint, p.Pid)
		}
	}
	if missing != nil {
		fmt.Fprintf(table, "installation\t%v\n", missing)
	} else {
		fmt.Fprintf(table, "installation\tin %s\n", s.Region)
		for _, name := range slices.Sorted(maps.Keys(s.Installation)) {
			fmt.Fprintf(table, "  %s\t%s\n", name, s.Installation[name])
		}
	}
	_ = table.Flush()
}
