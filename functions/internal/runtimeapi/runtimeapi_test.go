package runtimeapi_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
)

const echo = "testdata/echo"

func TestInvoke(t *testing.T) {
	fn := runtimeapi.Start(t, echo, map[string]string{"ECHO_WORD": "even"})

	payload, errorType := fn.Invoke([]byte(`{}`))
	if got, want := string(payload), `{"path":"","word":"even"}`; errorType != "" || got != want {
		t.Errorf("answer %s %q, want %s and nothing of our own environment", got, errorType, want)
	}
	payload, errorType = fn.Invoke([]byte(`{"fail":"held"}`))
	if errorType != "ConflictError" || !strings.Contains(string(payload), "told to fail: held") {
		t.Errorf("answer %s %q, want a ConflictError with its message", payload, errorType)
	}
	if payload, errorType = fn.Invoke([]byte(`{}`)); errorType != "" {
		t.Errorf("an error must not end the function: %s %q", payload, errorType)
	}
	if log := fn.Log(); !strings.Contains(log, `"request":"request-2"`) || !strings.Contains(log, `"fault":"ConflictError"`) {
		t.Errorf("log lacks the failed request:\n%s", log)
	}
}

func TestStartFailing(t *testing.T) {
	if log := runtimeapi.StartFailing(t, echo, nil); !strings.Contains(log, "ECHO_WORD is not set") {
		t.Errorf("log = %q", log)
	}
}
