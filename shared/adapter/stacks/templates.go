package stacks

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

var _ deployment.Templates = (*Templates)(nil)

// Templates implements deployment.Templates.
type Templates struct{ clients }

// NewTemplates returns it over the workload sessions.
func NewTemplates(workloads *session.Workloads) *Templates { return &Templates{clients{workloads}} }

// Template implements deployment.Templates. The stage Processed is the template
// itself when it has no transforms. A stack in REVIEW_IN_PROGRESS has none.
// Source: CloudFormation API reference, GetTemplate.
func (c *Templates) Template(ctx context.Context, t events.Target, changeSetID string) ([]byte, error) {
	return c.template(ctx, t, changeSetID, types.TemplateStageProcessed)
}

// Original implements deployment.Templates.
func (c *Templates) Original(ctx context.Context, t events.Target, changeSetID string) ([]byte, error) {
	return c.template(ctx, t, changeSetID, types.TemplateStageOriginal)
}

func (c *Templates) template(ctx context.Context, t events.Target, changeSetID string, stage types.TemplateStage) ([]byte, error) {
	input := &cloudformation.GetTemplateInput{TemplateStage: stage}
	if changeSetID != "" {
		input.ChangeSetName = aws.String(changeSetID)
	} else {
		input.StackName = aws.String(t.StackName)
	}
	out, err := c.in(t).GetTemplate(ctx, input)
	if changeSetID == "" && missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, awserr.Classify("read the template of "+t.StackName, err)
	}
	return []byte(aws.ToString(out.TemplateBody)), nil
}
