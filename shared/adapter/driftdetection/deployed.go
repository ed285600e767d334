package driftdetection

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var _ live.Deployments = (*CloudFormation)(nil)

// Deployed implements live.Deployments. The stage Processed is the template
// itself when it has no transforms.
// Source: CloudFormation API reference, GetTemplate.
func (c *CloudFormation) Deployed(ctx context.Context, stack events.StackRef) (live.Deployed, error) {
	found, err := c.describe(ctx, stack)
	if err != nil {
		return live.Deployed{}, err
	}
	if found == nil {
		return live.Deployed{}, fault.Permanent("read the deployment of %s: the stack does not exist", stack.StackName)
	}
	out, err := c.in(stack).GetTemplate(ctx, &cloudformation.GetTemplateInput{
		StackName: aws.String(stack.StackID), TemplateStage: types.TemplateStageProcessed,
	})
	if err != nil {
		return live.Deployed{}, awserr.Classify("read the template of "+stack.StackName, err)
	}
	deployed := live.Deployed{
		Template: []byte(aws.ToString(out.TemplateBody)), Tags: map[string]string{},
		NotificationARNs: found.NotificationARNs, Revision: revision(found),
	}
	for _, p := range found.Parameters {
		deployed.Parameters = append(deployed.Parameters, live.Parameter{
			Name: aws.ToString(p.ParameterKey), Value: aws.ToString(p.ParameterValue), Resolved: aws.ToString(p.ResolvedValue),
		})
	}
	for _, tag := range found.Tags {
		deployed.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return deployed, nil
}

// Revision implements live.Deployments. A stack that is gone has none.
func (c *CloudFormation) Revision(ctx context.Context, stack events.StackRef) (live.Revision, error) {
	found, err := c.describe(ctx, stack)
	if err != nil || found == nil {
		return live.Revision{}, err
	}
	return revision(found), nil
}

func revision(stack *types.Stack) live.Revision {
	updated := stack.LastUpdatedTime
	if updated == nil {
		updated = stack.CreationTime
	}
	return live.Revision{Updated: aws.ToTime(updated), Status: string(stack.StackStatus)}
}

// Exports implements live.Deployments.
func (c *CloudFormation) Exports(ctx context.Context, stack events.StackRef) (map[string]string, error) {
	exports := map[string]string{}
	pages := cloudformation.NewListExportsPaginator(c.in(stack), &cloudformation.ListExportsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the exports that "+stack.StackName+" may import", err)
		}
		for _, e := range page.Exports {
			exports[aws.ToString(e.Name)] = aws.ToString(e.Value)
		}
	}
	return exports, nil
}

// Outputs implements live.Deployments.
func (c *CloudFormation) Outputs(ctx context.Context, stack events.StackRef, of string) (map[string]string, error) {
	stack.StackID, stack.StackName = of, of
	found, err := c.describe(ctx, stack)
	if err != nil || found == nil {
		return nil, err
	}
	outputs := map[string]string{}
	for _, o := range found.Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return outputs, nil
}
