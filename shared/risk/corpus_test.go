package risk_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/risk/internal/corpus"
)

func load(t testing.TB) []corpus.Case {
	t.Helper()
	cases, err := corpus.Load("../../testdata/changesets")
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestCorpus holds the labels, and what no label may allow: nothing destructive
// is safe, and unless something of it is kept it is dangerous.
func TestCorpus(t *testing.T) {
	cases := load(t)
	seen := map[string]bool{}
	destructive := 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := c.Assess()
			if err != nil {
				t.Fatal(err)
			}
			if c.Note == "" || c.Destructive && c.Harmless || c.Kept && !c.Destructive {
				t.Error("the labels contradict each other")
			}
			least := risk.Safe
			switch {
			case c.Kept:
				least = risk.Review
			case c.Destructive:
				least = risk.Dangerous
			}
			if !risk.AtLeast(got.Level, least) {
				t.Errorf("a destructive change set is rated %s", got.Level)
			}
			if got.Level != c.Level {
				t.Errorf("rated %s, labelled %s: %+v", got.Level, c.Level, got.Reasons)
			}
			for _, code := range c.Reasons {
				if !slices.ContainsFunc(got.Reasons, func(r risk.Reason) bool { return r.Code == code }) {
					t.Errorf("the reason %s is missing: %+v", code, got.Reasons)
				}
			}
			if c.Destructive {
				destructive++
			}
			for _, r := range got.Reasons {
				seen[r.Code] = true
			}
		})
	}
	if len(cases) < 60 || destructive < 30 {
		t.Errorf("the corpus has %d change sets, %d destructive ones", len(cases), destructive)
	}
	for _, code := range risk.Codes() {
		if !seen[code.ID] {
			t.Errorf("no change set of the corpus gives the reason %s", code.ID)
		}
	}
}
