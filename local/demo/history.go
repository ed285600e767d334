package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
)

// history waits for the end of the run's execution and returns its events.
func (w *World) history(ctx context.Context) ([]sfntypes.HistoryEvent, *sfn.DescribeExecutionOutput, error) {
	hub := w.account(w.Cloud.State.Hub)
	run, err := deploymentstate.New(hub, w.Outputs["StateTable"], time.Now).Runs().Read(ctx, w.runID)
	if err != nil {
		return nil, nil, err
	}
	client := sfn.NewFromConfig(hub)
	var ended *sfn.DescribeExecutionOutput
	if err := await(ctx, "the end of "+run.Execution, func() (bool, error) {
		ended, err = client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(run.Execution)})
		return err == nil && ended.Status != sfntypes.ExecutionStatusRunning, err
	}); err != nil {
		return nil, nil, err
	}
	var all []sfntypes.HistoryEvent
	pages := sfn.NewGetExecutionHistoryPaginator(client, &sfn.GetExecutionHistoryInput{ExecutionArn: aws.String(run.Execution), MaxResults: 1000})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, page.Events...)
	}
	return all, ended, nil
}

// visited reads from the execution's history which states the stack of the run
// went through.
func (w *World) visited(ctx context.Context) (string, *sfn.DescribeExecutionOutput, error) {
	all, ended, err := w.history(ctx)
	if err != nil {
		return "", nil, err
	}
	var states []string
	for _, e := range all {
		if e.StateEnteredEventDetails != nil {
			states = append(states, aws.ToString(e.StateEnteredEventDetails.Name))
		}
	}
	first, last := slices.Index(states, "Plan"), len(states)-1-slices.Index(backward(states), "EndStack")
	if first < 0 || last >= len(states) || last < first {
		return "", nil, fmt.Errorf("the history has no stack: %v", states)
	}
	return strings.Join(states[first:last+1], " "), ended, nil
}

func backward(states []string) []string {
	reversed := slices.Clone(states)
	slices.Reverse(reversed)
	return reversed
}

// maxTransitions is the promise for one stack in one stage.
const maxTransitions = 30

// fewTransitions counts, for a run whose stacks came one after the other, the
// states that each stack entered and every further try of a task: AWS bills both.
// Source: Step Functions pricing, "state transition".
func fewTransitions(ctx context.Context, w *World) (string, error) {
	all, _, err := w.history(ctx)
	if err != nil {
		return "", err
	}
	var counts []int
	within := false
	for _, e := range all {
		if details := e.StateEnteredEventDetails; details != nil && aws.ToString(details.Name) == "Plan" {
			counts, within = append(counts, 0), true
		}
		switch kind := string(e.Type); {
		case !within:
		case kind == "TaskScheduled", kind != "TaskStateEntered" && strings.HasSuffix(kind, "StateEntered"):
			counts[len(counts)-1]++
		}
		if details := e.StateExitedEventDetails; details != nil && aws.ToString(details.Name) == "EndStack" {
			within = false
		}
	}
	if len(counts) != 4 { // two stacks in two stages
		return "", fmt.Errorf("the history tells of %d stacks: %v", len(counts), counts)
	}
	if most := slices.Max(counts); most > maxTransitions || slices.Min(counts) < 8 {
		return "", fmt.Errorf("the stacks took %v transitions; at most %d are promised, and a deployment takes 8", counts, maxTransitions)
	}
	return fmt.Sprintf("%v for the stacks in their order", counts), nil
}
