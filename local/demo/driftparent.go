package demo

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// revertParent brings back what drifted in the parent beside a nested stack that
// has drifted as well.
func revertParent(ctx context.Context, w *World) (string, error) {
	_, outer, inner, err := w.kindsARNs(ctx)
	if err != nil {
		return "", err
	}
	if err := w.patch(ctx, kindsOuter, "Top", queueType, `[{"op":"replace","path":"/DelaySeconds","value":9}]`); err != nil {
		return "", err
	}
	if shown, err := w.evenkeel(ctx, "drift", "scan", outer); err == nil {
		return "", fmt.Errorf("the scan of a drifted parent ended with exit code 0:\n%s", shown)
	}
	shown, err := w.evenkeel(ctx, "drift", "revert", outer, "--yes")
	w.Report.Block(shown)
	if err != nil {
		return "", err
	}
	scans, err := facts[events.DriftScanned](ctx, w, ledger.DriftSubject(prodAccount, "us-east-1", kindsOuter))
	if err != nil || len(scans) == 0 {
		return "", firstError(err, fmt.Errorf("no scan of %s", kindsOuter))
	}
	last := scans[len(scans)-1]
	if err := expect("what is left of the parent's own drift", len(last.Resources), 0); err != nil {
		return "", err
	}
	if err := expect("the status of a parent whose nested stack has drifted", last.Status, "DRIFTED"); err != nil {
		return "", err
	}
	return stackName(inner) + " is still DRIFTED", expect("nested stacks that are not in sync", len(last.Nested), 1)
}
