package simulation

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift"
)

func TestDrift(t *testing.T) {
	coverage, outcomes := seeds(t, func(seed uint64) result {
		d := NewDrift(seed, chaosOf(seed, "drift"))
		d.Run()
		d.End()
		return finish(d.World, "drift", d.watch.counts)
	})
	wantAll(t, coverage, "drift")
	t.Logf("outcomes of stacks: %v", outcomes)
	if *countFlag < enough || *seedFlag >= 0 {
		return
	}
	for outcome := range driftOutcomes {
		if outcomes[outcome] == 0 {
			t.Errorf("no stack ever ended as %s", outcome)
		}
	}
	for _, what := range []string{metUpdate, brokeOff, brokeOffDrift} {
		if outcomes[what] < *countFlag/20 {
			t.Errorf("only %d %s in %d worlds", outcomes[what], what, *countFlag)
		}
	}
	if outcomes[drift.OutcomeReverted] < *countFlag/10 {
		t.Errorf("only %d reverts in %d worlds: the worlds are too unkind to show much", outcomes[drift.OutcomeReverted], *countFlag)
	}
}

func TestSameSeedSameDrift(t *testing.T) {
	for seed := range uint64(8) {
		var traces [2]string
		for i := range traces {
			d := NewDrift(seed, chaosOf(seed, "drift"))
			d.Run()
			d.End()
			traces[i] = strings.Join(d.Trace, "\n")
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d gave two different worlds", seed)
		}
	}
}

// TestDriftscan: a scan in batches names every stack once, whatever becomes of
// the batches.
func TestDriftscan(t *testing.T) {
	coverage, outcomes := seeds(t, func(seed uint64) result {
		d := NewDriftscan(seed, chaosOf(seed, "driftscan"))
		d.Run()
		d.End()
		return finish(d.World, "driftscan", d.watch.counts)
	})
	wantAll(t, coverage, "driftscan")
	t.Logf("outcomes of stacks: %v", outcomes)
	if *countFlag < enough || *seedFlag >= 0 {
		return
	}
	for _, outcome := range []string{drift.OutcomeInSync, drift.OutcomeDrifted, drift.OutcomeFailed, "stopped batches"} {
		if outcomes[outcome] == 0 {
			t.Errorf("never seen: %s", outcome)
		}
	}
}
