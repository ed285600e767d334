package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/shared/adapter/journal"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// World is what the steps act on: the running cloud, the installed suite, and
// what earlier steps left for later ones.
type World struct {
	Report  *Report
	Cloud   *cloud.Cloud
	Outputs map[string]string // of the suite's stack
	Opts    Options

	ledger *journal.Table
	shop   *Repository
	commit string // of the last push
	runID  string // of the last push
}

func newWorld(c *cloud.Cloud, outputs map[string]string, opts Options, report *Report) *World {
	w := &World{Report: report, Cloud: c, Outputs: outputs, Opts: opts}
	w.ledger = journal.New(w.account(c.State.Hub), outputs["LedgerTable"])
	return w
}

// account returns a configuration that speaks to the local cloud as somebody
// in that account.
func (w *World) account(id string) aws.Config {
	return aws.Config{
		Region:       w.Cloud.State.Region,
		BaseEndpoint: aws.String(w.Cloud.State.Endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(id, "local", ""),
	}
}

// evenkeel runs the CLI as a person would, in the hub account.
func (w *World) evenkeel(ctx context.Context, args ...string) (string, error) {
	return w.evenkeelReading(ctx, "", args...)
}

// evenkeelReading is evenkeel with a text on standard input.
func (w *World) evenkeelReading(ctx context.Context, input string, args ...string) (string, error) {
	return w.evenkeelWith(ctx, nil, input, args...)
}

// evenkeelWith is evenkeelReading with further environment variables.
func (w *World) evenkeelWith(ctx context.Context, env map[string]string, input string, args ...string) (string, error) {
	cli, err := filepath.Abs(w.Opts.CLI)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, cli, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = os.Environ()
	for name, value := range w.Cloud.State.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("evenkeel %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(diagnostics.String()))
	}
	return out.String(), nil
}

// await asks check every 50 ms until it is true, fails, or ctx ends. waiting
// says what is missing when the time is up.
func await(ctx context.Context, waiting string, check func() (bool, error)) error {
	for {
		done, err := check()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %w", waiting, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// awaitRun waits for the run of a commit to appear in the ledger.
func (w *World) awaitRun(ctx context.Context, commit string) (string, error) {
	id := ""
	err := await(ctx, "a run of commit "+commit[:8], func() (bool, error) {
		subjects, err := w.ledger.Subjects(ctx, ledger.KindRun, 10)
		if err != nil {
			return false, err
		}
		for _, subject := range subjects {
			starts, err := facts[events.RunStarted](ctx, w, subject)
			if err != nil {
				return false, err
			}
			if len(starts) > 0 && starts[0].Commit == commit {
				id = starts[0].RunID
				return true, nil
			}
		}
		return false, nil
	})
	return id, err
}

// awaitFact waits for a fact of the type T under the subject that match takes.
func awaitFact[T events.Data](ctx context.Context, w *World, subject string, match func(T) bool) (T, error) {
	var found T
	err := await(ctx, found.DetailType()+" of "+subject, func() (bool, error) {
		facts, err := facts[T](ctx, w, subject)
		if err != nil {
			return false, err
		}
		for _, fact := range facts {
			if match(fact) {
				found = fact
				return true, nil
			}
		}
		return false, w.endedEarly(ctx, subject, found.DetailType())
	})
	return found, err
}

// endedEarly is an error when a run has finished while something else of it is
// waited for: there is no point in waiting on.
func (w *World) endedEarly(ctx context.Context, subject, waiting string) error {
	if waiting == (events.RunFinished{}).DetailType() {
		return nil
	}
	ends, err := facts[events.RunFinished](ctx, w, subject)
	if err != nil || len(ends) == 0 {
		return err
	}
	return fmt.Errorf("the run ended %s instead: %s%s", ends[0].Outcome, ends[0].Reason, describe(ends[0].Failure))
}

func describe(f *events.Failure) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf(" (%s/%s: %s %s: %s)", f.Stage, f.Stack, f.LogicalID, f.ResourceType, f.Reason)
}

// facts returns all facts of a type under a subject, in order.
func facts[T events.Data](ctx context.Context, w *World, subject string) ([]T, error) {
	entries, err := w.ledger.Of(ctx, subject)
	if err != nil {
		return nil, err
	}
	var found []T
	for _, entry := range entries {
		var fact T
		if entry.DetailType != fact.DetailType() {
			continue
		}
		if fact, err = ledger.DataOf[T](entry); err != nil {
			return nil, err
		}
		found = append(found, fact)
	}
	return found, nil
}

// expect is an error that names both values when they differ.
func expect[T comparable](what string, got, want T) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s is %v, want %v", what, got, want)
}

var errNothing = errors.New("nothing was found")
