// Package templates gives the validation CloudFormation's own opinion of a
// template.
package templates

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// maxBody is the largest template that a request carries, in bytes; a larger
// one is read from S3.
// Source: CloudFormation User Guide, "Understand CloudFormation quotas", template body size.
const maxBody = 51_200

// shared is how long CloudFormation may take to read a template from S3.
const shared = 5 * time.Minute

// Cloud implements validation.Cloud in the hub account.
type Cloud struct {
	client *cloudformation.Client
	bucket *objects.Bucket
}

var _ validation.Cloud = (*Cloud)(nil)

// New returns a Cloud that keeps large templates in the bucket.
func New(cfg aws.Config, bucket *objects.Bucket) *Cloud {
	return &Cloud{cloudformation.NewFromConfig(cfg), bucket}
}

// ValidateTemplate implements validation.Cloud.
func (c *Cloud) ValidateTemplate(ctx context.Context, key string, template []byte) (validation.Opinion, error) {
	in := &cloudformation.ValidateTemplateInput{}
	if len(template) <= maxBody {
		in.TemplateBody = aws.String(string(template))
	} else {
		if err := c.bucket.Put(ctx, key, template); err != nil {
			return validation.Opinion{}, err
		}
		url, err := c.bucket.Share(ctx, key, shared)
		if err != nil {
			return validation.Opinion{}, err
		}
		in.TemplateURL = aws.String(url)
	}
	out, err := c.client.ValidateTemplate(ctx, in)
	if awserr.HasCode(err, "ValidationError") {
		return validation.Opinion{}, validation.RefusedError{Reason: awserr.Message(err)}
	}
	if err != nil {
		return validation.Opinion{}, awserr.Classify("validate the template", err)
	}
	opinion := validation.Opinion{Reason: aws.ToString(out.CapabilitiesReason)}
	for _, capability := range out.Capabilities {
		opinion.Capabilities = append(opinion.Capabilities, string(capability))
	}
	return opinion, nil
}
