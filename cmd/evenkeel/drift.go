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
	"github.com/evenkeel/evenkeel/shared/drift/report"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newDriftCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Find where deployed stacks are not as their templates say, and bring them back",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.driftList(cmd.Context(), driftOutput{format: string(report.Text), failOn: report.FailOnNone})
		},
	}
	cmd.AddCommand(newDriftScanCommand(a), newDriftListCommand(a), newDriftShowCommand(a), newDriftAcceptCommand(a), newDriftUnacceptCommand(a),
		newDriftPolicyCommand(a), newDriftRevertCommand(a))
	return cmd
}

func newDriftListCommand(a *app) *cobra.Command {
	var o driftOutput
	cmd := &cobra.Command{
		Use: "list", Short: "Show the last scan of every stack", Args: usageArgs(cobra.NoArgs),
		Example: "  evenkeel drift list --format html --output drift.html",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.driftList(cmd.Context(), o) },
	}
	o.flags(cmd, report.FailOnNone)
	return cmd
}

// driftWait is how long the CLI waits for a scan; the scan itself goes on.
const driftWait = 30 * time.Minute

func newDriftScanCommand(a *app) *cobra.Command {
	wait, request, o := driftWait, drift.Request{Engine: drift.EngineAuto}, driftOutput{}
	cmd := &cobra.Command{
		Use:   "scan [stack...]",
		Short: "Scan stacks for drift now, and show what was found",
		Long: `Start the drift workflow for the stacks, by CloudFormation name or ARN, or for every deployed
stack; wait, and show status, coverage and differences. Nested stacks are scanned too. The engine
auto asks CloudFormation, and reads every resource through Cloud Control; each can be asked alone.
Exit code 1 when there is drift, neither ignored nor accepted, that is as severe as --fail-on says,
when a scan failed, or, with any, when something could not be checked.`,
		Example: `  evenkeel drift scan
  evenkeel drift scan shop-network-test shop-data-test --json
  evenkeel drift scan --all --region eu-west-1 --tag team=shop
  evenkeel drift scan --fail-on high --format sarif --output drift.sarif`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drift.ParseEngine(request.Engine); err != nil {
				return usageError("%w", err)
			}
			request.Stacks = args
			return a.driftScan(cmd.Context(), request, wait, o)
		},
	}
	o.flags(cmd, report.FailOnAny)
	cmd.Flags().DurationVar(&wait, "timeout", wait, "how long to wait for the result")
	cmd.Flags().BoolVar(&request.All, "all", false, "every stack of the watched accounts and regions, not only what Evenkeel deployed")
	cmd.Flags().StringSliceVar(&request.Accounts, "account", nil, "only stacks of this account; may be repeated")
	cmd.Flags().StringSliceVar(&request.Regions, "region", nil, "only stacks in this region; may be repeated")
	cmd.Flags().StringSliceVar(&request.Names, "name", nil, "only stacks whose name matches, as shop-*; may be repeated")
	cmd.Flags().StringSliceVar(&request.Tags, "tag", nil, "only stacks with this tag, key=value or key; may be repeated, then all of them")
	cmd.Flags().StringVar(&request.Engine, "engine", request.Engine, "what looks for drift: auto, cloudformation or live")
	return cmd
}

func newDriftRevertCommand(a *app) *cobra.Command {
	wait, yes, include := driftWait, false, false
	cmd := &cobra.Command{
		Use:   "revert stack",
		Short: "Bring a drifted stack back to its template, behind a guard",
		Long: `Scan the stack again, plan the way back as a change set, refuse it if the drift is not the one that
the last scan showed, if anything but the drifted resources would change, if anything would be
replaced or deleted, or if it would take away what is ignored or accepted; execute it, and scan once
more. A deployment of the stack and a revert wait for each other. Exit code 1 when the stack is not in sync at the end.`,
		Example: `  evenkeel drift revert shop-data-prod`,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.driftRevert(cmd.Context(), drift.Request{Stacks: args, Revert: true, IncludeKept: include}, wait, yes)
		},
	}
	cmd.Flags().DurationVar(&wait, "timeout", wait, "how long to wait for the result")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&include, "include-accepted", false, "bring back what is ignored or accepted too")
	return cmd
}

// driftResult is what a scan or a revert ended with.
type driftResult struct {
	drift.Summary
	Scans []events.DriftScanned `json:"scans"` // with the differences
}

func (a *app) driftScan(ctx context.Context, request drift.Request, wait time.Duration, o driftOutput) error {
	if err := o.check(a); err != nil {
		return err
	}
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	result, err := a.runDrift(ctx, found, request, wait, o)
	if err == nil && (o.fails(result.Scans) || unfinished(result.Summary, o.failOn)) {
		return failed("a stack drifted, or could not be checked")
	}
	return err
}

// driftRevert brings back the drift that the last scan showed.
func (a *app) driftRevert(ctx context.Context, request drift.Request, wait time.Duration, yes bool) error {
	found, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	view, err := scannedStack(ctx, reader, request.Stacks[0])
	if err != nil {
		return err
	}
	request.Stacks, request.Seen = []string{view.StackID}, view.Digest
	if !yes {
		if err := drift.RenderText(a.err, []events.DriftScanned{view.Scan()}); err != nil {
			return err
		}
		agreed, err := a.confirm("Scan " + view.StackName + " again and bring it back?")
		if err != nil {
			return err
		}
		if !agreed {
			a.progress("nothing was changed")
			return nil
		}
	}
	result, err := a.runDrift(ctx, found, request, wait, driftOutput{format: string(report.Text)})
	if err == nil && !clean(result.Summary) {
		return failed("the stack is not in sync")
	}
	return err
}

// runDrift runs the workflow and shows what it found.
func (a *app) runDrift(ctx context.Context, found *installation, request drift.Request, wait time.Duration, o driftOutput) (driftResult, error) {
	result := driftResult{}
	by, err := session.Caller(ctx, found.cfg)
	if err != nil {
		return result, err
	}
	request.RequestedBy = by
	if a.json {
		o.format = string(report.JSON)
	}
	workflow := "DriftWorkflow"
	if !request.Revert && (len(request.Stacks) == 0 || len(request.Stacks) > drift.BatchSize) {
		workflow = "DriftscanWorkflow" // as many as there are
	}
	if err := a.runWorkflow(ctx, found, workflow, "drift scan", request, &result.Summary, wait); err != nil {
		return result, err
	}
	if result.Scans, err = scansOf(ctx, found, result.Summary); err != nil {
		return result, err
	}
	return result, o.write(a, result.Scans, result, func(w io.Writer) { a.driftText(w, result) })
}

// unfinished reports whether a scan failed, which fails a build unless nothing
// does, or was skipped, which is as little known as UNKNOWN.
func unfinished(s drift.Summary, failOn string) bool {
	return failOn != report.FailOnNone && slices.ContainsFunc(s.Stacks, func(r drift.Result) bool {
		return r.Outcome == drift.OutcomeFailed || failOn == report.FailOnAny && (r.Outcome == drift.OutcomeSkipped || r.Outcome == drift.OutcomeUnknown)
	})
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
	if result.More > 0 {
		fmt.Fprintf(w, "and %d stacks more; see `evenkeel drift list`\n", result.More)
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

func (a *app) driftList(ctx context.Context, o driftOutput) error {
	if err := o.check(a); err != nil {
		return err
	}
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
	scans := []events.DriftScanned{}
	for _, v := range views {
		scans = append(scans, v.Scan())
	}
	if err := o.write(a, scans, views, func(w io.Writer) { a.driftTable(w, views) }); err != nil {
		return err
	}
	if o.fails(scans) {
		return failed("a stack drifted, or could not be checked")
	}
	return nil
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
