package assembly

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// assetManifest is "*.assets.json" as far as it is needed. The roles that it
// names to publish with (assumeRoleArn) are not assumed: the deployment role
// may write to the bootstrap bucket itself, and to nothing else.
type assetManifest struct {
	Version string `json:"version"`
	Files   map[string]struct {
		Source struct {
			Path       string   `json:"path"`
			Packaging  string   `json:"packaging"` // file (also without it), zip
			Executable []string `json:"executable"`
		} `json:"source"`
		Destinations map[string]struct {
			BucketName string `json:"bucketName"`
			ObjectKey  string `json:"objectKey"`
			Region     string `json:"region"`
		} `json:"destinations"`
	} `json:"files"`
	DockerImages map[string]struct {
		DisplayName string `json:"displayName"`
	} `json:"dockerImages"`
}

// maxKey is the most bytes of an object's key.
// Source: S3 user guide, "Naming Amazon S3 objects".
const maxKey = 1024

// assets adds what an asset manifest lists. The stack's own template is among
// it and left out: CloudFormation gets it with the change set.
func (r *reader) assets(folder, name string, s *Stack) error {
	file, err := r.join(folder, name)
	if err != nil {
		return err
	}
	var m assetManifest
	if err := r.json(file, &m); err != nil {
		return err
	}
	for id, image := range m.DockerImages {
		s.Images = append(s.Images, cmp.Or(image.DisplayName, id))
	}
	for id, f := range m.Files {
		if len(f.Source.Executable) > 0 {
			return fault.Invalid("%s: the asset %s is made by a command while it is published, which is not supported; make it in build", file, id)
		}
		if f.Source.Packaging != "" && f.Source.Packaging != "file" && f.Source.Packaging != "zip" {
			return fault.Invalid("%s: the packaging %q of the asset %s is neither file nor zip", file, f.Source.Packaging, id)
		}
		source, err := r.join(folder, f.Source.Path)
		if err != nil {
			return err
		}
		if source == s.Template {
			continue
		}
		for _, d := range f.Destinations {
			if d.BucketName == "" || d.ObjectKey == "" || len(d.ObjectKey) > maxKey {
				return fault.Invalid("%s: a destination of the asset %s has no bucketName, or no objectKey of at most %d bytes", file, id, maxKey)
			}
			s.Assets = append(s.Assets, Asset{Path: source, Zip: f.Source.Packaging == "zip", Bucket: d.BucketName, Key: d.ObjectKey, Region: d.Region})
		}
	}
	if len(s.Assets) > maxAssets {
		return fault.Invalid("%s: the stack has more than %d assets", file, maxAssets)
	}
	return nil
}

func compareAssets(a, b Asset) int {
	return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Key, b.Key), strings.Compare(a.Region, b.Region), strings.Compare(a.Path, b.Path))
}

// bootstrapBucket is the assets' bucket of the CDK's bootstrap stack, with the
// qualifier in the middle. The deployment role may write to no other.
// Source: AWS CDK developer guide, "Bootstrap template", StagingBucket.
var bootstrapBucket = regexp.MustCompile(`^cdk-[a-z0-9]{1,10}-assets-([0-9]{12})-([a-z0-9-]+)$`)

// In returns the stack for an account and a region: with the placeholders of
// its assets resolved, and checked that it may be deployed there. The error is
// a fault.InvalidError.
func (s Stack) In(account, region, partition string) (Stack, error) {
	switch {
	case s.Account != "" && s.Account != account:
		return s, fault.Invalid("the stack %s is made for the account %s, the stage has %s", s.Path, s.Account, account)
	case s.Region != "" && s.Region != region:
		return s, fault.Invalid("the stack %s is made for the region %s, the stage has %s", s.Path, s.Region, region)
	case len(s.Images) > 0:
		return s, fault.Invalid("the stack %s needs the container image %s: images are not built and pushed here; push them to ECR by other means and refer to them (ContainerImage.fromEcrRepository, Code.fromEcrImage)", s.Path, s.Images[0])
	}
	// Source: aws-cdk, package cx-api, EnvironmentPlaceholders.
	resolve := strings.NewReplacer("${AWS::AccountId}", account, "${AWS::Region}", region, "${AWS::Partition}", partition).Replace
	s.Account, s.Region, s.Assets = account, region, slices.Clone(s.Assets)
	for i := range s.Assets {
		a := &s.Assets[i]
		a.Bucket, a.Key, a.Region = resolve(a.Bucket), resolve(a.Key), cmp.Or(resolve(a.Region), region)
		m := bootstrapBucket.FindStringSubmatch(a.Bucket)
		if m == nil || m[1] != account || m[2] != region || a.Region != region {
			return s, fault.Invalid("the stack %s has an asset for the bucket %s in %s; assets go to the bootstrap bucket of the stage, %s",
				s.Path, a.Bucket, a.Region, fmt.Sprintf("cdk-<qualifier>-assets-%s-%s", account, region))
		}
	}
	return s, nil
}
