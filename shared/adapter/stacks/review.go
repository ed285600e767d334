package stacks

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/review"
)

// EmptyRole is the role, in each workload account, by which a review deletes the
// empty stack that its change set brought: a role without any permission.
const EmptyRole = "evenkeel-review-empty"

var (
	_ review.Stacks     = (*Stacks)(nil)
	_ review.ChangeSets = (*ChangeSets)(nil)
)

// ChangeSets implements review.Stacks.
func (s *Stacks) ChangeSets(ctx context.Context, t events.Target) ([]review.ChangeSetRef, error) {
	pages := cloudformation.NewListChangeSetsPaginator(s.in(t), &cloudformation.ListChangeSetsInput{StackName: aws.String(t.StackName)})
	var list []review.ChangeSetRef
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, awserr.Classify("list the change sets of "+t.StackName, err)
		}
		for _, c := range page.Summaries {
			list = append(list, review.ChangeSetRef{ID: aws.ToString(c.ChangeSetId), Name: aws.ToString(c.ChangeSetName)})
		}
	}
	return list, nil
}

// DeleteEmpty implements review.Stacks. The role of the request takes the place
// of the one that the stack has.
// Source: CloudFormation API reference, DeleteStack, RoleARN.
func (s *Stacks) DeleteEmpty(ctx context.Context, t events.Target, stackID string) error {
	_, err := s.in(t).DeleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: aws.String(stackID),
		RoleARN:   aws.String("arn:" + session.Partition(t.Region) + ":iam::" + t.Account + ":role/" + EmptyRole),
	})
	return awserr.Classify("delete the empty stack "+t.StackName, err)
}
