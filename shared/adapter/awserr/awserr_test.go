package awserr_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestClassify(t *testing.T) {
	code := func(c string) error { return &smithy.GenericAPIError{Code: c, Message: "m"} }
	status := func(s int) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: s}}, Err: errors.New("body")}
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"lost race", code("ConditionalCheckFailedException"), fault.ConflictError},
		{"throttle", code("Throttling"), fault.TransientError},
		{"EC2 throttle", code("RequestLimitExceeded"), fault.TransientError},
		{"bad input", code("ValidationError"), fault.InvalidError},
		{"denied", code("AccessDenied"), fault.PermanentError},
		{"unknown code", code("SomethingNew"), fault.PermanentError},
		{"5xx without a code", status(503), fault.TransientError},
		{"4xx without a code", status(404), fault.PermanentError},
		{"never sent", &smithyhttp.RequestSendError{Err: errors.New("connection refused")}, fault.TransientError},
		{"out of time", fmt.Errorf("call: %w", context.DeadlineExceeded), fault.TransientError},
		{"keeps its kind", fault.Conflict("held"), fault.ConflictError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fault.Kind(awserr.Classify("do it", tt.err)); got != tt.want {
				t.Errorf("kind %s, want %s", got, tt.want)
			}
		})
	}
	if awserr.Classify("do it", nil) != nil {
		t.Error("no error became one")
	}
}

func TestMessageIsTheServices(t *testing.T) {
	err := fmt.Errorf("operation: %w", &smithy.GenericAPIError{Code: "C", Message: "the text"})
	if awserr.Message(err) != "the text" || awserr.Code(err) != "C" || !awserr.HasCode(err, "B", "C") {
		t.Errorf("message %q, code %q", awserr.Message(err), awserr.Code(err))
	}
}
