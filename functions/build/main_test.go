package main

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var settings = map[string]string{
	config.Bus: "evenkeel", config.StateTable: "state", config.Bucket: "bucket", config.BuildProject: "evenkeel-build",
}

func start(t *testing.T, stub *awsstub.Stub) *runtimeapi.Runtime {
	env := maps.Clone(settings)
	maps.Copy(env, stub.Env())
	return runtimeapi.Start(t, ".", env)
}

func TestMissingSettingsAreNamedAtOnce(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for name := range settings {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}

func TestABuildIsStartedAndItsEventCompletesTheTask(t *testing.T) {
	stub := awsstub.Start(t)
	const id = "evenkeel-build:7c1d5e52-90fd-4a3c-8a71-2f6f0c7a7f10"
	stub.Reply("dynamodb", "GetItem", `{"Item":{"queue":{"S":"{\"holder\":{\"runId\":\"1f0c9a7b-1bee13\"}}"},"version":{"N":"1"}}}`,
		`{"Item":{"buildId":{"S":"`+id+`"},"token":{"S":"task-token"}}}`)
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{"token":{"S":"task-token"}}}`,
		`{"Attributes":{"token":{"S":"task-token"},"buildId":{"S":"`+id+`"}}}`, `{}`)
	stub.Reply("codebuild", "StartBuild", `{"build":{"id":"`+id+`"}}`)
	stub.Reply("codebuild", "BatchGetBuilds", `{"builds":[{"id":"`+id+`","buildStatus":"IN_PROGRESS"}]}`)
	stub.Reply("states", "SendTaskSuccess", `{}`)
	fn := start(t, stub)

	request, err := json.Marshal(map[string]any{"action": "build", "token": "task-token", "release": deployment.Release{
		RunID: "1f0c9a7b-1bee13", Repository: "acme/shop", SourceKey: "sources/acme/shop/c.zip",
		Build: deployment.Build{Status: deployment.BuildWanted, Key: "builds/acme/shop/1f0c9a7b-1bee13.zip", Spec: &pipeline.Build{Commands: []string{"make"}, Output: "cdk.out", Compute: "small"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if payload, errorType := fn.Invoke(request); errorType != "" || !strings.Contains(string(payload), `"state":"waiting"`) {
		t.Fatalf("%s %s", errorType, payload)
	}
	event, err := os.ReadFile("../../testdata/events/codebuild-build-succeeded.json")
	if err != nil {
		t.Fatal(err)
	}
	if payload, errorType := fn.Invoke(event); errorType != "" || !strings.Contains(string(payload), `"state":"answered"`) {
		t.Fatalf("%s %s", errorType, payload)
	}
	sent := stub.Calls("states", "SendTaskSuccess")
	if len(sent) != 1 || !strings.Contains(string(sent[0].Body), "task-token") || !strings.Contains(string(sent[0].Body), id) {
		t.Errorf("sent %+v", sent)
	}
	if payload, errorType := fn.Invoke([]byte(`{"detail-type":"Rain Started","detail":{}}`)); errorType != "" || !strings.Contains(string(payload), "ignored") {
		t.Errorf("%s %s", errorType, payload)
	}
}
