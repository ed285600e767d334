package benchmark_test

import (
	"os"
	"testing"

	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
)

const corpus = "../../../testdata/evasion"

// TestCorpus puts every case to the healer.
func TestCorpus(t *testing.T) {
	cases, err := benchmark.Load(os.DirFS(corpus))
	if err != nil {
		t.Fatal(err)
	}
	var score benchmark.Score
	for _, c := range cases {
		v := benchmark.Run(t.Context(), c, benchmark.Evenkeel{})
		score.Add(v)
		for _, fault := range v.Faults {
			t.Errorf("%s (%s): %s", v.ID, v.Title, fault)
		}
	}
	t.Log(score)
}
