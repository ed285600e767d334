// Package demo plays the main job of the suite on a local cloud of its own and
// checks that everything happened: `make demo` shows it to a person, and the
// end-to-end test runs the same steps and more.
package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/local/installation"
)

// Options says where the demonstration runs.
type Options struct {
	Project  string // the checkout: testdata, build/lambda and the golden template are in it
	Root     string // folder for the state and logs of the local cloud; emptied first
	Template string // path of the synthesised template
	CLI      string // path of the evenkeel binary, which acts as the person
	Probe    string // folder of a compiled function for workload accounts; the end-to-end test has one
	Out      io.Writer
	Color    bool
	Keep     bool // leave the cloud running until ctx ends
}

// Run starts a local cloud, deploys the suite, plays the groups and prints the
// summary. The error names what was not observed. Everything that was started
// is stopped.
func Run(ctx context.Context, opts Options, groups ...Group) error {
	report := NewReport(opts.Out, opts.Color, time.Now)
	w, err := start(ctx, opts, report)
	if err != nil {
		return err
	}
	defer w.Cloud.Stop()
	played := Play(ctx, w, groups...)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; everything that was started is stopped: %w", ctx.Err())
	}
	report.Summary()
	state := w.Cloud.State
	if played != nil {
		return fmt.Errorf("%w\nlogs are in %s", played, state.Logs)
	}
	if opts.Keep {
		report.Line("the local cloud stays up until Ctrl-C; point a shell at it with:")
		report.Block(state.Exports())
		return w.Cloud.Wait(ctx)
	}
	return nil
}

// start starts the local cloud with the suite deployed. The caller stops it.
func start(ctx context.Context, opts Options, report *Report) (*World, error) {
	if err := os.RemoveAll(opts.Root); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Root, 0o755); err != nil {
		return nil, err
	}
	report.heading("Local cloud")
	progress := func(line string) { report.Line("%s", line) }
	c, err := cloud.Up(ctx, cloud.Options{Root: opts.Root, Project: opts.Project, Progress: progress})
	if err != nil {
		return nil, err
	}
	outputs, err := installation.Deploy(ctx, installation.Options{
		Endpoint: c.State.Endpoint, Account: c.State.Hub, Region: c.State.Region,
		Template: opts.Template, Builds: filepath.Join(opts.Project, "build", "lambda"), Progress: progress,
	})
	if err != nil {
		c.Stop()
		return nil, fmt.Errorf("%w\nlogs are in %s", err, c.State.Logs)
	}
	return newWorld(c, outputs, opts, report), nil
}
