package simulator_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// immediately ends every operation before a client asks for the first time:
// the AWS CLI's waiters ask every 30 seconds.
func immediately(o *simulator.Options) { o.ResourceDelay, o.OperationDelay = -1, -1 }

// command runs a client against the simulator and gives its output.
func (w *world) command(dir, name string, args ...string) (string, error) {
	w.t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+account, "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=", "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_ENDPOINT_URL="+w.url, "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"NO_COLOR=1", "CI=true", "PYTHONUNBUFFERED=1", "CDK_DISABLE_VERSION_CHECK=1", "CDK_DISABLE_CLI_TELEMETRY=true",
	)
	out, err := c.CombinedOutput()
	return string(out), err
}

func (w *world) must(dir, name string, args ...string) string {
	w.t.Helper()
	out, err := w.command(dir, name, args...)
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
