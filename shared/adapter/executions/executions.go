// Package executions starts executions of a workflow.
package executions

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var _ rollout.Executions = (*Executions)(nil)

// Executions starts executions of one workflow.
type Executions struct {
	client   *sfn.Client
	workflow string // ARN
}

// New returns Executions of the workflow with that ARN.
func New(cfg aws.Config, workflow string) *Executions {
	return &Executions{client: sfn.NewFromConfig(cfg), workflow: workflow}
}

// Start implements rollout.Executions. A name is taken for 90 days: the
// execution that has it, running or ended, is the one that was asked for.
// Source: Step Functions API reference, StartExecution (idempotent for the same
// input while it runs, ExecutionAlreadyExists otherwise).
func (e *Executions) Start(ctx context.Context, name string, input any) (execution string, err error) {
	data, err := json.Marshal(input)
	if err != nil {
		return "", fault.Permanent("encode the input of the execution %s: %w", name, err)
	}
	out, err := e.client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(e.workflow), Name: aws.String(name), Input: aws.String(string(data)),
	})
	if awserr.HasCode(err, "ExecutionAlreadyExists") {
		return strings.Replace(e.workflow, ":stateMachine:", ":execution:", 1) + ":" + name, nil
	}
	if err != nil {
		return "", awserr.Classify("start the execution "+name, err)
	}
	return aws.ToString(out.ExecutionArn), nil
}
