package simulation

import (
	"testing"
	"time"
)

// TestTransitionsOfLongStacks: change sets that take minutes, operations that
// take most of a day, every event lost, people who take their time, remains to
// delete first. The invariant is in watch.transitions, on the execution's
// history; here the worlds are made that come closest to it.
func TestTransitionsOfLongStacks(t *testing.T) {
	slow := Chaos{Drop: 1, Delay: time.Second, Latency: 200 * time.Millisecond}
	most := 0
	for seed := range uint64(40) {
		p := NewPipeline(seed, slow)
		p.cloud.PlanTime, p.cloud.ResourceTime = 9*time.Minute, 5*time.Hour
		p.Run()
		p.End()
		for _, violation := range p.Violations {
			t.Errorf("seed %d: %s", seed, violation)
		}
		most = max(most, p.watch.most)
	}
	t.Logf("the most transitions of a stack in a stage: %d", most)
	if most < 20 || most > maxTransitions {
		t.Errorf("a stack took %d transitions; the worlds should come close to %d and keep below it", most, maxTransitions)
	}
}
