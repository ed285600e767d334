package runtimeapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/shared/testtool"
)

// builds remembers what this test process has built already.
var builds = struct {
	sync.Mutex
	binaries map[string]string
}{binaries: map[string]string{}}

// build compiles the main package in dir as the release build does (so that
// both share the build cache), once in a test process, to the
// ignored folder build/test of the module. The place is the same every time,
// so that the linker has nothing to do when nothing changed.
func build(t testing.TB, dir string) string {
	t.Helper()
	source, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	builds.Lock()
	defer builds.Unlock()
	if binary, ok := builds.binaries[source]; ok {
		return binary
	}
	root := testtool.Root(t)
	place, err := filepath.Rel(root, source)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(root, "build", "test", place, "bootstrap")
	command := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-trimpath",
		"-ldflags", "-s -w", "-o", binary, ".")
	command.Dir = source
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, output)
	}
	builds.binaries[source] = binary
	return binary
}
