//go:build !validator

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
	"github.com/evenkeel/evenkeel/testdata/evasion"
)

// benchmarkFlags is the command line of heal benchmark.
type benchmarkFlags struct {
	folder  string
	command string
	only    []string
	timeout time.Duration
	verbose bool
}

func newHealBenchmarkCommand(a *app) *cobra.Command {
	f := &benchmarkFlags{}
	cmd := &cobra.Command{
		Use:   "benchmark",
		Short: "Put openings that evade, and changes that are harmless, to the healer or to another tool",
		Long: `Put the cases of the evasion benchmark to the healer of this program: each is a CloudTrail event and the
security groups around it. A case is passed when exactly the rules that are too open are closed, or none.
Nothing is read from or written to AWS.

With --command another tool is asked: one process for each case, which gets the case as JSON on standard
input and writes {"action": "close", "rules": ["sgr-…"]} to standard output. Cases that need a memory of
earlier events are left out then. The protocol is in testdata/evasion/README.md of the source.

Exit code 1 when a case is not passed.`,
		Example: `  evenkeel heal benchmark
  evenkeel heal benchmark --only halves --verbose
  evenkeel heal benchmark --command "python3 adapter.py"`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.healBenchmark(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.folder, "dir", "", "folder of cases (default: those of this program)")
	flags.StringVar(&f.command, "command", "", "another tool, started by sh -c for each case")
	flags.StringSliceVar(&f.only, "only", nil, "ids of the cases to run")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long the command may take for a case")
	flags.BoolVar(&f.verbose, "verbose", false, "list the cases that were passed too")
	return cmd
}

// benchmarkReport is what --json prints.
type benchmarkReport struct {
	Score    benchmark.Score     `json:"score"`
	Left     int                 `json:"leftOut"` // cases that the command was not asked
	Verdicts []benchmark.Verdict `json:"verdicts"`
}

func (a *app) healBenchmark(ctx context.Context, f *benchmarkFlags) error {
	cases, err := f.cases()
	if err != nil {
		return err
	}
	var healer benchmark.Healer = benchmark.Evenkeel{}
	if f.command != "" {
		healer = commandHealer{f.command, f.timeout}
	}
	asked := slices.DeleteFunc(slices.Clone(cases), func(c benchmark.Case) bool { return f.command != "" && !c.Alone() })
	report := benchmarkReport{Left: len(cases) - len(asked), Verdicts: verdicts(ctx, asked, healer)}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, v := range report.Verdicts {
		report.Score.Add(v)
	}
	if err := a.print(report, func(w io.Writer) { a.benchmarkText(w, report, f.verbose) }); err != nil {
		return err
	}
	if !report.Score.Perfect() {
		return failed("not every case was passed")
	}
	return nil
}

// verdicts puts the cases to the healer, as many at a time as there are
// processors, and keeps their order.
func verdicts(ctx context.Context, cases []benchmark.Case, h benchmark.Healer) []benchmark.Verdict {
	all := make([]benchmark.Verdict, len(cases))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				all[i] = benchmark.Run(ctx, cases[i], h)
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	workers.Wait()
	return all
}

// cases reads the corpus and keeps those that are asked for.
func (f *benchmarkFlags) cases() ([]benchmark.Case, error) {
	var folder fs.FS = evasion.Cases
	if f.folder != "" {
		folder = os.DirFS(f.folder)
	}
	cases, err := benchmark.Load(folder)
	if err != nil {
		return nil, usageError("the cases cannot be used:\n%w", err)
	}
	for _, id := range f.only {
		if !slices.ContainsFunc(cases, func(c benchmark.Case) bool { return c.ID == id }) {
			return nil, notFound("no case %q; `evenkeel heal benchmark --verbose` lists all", id)
		}
	}
	if len(f.only) > 0 {
		cases = slices.DeleteFunc(cases, func(c benchmark.Case) bool { return !slices.Contains(f.only, c.ID) })
	}
	return cases, nil
}

func (a *app) benchmarkText(w io.Writer, report benchmarkReport, verbose bool) {
	for _, v := range report.Verdicts {
		if v.Passed && !verbose {
			continue
		}
		mark := a.red("failed")
		if v.Passed {
			mark = "passed"
		}
		fmt.Fprintf(w, "%s  %s  %s: %s\n", mark, v.Kind, a.bold(v.ID), v.Title)
		for _, fault := range v.Faults {
			for line := range strings.SplitSeq(fault, "\n") {
				fmt.Fprintf(w, "        %s\n", printable(line))
			}
		}
	}
	for _, n := range []struct {
		kind  benchmark.Kind
		count benchmark.Count
	}{{benchmark.MustFire, report.Score.MustFire}, {benchmark.MustBeSilent, report.Score.MustBeSilent}} {
		fmt.Fprintf(w, "%-14s  %3d of %3d passed, fired in %d\n", n.kind, n.count.Passed, n.count.Cases, n.count.Fired)
	}
	if report.Left > 0 {
		fmt.Fprintf(w, "%s left out: they need a memory of earlier events, a second delivery or a sweep\n", count(report.Left, "case"))
	}
}

// commandHealer asks another program.
type commandHealer struct {
	line    string
	timeout time.Duration
}

// maxAnswer is how much of an answer, and of what a command says on standard
// error, is read, in bytes.
const maxAnswer = 64 << 10

// Heal implements benchmark.Healer.
func (h commandHealer) Heal(ctx context.Context, c benchmark.Case) (benchmark.Answer, error) {
	question, err := json.Marshal(c.Question())
	if err != nil {
		return benchmark.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", h.line) //nolint:gosec // the user's own command line
	cmd.WaitDelay = time.Second                         // of what the shell started
	var said, answered limited
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(question), &answered, &said
	err = cmd.Run()
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("the command took longer than %s", h.timeout)
	case err == nil:
		var answer benchmark.Answer
		if answer, err = benchmark.DecodeAnswer(answered.Bytes()); err == nil {
			return answer, nil
		}
	}
	if text := strings.TrimSpace(said.String()); text != "" {
		err = fmt.Errorf("%w; it said:\n%s", err, text)
	}
	return benchmark.Answer{}, err
}

// limited keeps the first maxAnswer bytes.
type limited struct{ bytes.Buffer }

// Write implements io.Writer.
func (l *limited) Write(data []byte) (int, error) {
	l.Buffer.Write(data[:min(len(data), max(0, maxAnswer-l.Len()))])
	return len(data), nil
}
