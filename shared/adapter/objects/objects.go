// Package objects keeps source archives, templates and plans in S3.
package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// ErrNotFound says that there is no object under a key. It comes wrapped in a
// fault.PermanentError.
var ErrNotFound = fmt.Errorf("no such object: %w", fs.ErrNotExist)

// maxObject bounds what is read into memory, in bytes.
const maxObject = 128 << 20

// Bucket is a bucket.
type Bucket struct {
	client *s3.Client
	name   string
}

// New returns the bucket called name. A custom endpoint (AWS_ENDPOINT_URL)
// serves buckets by path, since it has no host name for each.
func New(cfg aws.Config, name string) *Bucket {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	return &Bucket{client: client, name: name}
}

// Get returns an object's content.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.name), Key: aws.String(key)})
	if missing(err) {
		return nil, fault.Permanent("read %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return nil, awserr.Classify("read "+key, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxObject+1))
	if err != nil {
		return nil, fault.Transient("read %s: %w", key, err)
	}
	if len(data) > maxObject {
		return nil, fault.Permanent("read %s: larger than %d MiB", key, maxObject>>20)
	}
	return data, nil
}

// Find is Get for an object that may be missing.
func (b *Bucket) Find(ctx context.Context, key string) ([]byte, bool, error) {
	data, err := b.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// Put writes an object, replacing one under the same key.
func (b *Bucket) Put(ctx context.Context, key string, data []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(b.name), Key: aws.String(key),
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
	})
	return awserr.Classify("write "+key, err)
}

// File returns one file of a source archive. A missing archive or file is a
// fault.InvalidError: the commit does not have what was named.
func (b *Bucket) File(ctx context.Context, zipKey, path string) ([]byte, error) {
	archive, err := b.Get(ctx, zipKey)
	if errors.Is(err, ErrNotFound) {
		return nil, fault.Invalid("read %s: %w", zipKey, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	tree, err := source.Unzip(archive)
	if err != nil {
		return nil, err
	}
	data, ok := tree.File(path)
	if !ok {
		return nil, fault.Invalid("the commit has no file %s", path)
	}
	return data, nil
}

// Share returns an address under which the object can be read until ttl has
// passed, without credentials.
func (b *Bucket) Share(ctx context.Context, key string, ttl time.Duration) (string, error) {
	signed, err := s3.NewPresignClient(b.client).PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: aws.String(b.name), Key: aws.String(key)}, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", awserr.Classify("sign the address of "+key, err)
	}
	return signed.URL, nil
}

func missing(err error) bool {
	var noKey *types.NoSuchKey
	return errors.As(err, &noKey) || awserr.HasCode(err, "NoSuchKey", "NotFound")
}
