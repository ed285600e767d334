package demo

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloud"
)

// BenchmarkCloudReady is the time until a local cloud is healthy.
func BenchmarkCloudReady(b *testing.B) {
	opts := options(b)
	for b.Loop() {
		c, err := cloud.Up(b.Context(), cloud.Options{Root: filepath.Join(opts.Root, "ready"), Project: opts.Project})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		c.Stop()
		b.StartTimer()
	}
}

// BenchmarkPushToTest is the time from git push until both stacks of the shop
// are deployed to test.
func BenchmarkPushToTest(b *testing.B) {
	w := world(b)
	for b.Loop() {
		for _, run := range []func(context.Context, *World) (string, error){pushShop, runStarts, deployedToTest} {
			if _, err := run(b.Context(), w); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkHeal is the time from opening a security group until the rule is
// gone; p50-s is the median over several openings.
func BenchmarkHeal(b *testing.B) {
	w := world(b)
	group := deployGroup()
	for _, step := range group.Steps {
		if _, err := step.Run(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.evenkeel(b.Context(), "heal", "mode", "enforce"); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		for range 4 {
			for _, o := range openings() {
				d, err := w.openAndClose(b.Context(), o)
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, d.exposure)
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "p50-s")
	b.ReportMetric(took[len(took)-1].Seconds(), "max-s")
}

// world starts a local cloud with the suite for a benchmark.
func world(b *testing.B) *World {
	opts := options(b)
	opts.Out = io.Discard
	w, err := start(b.Context(), opts, NewReport(io.Discard, false, time.Now))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Cloud.Stop)
	return w
}
