package invoke_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

func TestHandlerNamesTheErrorKind(t *testing.T) {
	var log bytes.Buffer
	h := invoke.Handler(slog.New(slog.NewJSONHandler(&log, nil)), time.Now,
		func(ctx context.Context, _ json.RawMessage) (any, error) {
			invoke.Annotate(ctx, "action", "plan")
			return nil, fmt.Errorf("plan: %w", fault.Conflict("held by r-1"))
		})
	_, err := h(context.Background(), nil)

	var named messages.InvokeResponse_Error
	if !errors.As(err, &named) || named.Type != "ConflictError" || named.Message != "plan: held by r-1" {
		t.Fatalf("error = %#v, want a ConflictError by value", err)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("%d log lines, want 1:\n%s", lines, log.String())
	}
	for _, want := range []string{`"action":"plan"`, `"fault":"ConflictError"`, `"level":"ERROR"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log line lacks %s: %s", want, log.String())
		}
	}
}

func TestHandlerPassesTheResult(t *testing.T) {
	h := invoke.Handler(slog.New(slog.DiscardHandler), time.Now,
		func(_ context.Context, event json.RawMessage) (any, error) { return string(event), nil })
	if got, err := h(context.Background(), json.RawMessage(`{"a":1}`)); err != nil || got != `{"a":1}` {
		t.Errorf("got %v, %v", got, err)
	}
}
