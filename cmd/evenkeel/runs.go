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
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newRunsCommand(a *app) *cobra.Command {
	limit := 20
	list := func(cmd *cobra.Command, _ []string) error { return a.runList(cmd.Context(), limit) }
	cmd := &cobra.Command{
		Use: "runs", Short: "Show what became of the pushes",
		Example: "  evenkeel runs\n  evenkeel runs show 1f0c9a7b",
		Args:    usageArgs(cobra.NoArgs), RunE: list,
	}
	listing := &cobra.Command{Use: "list", Short: "List the last runs", Args: usageArgs(cobra.NoArgs), RunE: list}
	listing.Flags().IntVar(&limit, "limit", limit, "how many")
	cmd.AddCommand(listing, newRunShowCommand(a))
	return cmd
}

func newRunShowCommand(a *app) *cobra.Command {
	wait := time.Duration(0)
	cmd := &cobra.Command{
		Use: "show run", Short: "Show one run: its stages, what it waits for or why it ended, and its timeline",
		Long: `Show one run. The beginning of its id is enough. With --wait, show it when it has ended or waits
for a person: for an approval, or in a rollout. Exit code 1 for a run that ended Rejected, RolledBack or Stuck.`,
		Example: "  evenkeel runs show 1f0c9a7b\n  evenkeel runs show 1f0c9a7b --wait 10m --json",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runShow(cmd.Context(), args[0], wait) },
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this long for the end of the run, or until it waits for a person")
	return cmd
}

func (a *app) runList(ctx context.Context, limit int) error {
	_, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	runs, err := reader.Runs(ctx, limit)
	if err != nil {
		return err
	}
	return a.print(runs, func(w io.Writer) {
		if len(runs) == 0 {
			fmt.Fprintln(w, "nothing was pushed yet")
			return
		}
		t := table(w)
		fmt.Fprintln(t, "RUN\tSTATE\tREPOSITORY\tBRANCH\tBY\tTOOK\tSTARTED\tREASON")
		for _, r := range runs {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.RunID, r.State, r.Repository, r.Branch, printable(r.Actor), took(r), ago(a.now(), r.Started), printable(r.Reason))
		}
		_ = t.Flush()
	})
}

func took(r ledger.RunView) string {
	return time.Duration(r.Seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

func (a *app) runShow(ctx context.Context, given string, wait time.Duration) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	reader, err := found.reader()
	if err != nil {
		return err
	}
	id, err := runID(ctx, reader, given)
	if err != nil {
		return err
	}
	report, err := a.awaitRun(ctx, reader, id, wait)
	if err != nil {
		return err
	}
	if err := a.print(report, func(w io.Writer) { a.runText(w, report) }); err != nil {
		return err
	}
	switch report.Outcome {
	case events.OutcomeRejected, events.OutcomeRolledBack, events.OutcomeStuck:
		return failed(report.Reason)
	}
	return nil
}

// awaitRun reads a run, again and again until it has ended, waits for a
// person, or wait has passed.
func (a *app) awaitRun(ctx context.Context, reader *ledger.Reader, id string, wait time.Duration) (ledger.RunReport, error) {
	told := ""
	for waited := time.Duration(0); ; waited += pollEvery {
		report, err := reader.Run(ctx, id)
		if err != nil || report.Finished || len(report.Approvals) > 0 || len(report.Paused()) > 0 || waited >= wait {
			return report, err
		}
		if report.State != told {
			told = report.State
			a.progress("run %s: %s", id, told)
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return report, err
		}
	}
}

func (a *app) runText(w io.Writer, r ledger.RunReport) {
	headline := fmt.Sprintf("run %s  %s", a.bold(r.RunID), a.runState(r.State))
	if r.Reason != "" {
		headline += ": " + printable(r.Reason)
	}
	fmt.Fprintln(w, headline)
	fmt.Fprintf(w, "%s %s %s by %s, %s in %s\n", r.Repository, r.Branch, r.Commit, r.Actor, ago(a.now(), r.Started), took(r.RunView))
	for _, f := range r.Findings {
		fmt.Fprintf(w, "  %s:%d:%d: %s %s: %s\n", f.File, f.Line, f.Column, a.severity(f.Severity), f.Rule, printable(f.Message))
	}
	if r.Failure != nil {
		fmt.Fprintf(w, "  first failure: %s\n", a.red(printable(ledger.FailureText(*r.Failure))))
	}
	t := table(w)
	for _, stage := range r.Stages {
		for _, s := range stage.Stacks {
			fmt.Fprintf(t, "  %s/%s\t%s\t%s%s\n", stage.Name, s.Stack, s.State, count(len(s.Changes), "change"), riskNote(s.Risk))
		}
	}
	_ = t.Flush()
	decisions(w, r)
	a.runRollouts(w, r)
	if r.Closed != nil {
		fmt.Fprintf(w, "waits for the stage %s: %s\n", r.Closed.Stage, printable(r.Closed.Reason))
	}
	for _, p := range r.Approvals {
		which := ""
		if len(r.Approvals) > 1 {
			which = " --stage " + p.Stage + " --stack " + p.Stack
		}
		fmt.Fprintf(w, "waits for approval of %s/%s: evenkeel approve %s%s\n", p.Stage, p.Stack, r.RunID, which)
	}
	timeline(w, r.Timeline)
}

// decisions writes what is recorded of each decision: by whom, with what, on
// what they saw.
func decisions(w io.Writer, r ledger.RunReport) {
	for _, stage := range r.Stages {
		for _, s := range stage.Stacks {
			d := s.Decision
			if d == nil {
				continue
			}
			done := "rejected"
			if d.Approved {
				done = "approved"
			}
			fmt.Fprintf(w, "  %s/%s %s by %s at %s", stage.Name, s.Stack, done, printable(d.By), d.At.UTC().Format(time.RFC3339))
			if d.Relation != "" {
				fmt.Fprintf(w, " (%s)", printable(d.Relation))
			}
			if v := d.Via; v != nil && v.Host != "" {
				fmt.Fprintf(w, ", with %s on %s as %s", printable(strings.TrimSpace(v.Client+" "+v.Version)), printable(v.Host), printable(v.User))
			}
			fmt.Fprintf(w, "\n    digest %s\n", printable(d.Digest))
			if d.Seen != nil {
				fmt.Fprintf(w, "    saw %s, SHA-256 %s\n", printable(d.Seen.Key), printable(d.Seen.SHA256))
			}
		}
	}
}

// riskNote is the rating of a plan, where there was a plan.
func riskNote(rating string) string {
	if rating == "" {
		return ""
	}
	return ", " + rating
}

// timeline writes the lines with their times.
func timeline(w io.Writer, lines []ledger.Line) {
	t := table(w)
	for _, line := range lines {
		fmt.Fprintf(t, "  %s\t%s\n", line.Time.UTC().Format("15:04:05.000"), printable(line.Text))
	}
	_ = t.Flush()
}

func (a *app) runState(state string) string {
	switch state {
	case events.OutcomeSucceeded:
		return a.green(state)
	case events.OutcomeRejected, events.OutcomeRolledBack, events.OutcomeStuck:
		return a.red(state)
	default:
		return a.yellow(state)
	}
}
