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
	return s3.NewFromConfig(b.workloads.As(to.Account, to.Region, to.Role, to.Owner), func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// sumKey is the metadata in which Put notes the SHA-256 of the content.
const sumKey = "evenkeel-sha256"

// Has implements deployment.Assets.
func (b *Buckets) Has(ctx context.Context, to events.Target, bucket, key string) (there bool, sum string, err error) {
	out, err := b.client(to).HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), ExpectedBucketOwner: aws.String(to.Account)})
	// An answer to HEAD has no body: a missing bucket is told from a missing
	// object by the write that follows.
	if awserr.HasCode(err, "NotFound", "NoSuchKey", "NoSuchBucket") {
		return false, "", nil
	}
	if err != nil {
		return false, "", classify("look for the asset", bucket, key, to, err)
	}
	return true, out.Metadata[sumKey], nil
}

// Put implements deployment.Assets.
func (b *Buckets) Put(ctx context.Context, to events.Target, bucket, key string, data []byte) error {
	_, err := b.client(to).PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), ExpectedBucketOwner: aws.String(to.Account),
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		IfNoneMatch: aws.String("*"), Metadata: map[string]string{sumKey: deployment.Sum(data)},
	})
	if awserr.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
		return fault.Transient("publish the asset %s in %s: somebody else has just put it there", key, bucket)
	}
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
