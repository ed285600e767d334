// Package tasks answers task tokens of Step Functions.
package tasks

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// maxCause is the most characters of a cause.
// Source: Step Functions API reference, SendTaskFailure.
const maxCause = 32768

// gone are the codes that say that nobody waits for the token any more: the
// task was answered before, timed out, or its execution ended.
// Source: Step Functions API reference, SendTaskSuccess, Errors.
var gone = []string{"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}

// Tasks answers tokens.
type Tasks struct{ client *sfn.Client }

// New returns Tasks over the account and region of cfg.
func New(cfg aws.Config) *Tasks { return &Tasks{client: sfn.NewFromConfig(cfg)} }

// Succeed completes the task with output, any JSON-encodable value. Completing
// a task that no longer waits does nothing.
func (t *Tasks) Succeed(ctx context.Context, token string, output any) error {
	_, err := t.Answer(ctx, token, output)
	return err
}

// Answer is Succeed that also tells whether the task was still waiting.
func (t *Tasks) Answer(ctx context.Context, token string, output any) (waiting bool, err error) {
	data, err := json.Marshal(output)
	if err != nil {
		return false, fault.Permanent("encode the task's output: %w", err)
	}
	_, err = t.client.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: aws.String(token), Output: aws.String(string(data))})
	if awserr.HasCode(err, gone...) {
		return false, nil
	}
	return err == nil, awserr.Classify("complete a task", err)
}

// Fail fails the task with the name of a fault kind, which the workflow's
// Retry and Catch match on. Failing a task that no longer waits does nothing.
func (t *Tasks) Fail(ctx context.Context, token, kind, cause string) error {
	if runes := []rune(cause); len(runes) > maxCause {
		cause = string(runes[:maxCause])
	}
	_, err := t.client.SendTaskFailure(ctx, &sfn.SendTaskFailureInput{
		TaskToken: aws.String(token), Error: aws.String(kind), Cause: aws.String(cause),
	})
	if awserr.HasCode(err, gone...) {
		return nil
	}
	return awserr.Classify("fail a task", err)
}
