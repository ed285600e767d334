package main_test

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
)

func event(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func awaitLog(t *testing.T, fn *runtimeapi.Runtime, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(fn.Log(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log has no %s:\n%s", text, fn.Log())
		}
	}
}

func TestTheBinary(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	env := map[string]string{config.LedgerTable: "ledger"}
	maps.Copy(env, stub.Env())
	fn := runtimeapi.Start(t, ".", env)

	if payload, errorType := fn.Invoke(event(t, "RunFinished.v1")); errorType != "" || !strings.Contains(string(payload), `"added":true`) {
		t.Fatalf("%s %s", errorType, payload)
	}
	awaitLog(t, fn, `"RunsFinished":1`)
	var put struct {
		TableName           string
		ConditionExpression string
		Item                map[string]struct{ S string }
	}
	if err := json.Unmarshal(stub.Calls("dynamodb", "PutItem")[0].Body, &put); err != nil {
		t.Fatal(err)
	}
	if put.TableName != "ledger" || !strings.HasPrefix(put.ConditionExpression, "attribute_not_exists") ||
		put.Item["subject"].S != "run#1f0c9a7b-1bee13" || put.Item["kind"].S != "run" || !json.Valid([]byte(put.Item["detail"].S)) {
		t.Errorf("put = %+v", put)
	}

	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "The conditional request failed")
	})
	if payload, errorType := fn.Invoke(event(t, "RunFinished.v1")); errorType != "" || !strings.Contains(string(payload), `"added":false`) {
		t.Fatalf("repeated: %s %s", errorType, payload)
	}
	awaitLog(t, fn, `"result":"repeated"`)
	if n := strings.Count(fn.Log(), `"RunsFinished":1`); n != 1 {
		t.Errorf("measured %d times", n)
	}

	if payload, errorType := fn.Invoke(event(t, "codecommit-reference-updated")); errorType != "" {
		t.Errorf("unknown event: %s %s", errorType, payload)
	}
	awaitLog(t, fn, `"result":"unknown event"`)
	if payload, errorType := fn.Invoke([]byte(`{"source":"evenkeel.pipeline","detail-type":"RunStarted.v1","detail":{}}`)); errorType != "InvalidError" {
		t.Errorf("a fact about nothing: %s %s", errorType, payload)
	}
}

func TestItNamesTheMissingSetting(t *testing.T) {
	if log := runtimeapi.StartFailing(t, ".", nil); !strings.Contains(log, config.LedgerTable) {
		t.Errorf("log:\n%s", log)
	}
}
