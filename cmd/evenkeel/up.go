//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/local/cloud"
	suite "github.com/evenkeel/evenkeel/local/installation"
)

// upFlags are the settings of `evenkeel up`.
type upFlags struct {
	foreground, export, bare bool
	port                     int
	emulator, template       string
}

func newUpCommand(a *app) *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the local cloud and deploy the suite to it",
		Long: `Start the local cloud on 127.0.0.1 and deploy the suite to it from its synthesised template.
It runs in the background until "evenkeel down"; state and logs are in .evenkeel/.
A minute of a stage's bake time lasts one second there.`,
		Example: `  eval "$(evenkeel up --export)"   # and point this shell at it
  evenkeel up --foreground         # stay until Ctrl-C`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.foreground, "foreground", false, "stay in the foreground and stop the cloud at the end")
	flags.BoolVar(&f.export, "export", false, "print only the lines for the shell")
	flags.BoolVar(&f.bare, "bare", false, "start the cloud without deploying the suite")
	flags.IntVar(&f.port, "port", 0, "port of the endpoint (default: a free one)")
	flags.StringVar(&f.emulator, "emulator", "", "endpoint of a running emulator to use as the hub account")
	flags.StringVar(&f.template, "template", suite.GoldenTemplate, "synthesised template to deploy")
	return cmd
}

func (a *app) up(ctx context.Context, f upFlags) error {
	if !f.bare {
		if err := requireCheckout(f.template); err != nil {
			return err
		}
	}
	opts := cloud.Options{Root: ".", Port: f.port, Emulator: f.emulator, Progress: func(line string) { a.progress("%s", line) }}
	if f.foreground {
		return a.upForeground(ctx, opts, f)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The child keeps the cloud; this process deploys, so that a failed
	// deployment leaves a cloud to look into.
	child := []string{self, "up", "--foreground", "--bare", "--port", fmt.Sprint(f.port), "--emulator", f.emulator}
	state, err := cloud.UpDetached(ctx, opts, child)
	if err != nil {
		return err
	}
	if !f.bare {
		if err := a.deploySuite(ctx, state, f.template); err != nil {
			return err
		}
	}
	return a.print(state, func(w io.Writer) {
		if !f.export {
			fmt.Fprintln(w, "# The local cloud is up. Point a shell at it with these lines; `evenkeel down` stops it.")
		}
		fmt.Fprint(w, state.Exports())
	})
}

func (a *app) upForeground(ctx context.Context, opts cloud.Options, f upFlags) error {
	c, err := cloud.Up(ctx, opts)
	if err != nil {
		return err
	}
	defer c.Stop()
	if !f.bare {
		if err := a.deploySuite(ctx, c.State, f.template); err != nil {
			return err
		}
	}
	fmt.Fprint(a.out, c.State.Exports())
	return c.Wait(ctx)
}

// builds is where `make build` puts the functions.
var builds = filepath.Join("build", "lambda")

// requireCheckout is a usage error in a folder from which the suite cannot be
// deployed, before anything is started there.
func requireCheckout(template string) error {
	for _, path := range []string{template, builds} {
		if _, err := os.Stat(path); err != nil {
			return usageError("%s is not here: run this in a checkout of Evenkeel, after `make build`", path)
		}
	}
	return nil
}

// deploySuite deploys the functions in build/lambda by the synthesised template.
func (a *app) deploySuite(ctx context.Context, state cloud.State, template string) error {
	_, err := suite.Deploy(ctx, suite.Options{
		Endpoint: state.Endpoint, Account: state.Hub, Region: state.Region,
		Template: template, Builds: builds,
		Progress: func(line string) { a.progress("%s", line) },
	})
	return err
}

func newDownCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the local cloud and everything that it started",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cloud.Down(cmd.Context(), ".", func(line string) { a.progress("%s", line) })
		},
	}
}
