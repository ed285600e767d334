package main_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

const secret = "correct horse"

// aws answers what the function calls; the delivery store has no deliveries.
func aws(t *testing.T) *awsstub.Stub {
	stub := awsstub.Start(t)
	stub.On("ssm", "GetParameter", func(c awsstub.Call) awsstub.Answer {
		var in struct {
			Name           string
			WithDecryption bool
		}
		if err := json.Unmarshal(c.Body, &in); err != nil {
			t.Error(err)
		}
		values := map[string]string{
			"/evenkeel/repositories/acme/shop": `{"provider":"github","cloneUrl":"https://git.example.com/acme/shop.git","webhookSecret":"/evenkeel/secrets/acme/shop/webhook"}`,
			"/evenkeel/repositories/ledger":    `{"provider":"codecommit","cloneUrl":"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/ledger"}`,
		}
		if in.WithDecryption {
			values["/evenkeel/secrets/acme/shop/webhook"] = secret
		}
		value, ok := values[in.Name]
		if !ok {
			return awsstub.JSONError("ParameterNotFound", "")
		}
		answer, err := json.Marshal(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Value": value}})
		if err != nil {
			t.Error(err)
		}
		return awsstub.Answer{Body: string(answer)}
	})
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	return stub
}

func start(t *testing.T, stub *awsstub.Stub) *runtimeapi.Runtime {
	env := map[string]string{config.Bus: "evenkeel", config.StateTable: "state", config.ParameterPrefix: "/evenkeel"}
	maps.Copy(env, stub.Env())
	return runtimeapi.Start(t, ".", env)
}

func request(t *testing.T, body []byte, signature string) []byte {
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": "/", "isBase64Encoded": true, "body": base64.StdEncoding.EncodeToString(body),
		"headers": map[string]string{
			"x-github-event": "push", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
			"content-type": "application/json", "x-hub-signature-256": signature,
		},
		"requestContext": map[string]any{"http": map[string]any{"method": "POST", "path": "/"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func TestTheBinary(t *testing.T) {
	stub := aws(t)
	fn := start(t, stub)
	body, err := os.ReadFile("../../shared/webhook/testdata/github-push.json")
	if err != nil {
		t.Fatal(err)
	}

	payload, errorType := fn.Invoke(request(t, body, "sha256="+strings.Repeat("0", 64)))
	var answer webhook.FunctionURLResponse
	if err := json.Unmarshal(payload, &answer); err != nil || errorType != "" || answer.StatusCode != 401 {
		t.Fatalf("forged: %s %s", errorType, payload)
	}
	if calls := stub.Calls("events", ""); len(calls) != 0 || len(stub.Calls("dynamodb", "")) != 0 {
		t.Fatalf("a forged request reached the table or the bus: %v", calls)
	}

	payload, _ = fn.Invoke(request(t, body, webhook.Sign(body, []byte(secret))))
	if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode != 202 || !strings.Contains(answer.Body, `"published"`) {
		t.Fatalf("signed: %s\n%s", payload, fn.Log())
	}
	pushed := published(t, stub)
	if pushed.CloneURL != "https://git.example.com/acme/shop.git" || pushed.Branch != "main" {
		t.Errorf("published %+v", pushed)
	}

	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "The conditional request failed")
	})
	stub.Reply("dynamodb", "GetItem", `{"Item":{"pk":{"S":"x"},"sk":{"S":"delivery"},"state":{"S":"done"}}}`)
	payload, _ = fn.Invoke(request(t, body, webhook.Sign(body, []byte(secret))))
	if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode != 409 {
		t.Fatalf("replayed: %s\n%s", payload, fn.Log())
	}
}

func published(t *testing.T, stub *awsstub.Stub) events.GitPushed {
	t.Helper()
	calls := stub.Calls("events", "PutEvents")
	if len(calls) != 1 {
		t.Fatalf("%d PutEvents calls, want 1", len(calls))
	}
	var in struct {
		Entries []struct{ Source, DetailType, Detail, EventBusName string }
	}
	if err := json.Unmarshal(calls[0].Body, &in); err != nil || len(in.Entries) != 1 {
		t.Fatalf("%v: %s", err, calls[0].Body)
	}
	if e := in.Entries[0]; e.Source != events.SourceGit || e.DetailType != "GitPushed.v1" || e.EventBusName != "evenkeel" {
		t.Errorf("entry = %+v", e)
	}
	var detail events.Detail[events.GitPushed]
	if err := json.Unmarshal([]byte(in.Entries[0].Detail), &detail); err != nil {
		t.Fatal(err)
	}
	return detail.Data
}

func TestCodeCommitEvent(t *testing.T) {
	stub := aws(t)
	fn := start(t, stub)
	event, err := os.ReadFile("../../testdata/events/codecommit-reference-updated.json")
	if err != nil {
		t.Fatal(err)
	}
	if payload, errorType := fn.Invoke(event); errorType != "" {
		t.Fatalf("%s %s", errorType, payload)
	}
	if pushed := published(t, stub); pushed.Repository != "ledger" || pushed.Provider != "codecommit" {
		t.Errorf("published %+v", pushed)
	}
	stub.On("events", "PutEvents", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("InternalException", "later") })
	stub.Reply("dynamodb", "DeleteItem", `{}`)
	if payload, errorType := fn.Invoke(event); errorType == "" {
		t.Errorf("a failed publication must be delivered again, got %s", payload)
	}
	if len(stub.Calls("dynamodb", "DeleteItem")) != 1 {
		t.Error("the claim was not given back")
	}
}

func TestUnknownEventIsANoOp(t *testing.T) {
	stub := aws(t)
	fn := start(t, stub)
	for _, event := range []string{`{}`, `[1]`, `{"source":"aws.s3","detail-type":"Object Created","detail":{}}`} {
		if payload, errorType := fn.Invoke([]byte(event)); errorType != "" {
			t.Errorf("%s: %s %s", event, errorType, payload)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); strings.Count(fn.Log(), "unknown event") < 3 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // the log arrives through a pipe
	}
	if !strings.Contains(fn.Log(), "Object Created") || !strings.Contains(fn.Log(), "unknown event") {
		t.Errorf("no log line:\n%s", fn.Log())
	}
}

func TestItNamesEveryMissingSetting(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for _, name := range []string{config.Bus, config.StateTable, config.ParameterPrefix} {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}
