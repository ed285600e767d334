package emulator_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtest"
)

// command runs the AWS CLI against MiniStack.
func command(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, cloudtest.Venv(t).Bin("aws"), append(args, "--output", "text")...)
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "AWS_PAGER=", "AWS_ENDPOINT_URL=" + hub(t).Endpoint,
		"AWS_ACCESS_KEY_ID=" + account, "AWS_SECRET_ACCESS_KEY=local", "AWS_DEFAULT_REGION=" + region,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// A build "runs the build commands of the buildspec"; here it succeeds without.
func TestCodeBuildSucceedsWithoutRunningTheBuild(t *testing.T) {
	t.Parallel()
	project := name("project")
	command(t, "codebuild", "create-project", "--name", project, "--service-role", "arn:aws:iam::"+account+":role/build", "--artifacts", "type=NO_ARTIFACTS",
		"--environment", "type=LINUX_CONTAINER,image=aws/codebuild/standard:7.0,computeType=BUILD_GENERAL1_SMALL",
		"--source", `{"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [exit 1]}}"}`)
	id := command(t, "codebuild", "start-build", "--project-name", project, "--query", "build.id")
	status := ""
	eventually(t, 10*time.Second, "the end of the build", func() bool {
		status = command(t, "codebuild", "batch-get-builds", "--ids", id, "--query", "builds[0].buildStatus")
		return status != "IN_PROGRESS"
	})
	if status != "SUCCEEDED" {
		unlike(t, "a failing build succeeds", status)
	}
}
