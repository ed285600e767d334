package simulation

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/healing"
)

// chaosOfHealing has no workflow to force; instead the last kinds of worlds lose
// all events, so that only the sweep heals.
func chaosOfHealing(seed uint64) Chaos {
	if seed%kinds >= kinds-2 {
		deaf := calm()
		deaf.Drop = 1
		return deaf
	}
	return chaosOf(seed, "pipeline")
}

func TestHealing(t *testing.T) {
	_, counts := seeds(t, func(seed uint64) result {
		h := NewHealing(seed, chaosOfHealing(seed))
		h.Run()
		h.End()
		counts := map[string]int{"rules opened": len(h.watch.openings), "rules closed": len(h.watch.removed)}
		for _, heal := range h.state.Heals() {
			if heal.Step() == healing.StepClosed && heal.Removed[0].Quarantine != "" {
				counts["in quarantine"]++
			}
		}
		for _, f := range h.Facts {
			counts[f.Data.DetailType()]++
		}
		return finish(h.World, "", counts)
	})
	t.Logf("%v", counts)
	for _, what := range []string{"SecurityGroupHealed.v1", "SecurityGroupExposed.v1", "SecurityGroupHealUndone.v1", "SecurityGroupHealingStopped.v1", "SecurityGroupsSwept.v1", "in quarantine"} {
		if counts[what] == 0 && *seedFlag < 0 {
			t.Errorf("no world has a %s", what)
		}
	}
}
