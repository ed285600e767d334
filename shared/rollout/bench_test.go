package rollout

import (
	"strings"
	"testing"
)

// BenchmarkDecide is one look at a rollout of three metrics in the middle of
// a step, at its end, and at a failure.
func BenchmarkDecide(b *testing.B) {
	p := canary(metric("a"), metric("b"), metric("c"))
	for name, tt := range map[string]struct {
		outcomes string
		at       float64
	}{
		"hold":    {"ssss", 3.5},
		"advance": {"ssssss", 5},
		"abort":   {"sssf", 3},
		"long":    {strings.Repeat("s", 50), 49},
	} {
		var measured []Measurement
		for _, m := range p.Metrics {
			measured = append(measured, seen(m.Name, tt.outcomes)...)
		}
		s, h := p.at(1), Health{At: minutes(tt.at), Measured: measured, Live: Healthy}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Decide(p, s, h)
			}
		})
	}
}

func BenchmarkGraph(b *testing.B) {
	record, now := play(b, scenarios["inconclusive"])
	b.ReportAllocs()
	for b.Loop() {
		Graph(record, now)
	}
}
