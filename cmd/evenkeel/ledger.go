//go:build !validator

package main

import (
	"context"
	"errors"
	"strings"

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
