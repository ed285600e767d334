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
)

var settings = map[string]string{
	config.Bus: "evenkeel", config.StateTable: "state", config.ParameterPrefix: "/evenkeel", config.Bucket: "bucket", config.RoleName: "evenkeel-deploy",
}

func start(t *testing.T, stub *awsstub.Stub) *runtimeapi.Runtime {
	env := maps.Clone(settings)
	maps.Copy(env, stub.Env())
	return runtimeapi.Start(t, ".", env)
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMissingSettingsAreNamedAtOnce(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for name := range settings {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}

func TestBegin(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	fn := start(t, stub)

	var ended struct {
		Detail struct{ Input json.RawMessage }
	}
	if err := json.Unmarshal(sample(t, "stepfunctions-execution-failed"), &ended); err != nil {
		t.Fatal(err)
	}
	var push string
	if err := json.Unmarshal(ended.Detail.Input, &push); err != nil {
		t.Fatal(err)
	}
	payload, errorType := fn.Invoke([]byte(`{"action":"begin","execution":"arn:execution","event":` + push + `}`))
	var r deployment.Release
	if err := json.Unmarshal(payload, &r); err != nil || errorType != "" {
		t.Fatalf("%s: %s, %v", errorType, payload, err)
	}
	if r.Repository != "acme/shop" || r.Execution != "arn:execution" || !strings.HasPrefix(r.RunID, "4f2a91c0-") {
		t.Errorf("%+v", r)
	}
	// Choice states fail on a path that is not there.
	for _, field := range []string{`"duplicate":false`, `"valid":false`, `"stages":[]`, `"outcome":""`, `"reason":""`, `"kind":""`, `"gate":""`, `"waitSeconds":0`} {
		if !strings.Contains(string(payload), field) {
			t.Errorf("the release lacks %s: %s", field, payload)
		}
	}
	if published := string(stub.Calls("events", "PutEvents")[0].Body); !strings.Contains(published, "RunStarted.v1") {
		t.Errorf("published %s", published)
	}
	if log := fn.Log(); !strings.Contains(log, `"action":"begin"`) {
		t.Errorf("log %s", log)
	}
}

func TestStackEventCompletesTheTask(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "GetItem", `{"Item":{"token":{"S":"task-token"}}}`, `{}`)
	stub.Reply("dynamodb", "DeleteItem", `{}`)
	stub.Reply("states", "SendTaskSuccess", `{}`)
	fn := start(t, stub)
	for _, want := range []string{`"state":"answered"`, `"state":"ignored"`} { // the second delivery finds no token
		payload, errorType := fn.Invoke(sample(t, "cloudformation-stack-update-complete"))
		if errorType != "" || !strings.Contains(string(payload), want) {
			t.Errorf("%s %s, want %s", errorType, payload, want)
		}
	}
	sent := stub.Calls("states", "SendTaskSuccess")
	if len(sent) != 1 || !strings.Contains(string(sent[0].Body), "task-token") || !strings.Contains(string(sent[0].Body), "UPDATE_COMPLETE") {
		t.Errorf("sent %v", sent)
	}
}

// TestErrorsKeepTheirName: the workflow's Retry and Catch match on it.
func TestErrorsKeepTheirName(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	stub.Reply("states", "SendTaskFailure", `{}`)
	stub.On("dynamodb", "GetItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	fn := start(t, stub)
	push := `{"detail":{"data":{"repository":"a/b","branch":"main","commit":"4f2a91c07f0d3c1b5a69788796a5b4c3d2e1f001"}}}`
	if payload, errorType := fn.Invoke([]byte(`{"action":"begin","execution":"x","event":` + push + `}`)); errorType != "TransientError" {
		t.Errorf("%s: %s", errorType, payload)
	}
	if payload, errorType := fn.Invoke([]byte(`{"action":"begin","event":{}}`)); errorType != "InvalidError" {
		t.Errorf("%s: %s", errorType, payload)
	}
	// A state that waits for a token hears of the failure through the token.
	payload, errorType := fn.Invoke([]byte(`{"action":"lock","token":"task-token","release":{"runId":"r1","repository":"a/b"}}`))
	if errorType != "" || !strings.Contains(string(payload), `"state":"failed"`) {
		t.Errorf("%s: %s", errorType, payload)
	}
	if sent := stub.Calls("states", "SendTaskFailure"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), "TransientError") {
		t.Errorf("sent %v", sent)
	}
}
