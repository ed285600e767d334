package openings

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// reported wants the sweep to name the heals of what no event had told of, and
// the metrics to count what a person must look at.
func (w *world) reported(ctx context.Context, plays []*play) {
	w.t.Helper()
	var lost []string
	stops := 0
	for _, p := range plays {
		for _, id := range p.c.Expected.Rules {
			if p.way != bySweep {
				continue
			}
			heal, err := w.healOf(ctx, p.ids[id])
			if err != nil {
				w.t.Error(err)
			}
			lost = append(lost, heal)
		}
		if p.c.Expected.Action == benchmark.Stop {
			stops++
		}
	}
	slices.Sort(lost)
	var missed []string
	if err := await(ctx, 20*time.Second, 300*time.Millisecond, "the sweep's report", func() (bool, error) {
		subjects, err := w.ledger.Subjects(ctx, ledger.KindSweep, 10)
		for _, subject := range subjects {
			entries, err := w.ledger.Of(ctx, subject)
			if err != nil {
				return false, err
			}
			for _, e := range entries {
				swept, err := ledger.DataOf[events.SecurityGroupsSwept](e)
				if err != nil {
					return false, err
				}
				missed = append(missed, swept.Missed...)
			}
		}
		return len(subjects) > 0, err
	}); err != nil {
		w.t.Error(err)
	}
	slices.Sort(missed)
	if missed = slices.Compact(missed); len(lost) == 0 || !slices.Equal(missed, lost) {
		w.t.Errorf("the sweep says that events missed %v, and they missed %v", missed, lost)
	}
	log, err := os.ReadFile(filepath.Join(w.cloud.State.Logs, "lambda-evenkeel-ledger.log"))
	if n := strings.Count(string(log), `"HealsStopped":1`); n != stops || stops == 0 || err != nil {
		w.t.Errorf("the metric HealsStopped, which has an alarm, was counted %d times, want %d (%v)", n, stops, err)
	}
}

// ofAll reports that a policy has a field which no scope has: it is that of the
// whole installation, and here all cases have one installation.
func ofAll(policy map[string]any) bool {
	known := []string{"exceptions", "scopes"}
	scope := reflect.TypeFor[healing.Scope]()
	for i := range scope.NumField() {
		name, _, _ := strings.Cut(scope.Field(i).Tag.Get("json"), ",")
		known = append(known, name)
	}
	for field := range policy {
		if !slices.Contains(known, field) {
			return true
		}
	}
	return false
}
