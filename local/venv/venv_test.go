package venv

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Every package is pinned to one version and to the hashes of its files, and
// the list names no index: whatever index the machine uses must give the same.
func TestRequirementsArePinnedByHash(t *testing.T) {
	logical := strings.ReplaceAll(string(requirements), "\\\n", " ")
	pin := regexp.MustCompile(`^([a-z0-9-]+)==\S+ (?:; [^-]+ )?(?:\s*--hash=sha256:[0-9a-f]{64})+$`)
	seen := map[string]bool{}
	for line := range strings.Lines(logical) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := pin.FindStringSubmatch(strings.Join(strings.Fields(line), " "))
		if m == nil {
			t.Errorf("not pinned: %.100s", line)
			continue
		}
		seen[m[1]] = true
	}
	for _, name := range []string{"ministack", "moto", "boto3", "awscli", "cbor2", "flask", "flask-cors"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
	for _, host := range []string{"://", "--index", "--find-links", "--trusted-host"} {
		for line := range strings.Lines(string(requirements)) {
			if !strings.HasPrefix(line, "#") && strings.Contains(line, host) {
				t.Errorf("the list names a place: %s", line)
			}
		}
	}
}

func TestCompleteNeedsTheStampAndTheInterpreter(t *testing.T) {
	dir := t.TempDir()
	step := func(want bool, what string) {
		t.Helper()
		if complete(dir) != want {
			t.Errorf("%s: complete is %t", what, !want)
		}
	}
	step(false, "an empty folder")
	write(t, filepath.Join(dir, "bin", "python"), "")
	step(false, "without a stamp")
	write(t, filepath.Join(dir, stamp), "of other requirements")
	step(false, "with another stamp")
	write(t, filepath.Join(dir, stamp), fingerprint())
	step(true, "with both")
	if err := os.Remove(filepath.Join(dir, "bin", "python")); err != nil {
		t.Fatal(err)
	}
	step(false, "with a broken interpreter")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNewEnough(t *testing.T) {
	for version, want := range map[string]bool{"3 10": true, "3 14\n": true, "4 0": true, "3 9": false, "2 7": false, "": false, "x": false} {
		if newEnough(version) != want {
			t.Errorf("newEnough(%q) is %t", version, !want)
		}
	}
}

// The failure of an installation names what pip said.
func TestRunShowsWhyItFailed(t *testing.T) {
	var said []string
	err := run(t.Context(), func(line string) { said = append(said, line) }, "sh", "-c", "echo Collecting moto==5 from x; echo THESE PACKAGES DO NOT MATCH THE HASHES >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "DO NOT MATCH THE HASHES") {
		t.Errorf("got %v", err)
	}
	if len(said) != 1 || said[0] != "python: fetching moto==5" {
		t.Errorf("said %q", said)
	}
}

func TestEnsureSaysWhichPythonItNeeds(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Ensure(t.Context(), t.TempDir(), func(string) {})
	if err == nil || !strings.Contains(err.Error(), "Python 3.10") {
		t.Errorf("got %v", err)
	}
}

// The person's own Python settings must not decide what is installed.
func TestWithout(t *testing.T) {
	got := without([]string{"A=1", "PYTHONPATH=x", "PIP_INDEX_URL=y", "PYTHONPATHS=z"}, "PYTHONPATH")
	if strings.Join(got, " ") != "A=1 PIP_INDEX_URL=y PYTHONPATHS=z" {
		t.Error(got)
	}
}

func TestOnlyOneProcessMakesTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); err == nil {
		t.Fatal("the lock was taken twice")
	}
	release()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
