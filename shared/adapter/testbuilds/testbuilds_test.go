package testbuilds_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/testbuilds"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var target = events.Target{Stage: "test", Stack: "api", Account: "222222222222", Region: "eu-west-1"}

const id = "arn:aws:codebuild:eu-west-1:222222222222:build/tests:8745a7a9"

func start(t *testing.T) (*awsstub.Stub, *testbuilds.Client) {
	stub := awsstub.Start(t)
	return stub, testbuilds.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy"))
}

func TestStart(t *testing.T) {
	stub, client := start(t)
	stub.Reply("codebuild", "StartBuild", `{"build":{"arn":"`+id+`","id":"tests:8745a7a9","buildStatus":"IN_PROGRESS","currentPhase":"QUEUED"}}`)
	got, err := client.Start(t.Context(), target, verification.BuildInput{
		Project: "tests", Token: "t", Timeout: 30 * time.Minute,
		Variables: []verification.Variable{{Name: "A", Text: "x"}, {Name: "B", Secret: "shop/test#token"}, {Name: "C", Secret: "shop/test"}, {Name: "D", ParameterStore: "/shop/level"}},
	})
	if err != nil || got != (verification.Build{ID: id, Status: "IN_PROGRESS", Phase: "QUEUED"}) {
		t.Errorf("%+v, %v", got, err)
	}
	call := stub.Calls("codebuild", "StartBuild")[0]
	var sent, want any
	if err := json.Unmarshal(call.Body, &sent); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"projectName":"tests","idempotencyToken":"t","timeoutInMinutesOverride":30,"environmentVariablesOverride":[
		{"name":"A","value":"x","type":"PLAINTEXT"},{"name":"B","value":"shop/test:token","type":"SECRETS_MANAGER"},
		{"name":"C","value":"shop/test","type":"SECRETS_MANAGER"},{"name":"D","value":"/shop/level","type":"PARAMETER_STORE"}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if call.Account != "222222222222" || !reflect.DeepEqual(sent, want) {
		t.Errorf("account %s sent %s", call.Account, call.Body)
	}
}

func TestDescribe(t *testing.T) {
	tests := []struct {
		name, answer string
		want         verification.Build
	}{
		{"running", `{"arn":"` + id + `","buildStatus":"IN_PROGRESS","currentPhase":"BUILD","phases":[{"phaseType":"SUBMITTED","phaseStatus":"SUCCEEDED"},{"phaseType":"BUILD"}]}`,
			verification.Build{ID: id, Status: "IN_PROGRESS", Phase: "BUILD"}},
		{"succeeded", `{"arn":"` + id + `","buildStatus":"SUCCEEDED","currentPhase":"COMPLETED","logs":{"deepLink":"https://logs"}}`,
			verification.Build{ID: id, Status: "SUCCEEDED", Phase: "COMPLETED", Logs: "https://logs"}},
		{"failed", `{"arn":"` + id + `","buildStatus":"FAILED","currentPhase":"COMPLETED","phases":[{"phaseType":"INSTALL","phaseStatus":"SUCCEEDED","contexts":[{"statusCode":"","message":""}]},
			{"phaseType":"BUILD","phaseStatus":"FAILED","contexts":[{"statusCode":"COMMAND_EXECUTION_ERROR","message":"Error while executing command: make test. Reason: exit status 2"}]},
			{"phaseType":"FINALIZING","phaseStatus":"SUCCEEDED"}]}`,
			verification.Build{ID: id, Status: "FAILED", Phase: "BUILD", Reason: "Error while executing command: make test. Reason: exit status 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("codebuild", "BatchGetBuilds", `{"builds":[`+tt.answer+`],"buildsNotFound":[]}`)
			if got, err := client.Describe(t.Context(), target, id); err != nil || got != tt.want {
				t.Errorf("%+v, %v", got, err)
			}
			if sent := string(stub.Calls("codebuild", "BatchGetBuilds")[0].Body); sent != `{"ids":["`+id+`"]}` {
				t.Errorf("sent %s", sent)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	stub, client := start(t)
	stub.Reply("codebuild", "BatchGetBuilds", `{"builds":[],"buildsNotFound":["`+id+`"]}`)
	if _, err := client.Describe(t.Context(), target, id); !fault.Is(err, fault.PermanentError) {
		t.Errorf("%v", err)
	}
	for code, kind := range map[string]string{"ThrottlingException": fault.TransientError, "ResourceNotFoundException": fault.PermanentError, "AccessDeniedException": fault.PermanentError} {
		stub.On("codebuild", "StartBuild", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "m") })
		if _, err := client.Start(t.Context(), target, verification.BuildInput{Project: "tests"}); !fault.Is(err, kind) {
			t.Errorf("%s: %v", code, err)
		}
	}
}
