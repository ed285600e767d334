package executions_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/executions"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const machine = "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-rollout"

func TestStart(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("states", "StartExecution", `{"executionArn":"arn:started","startDate":1772443181}`)
	got, err := executions.New(stub.Config(), machine).Start(t.Context(), "run-prod-api", map[string]string{"id": "run-prod-api"})
	if err != nil || got != "arn:started" {
		t.Errorf("%q, %v", got, err)
	}
	want := `{"input":"{\"id\":\"run-prod-api\"}","name":"run-prod-api","stateMachineArn":"` + machine + `"}`
	if sent := string(stub.Calls("states", "StartExecution")[0].Body); sent != want {
		t.Errorf("sent %s", sent)
	}
}

// TestTheNameFindsTheExecution: "ExecutionAlreadyExists: the execution has the
// same name as another execution (but a different input)", or as one that ended.
func TestTheNameFindsTheExecution(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("states", "StartExecution", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("ExecutionAlreadyExists", "Execution Already Exists")
	})
	got, err := executions.New(stub.Config(), machine).Start(t.Context(), "run-prod-api", nil)
	if want := "arn:aws:states:us-east-1:111111111111:execution:evenkeel-rollout:run-prod-api"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestStartFailures(t *testing.T) {
	for code, want := range map[string]string{"ThrottlingException": fault.TransientError, "AccessDeniedException": fault.PermanentError} {
		stub := awsstub.Start(t)
		stub.On("states", "StartExecution", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "no") })
		if _, err := executions.New(stub.Config(), machine).Start(t.Context(), "n", nil); !fault.Is(err, want) {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
	if _, err := executions.New(awsstub.Start(t).Config(), machine).Start(t.Context(), "n", func() {}); !fault.Is(err, fault.PermanentError) {
		t.Errorf("an input that is no JSON: %v", err)
	}
}
