package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/evenkeel/evenkeel/shared/adapter/journal"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// reader opens the installation's ledger.
func (i *installation) reader() (*ledger.Reader, error) {
	table, err := i.output("LedgerTable")
	if err != nil {
		return nil, err
	}
	return &ledger.Reader{Entries: journal.New(i.cfg, table)}, nil
}

// recentRuns is how many runs are searched for the beginning of an id.
const recentRuns = 50

// runID completes the beginning of a run id.
func runID(ctx context.Context, r *ledger.Reader, given string) (string, error) {
	if _, err := r.Run(ctx, given); err == nil || !errors.Is(err, ledger.ErrUnknown) {
		return given, err
	}
	runs, err := r.Runs(ctx, recentRuns)
	if err != nil {
		return "", err
	}
	var matches []string
	for _, run := range runs {
		if strings.HasPrefix(run.RunID, given) {
			matches = append(matches, run.RunID)
		}
	}
	switch len(matches) {
	case 0:
		return "", notFound("no run %s; see `evenkeel runs list`", given)
	case 1:
		return matches[0], nil
	default:
		return "", usageError("%s is the beginning of %d runs: %s", given, len(matches), strings.Join(matches, ", "))
	}
}

// table starts a table; the caller flushes it.
func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// ago says how long ago something was, in one unit.
func ago(now, then time.Time) string {
	d := max(now.Sub(then), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd ago", int(d.Hours()/24))
	}
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printable takes out what could steer a terminal: texts come from pushes,
// templates and whoever changed a resource.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
}
