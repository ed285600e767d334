// Package assets keeps the file assets of cloud assemblies in the bootstrap
// buckets of workload accounts.
package assets

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Buckets are the buckets of all workload accounts. Every call names the
// account that must own the bucket: whoever else has made one of that name
// gets nothing. Source: S3 user guide, "Verifying bucket ownership with bucket
// owner condition".
type Buckets struct{ workloads *session.Workloads }

var _ deployment.Assets = (*Buckets)(nil)

// New returns the buckets.
func New(workloads *session.Workloads) *Buckets { return &Buckets{workloads} }

func (b *Buckets) client(to events.Target) *s3.Client {
	return s3.NewFromConfig(b.workloads.In(to.Account, to.Region), func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// Has implements deployment.Assets.
func (b *Buckets) Has(ctx context.Context, to events.Target, bucket, key string) (bool, error) {
	_, err := b.client(to).HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), ExpectedBucketOwner: aws.String(to.Account)})
	// An answer to HEAD has no body: a missing bucket is told from a missing
	// object by the write that follows.
	if awserr.HasCode(err, "NotFound", "NoSuchKey", "NoSuchBucket") {
		return false, nil
	}
	return err == nil, classify("look for the asset", bucket, key, to, err)
}

// Put implements deployment.Assets.
func (b *Buckets) Put(ctx context.Context, to events.Target, bucket, key string, data []byte) error {
	_, err := b.client(to).PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), ExpectedBucketOwner: aws.String(to.Account),
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
	})
	return classify("publish the asset", bucket, key, to, err)
}

// classify tells what the person has to do whose account is not prepared.
func classify(doing, bucket, key string, to events.Target, err error) error {
	switch {
	case awserr.HasCode(err, "NoSuchBucket"):
		return fault.Invalid("the account %s has no bucket %s for assets; prepare it with: npx cdk bootstrap aws://%s/%s", to.Account, bucket, to.Account, to.Region)
	case awserr.HasCode(err, "AccessDenied", "Forbidden"):
		return fault.Permanent("%s %s in %s: access denied; the bucket must belong to the account %s, and a key of its own must let the deployment role in: %w", doing, key, bucket, to.Account, err)
	default:
		return awserr.Classify(doing+" "+key+" in "+bucket, err)
	}
}
