package builds_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/builds"
	"github.com/evenkeel/evenkeel/shared/build"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func TestStart(t *testing.T) {
	stub := awsstub.Start(t)
	project := builds.New(stub.Config(), "evenkeel-build", "bucket")
	stub.Reply("codebuild", "StartBuild", `{"build":{"id":"evenkeel-build:1"}}`)
	id, err := project.Start(t.Context(), build.Order{
		RunID: "r1", SourceKey: "sources/acme/shop/c.zip", Key: "builds/acme/shop/r1.zip", Buildspec: "{}", Minutes: 20,
		Image: "aws/codebuild/amazonlinux-aarch64-standard:3.0", Compute: "medium",
		Variables: []pipeline.Variable{{Name: "A", Value: "1"}, {Name: "B", ParameterStore: "/evenkeel-build/b"}, {Name: "C", Secret: "evenkeel-build/c#key"}},
	})
	if err != nil || id != "evenkeel-build:1" {
		t.Fatalf("%s, %v", id, err)
	}
	var got map[string]any
	if err := json.Unmarshal(stub.Calls("codebuild", "StartBuild")[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"projectName": "evenkeel-build", "idempotencyToken": "r1", "buildspecOverride": "{}",
		"sourceTypeOverride": "S3", "sourceLocationOverride": "bucket/sources/acme/shop/c.zip",
		"imageOverride": "aws/codebuild/amazonlinux-aarch64-standard:3.0", "environmentTypeOverride": "ARM_CONTAINER",
		"computeTypeOverride": "BUILD_GENERAL1_MEDIUM", "timeoutInMinutesOverride": 20,
		"artifactsOverride": {"type": "S3", "location": "bucket", "path": "builds/acme/shop", "name": "r1.zip", "namespaceType": "NONE", "packaging": "ZIP"},
		"environmentVariablesOverride": [
			{"name": "A", "value": "1", "type": "PLAINTEXT"}, {"name": "B", "value": "/evenkeel-build/b", "type": "PARAMETER_STORE"},
			{"name": "C", "value": "evenkeel-build/c:key", "type": "SECRETS_MANAGER"}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if g, w := encode(t, got), encode(t, want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
	for code, kind := range map[string]string{"AccountLimitExceededException": fault.ConflictError, "ThrottlingException": fault.TransientError, "ResourceNotFoundException": fault.PermanentError} {
		stub.On("codebuild", "StartBuild", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "no") })
		if _, err := project.Start(t.Context(), build.Order{}); !fault.Is(err, kind) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const failed = `{"builds":[{"id":"p:1","buildStatus":"FAILED","currentPhase":"COMPLETED","startTime":1767322800.5,"endTime":1767322842.9,
	"artifacts":{"location":"x"},"logs":{"groupName":"/aws/codebuild/p","streamName":"1"},"phases":[
	{"phaseType":"SUBMITTED","phaseStatus":"SUCCEEDED","contexts":[]},
	{"phaseType":"BUILD","phaseStatus":"FAILED","contexts":[{"statusCode":"COMMAND_EXECUTION_ERROR","message":"Error while executing command: make. Reason: exit status 2"}]},
	{"phaseType":"UPLOAD_ARTIFACTS","phaseStatus":"FAILED","contexts":[{"statusCode":"CLIENT_ERROR","message":"no matching artifact paths found"}]},
	{"phaseType":"COMPLETED"}]}]}`

func TestReadAndLog(t *testing.T) {
	stub := awsstub.Start(t)
	project := builds.New(stub.Config(), "p", "bucket")
	stub.Reply("codebuild", "BatchGetBuilds", failed,
		`{"builds":[{"id":"p:1","buildStatus":"SUCCEEDED","artifacts":{"sha256sum":"abc"}}]}`, `{"builds":[],"buildsNotFound":["p:2"]}`)
	state, err := project.Read(t.Context(), "p:1")
	want := build.State{
		ID: "p:1", Status: "FAILED", Phase: "BUILD", Seconds: 42, LogGroup: "/aws/codebuild/p", LogStream: "1",
		Reason: "COMMAND_EXECUTION_ERROR: Error while executing command: make. Reason: exit status 2",
	}
	if err != nil || state != want {
		t.Errorf("got  %+v, %v\nwant %+v", state, err, want)
	}
	stub.Reply("logs", "GetLogEvents", `{"events":[{"message":"one\n"},{"message":"two\n"}]}`)
	if lines, err := project.Log(t.Context(), state, 20); err != nil || !slices.Equal(lines, []string{"one", "two"}) {
		t.Errorf("%v, %v", lines, err)
	}
	if state, err := project.Read(t.Context(), "p:1"); err != nil || state.Digest != "abc" || state.Status != "SUCCEEDED" {
		t.Errorf("%+v, %v", state, err)
	}
	if state, err := project.Read(t.Context(), "p:2"); err != nil || state != (build.State{}) {
		t.Errorf("a build that is not there: %+v, %v", state, err)
	}
	if lines, err := project.Log(t.Context(), build.State{}, 20); err != nil || lines != nil {
		t.Errorf("a build without a log: %v, %v", lines, err)
	}
	stub.On("logs", "GetLogEvents", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	if _, err := project.Log(t.Context(), state, 20); !fault.Is(err, fault.TransientError) {
		t.Error(err)
	}
}
