package main_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/source"
)

const commit = "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"

func start(t *testing.T, stub *awsstub.Stub) *runtimeapi.Runtime {
	env := map[string]string{config.Bus: "evenkeel", config.Bucket: "sources", config.ParameterPrefix: "/evenkeel"}
	maps.Copy(env, stub.Env())
	return runtimeapi.Start(t, ".", env)
}

func invocation(t *testing.T) []byte {
	t.Helper()
	event, err := json.Marshal(map[string]any{"action": "validate", "release": deployment.Release{
		RunID: "1f0c9a7b-abcdef", Repository: "acme/shop", Provider: "github", Branch: "main", Commit: commit,
		CloneURL: "https://git.example.com/acme/shop.git", CausationID: "c-1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// registration is the repository's entry in the registry, with the account of
// its stage.
const registration = `{"Parameter":{"Value":"{\"provider\":\"github\",\"cloneUrl\":\"https://git.example.com/acme/shop.git\",` +
	`\"webhookSecret\":\"/evenkeel/secrets/acme/shop/webhook\",\"accounts\":{\"222222222222\":\"never\"}}"}}`

// The binary reads a kept archive, and publishes what it found in it.
func TestTheBinary(t *testing.T) {
	tree, err := source.NewTree([]source.File{
		{Path: "evenkeel.yaml", Data: []byte("version: 1\nstacks:\n  queue: {template: templates/queue.yaml}\nstages:\n  - {name: test, branch: main, account: \"222222222222\", region: us-east-1, approval: never}\n")},
		{Path: "templates/queue.yaml", Data: []byte("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      VisibilityTimeout: soon\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := tree.Zip()
	if err != nil {
		t.Fatal(err)
	}
	stub := awsstub.Start(t)
	stub.Reply("s3", "GET /sources/sources/acme/shop/"+commit+".zip", string(archive))
	stub.Reply("ssm", "GetParameter", registration)
	stub.Reply("cloudformation", "ValidateTemplate", "<ValidateTemplateResponse><ValidateTemplateResult/></ValidateTemplateResponse>")
	stub.On("s3", "PUT /sources/reports/acme/shop/"+commit+".json", func(awsstub.Call) awsstub.Answer { return awsstub.Answer{} })
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)

	payload, errorType := start(t, stub).Invoke(invocation(t))
	var r deployment.Release
	if err := json.Unmarshal(payload, &r); err != nil || errorType != "" {
		t.Fatalf("%s %s", errorType, payload)
	}
	if r.Validation.Valid || len(r.Validation.Findings) == 0 || r.SourceKey != "sources/acme/shop/"+commit+".zip" || len(r.Stages) != 1 {
		t.Fatalf("release = %s", payload)
	}
	f := r.Validation.Findings[0]
	if f.File != "templates/queue.yaml" || f.Line != 5 || f.Severity != "error" || f.Rule == "" || f.Column == 0 {
		t.Errorf("finding = %+v", f)
	}
	calls := stub.Calls("events", "PutEvents")
	if len(calls) != 1 || !strings.Contains(string(calls[0].Body), events.TemplatesRejected{}.DetailType()) {
		t.Errorf("published %v", calls)
	}
}

func TestErrorsHaveTheirNames(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("s3", "GET /sources/sources/acme/shop/"+commit+".zip", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 404, Body: `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`}
	})
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	fn := start(t, stub)
	if payload, errorType := fn.Invoke(invocation(t)); errorType != "InvalidError" || !strings.Contains(string(payload), "acme/shop") {
		t.Errorf("not registered: %s %s", errorType, payload)
	}
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "Rate exceeded") })
	if payload, errorType := fn.Invoke(invocation(t)); errorType != "TransientError" {
		t.Errorf("throttled: %s %s", errorType, payload)
	}
	if payload, errorType := fn.Invoke([]byte(`{"action":"deploy"}`)); errorType != "PermanentError" {
		t.Errorf("unknown action: %s %s", errorType, payload)
	}
}

func TestItNamesEveryMissingSetting(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for _, name := range []string{config.Bus, config.Bucket, config.ParameterPrefix} {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}
