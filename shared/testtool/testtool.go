// Package testtool finds what tests need and Go does not bring: the programs of
// the project's own Python and Node environments.
package testtool

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Complete is the environment variable under which no test may be left out for
// want of a program; `make test` sets it.
const Complete = "EVENKEEL_TEST_COMPLETE"

// Root returns the project's folder, the one with go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			t.Fatalf("no go.mod above %s", dir)
		}
	}
}

// Own returns a program that the environment variable names, or one of the
// project's own environments. The test is skipped when there is none.
func Own(t testing.TB, variable, program string) string {
	t.Helper()
	path := own(t, variable, program)
	if path == "" {
		Missing(t, program+" is not in .venv or node_modules: run `make test` once, or set "+variable)
	}
	return path
}

// Any is Own with the PATH as the last resort.
func Any(t testing.TB, variable, program string) string {
	t.Helper()
	if path := own(t, variable, program); path != "" {
		return path
	}
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program+" is not installed: run `make test` once, or set "+variable)
	}
	return path
}

func own(t testing.TB, variable, program string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	for _, folder := range []string{".venv/bin", "node_modules/.bin"} {
		path := filepath.Join(Root(t), folder, program)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// Missing skips a test for want of a program, or fails it where the tests have
// to be complete.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(Complete) != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
