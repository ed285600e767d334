package cloudtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/evenkeel/evenkeel/shared/testtool"
)

// Probe builds the tests' Lambda function and returns the folder to deploy
// from: <folder>/probe/bootstrap.
func Probe(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(testtool.Root(t), "build", "test")
	out := filepath.Join(dir, "probe", "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out, "./local/probe")
	cmd.Dir = testtool.Root(t)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+runtime.GOARCH)
	if message, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the probe function: %v\n%s", err, message)
	}
	return dir
}
