package simulation

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
)

// TestReview runs pull requests through the review workflow.
func TestReview(t *testing.T) {
	coverage, outcomes := seeds(t, func(seed uint64) result {
		r := NewReview(seed, chaosOf(seed, "review"))
		r.Run()
		r.End()
		counts := map[string]int{}
		for _, state := range r.ends {
			counts[state]++
		}
		return finish(r.World, "review", counts)
	})
	wantAll(t, coverage, "review")
	t.Logf("ends of reviews: %v", outcomes)
	if *countFlag < enough || *seedFlag >= 0 {
		return
	}
	for _, state := range []string{events.ReviewPassed, events.ReviewRejected, events.ReviewFailed, events.ReviewSuperseded} {
		if outcomes[state] == 0 {
			t.Errorf("no review ever ended %s", state)
		}
	}
}

func TestSameSeedSameReview(t *testing.T) {
	for seed := range uint64(8) {
		var traces [2]string
		for i := range traces {
			r := NewReview(seed, chaosOf(seed, "review"))
			r.Run()
			r.End()
			traces[i] = strings.Join(r.Trace, "\n")
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d gave two different worlds", seed)
		}
	}
}
