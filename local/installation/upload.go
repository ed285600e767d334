package installation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxTemplateBody is the most bytes that a call itself may carry.
// Source: CloudFormation user guide, "Understand CloudFormation quotas".
const maxTemplateBody = 51_200

// bootstrapVersion is the version of the CDK's bootstrap resources that the
// local cloud claims to have.
const bootstrapVersion = "30"

// upload puts what "cdk bootstrap" and "cdk-assets publish" would have put into
// the account: the assets' bucket, the functions' code, the bootstrap version.
func (d *deployment) upload(ctx context.Context) error {
	for _, name := range d.template.systemParameters() {
		_, err := d.ssm.PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String(name), Value: aws.String(bootstrapVersion), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
		})
		if err != nil {
			return fmt.Errorf("put the parameter %s: %w", name, err)
		}
	}
	size := 0
	for _, p := range d.packages {
		if err := d.put(ctx, p.Bucket, p.Key, p.Data); err != nil {
			return err
		}
		size += len(p.Data)
	}
	d.opts.Progress(fmt.Sprintf("installation: %d functions uploaded, %.1f MB", len(d.packages), float64(size)/1e6))
	return nil
}

func (d *deployment) put(ctx context.Context, bucket, key string, data []byte) error {
	var status *smithyhttp.ResponseError
	_, err := d.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(bucket)})
	if errors.As(err, &status) && status.HTTPStatusCode() == http.StatusNotFound {
		_, err = d.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)})
		var exists smithy.APIError
		if errors.As(err, &exists) && exists.ErrorCode() == "BucketAlreadyOwnedByYou" {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("make the bucket %s: %w", bucket, err)
	}
	_, err = d.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(data)})
	if err != nil {
		return fmt.Errorf("upload %s: %w", key, err)
	}
	return nil
}

// place gives the template to a call: in it when it is small enough, by S3
// otherwise.
func (d *deployment) place(ctx context.Context, input *cloudformation.CreateStackInput) error {
	if len(d.body) <= maxTemplateBody {
		input.TemplateBody = aws.String(string(d.body))
		return nil
	}
	bucket := "cdk-hnb659fds-assets-" + d.opts.Account + "-" + d.opts.Region
	if len(d.packages) > 0 {
		bucket = d.packages[0].Bucket
	}
	key := StackName + ".template.json"
	if err := d.put(ctx, bucket, key, d.body); err != nil {
		return err
	}
	input.TemplateURL = aws.String(d.opts.Endpoint + "/" + bucket + "/" + key)
	return nil
}
