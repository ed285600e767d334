package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/assembly"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Assets keeps the file assets of cloud assemblies in the bootstrap bucket of
// a workload account. Both refuse a bucket that another account owns.
type Assets interface {
	// Has also returns the SHA-256 that Put noted with the object; "" if somebody
	// else put it there.
	Has(ctx context.Context, target events.Target, bucket, key string) (there bool, sum string, err error)
	// Put replaces nothing: an object that is there by now is a TransientError.
	Put(ctx context.Context, target events.Target, bucket, key string, data []byte) error
}

// template returns the stack's template. Of a stack of a cloud assembly the
// assets are published first: the template refers to them, and CloudFormation
// reads those of nested stacks while it makes the change set.
func (s *Service) template(ctx context.Context, r Release, to events.Target, stack pipeline.Stack) ([]byte, error) {
	if stack.Artifact == "" {
		return s.Files.File(ctx, r.SourceKey, stack.Template)
	}
	data, err := s.Files.Get(ctx, r.Build.Key)
	if err != nil {
		return nil, err
	}
	archive, err := r.Build.Open(data)
	if err != nil {
		return nil, err
	}
	found, err := assembly.Read(archive.Read, r.Build.Folder)
	if err != nil {
		return nil, err
	}
	artifact, err := found.Find(stack.Artifact)
	if err != nil {
		return nil, err
	}
	if artifact, err = artifact.In(to.Account, to.Region, Partition(to.Region)); err != nil {
		return nil, err
	}
	if err := s.publish(ctx, r, to, archive, artifact.Assets); err != nil {
		return nil, err
	}
	return archive.Read(stack.Template)
}

// Open opens the archive of the assembly, when it is the one that was built.
func (b Build) Open(data []byte) (*assembly.Archive, error) {
	if b.Digest != "" && !strings.EqualFold(b.Digest, Sum(data)) {
		return nil, fault.Invalid("the cloud assembly under %s is not the one that was built: its SHA-256 is %.12s, built was %.12s", b.Key, Sum(data), b.Digest)
	}
	return assembly.Open(data, b.Mount)
}

// Sum is the SHA-256 of data in hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// maxNamed bounds the objects that a fact names.
const maxNamed = 100

// publish puts the assets that are not there yet. The CDK makes their keys from
// their content, but the manifest is the repository's word: what an earlier plan
// put there under the key, of whatever repository, must be the same.
// Source: AWS CDK developer guide, "Assets".
func (s *Service) publish(ctx context.Context, r Release, to events.Target, archive *assembly.Archive, assets []assembly.Asset) error {
	if len(assets) == 0 {
		return nil
	}
	fact := events.AssetsPublished{Run: r.Run(), Target: to, Assets: len(assets), Objects: []string{}}
	for _, asset := range assets {
		there, sum, err := s.Assets.Has(ctx, to, asset.Bucket, asset.Key)
		if err != nil {
			return err
		}
		if len(fact.Objects) < maxNamed {
			fact.Objects = append(fact.Objects, asset.Bucket+"/"+asset.Key)
		}
		if there && sum == "" {
			continue
		}
		data, err := archive.Content(asset)
		if err != nil {
			return err
		}
		if there {
			if sum != Sum(data) {
				return fault.Invalid("%s in %s was published with another content (SHA-256 %.12s, this build's is %.12s): somebody took the key, or the build gives other files for the same asset; use AssetHashType.OUTPUT, or delete the object",
					asset.Key, asset.Bucket, sum, Sum(data))
			}
			continue
		}
		if err := s.Assets.Put(ctx, to, asset.Bucket, asset.Key, data); err != nil {
			return err
		}
		fact.Uploaded++
		fact.Bytes += len(data)
	}
	return s.Publisher.Publish(ctx, s.fact(r, fact, to.Stage, to.Stack))
}

// Partition names the partition of a region, the second part of its ARNs.
// Source: IAM user guide, "Identify AWS resources with Amazon Resource Names".
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}
