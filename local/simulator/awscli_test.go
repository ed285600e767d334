package simulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/testtool"
)

// The AWS CLI, unmodified: deploy (twice: create, no changes), drift by Cloud
// Control, detect-stack-drift, describe-stack-resource-drifts, delete-stack.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	cli := testtool.Any(t, "EVENKEEL_TEST_AWS", "aws")
	w := start(t, immediately)
	dir := t.TempDir()
	writeFile(t, dir, "template.yaml", tagged)
	deploy := []string{"cloudformation", "deploy", "--stack-name", "shop", "--template-file", "template.yaml", "--tags", "team=web"}
	if out := w.must(dir, cli, deploy...); !strings.Contains(out, "Successfully created/updated stack - shop") {
		t.Fatal(out)
	}
	// The CLI names its change set by the second, and the name is taken until
	// the stack is gone.
	time.Sleep(time.Second)
	if out := w.must(dir, cli, append(deploy, "--no-fail-on-empty-changeset")...); !strings.Contains(out, "No changes to deploy. Stack shop is up to date") {
		t.Fatal(out)
	}
	w.must(dir, cli, "cloudcontrol", "update-resource", "--type-name", "AWS::SSM::Parameter", "--identifier", "/p",
		"--patch-document", `[{"op":"replace","path":"/Value","value":"changed"}]`)
	w.eventually("update", func() bool { return w.live("AWS::SSM::Parameter", "/p")["Value"] == "changed" })

	var started struct {
		DetectionID string `json:"StackDriftDetectionId"`
	}
	decode(t, w.must(dir, cli, "cloudformation", "detect-stack-drift", "--stack-name", "shop"), &started)
	var status struct {
		DetectionStatus, StackDriftStatus string
		DriftedStackResourceCount         int
	}
	w.eventually("detection", func() bool {
		decode(t, w.must(dir, cli, "cloudformation", "describe-stack-drift-detection-status", "--stack-drift-detection-id", started.DetectionID), &status)
		return status.DetectionStatus == "DETECTION_COMPLETE"
	})
	if status.StackDriftStatus != "DRIFTED" || status.DriftedStackResourceCount != 1 {
		t.Errorf("%+v", status)
	}
	var drifts struct {
		StackResourceDrifts []struct {
			LogicalID           string `json:"LogicalResourceId"`
			PropertyDifferences []struct{ PropertyPath, ExpectedValue, ActualValue, DifferenceType string }
		}
	}
	decode(t, w.must(dir, cli, "cloudformation", "describe-stack-resource-drifts", "--stack-name", "shop", "--stack-resource-drift-status-filters", "MODIFIED"), &drifts)
	if d := drifts.StackResourceDrifts; len(d) != 1 || d[0].LogicalID != "Hidden" || d[0].PropertyDifferences[0].ActualValue != "changed" {
		t.Errorf("%+v", drifts)
	}
	w.must(dir, cli, "cloudformation", "delete-stack", "--stack-name", "shop")
	w.must(dir, cli, "cloudformation", "wait", "stack-delete-complete", "--stack-name", "shop")
	if out, err := w.command(dir, cli, "cloudformation", "describe-stacks", "--stack-name", "shop"); err == nil || !strings.Contains(out, "(ValidationError) when calling the DescribeStacks operation: Stack with id shop does not exist") {
		t.Error(out)
	}
}

// A deployment that fails is told to the CLI's user as one that fails on AWS.
func TestAWSCLIFailure(t *testing.T) {
	t.Parallel()
	cli := testtool.Any(t, "EVENKEEL_TEST_AWS", "aws")
	w := start(t, immediately)
	dir := t.TempDir()
	writeFile(t, dir, "template.yaml", failing)
	out, err := w.command(dir, cli, "cloudformation", "deploy", "--stack-name", "shop", "--template-file", "template.yaml", "--parameter-overrides", "Fail=boom")
	if err == nil || !strings.Contains(out, "Failed to create/update the stack") {
		t.Error(out)
	}
	writeFile(t, dir, "bad.yaml", "Resources: {Q: {Type: AWS::SQS::Nothing}}")
	out, err = w.command(dir, cli, "cloudformation", "validate-template", "--template-body", "file://bad.yaml")
	if err == nil || !strings.Contains(out, "Unrecognized resource types: [AWS::SQS::Nothing]") {
		t.Error(out)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}
