package demo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/installation"
)

// TestEndToEnd plays what `make demo` shows, and then bad input, with the real
// binaries, the golden synthesis, real workflows and rules, and real git. It
// fails when the emulators do not start.
func TestEndToEnd(t *testing.T) {
	opts := options(t)
	groups := slices.Concat(MainJob(), Builds(), BadInput(), []Group{driftFaultsGroup()})
	if err := Run(t.Context(), opts, groups...); err != nil {
		t.Fatal(err)
	}
}

// options builds the functions and the CLI, and says where the run's logs go.
func options(t testing.TB) Options {
	t.Helper()
	project, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "make", "--no-print-directory", "build")
	build.Dir = project
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	return Options{
		Project: project, Root: filepath.Join(project, ".evenkeel", "test"), CLI: filepath.Join(project, "build", "evenkeel"),
		Template: filepath.Join(project, installation.GoldenTemplate), Probe: filepath.Join(cloudtest.Probe(t), "probe"), Out: os.Stdout,
	}
}
