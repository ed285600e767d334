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
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newDriftShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show stack",
		Short: "Show what drifted of a stack, who changed it, and what is done about it",
		Long: `Show the last scan of a stack, named as CloudFormation calls it or by its ARN: every difference, its
severity, what the policy does about it and why, who changed it, and everything that happened.`,
		Example: "  evenkeel drift show shop-data-prod",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.driftShow(cmd.Context(), args[0]) },
	}
}

// driftStory is what is known of a stack's drift.
type driftStory struct {
	ledger.DriftView
	Timeline []ledger.Line `json:"timeline"`
}

func (a *app) driftShow(ctx context.Context, name string) error {
	_, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	view, err := scannedStack(ctx, reader, name)
	if err != nil {
		return err
	}
	story := driftStory{DriftView: view}
	entries, err := reader.Entries.Of(ctx, ledger.DriftSubject(view.Account, view.Region, view.StackName))
	if err != nil {
		return err
	}
	if story.Timeline, err = ledger.Timeline(entries); err != nil {
		return err
	}
	return a.print(story, func(w io.Writer) { a.driftStoryText(w, story) })
}

// scannedStack finds the last scan of a stack by its name or ARN.
func scannedStack(ctx context.Context, reader *ledger.Reader, name string) (ledger.DriftView, error) {
	views, err := reader.Drifts(ctx)
	if err != nil {
		return ledger.DriftView{}, err
	}
	var found []ledger.DriftView
	for _, v := range views {
		if v.StackName == name || v.StackID == name {
			found = append(found, v)
		}
	}
	switch len(found) {
	case 0:
		return ledger.DriftView{}, notFound("no scan of a stack %s; see `evenkeel drift list`, or scan it with `evenkeel drift scan %s`", name, name)
	case 1:
		return found[0], nil
	}
	var ids []string
	for _, v := range found {
		ids = append(ids, v.StackID)
	}
	return ledger.DriftView{}, usageError("%d stacks are called %s; name one by its ARN: %s", len(found), name, strings.Join(ids, ", "))
}

func (a *app) driftStoryText(w io.Writer, s driftStory) {
	if err := drift.RenderText(w, []events.DriftScanned{s.Scan()}); err != nil {
		fmt.Fprintln(a.err, err)
	}
	for _, r := range s.Resources {
		fmt.Fprintf(w, "\n%s\n", a.bold(r.LogicalID))
		if r.Response != "" {
			fmt.Fprintf(w, "  %s, because %s\n", r.Response, printable(r.Why))
		}
		if at := r.Attribution; at != nil {
			attributionText(w, *at)
		}
	}
	for _, reason := range s.Refused {
		fmt.Fprintf(w, "\nnot brought back: %s\n", printable(reason))
	}
	fmt.Fprintln(w)
	timeline(w, s.Timeline)
}

func attributionText(w io.Writer, a events.Attribution) {
	principal := a.Principal
	if principal == "" {
		principal = "nobody who is known"
	}
	fmt.Fprintf(w, "  changed by %s (%s)\n", printable(principal), a.Class)
	for _, part := range [][2]string{{"call", a.EventName}, {"event", a.EventID}, {"session", a.Session}, {"address", a.SourceIP}, {"user agent", a.UserAgent}, {"because", a.Why}} {
		if part[1] != "" {
			fmt.Fprintf(w, "    %s: %s\n", part[0], printable(part[1]))
		}
	}
	if !a.Time.IsZero() {
		fmt.Fprintf(w, "    at: %s\n", a.Time.UTC().Format(time.RFC3339))
	}
}
