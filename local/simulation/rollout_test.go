package simulation

import (
	"strings"
	"testing"
)

func TestRollout(t *testing.T) {
	coverage, counts := seeds(t, func(seed uint64) result {
		r := NewRollout(seed, chaosOf(seed, "rollout"))
		r.Run()
		r.End()
		return finish(r.World, "rollout", r.watch.counts)
	})
	wantAll(t, coverage, "rollout")
	t.Logf("what became of rollouts: %v", counts)
	if *countFlag < enough || *seedFlag >= 0 {
		return
	}
	for _, what := range []string{
		"outcome promoted", "outcome aborted", "RolloutPaused.v1", "RolloutResumed.v1", "RolloutSwitchedBack.v1", "RolloutRetired.v1",
		"command promote", "command pause", "command resume", "command abort", "command refused", "stopped executions", "late weights",
	} {
		if counts[what] == 0 {
			t.Errorf("never seen: %s", what)
		}
	}
}

func TestSameSeedSameRollout(t *testing.T) {
	for seed := range uint64(8) {
		var traces [2]string
		for i := range traces {
			r := NewRollout(seed, chaosOf(seed, "rollout"))
			r.Run()
			r.End()
			traces[i] = strings.Join(r.Trace, "\n")
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d gave two different worlds", seed)
		}
	}
}
