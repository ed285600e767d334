// Package cloudtest starts local clouds and emulators for tests. A test that
// asks for one fails, and never skips, when it cannot be had.
package cloudtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/local/venv"
	"github.com/evenkeel/evenkeel/shared/testtool"
)

// Venv returns the project's Python environment, made first when needed.
func Venv(t testing.TB) venv.Env {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	env, err := venv.Ensure(ctx, testtool.Root(t), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatalf("the Python environment of the local cloud: %v", err)
	}
	return env
}

// Up starts a local cloud of the test's own and stops it afterwards. The end
// of its logs is shown when the test failed. Changes are made to the options
// before, for example another quota of rules.
func Up(t testing.TB, changes ...func(*cloud.Options)) *cloud.Cloud {
	t.Helper()
	Venv(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opts := cloud.Options{Root: t.TempDir(), Project: testtool.Root(t)}
	for _, change := range changes {
		change(&opts)
	}
	c, err := cloud.Up(ctx, opts)
	if err != nil {
		t.Fatalf("the local cloud did not start: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			Logs(t, c.State.Logs)
		}
		c.Stop()
	})
	return c
}

// Logs shows the end of every log in a folder.
func Logs(t testing.TB, dir string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		t.Logf("--- %s\n%s", filepath.Base(path), data[max(0, len(data)-4000):])
	}
}
