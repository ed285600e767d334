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
	Out      io.Writer
	Color    bool
	Keep     bool // leave the cloud running until ctx ends
}

// Run starts a local cloud, deploys the suite, plays the groups and prints the
// summary. The error names what was not observed. Everything that was started
// is stopped.
func Run(ctx context.Context, opts Options, groups ...Group) error {
	report := NewReport(opts.Out, opts.Color, time.Now)
	if err := os.RemoveAll(opts.Root); err != nil {
		return err
	}
	if err := os.MkdirAll(opts.Root, 0o755); err != nil {
		return err
	}
	report.heading("Local cloud")
	progress := func(line string) { report.Line("%s", line) }
	c, err := cloud.Up(ctx, cloud.Options{Root: opts.Root, Project: opts.Project, Progress: progress})
	if err != nil {
		return err
	}
	defer c.Stop()
	outputs, err := installation.Deploy(ctx, installation.Options{
		Endpoint: c.State.Endpoint, Account: c.State.Hub, Region: c.State.Region,
		Template: opts.Template, Builds: filepath.Join(opts.Project, "build", "lambda"), Progress: progress,
	})
	if err != nil {
		return fmt.Errorf("%w\nlogs are in %s", err, c.State.Logs)
	}
	w := newWorld(c, outputs, opts, report)
	played := Play(ctx, w, groups...)
	report.Summary()
	if played != nil {
		return fmt.Errorf("%w\nlogs are in %s", played, c.State.Logs)
	}
	if opts.Keep {
		report.Line("the local cloud stays up until Ctrl-C; point a shell at it with:")
		report.Block(c.State.Exports())
		return c.Wait(ctx)
	}
	return nil
}
