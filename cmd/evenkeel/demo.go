//go:build !validator

package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/local/demo"
	suite "github.com/evenkeel/evenkeel/local/installation"
)

func newDemoCommand(a *app) *cobra.Command {
	var template string
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play the main job on a local cloud of its own",
		Long: `Start a local cloud, deploy the suite to it, push a real git repository and show what happens:
validated, planned, approved, deployed; rejected; rolled back; drift found and righted; an open
security group closed. Ends with a table of what was observed, and fails if anything is missing.
Run it in a checkout after "make build", or use "make demo".`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), template, keep) },
	}
	cmd.Flags().StringVar(&template, "template", suite.GoldenTemplate, "synthesised template to deploy")
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the local cloud running at the end, until Ctrl-C")
	return cmd
}

func (a *app) demo(ctx context.Context, template string, keep bool) error {
	if err := requireCheckout(template); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{
		Project: ".", Root: filepath.Join(".evenkeel", "demo"), Template: template, CLI: self,
		Out: a.out, Color: a.coloured(), Keep: keep,
	}, demo.MainJob()...)
}
