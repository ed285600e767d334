//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
)

// How often the CLI looks, and how often it says that it still waits.
const (
	pollEvery     = 500 * time.Millisecond
	progressEvery = 10 * time.Second
)

// runWorkflow starts the workflow of an output with input, waits until it
// ends, and decodes its output. Ctrl-C stops the waiting, not the workflow.
func (a *app) runWorkflow(ctx context.Context, found *installation, workflow, what string, input, output any, wait time.Duration) error {
	machine, err := found.output(workflow)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(input)
	if err != nil {
		return err
	}
	client := sfn.NewFromConfig(found.cfg)
	started, err := client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String(machine), Input: aws.String(string(encoded))})
	if err != nil {
		return awserr.Classify("start the "+what, err)
	}
	a.progress("%s started: %s", what, aws.ToString(started.ExecutionArn))
	end, err := a.awaitExecution(ctx, client, started.ExecutionArn, what, wait)
	if err != nil {
		return err
	}
	if end.Status != types.ExecutionStatusSucceeded {
		return fmt.Errorf("the %s ended %s: %s %s", what, end.Status, aws.ToString(end.Error), aws.ToString(end.Cause))
	}
	if err := json.Unmarshal([]byte(aws.ToString(end.Output)), output); err != nil {
		return fmt.Errorf("the result of the %s cannot be read: %w", what, err)
	}
	return nil
}

func (a *app) awaitExecution(ctx context.Context, client *sfn.Client, arn *string, what string, wait time.Duration) (*sfn.DescribeExecutionOutput, error) {
	for waited := time.Duration(0); ; waited += pollEvery {
		out, err := client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: arn})
		if err != nil {
			return nil, awserr.Classify("look at the "+what, err)
		}
		if out.Status != types.ExecutionStatusRunning {
			return out, nil
		}
		if waited >= wait {
			return nil, fmt.Errorf("the %s still runs after %s; it goes on without this command", what, wait)
		}
		if waited > 0 && waited%progressEvery == 0 {
			a.progress("%s runs for %s", what, waited)
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return nil, fmt.Errorf("stopped waiting; the %s goes on: %w", what, err)
		}
	}
}

// sleep waits, or ends early with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
