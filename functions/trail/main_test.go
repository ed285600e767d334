package main

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
)

func awaitLog(t *testing.T, fn *runtimeapi.Runtime, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(fn.Log(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log has no %s:\n%s", text, fn.Log())
		}
	}
}

// TestTheBinary drives the function as EventBridge does.
func TestTheBinary(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "BatchWriteItem", `{}`)
	env := map[string]string{config.WritesTable: "writes", config.WritesKept: "48h"}
	maps.Copy(env, stub.Env())
	fn := runtimeapi.Start(t, ".", env)

	event, err := os.ReadFile("../../shared/attribution/testdata/queue.json")
	if err != nil {
		t.Fatal(err)
	}
	if payload, failed := fn.Invoke(event); failed != "" || !strings.Contains(string(payload), `"kept":1`) {
		t.Fatalf("%s %s", payload, failed)
	}
	// 2026-03-04T10:11:12Z: two days after the call.
	if body := string(stub.Calls("dynamodb", "BatchWriteItem")[0].Body); !strings.Contains(body, `"222222222222/us-east-1/sqs/shop-Jobs-1ABC"`) || !strings.Contains(body, `"1772619072"`) {
		t.Errorf("kept %s", body)
	}
	awaitLog(t, fn, `"call":"sqs.amazonaws.com SetQueueAttributes"`)

	if payload, failed := fn.Invoke([]byte(`{"source":"aws.health","detail-type":"AWS Health Event","detail":{}}`)); failed != "" || !strings.Contains(string(payload), `"skipped"`) {
		t.Errorf("an unknown event: %s %s", payload, failed)
	}
	awaitLog(t, fn, `"skipped":"not a CloudTrail record of an AWS API"`)
	if payload, failed := fn.Invoke([]byte(`[1]`)); failed != "InvalidError" {
		t.Errorf("poison: %s %s, want an error, so that the queue behind the function keeps it", payload, failed)
	}
	stub.On("dynamodb", "BatchWriteItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow") })
	if payload, failed := fn.Invoke(event); failed != "TransientError" {
		t.Errorf("a busy table: %s %s", payload, failed)
	}
}

func TestItNamesTheMissingSetting(t *testing.T) {
	if log := runtimeapi.StartFailing(t, ".", nil); !strings.Contains(log, config.WritesTable) {
		t.Errorf("log:\n%s", log)
	}
}
