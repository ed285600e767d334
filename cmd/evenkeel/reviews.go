//go:build !validator

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newReviewsCommand(a *app) *cobra.Command {
	limit := 20
	list := func(cmd *cobra.Command, _ []string) error { return a.reviewList(cmd.Context(), limit) }
	cmd := &cobra.Command{
		Use: "reviews", Short: "Show what the pull requests would deploy",
		Example: "  evenkeel reviews\n  evenkeel reviews show acme/shop#7",
		Args:    usageArgs(cobra.NoArgs), RunE: list,
	}
	listing := &cobra.Command{Use: "list", Short: "List the pull requests that were reviewed last", Args: usageArgs(cobra.NoArgs), RunE: list}
	listing.Flags().IntVar(&limit, "limit", limit, "how many")
	cmd.AddCommand(listing, &cobra.Command{
		Use: "show repository#number", Short: "Show one pull request: what was found in it, its plans in short, and its timeline",
		Long: `Show the review of a pull request's latest commit. The plans in full are in the comment on the
pull request. Exit code 1 for a review that was rejected or failed.`,
		Example: "  evenkeel reviews show acme/shop#7",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.reviewShow(cmd.Context(), args[0]) },
	})
	return cmd
}

func (a *app) reviewList(ctx context.Context, limit int) error {
	_, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	reviews, err := reader.Reviews(ctx, limit)
	if err != nil {
		return err
	}
	return a.print(reviews, func(w io.Writer) {
		if len(reviews) == 0 {
			fmt.Fprintln(w, "no pull request was reviewed yet; see `evenkeel repo add --help`, --status-token-stdin")
			return
		}
		t := table(w)
		fmt.Fprintln(t, "PULL REQUEST\tSTATE\tCOMMIT\tINTO\tBY\tUPDATED\tREASON")
		for _, r := range reviews {
			fmt.Fprintf(t, "%s#%d\t%s\t%.8s\t%s\t%s\t%s\t%s\n", r.Repository, r.Number, r.State, r.Head, r.Base, printable(r.Author), ago(a.now(), r.Updated), printable(r.Reason))
		}
		_ = t.Flush()
	})
}

func (a *app) reviewShow(ctx context.Context, given string) error {
	repository, number, err := pullRequest(given)
	if err != nil {
		return err
	}
	_, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	report, err := reader.Review(ctx, repository, number)
	if errors.Is(err, ledger.ErrUnknown) {
		return notFound("no pull request %s; see `evenkeel reviews list`", given)
	}
	if err != nil {
		return err
	}
	if err := a.print(report, func(w io.Writer) { a.reviewText(w, report) }); err != nil {
		return err
	}
	if report.State == events.ReviewRejected || report.State == events.ReviewFailed {
		return failed(report.Reason)
	}
	return nil
}

// pullRequest splits "acme/shop#7".
func pullRequest(given string) (repository string, number int, err error) {
	repository, text, _ := strings.Cut(given, "#")
	if number, err = strconv.Atoi(text); err != nil || repository == "" || number < 1 {
		return "", 0, usageError("%q is not a pull request such as acme/shop#7", given)
	}
	return repository, number, nil
}

func (a *app) reviewText(w io.Writer, r ledger.ReviewReport) {
	headline := fmt.Sprintf("pull request %s  %s", a.bold(fmt.Sprintf("%s#%d", r.Repository, r.Number)), a.reviewState(r.State))
	if r.Reason != "" {
		headline += ": " + printable(r.Reason)
	}
	fmt.Fprintln(w, headline)
	fmt.Fprintf(w, "%s into %s by %s, review %s, %s\n", r.Head, r.Base, printable(r.Author), r.ReviewID, ago(a.now(), r.Updated))
	for _, f := range r.Validated.Findings {
		fmt.Fprintf(w, "  %s:%d:%d: %s %s: %s\n", printable(f.File), f.Line, f.Column, a.severity(f.Severity), f.Rule, printable(f.Message))
	}
	t := table(w)
	for _, s := range r.Stacks {
		note := s.Note
		if s.Counts != "" {
			note = s.Counts + ", " + s.Risk
		}
		fmt.Fprintf(t, "  %s/%s\t%s\t%s\n", s.Stage, s.Stack, s.State, printable(note))
	}
	_ = t.Flush()
	if r.Comment != "" {
		fmt.Fprintf(w, "the plans: %s\n", printable(r.Comment))
	}
	if r.Problem != "" {
		fmt.Fprintf(w, "not published: %s\n", a.red(printable(r.Problem)))
	}
	for _, what := range r.Remaining {
		fmt.Fprintf(w, "left behind: %s\n", a.red(printable(what)))
	}
	timeline(w, r.Timeline)
}

func (a *app) reviewState(state string) string {
	switch state {
	case events.ReviewPassed:
		return a.green(state)
	case events.ReviewRejected, events.ReviewFailed:
		return a.red(state)
	default:
		return a.yellow(state)
	}
}
