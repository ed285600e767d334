package driftdetection

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/drift"
)

var _ drift.Discovery = (*CloudFormation)(nil)

// Found implements drift.Discovery. DescribeStacks gives tags and parents,
// which ListStacks does not, and without a name leaves out deleted stacks.
// Source: CloudFormation API reference, DescribeStacks and ListStacks.
func (c *CloudFormation) Found(ctx context.Context, account, region string) ([]drift.Found, error) {
	var found []drift.Found
	pages := cloudformation.NewDescribeStacksPaginator(c.in(events.StackRef{Account: account, Region: region}), &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the stacks of "+account+" in "+region, err)
		}
		for _, s := range page.Stacks {
			f := drift.Found{
				StackRef: events.StackRef{
					StackID: aws.ToString(s.StackId), StackName: aws.ToString(s.StackName), Account: account, Region: region, Parent: aws.ToString(s.ParentId),
				},
				Status: string(s.StackStatus), Tags: map[string]string{},
			}
			for _, tag := range s.Tags {
				f.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			found = append(found, f)
		}
	}
	return found, nil
}
