// Command echo is a function for the tests of package runtimeapi.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

func main() {
	word := os.Getenv("ECHO_WORD")
	if word == "" {
		fmt.Fprintln(os.Stderr, "ECHO_WORD is not set")
		os.Exit(1)
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	lambda.Start(invoke.Handler(log, time.Now, func(_ context.Context, event json.RawMessage) (any, error) {
		var asked struct{ Fail, Home string }
		if err := json.Unmarshal(event, &asked); err != nil {
			return nil, fault.Invalid("event: %w", err)
		}
		if asked.Fail != "" {
			return nil, fault.Conflict("told to fail: %s", asked.Fail)
		}
		return map[string]string{"word": word, "path": os.Getenv("PATH")}, nil
	}))
}
