//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newDriftCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Find where deployed stacks are not as their templates say, and bring them back",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.driftList(cmd.Context()) },
	}
	cmd.AddCommand(newDriftScanCommand(a), newDriftRevertCommand(a), &cobra.Command{
		Use: "list", Short: "Show the last scan of every stack", Args: usageArgs(cobra.NoArgs), RunE: cmd.RunE,
	})
	return cmd
}

// driftWait is how long the CLI waits for a scan; the scan itself goes on.
const driftWait = 30 * time.Minute

func newDriftScanCommand(a *app) *cobra.Command {
	wait, engine := driftWait, drift.EngineAuto
	cmd := &cobra.Command{
		Use:   "scan [stack...]",
		Short: "Scan stacks for drift now, and show what was found",
		Long: `Start the drift workflow for the stacks, by CloudFormation name or ARN, or for every deployed
stack; wait, and show status, coverage and differences. Nested stacks are scanned too. The engine
auto asks CloudFormation, and reads every resource through Cloud Control; each can be asked alone.
Exit code 1 when a stack is not IN_SYNC.`,
		Example: `  evenkeel drift scan
  evenkeel drift scan shop-network-test shop-data-test --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drift.ParseEngine(engine); err != nil {
				return usageError("%w", err)
			}
			return a.driftScan(cmd.Context(), drift.Request{Stacks: args, Engine: engine}, wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "timeout", wait, "how long to wait for the result")
	cmd.Flags().StringVar(&engine, "engine", engine, "what looks for drift: auto, cloudformation or live")
	return cmd
}

func newDriftRevertCommand(a *app) *cobra.Command {
	wait, yes := driftWait, false
	cmd := &cobra.Command{
		Use:   "revert stack",
		Short: "Bring a drifted stack back to its template, behind a guard",
		Long: `Scan the stack again, plan the way back as a change set, refuse it if anything but the drifted
resources would change or if anything would be replaced or deleted, execute it, and scan once more.
Exit code 1 when the stack is not in sync at the end.`,
		Example: `  evenkeel drift revert shop-data-prod`,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.driftRevert(cmd.Context(), args[0], wait, yes)
		},
	}
	cmd.Flags().DurationVar(&wait, "timeout", wait, "how long to wait for the result")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// driftResult is what a scan or a revert ended with.
type driftResult struct {
	drift.Summary
	Scans []events.DriftScanned `json:"scans"` // with the differences
}

func (a *app) driftScan(ctx context.Context, request drift.Request, wait time.Duration) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	return a.runDrift(ctx, found, request, wait)
}

func (a *app) driftRevert(ctx context.Context, stack string, wait time.Duration, yes bool) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	if !yes {
		agreed, err := a.confirmRevert(ctx, found, stack)
		if err != nil || !agreed {
			return err
		}
	}
	return a.runDrift(ctx, found, drift.Request{Stacks: []string{stack}, Revert: true}, wait)
}

// confirmRevert shows the last scan of the stack and asks.
func (a *app) confirmRevert(ctx context.Context, found *installation, stack string) (bool, error) {
	reader, err := found.reader()
	if err != nil {
		return false, err
	}
	views, err := reader.Drifts(ctx)
	if err != nil {
		return false, err
	}
	for _, v := range views {
		if v.StackName == stack || v.StackID == stack {
			if err := drift.RenderText(a.err, []events.DriftScanned{v.Scan()}); err != nil {
				return false, err
			}
		}
	}
	agreed, err := a.confirm("Scan " + stack + " again and bring it back?")
	if err == nil && !agreed {
		a.progress("nothing was changed")
	}
	return agreed, err
}

func (a *app) runDrift(ctx context.Context, found *installation, request drift.Request, wait time.Duration) error {
	by, err := session.Caller(ctx, found.cfg)
	if err != nil {
		return err
	}
	request.RequestedBy = by
	result := driftResult{}
	if err := a.runWorkflow(ctx, found, "DriftWorkflow", "drift scan", request, &result.Summary, wait); err != nil {
		return err
	}
	if result.Scans, err = scansOf(ctx, found, result.Summary); err != nil {
		return err
	}
	if err := a.print(result, func(w io.Writer) { a.driftText(w, result) }); err != nil {
		return err
	}
	if !clean(result.Summary) {
		return failed("not every stack is in sync")
	}
	return nil
}

// clean reports whether every stack is in sync, at least now.
func clean(s drift.Summary) bool {
	return !slices.ContainsFunc(s.Stacks, func(r drift.Result) bool {
		return r.Outcome != drift.OutcomeInSync && r.Outcome != drift.OutcomeReverted
	})
}

// settle is how long the ledger may take to record the last facts of a scan
// whose workflow has ended.
const settle = 10 * time.Second

// scansOf reads the scans of the summary's stacks from the ledger.
func scansOf(ctx context.Context, found *installation, s drift.Summary) ([]events.DriftScanned, error) {
	reader, err := found.reader()
	if err != nil {
		return nil, err
	}
	scans := []events.DriftScanned{}
	for _, r := range s.Stacks {
		if r.Status == "" {
			continue // nothing was detected, so there is no scan
		}
		v, err := lastScan(ctx, reader, r, s.ScanID)
		if err != nil {
			return nil, err
		}
		scans = append(scans, v)
	}
	return scans, nil
}

// lastScan waits until the ledger has the stack's scan, which the bus delivers
// a moment after the workflow has ended. What never comes is shown from the
// summary, without its differences.
func lastScan(ctx context.Context, reader *ledger.Reader, r drift.Result, scanID string) (events.DriftScanned, error) {
	subject := ledger.DriftSubject(r.Account, r.Region, r.StackName)
	for waited := time.Duration(0); ; waited += pollEvery {
		entries, err := reader.Entries.Of(ctx, subject)
		if err != nil {
			return events.DriftScanned{}, err
		}
		v, scanned, err := ledger.Drift(entries)
		if err != nil {
			return events.DriftScanned{}, err
		}
		if scanned && v.ScanID == scanID && v.Status == r.Status {
			return v.Scan(), nil
		}
		if waited >= settle {
			return events.DriftScanned{
				StackRef: events.StackRef{StackName: r.StackName, Account: r.Account, Region: r.Region}, ScanID: scanID, Status: r.Status,
				Coverage: r.Coverage, Reason: "the ledger does not have the differences yet",
			}, nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return events.DriftScanned{}, err
		}
	}
}

func (a *app) driftText(w io.Writer, result driftResult) {
	if len(result.Stacks) == 0 {
		fmt.Fprintln(w, "no stack to scan: nothing was deployed yet")
		return
	}
	if err := drift.RenderText(w, result.Scans); err != nil {
		fmt.Fprintln(a.err, err)
	}
	for _, r := range result.Stacks {
		line := fmt.Sprintf("%s: %s", r.StackName, a.outcome(r.Outcome))
		for i, reason := range r.Reasons {
			line += [2]string{": ", "; "}[min(i, 1)] + reason
		}
		fmt.Fprintln(w, line)
	}
}

func (a *app) outcome(outcome string) string {
	switch outcome {
	case drift.OutcomeInSync, drift.OutcomeReverted:
		return a.green(outcome)
	case drift.OutcomeDrifted, drift.OutcomeRevertRefused, drift.OutcomeFailed:
		return a.red(outcome)
	default:
		return a.yellow(outcome)
	}
}

func (a *app) driftList(ctx context.Context) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	reader, err := found.reader()
	if err != nil {
		return err
	}
	views, err := reader.Drifts(ctx)
	if err != nil {
		return err
	}
	return a.print(views, func(w io.Writer) { a.driftTable(w, views) })
}

func (a *app) driftTable(w io.Writer, views []ledger.DriftView) {
	if len(views) == 0 {
		fmt.Fprintln(w, "no stack was scanned yet; see `evenkeel drift scan`")
		return
	}
	t := table(w)
	fmt.Fprintln(t, "STACK\tACCOUNT\tREGION\tSTATUS\tDRIFTED\tCOVERAGE\tSCANNED")
	for _, v := range views {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", v.StackName, v.Account, v.Region, v.Status, len(v.Scan().Drifted()), drift.CoverageText(v.Coverage), ago(a.now(), v.Scanned))
	}
	_ = t.Flush()
}
