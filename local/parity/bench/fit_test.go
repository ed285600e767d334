package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

func TestFit(t *testing.T) {
	l := fit([]float64{1, 2, 3, 4}, []float64{5, 7, 9, 11})
	if math.Abs(l.at-3) > 1e-9 || math.Abs(l.slope-2) > 1e-9 || math.Abs(l.r2-1) > 1e-9 {
		t.Errorf("%+v", l)
	}
	if l := fit([]float64{1, 2, 4, 8}, []float64{1, 4, 16, 64}); math.Abs(l.exponent-2) > 1e-9 {
		t.Errorf("a square has exponent %v", l.exponent)
	}
	if l := fit([]float64{2}, []float64{1}); l.slope != 0 {
		t.Errorf("one point has no slope: %+v", l)
	}
}

func TestSample(t *testing.T) {
	var c corpus
	for i := range 1000 {
		c.files = append(c.files, file{"f", i})
	}
	if one := c.sample(1); one[0].size != 500 {
		t.Errorf("one is not the median: %v", one)
	}
	if all := c.sample(100); len(all) != 100 || all[0].size != 5 || all[99].size != 995 {
		t.Errorf("%v", all)
	}
	if len(c.sample(2000)) != 1000 {
		t.Error("there are only 1000")
	}
}

func TestQuantile(t *testing.T) {
	all := []single{{Warm: 0.003}, {Warm: 0.001}, {Warm: 9, Failure: "timeout"}, {Warm: 0.002}}
	warm := func(s single) float64 { return s.Warm }
	if p50, most := quantile(all, 0.5, warm), quantile(all, 1, warm); math.Abs(p50-2) > 1e-9 || math.Abs(most-3) > 1e-9 {
		t.Errorf("p50 %v, max %v", p50, most)
	}
}

func TestReport(t *testing.T) {
	r := report{
		corpus:     corpus{dir: "/x/real", files: []file{{"a", 100}, {"b", 2 << 20}}, bytes: 100 + 2<<20},
		rows:       []row{{templates: 1, bytes: 100, ours: cost{20 * time.Millisecond, 10 * time.Millisecond}, theirs: cost{2 * time.Second, 2 * time.Second}}},
		singles:    []single{{File: "a", Size: 100, Cold: 0.002, Warm: 0.001, Heap: 1 << 20}, {File: "b", Size: 2 << 20, Cold: 0.2, Warm: 0.1, Heap: 9 << 20}},
		aws:        []single{{File: "a", Size: 100, Cold: 0.02, Warm: 0.01}, {File: "b", Size: 2 << 20, Failure: "timeout"}},
		lexMissing: "no such module",
	}
	var b strings.Builder
	r.write(&b)
	for _, want := range []string{"| 1 | 100 B | 20 ms | 2.00 s | 100× | 200× |", "no such module", "10.0×", "1 unfinished", "exponent"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
	svg := plot(r.singles, r.singles)
	if !strings.HasPrefix(svg, "<svg ") || strings.Count(svg, "<circle") != 4 || strings.Contains(svg, "NaN") {
		t.Errorf("%s", svg)
	}
}

// The template that is grown is one that nothing is wrong with, at every size.
func TestGrownTemplateIsGood(t *testing.T) {
	for _, copies := range []int{1, 120} {
		r := validation.Validate(map[string][]byte{"grown.yaml": []byte(grow(copies))})
		if r.Errors > 0 || len(r.Incomplete) > 0 {
			t.Errorf("%d copies: %+v, %v", copies, r.Findings[:1], r.Incomplete)
		}
	}
}
