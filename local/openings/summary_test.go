package openings

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// healOf is the id of the heal that closed a rule last.
func (w *world) healOf(ctx context.Context, rule string) (string, error) {
	subjects, err := w.ledger.Subjects(ctx, ledger.KindHeal, 100_000)
	if err != nil {
		return "", err
	}
	for _, subject := range subjects {
		entries, err := w.ledger.Of(ctx, subject)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if e.DetailType != healed {
				continue
			}
			fact, err := ledger.DataOf[events.SecurityGroupHealed](e)
			if err != nil {
				return "", err
			}
			if fact.Removed[0].Rule.RuleID == rule {
				return fact.HealID, nil
			}
		}
	}
	return "", fmt.Errorf("no heal closed %s", rule)
}

// summary says how the cases were played, and what that took.
func (w *world) summary(ctx context.Context, plays []*play, prepared, acted, all time.Duration) {
	ways, kinds := map[string]int{}, map[benchmark.Kind]int{}
	for _, p := range plays {
		ways[p.way]++
		kinds[p.c.Kind]++
	}
	w.t.Logf("%d must-fire and %d must-be-silent cases", kinds[benchmark.MustFire], kinds[benchmark.MustBeSilent])
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		w.t.Logf("%d were played %s", ways[way], way)
	}
	for _, id := range slices.Sorted(maps.Keys(elsewhere)) {
		w.t.Logf("%s: not here; %s", id, elsewhere[id])
	}
	calls, err := w.calls(ctx)
	if err != nil {
		w.t.Error(err)
	}
	lines, _ := w.invocations(0)
	w.t.Logf("states made in %.1f s, events sent after %.1f s, verified after %.1f s; %d invocations; calls of the function: %v",
		prepared.Seconds(), acted.Seconds(), all.Seconds(), len(lines), calls)
}
