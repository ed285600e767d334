// Package invoke is the edge between the Lambda runtime and a service: it logs
// one line an invocation and gives an error the name that the workflow
// definitions match on.
package invoke

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// Func is one invocation: the raw event in, any JSON-encodable value out.
type Func func(ctx context.Context, event json.RawMessage) (any, error)

// Handler wraps f for lambda.Start. Every invocation writes one log line with
// the keys request, ms, and (on failure) fault and error; whatever f adds
// through Annotate is part of the same line.
//
// aws-lambda-go names an error after its outermost Go type, so a wrapped error
// would reach Step Functions as "wrapError". This is the one place that turns
// an error into messages.InvokeResponse_Error, by value: the runtime only
// honours Type when it finds that struct itself, not a pointer to it
// (aws-lambda-go, lambda/errors.go).
func Handler(log *slog.Logger, now func() time.Time, f Func) Func {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		started := now()
		line := &annotations{}
		out, err := f(context.WithValue(ctx, annotationsKey{}, line), event)

		attrs := []any{"ms", now().Sub(started).Milliseconds()}
		if lc, ok := lambdacontext.FromContext(ctx); ok {
			attrs = append(attrs, "request", lc.AwsRequestID)
		}
		attrs = append(attrs, line.attrs...)
		if err != nil {
			kind := fault.Kind(err)
			log.ErrorContext(ctx, "failed", append(attrs, "fault", kind, "error", err.Error())...)
			return nil, messages.InvokeResponse_Error{Type: kind, Message: err.Error()}
		}
		log.InfoContext(ctx, "done", attrs...)
		return out, nil
	}
}

type annotationsKey struct{}

type annotations struct{ attrs []any }

// Annotate adds key-value pairs to the invocation's log line. Outside a
// Handler it does nothing.
func Annotate(ctx context.Context, pairs ...any) {
	if line, ok := ctx.Value(annotationsKey{}).(*annotations); ok {
		line.attrs = append(line.attrs, pairs...)
	}
}
