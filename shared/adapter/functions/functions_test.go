package functions_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/functions"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var target = events.Target{Stage: "test", Stack: "api", Account: "222222222222", Region: "eu-west-1"}

const path = "POST /2015-03-31/functions/smoke/invocations"

func start(t *testing.T) (*awsstub.Stub, *functions.Client) {
	stub := awsstub.Start(t)
	return stub, functions.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy"))
}

func TestInvoke(t *testing.T) {
	stub, client := start(t)
	stub.Reply("lambda", path, `{"ok":true}`)
	got, err := client.Invoke(t.Context(), target, "smoke", []byte(`{"a":1}`))
	if err != nil || got.FunctionError != "" || string(got.Payload) != `{"ok":true}` || got.Truncated {
		t.Errorf("%+v, %v", got, err)
	}
	if call := stub.Calls("lambda", path)[0]; call.Account != "222222222222" || string(call.Body) != `{"a":1}` {
		t.Errorf("account %s, body %s", call.Account, call.Body)
	}
}

// TestFunctionError: the status is 200 all the same.
// Source: Lambda API reference, Invoke, FunctionError (X-Amz-Function-Error).
func TestFunctionError(t *testing.T) {
	stub, client := start(t)
	stub.On("lambda", path, func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Header: map[string]string{"X-Amz-Function-Error": "Unhandled"}, Body: `{"errorMessage":"no table","errorType":"E"}`}
	})
	if got, err := client.Invoke(t.Context(), target, "smoke", nil); err != nil || got.FunctionError != "Unhandled" || !strings.Contains(string(got.Payload), "no table") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestALongAnswerIsCut(t *testing.T) {
	stub, client := start(t)
	stub.Reply("lambda", path, `"`+strings.Repeat("x", 300<<10)+`"`)
	if got, err := client.Invoke(t.Context(), target, "smoke", nil); err != nil || len(got.Payload) != 256<<10 || !got.Truncated {
		t.Errorf("%d bytes, %v", len(got.Payload), err)
	}
}

func TestErrors(t *testing.T) {
	for code, tt := range map[string]struct {
		status int
		kind   string
	}{
		"ResourceNotFoundException": {404, fault.InvalidError},
		"AccessDeniedException":     {403, fault.PermanentError},
		"TooManyRequestsException":  {429, fault.TransientError},
		"ServiceException":          {500, fault.TransientError},
	} {
		stub, client := start(t)
		stub.On("lambda", path, func(awsstub.Call) awsstub.Answer {
			return awsstub.Answer{Status: tt.status, Header: map[string]string{"X-Amzn-Errortype": code}, Body: `{"message":"m"}`}
		})
		if _, err := client.Invoke(t.Context(), target, "smoke", nil); !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v", code, err)
		}
		if calls := stub.Calls("lambda", path); len(calls) != 1 {
			t.Errorf("%s: invoked %d times", code, len(calls))
		}
	}
}

func TestTimeout(t *testing.T) {
	stub, client := start(t)
	release := make(chan struct{})
	stub.On("lambda", path, func(awsstub.Call) awsstub.Answer { <-release; return awsstub.Answer{Body: "{}"} })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Invoke(ctx, target, "smoke", nil)
	close(release)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
