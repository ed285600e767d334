package stacks

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var _ deployment.Recoveries = (*Stacks)(nil)

// Resources implements deployment.Recoveries.
func (s *Stacks) Resources(ctx context.Context, t events.Target, stackID string) ([]deployment.Resource, error) {
	pages := cloudformation.NewListStackResourcesPaginator(s.in(t), &cloudformation.ListStackResourcesInput{StackName: aws.String(stackID)})
	list := []deployment.Resource{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the resources of "+t.StackName, err)
		}
		for _, r := range page.StackResourceSummaries {
			list = append(list, deployment.Resource{
				LogicalID: aws.ToString(r.LogicalResourceId), PhysicalID: aws.ToString(r.PhysicalResourceId), Type: aws.ToString(r.ResourceType),
				Status: string(r.ResourceStatus), Reason: aws.ToString(r.ResourceStatusReason),
			})
		}
	}
	slices.SortFunc(list, func(a, b deployment.Resource) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return list, nil
}

// Rollback implements deployment.Recoveries.
func (s *Stacks) Rollback(ctx context.Context, t events.Target, token string) error {
	_, err := s.in(t).RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: aws.String(t.StackName), ClientRequestToken: aws.String(token)})
	return classified("roll back the stack "+t.StackName, err)
}

// Continue implements deployment.Recoveries.
func (s *Stacks) Continue(ctx context.Context, t events.Target, token string, skip []string) error {
	_, err := s.in(t).ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{
		StackName: aws.String(t.StackName), ClientRequestToken: aws.String(token), ResourcesToSkip: skip,
	})
	return classified("continue the rollback of the stack "+t.StackName, err)
}

// Delete implements deployment.Recoveries.
func (s *Stacks) Delete(ctx context.Context, t events.Target, token string, retain []string) error {
	_, err := s.in(t).DeleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: aws.String(t.StackName), ClientRequestToken: aws.String(token), RetainResources: retain,
	})
	return classified("delete the stack "+t.StackName, err)
}

// inState is in the message about a stack in a status from which the operation
// does not start.
// Source: observed message, "Stack:arn:… is in CREATE_COMPLETE state and can not continue update rollback."
var inState = regexp.MustCompile(`is in [A-Z_]+ state`)

// classified is awserr.Classify, but for a stack that somebody else has brought
// to another status: the code is the one of every malformed request.
func classified(what string, err error) error {
	if awserr.HasCode(err, "ValidationError") && inState.MatchString(awserr.Message(err)) {
		return fault.Conflict("%s: %w", what, err)
	}
	return awserr.Classify(what, err)
}

// rollbackInput is always given, so that alarms that evenkeel.yaml names no
// longer leave the stack.
// Source: CloudFormation API reference, RollbackConfiguration: an empty list
// removes all triggers that were specified before.
func rollbackInput(c deployment.RollbackConfiguration) *types.RollbackConfiguration {
	input := &types.RollbackConfiguration{RollbackTriggers: []types.RollbackTrigger{}, MonitoringTimeInMinutes: aws.Int32(int32(min(c.Minutes, maxMonitoring)))}
	for _, trigger := range c.Triggers {
		input.RollbackTriggers = append(input.RollbackTriggers, types.RollbackTrigger{Arn: aws.String(trigger.ARN), Type: aws.String(trigger.Type)})
	}
	return input
}

// maxMonitoring is the most minutes that CloudFormation takes.
const maxMonitoring = 180
