package simulation

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var (
	seedFlag  = flag.Int64("seed", -1, "run this seed only, and print its trace")
	countFlag = flag.Int("seeds", envCount(), "how many seeds to run of each world")
)

// TestMain lets the heap grow: worlds are short-lived, and most of a seed's
// cost would otherwise be the collector's.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// envCount is EVENKEEL_SEEDS, for longer runs than a test wants by itself.
func envCount() int {
	if n, err := strconv.Atoi(os.Getenv("EVENKEEL_SEEDS")); err == nil && n > 0 {
		return n
	}
	return 1000
}

// result is what is kept of a world.
type result struct {
	violations []string
	trace      []string // of a world with violations, or of a single seed
	coverage   Coverage
	counts     map[string]int
}

// seeds runs a world for each seed on all processors, reports violations and
// sums up the rest.
func seeds(t *testing.T, run func(seed uint64) result) (Coverage, map[string]int) {
	t.Helper()
	first, count := uint64(0), *countFlag
	if *seedFlag >= 0 {
		first, count = uint64(*seedFlag), 1
	}
	results := make([]result, count)
	var group sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range next {
				results[i] = run(first + uint64(i))
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	group.Wait()

	coverage, counts, failed := Coverage{}, map[string]int{}, 0
	for i, r := range results {
		seed := first + uint64(i)
		if len(r.violations) > 0 {
			if failed++; failed <= 5 {
				t.Errorf("seed %d: %s\nreproduce with: go test ./local/simulation -v -run '^%s$' -seed %d",
					seed, strings.Join(r.violations, "\n  "), t.Name(), seed)
			}
		}
		if *seedFlag >= 0 {
			t.Logf("trace of seed %d:\n%s", seed, strings.Join(r.trace, "\n"))
		}
		for what, n := range r.coverage {
			coverage[what] += n
		}
		for what, n := range r.counts {
			counts[what] += n
		}
	}
	if failed > 5 {
		t.Errorf("… and %d seeds more", failed-5)
	}
	return coverage, counts
}

// finish reduces a world that has come to rest.
func finish(w *World, machine string, counts map[string]int) result {
	r := result{violations: w.Violations, coverage: Coverage{}, counts: counts}
	w.Visits(machine, r.coverage)
	if len(w.Violations) > 0 || *seedFlag >= 0 {
		r.trace = w.Trace
	}
	return r
}

// enough is how many seeds visit every way through the workflows.
const enough = 1000

func wantAll(t *testing.T, coverage Coverage, machine string) {
	t.Helper()
	if *countFlag < enough || *seedFlag >= 0 {
		return
	}
	if missing := coverage.Missing(machine); len(missing) > 0 {
		t.Errorf("%s: never visited:\n  %s", machine, strings.Join(missing, "\n  "))
	}
}

func TestPipeline(t *testing.T) {
	coverage, outcomes := seeds(t, func(seed uint64) result {
		p := NewPipeline(seed, chaosOf(seed, "pipeline"))
		p.Run()
		p.End()
		counts := map[string]int{}
		for what, n := range p.watch.recoveries {
			counts[what] += n
		}
		for _, outcome := range p.watch.finished {
			counts[outcome]++
		}
		for _, result := range p.rollouts.answers {
			counts["rollout "+result.Outcome]++
		}
		counts["executions of change sets"] = len(p.cloud.Executed)
		return finish(p.World, "pipeline", counts)
	})
	wantAll(t, coverage, "pipeline")
	for _, what := range []string{"RollbackStack", "ContinueUpdateRollback", "DeleteStack", "by a person", "rollout promoted", "rollout aborted", "rollout switchedBack"} {
		if outcomes[what] == 0 && *countFlag >= enough && *seedFlag < 0 {
			t.Errorf("never: %s", what)
		}
	}
	t.Logf("outcomes of runs, and recoveries: %v", outcomes)
}

// TestSameSeedSameWorld: a seed reproduces a world line by line.
func TestSameSeedSameWorld(t *testing.T) {
	for seed := range uint64(8) {
		var traces [2]string
		for i := range traces {
			p := NewPipeline(seed, chaosOf(seed, "pipeline"))
			p.Run()
			p.End()
			traces[i] = strings.Join(p.Trace, "\n")
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d gave two different worlds", seed)
		}
	}
}
