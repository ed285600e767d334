// Package stacks gives the deployment its CloudFormation: stacks and change
// sets in the workload accounts.
package stacks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// ExecutionRole is the role, in each workload account, that CloudFormation
// takes to create resources. The function's own role cannot create any.
const ExecutionRole = "evenkeel-execution"

var (
	_ deployment.Stacks     = (*Stacks)(nil)
	_ deployment.ChangeSets = (*ChangeSets)(nil)
)

// Stacks implements deployment.Stacks.
type Stacks struct{ clients }

// ChangeSets implements deployment.ChangeSets.
type ChangeSets struct{ clients }

type clients struct{ workloads *session.Workloads }

// New returns both over the workload sessions.
func New(workloads *session.Workloads) (*Stacks, *ChangeSets) {
	c := clients{workloads}
	return &Stacks{c}, &ChangeSets{c}
}

func (c clients) in(t events.Target) *cloudformation.Client {
	return cloudformation.NewFromConfig(c.workloads.As(t.Account, t.Region, t.Role, t.Owner))
}

// missing reports the answer for a stack that does not exist. The code is the
// one of every malformed request, so the message decides.
// Source: observed message of DescribeStacks, "Stack with id X does not exist".
func missing(err error) bool {
	return awserr.HasCode(err, "ValidationError") && strings.Contains(awserr.Message(err), "does not exist")
}

// Describe implements deployment.Stacks.
func (s *Stacks) Describe(ctx context.Context, t events.Target) (deployment.Stack, error) {
	out, err := s.in(t).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(t.StackName)})
	if missing(err) {
		return deployment.Stack{}, nil
	}
	if err != nil {
		return deployment.Stack{}, awserr.Classify("describe the stack "+t.StackName, err)
	}
	if len(out.Stacks) == 0 {
		return deployment.Stack{}, nil
	}
	found := out.Stacks[0]
	stack := deployment.Stack{
		ID: aws.ToString(found.StackId), Status: string(found.StackStatus), Reason: aws.ToString(found.StackStatusReason),
		Outputs: map[string]string{}, Tags: map[string]string{}, Parameters: map[string]string{}, Role: aws.ToString(found.RoleARN),
	}
	if found.DriftInformation != nil {
		stack.Drift = string(found.DriftInformation.StackDriftStatus)
	}
	stack.Protected = aws.ToBool(found.EnableTerminationProtection)
	for _, output := range found.Outputs {
		stack.Outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	for _, p := range found.Parameters {
		stack.Parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, capability := range found.Capabilities {
		stack.Capabilities = append(stack.Capabilities, string(capability))
	}
	for _, tag := range found.Tags {
		stack.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return stack, nil
}

// maxEventPages bounds the reading of a stack's history, 100 rows a page.
const maxEventPages = 50

// Events implements deployment.Stacks. The history comes newest first; reading
// ends where the rows of the operation end.
func (s *Stacks) Events(ctx context.Context, t events.Target, stackID, token string) ([]deployment.StackEvent, error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(s.in(t), &cloudformation.DescribeStackEventsInput{StackName: aws.String(stackID)})
	var rows []deployment.StackEvent
	for n := 0; pages.HasMorePages() && n < maxEventPages; n++ {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			break
		}
		if err != nil {
			return nil, awserr.Classify("read the events of "+t.StackName, err)
		}
		found, past := matching(page.StackEvents, token)
		rows = append(rows, found...)
		if past && len(rows) > 0 {
			break
		}
	}
	slices.Reverse(rows)
	return rows, nil
}

// matching returns the page's rows with the token, and whether an older row of
// another operation follows them.
func matching(page []types.StackEvent, token string) (rows []deployment.StackEvent, past bool) {
	for _, e := range page {
		if aws.ToString(e.ClientRequestToken) != token {
			past = len(rows) > 0
			continue
		}
		rows = append(rows, deployment.StackEvent{
			Time: aws.ToTime(e.Timestamp), LogicalID: aws.ToString(e.LogicalResourceId), PhysicalID: aws.ToString(e.PhysicalResourceId),
			Type: aws.ToString(e.ResourceType), Status: string(e.ResourceStatus), Reason: aws.ToString(e.ResourceStatusReason),
		})
	}
	return rows, past || (len(rows) == 0 && len(page) > 0)
}

// Drifts implements deployment.Stacks.
func (s *Stacks) Drifts(ctx context.Context, t events.Target) ([]deployment.ResourceDrift, error) {
	pages := cloudformation.NewDescribeStackResourceDriftsPaginator(s.in(t), &cloudformation.DescribeStackResourceDriftsInput{
		StackName:                       aws.String(t.StackName),
		StackResourceDriftStatusFilters: []types.StackResourceDriftStatus{types.StackResourceDriftStatusModified, types.StackResourceDriftStatusDeleted},
	})
	var drifts []deployment.ResourceDrift
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the drift of "+t.StackName, err)
		}
		for _, drift := range page.StackResourceDrifts {
			text := fmt.Sprintf("%s %s %s", aws.ToString(drift.LogicalResourceId), aws.ToString(drift.PhysicalResourceId), drift.StackResourceDriftStatus)
			var drifted []changeset.Drifted
			for _, d := range drift.PropertyDifferences {
				drifted = append(drifted, changeset.Drifted{Path: aws.ToString(d.PropertyPath), Expected: aws.ToString(d.ExpectedValue), Actual: aws.ToString(d.ActualValue)})
				text += fmt.Sprintf("\n%s %s %q %q", d.DifferenceType, aws.ToString(d.PropertyPath), aws.ToString(d.ExpectedValue), aws.ToString(d.ActualValue))
			}
			drifts = append(drifts, deployment.ResourceDrift{LogicalID: aws.ToString(drift.LogicalResourceId), Status: string(drift.StackResourceDriftStatus), Text: text, Drifted: drifted})
		}
	}
	slices.SortFunc(drifts, func(a, b deployment.ResourceDrift) int { return strings.Compare(a.Text, b.Text) })
	return drifts, nil
}

// Execute implements deployment.ChangeSets. DisableRollback is always sent: a
// missing one rolls back too, although the API model names true as its
// default.
func (c *ChangeSets) Execute(ctx context.Context, t events.Target, changeSetID, token string, disableRollback bool) error {
	_, err := c.in(t).ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: aws.String(changeSetID), ClientRequestToken: aws.String(token), DisableRollback: aws.Bool(disableRollback),
	})
	return awserr.Classify("execute the change set of "+t.StackName, err)
}

// gone says that there is no such change set.
func gone(err error) bool {
	return awserr.HasCode(err, "ChangeSetNotFound", "ChangeSetNotFoundException") || missing(err)
}

// Delete implements deployment.ChangeSets.
func (c *ChangeSets) Delete(ctx context.Context, t events.Target, changeSetID string) error {
	_, err := c.in(t).DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: aws.String(changeSetID)})
	if gone(err) {
		return nil
	}
	return awserr.Classify("delete the change set of "+t.StackName, err)
}

// Problems implements deployment.ChangeSets. Early validation names the
// property. An account or region without DescribeEvents only lacks that: the
// reason of the change set itself must do.
func (c *ChangeSets) Problems(ctx context.Context, t events.Target, changeSetID string) ([]string, error) {
	failed, err := c.failedEvents(ctx, t, changeSetID)
	if fault.Is(err, fault.TransientError) {
		return nil, err
	}
	var problems []string
	for _, e := range failed {
		if text := problem(e); text != "" && !slices.Contains(problems, text) && len(problems) < maxProblems {
			problems = append(problems, text)
		}
	}
	return problems, nil
}

// failedEvents reads the failed events of a change set, as many as a message
// names at most.
func (c *ChangeSets) failedEvents(ctx context.Context, t events.Target, changeSetID string) ([]types.OperationEvent, error) {
	pages := cloudformation.NewDescribeEventsPaginator(c.in(t), &cloudformation.DescribeEventsInput{
		ChangeSetName: aws.String(changeSetID), Filters: &types.EventFilter{FailedEvents: aws.Bool(true)},
	})
	var failed []types.OperationEvent
	for pages.HasMorePages() && len(failed) < maxProblems {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return failed, awserr.Classify("read the events of the change set of "+t.StackName, err)
		}
		failed = append(failed, page.OperationEvents...)
	}
	return failed, nil
}

// maxProblems bounds what one message names.
const maxProblems = 20

func problem(e types.OperationEvent) string {
	text := aws.ToString(e.ValidationStatusReason)
	if text == "" {
		text = aws.ToString(e.ResourceStatusReason)
	}
	if text == "" {
		text = aws.ToString(e.HookStatusReason)
	}
	if text == "" {
		return ""
	}
	at := aws.ToString(e.LogicalResourceId)
	if path := aws.ToString(e.ValidationPath); path != "" {
		at = path
	}
	if at == "" {
		return text
	}
	return fmt.Sprintf("%s: %s", at, text)
}
