package schema_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// us-east-1 publishes 1,583 types in the pinned wheel; cfn-lint adds the
// synthetic types Module and AWS::CDK::Metadata.
func TestTypes(t *testing.T) {
	types := schema.Types()
	if len(types) != 1585 {
		t.Errorf("%d types, want 1585", len(types))
	}
	if !slices.IsSorted(types) {
		t.Error("not sorted")
	}
}

func TestEveryTypeDecodes(t *testing.T) {
	for _, name := range schema.Types() {
		typ, ok := schema.Load(name)
		if !ok || typ.Name != name || typ.Raw["typeName"] != name {
			t.Errorf("%s does not load as itself", name)
			continue
		}
		for _, group := range [][]string{typ.ReadOnly, typ.CreateOnly, typ.PrimaryIdentifier} {
			for _, p := range group {
				if len(schema.Names(p)) == 0 {
					t.Errorf("%s: pointer %q names nothing", name, p)
				}
			}
		}
	}
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name      string
		primary   string
		create    string
		readOnly  string
		required  string
		tags      string
		attribute string
	}{
		{name: "AWS::S3::Bucket", primary: "/properties/BucketName", create: "/properties/BucketName", readOnly: "/properties/Arn", tags: "/properties/Tags", attribute: "DomainName"},
		{name: "AWS::EC2::SecurityGroup", primary: "/properties/Id", create: "/properties/VpcId", readOnly: "/properties/GroupId", required: "GroupDescription", tags: "/properties/Tags", attribute: "GroupId"},
		{name: "AWS::SQS::Queue", primary: "/properties/QueueUrl", create: "/properties/QueueName", readOnly: "/properties/Arn", tags: "/properties/Tags", attribute: "Arn"},
		{name: "AWS::RDS::DBInstance", primary: "/properties/DBInstanceIdentifier", create: "/properties/DBInstanceIdentifier", readOnly: "/properties/Endpoint/Address", tags: "/properties/Tags", attribute: "Endpoint.Address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			typ, ok := schema.Load(tt.name)
			if !ok {
				t.Fatal("unknown")
			}
			for _, c := range []struct {
				in   []string
				want string
			}{{typ.PrimaryIdentifier, tt.primary}, {typ.CreateOnly, tt.create}, {typ.ReadOnly, tt.readOnly}, {typ.Attributes(), tt.attribute}} {
				if !slices.Contains(c.in, c.want) {
					t.Errorf("%v lacks %s", c.in, c.want)
				}
			}
			if tt.required != "" && !slices.Contains(typ.Required, tt.required) {
				t.Errorf("required %v lacks %s", typ.Required, tt.required)
			}
			if typ.Tagging.TagProperty != tt.tags {
				t.Errorf("tag property %q", typ.Tagging.TagProperty)
			}
		})
	}
	if _, ok := schema.Load("AWS::No::Such"); ok {
		t.Error("unknown type loaded")
	}
	if typ, ok := schema.Load("Custom::Anything"); !ok || typ.Name != "AWS::CloudFormation::CustomResource" {
		t.Error("custom resource")
	}
}

func TestProperty(t *testing.T) {
	bucket, _ := schema.Load("AWS::S3::Bucket")
	s, ok := bucket.Property("/properties/BucketEncryption/ServerSideEncryptionConfiguration/*/ServerSideEncryptionByDefault/SSEAlgorithm")
	if !ok || !slices.Contains(s.Enum, any("aws:kms")) {
		t.Errorf("SSEAlgorithm: %v %v", ok, s)
	}
	if _, ok := bucket.Property("/properties/Nonsense"); ok {
		t.Error("unknown property found")
	}
	group, _ := schema.Load("AWS::EC2::SecurityGroup")
	if s, ok := group.Property("/properties/SecurityGroupIngress"); !ok || s.Ordered {
		t.Error("insertionOrder: false is lost")
	}
}

func TestCovers(t *testing.T) {
	pointers := []string{"/properties/A/B", "/properties/L/*/C"}
	tests := []struct {
		path []string
		want bool
	}{
		{[]string{"A"}, false},
		{[]string{"A", "B"}, true},
		{[]string{"A", "B", "Deep"}, true},
		{[]string{"L", "3", "C"}, true},
		{[]string{"L", "3", "D"}, false},
	}
	for _, tt := range tests {
		if got := schema.Covers(pointers, tt.path...); got != tt.want {
			t.Errorf("%v: %v", tt.path, got)
		}
	}
}

func TestLoadTogether(t *testing.T) {
	names := schema.Types()[:200]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, n := range names {
				if _, ok := schema.Load(n); !ok {
					t.Error(n)
				}
			}
		})
	}
	wg.Wait()
}
