package tasks_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/tasks"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var _ deployment.Tasks = (*tasks.Tasks)(nil)

func TestAnswer(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("states", "SendTaskSuccess", `{}`)
	waiting, err := tasks.New(stub.Config()).Answer(context.Background(), "token", map[string]bool{"approved": true})
	if err != nil || !waiting {
		t.Errorf("%v, %v", waiting, err)
	}
	if sent := string(stub.Calls("states", "SendTaskSuccess")[0].Body); sent != `{"output":"{\"approved\":true}","taskToken":"token"}` {
		t.Errorf("sent %s", sent)
	}
}

// TestNobodyWaits: "TaskTimedOut: the task token has either expired or the
// task associated with the token has already been closed".
func TestNobodyWaits(t *testing.T) {
	for _, code := range []string{"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"} {
		stub := awsstub.Start(t)
		stub.On("states", "SendTaskSuccess", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "gone") })
		stub.On("states", "SendTaskFailure", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "gone") })
		client := tasks.New(stub.Config())
		if waiting, err := client.Answer(context.Background(), "t", nil); waiting || err != nil {
			t.Errorf("%s: %v, %v", code, waiting, err)
		}
		if err := client.Succeed(context.Background(), "t", nil); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if err := client.Fail(context.Background(), "t", fault.InvalidError, "c"); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestFailures(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("states", "SendTaskSuccess", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	stub.Reply("states", "SendTaskFailure", `{}`)
	client := tasks.New(stub.Config())
	if waiting, err := client.Answer(context.Background(), "t", 1); waiting || !fault.Is(err, fault.TransientError) {
		t.Errorf("%v, %v", waiting, err)
	}
	if err := client.Succeed(context.Background(), "t", func() {}); !fault.Is(err, fault.PermanentError) {
		t.Errorf("an output that is no JSON: %v", err)
	}
	if err := client.Fail(context.Background(), "t", fault.InvalidError, strings.Repeat("ü", 40000)); err != nil {
		t.Fatal(err)
	}
	var sent struct{ Error, Cause string }
	if err := json.Unmarshal(stub.Calls("states", "SendTaskFailure")[0].Body, &sent); err != nil {
		t.Fatal(err)
	}
	if sent.Error != fault.InvalidError || utf8.RuneCountInString(sent.Cause) != 32768 {
		t.Errorf("error %s, cause of %d characters", sent.Error, utf8.RuneCountInString(sent.Cause))
	}
}
