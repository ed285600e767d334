package schema

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
)

// Every schema of the store decodes, and every reference in it leads somewhere.
func TestEveryDocument(t *testing.T) {
	s := fresh(t)
	for i := range s.index.Len() {
		name := s.index.Name(i)
		if strings.HasPrefix(name, "iam/") || strings.HasPrefix(name, "table/") {
			continue
		}
		e := s.find(name)
		for r := range e.Roots {
			if s.compile(e, r) == nil {
				t.Errorf("%s: no schema", name)
			}
			if err := s.openDocument(e, r).Verify(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestResource(t *testing.T) {
	east, ok := Resource("AWS::SQS::Queue", "us-east-1")
	west, ok2 := Resource("AWS::SQS::Queue", "us-west-2")
	if !ok || !ok2 || east != west {
		t.Error("regions with one schema do not share it")
	}
	if p := east.Property("DelaySeconds"); p == nil || p.Types != jsonschema.Integer || p.Maximum != 900 {
		t.Errorf("DelaySeconds: %+v", p)
	}
	if east.Property("Nope") != nil {
		t.Error("a property that is not there")
	}
	custom, _ := Resource("Custom::Anything", "us-east-1")
	if want, _ := Resource("AWS::CloudFormation::CustomResource", "us-east-1"); custom == nil || custom != want {
		t.Error("custom resource")
	}
	for _, unknown := range [][2]string{{"AWS::No::Such", "us-east-1"}, {"AWS::SQS::Queue", "moon-1"}, {"other/functions/ref", "us-east-1"}, {"", "us-east-1"}} {
		if _, ok := Resource(unknown[0], unknown[1]); ok {
			t.Errorf("%v is known", unknown)
		}
	}
	if _, ok := Resource("My::Own::Thing::MODULE", "eu-west-1"); !ok {
		t.Error("module")
	}
}

func TestRegions(t *testing.T) {
	if all := Regions(); len(all) != 46 || !slices.IsSorted(all) {
		t.Errorf("%v", all)
	}
	if got := RegionsOf("AWS::SQS::Queue"); len(got) != 46 {
		t.Errorf("%v", got)
	}
	amplify := RegionsOf("AWS::Amplify::App")
	if slices.Contains(amplify, "af-south-1") || !slices.Contains(amplify, "us-east-1") {
		t.Errorf("%v", amplify)
	}
	if slices.Contains(TypesIn("af-south-1"), "AWS::Amplify::App") || !slices.Contains(TypesIn(""), "AWS::Amplify::App") {
		t.Error("TypesIn")
	}
	if RegionsOf("AWS::No::Such") != nil || TypesIn("moon-1") != nil {
		t.Error("something unknown is somewhere")
	}
}

func TestOtherSchemas(t *testing.T) {
	identity := Other("iam/policy_identity")
	statement := identity.Property("Statement").Target()
	if statement == nil || statement.Property("Action").Target() == nil {
		t.Error("a reference into another document does not resolve")
	}
	ref := Other("functions/ref")
	if ref == nil || ref.If == nil {
		t.Errorf("%+v", ref)
	}
	if Other("nope") != nil || Extension("nope") != nil || RegionalExtension("nope", Primary) != nil {
		t.Error("something unknown is there")
	}
	if Extension("aws_lambda_function/zipfile_runtime_enum") == nil {
		t.Error("extension")
	}
	if Extension("aws_ec2_instance/instancetype_enum") != nil {
		t.Error("a regional extension holds everywhere")
	}
	instance := RegionalExtension("aws_ec2_instance/instancetype_enum", "us-east-1")
	if has, all := instance.EnumHas("t3.micro"); !has || !all {
		t.Error("t3.micro")
	}
	if has, _ := instance.EnumHas("t3.mikro"); has {
		t.Error("t3.mikro")
	}
	if len(Extensions()) < 80 || len(Others()) < 40 {
		t.Errorf("%d extensions, %d others", len(Extensions()), len(Others()))
	}
}

// The wanted answers are those of cfn-lint 1.51.0.
func TestGetAtts(t *testing.T) {
	tests := []struct {
		typ, attribute string
		want           bool
	}{
		{"AWS::S3::Bucket", "Arn", true},
		{"AWS::S3::Bucket", "BucketName", false},
		{"AWS::SQS::Queue", "QueueName", true}, // its handler returns every property
		{"AWS::SQS::Queue", "RedrivePolicy.maxReceiveCount", true},
		{"AWS::RDS::DBInstance", "Endpoint.Address", true},
		{"AWS::SageMaker::Model", "ModelName", true}, // older than the registry
		{"AWS::CloudFormation::Stack", "Outputs.Anything", true},
		{"AWS::CloudFormation::Stack", "StackId", false},
		{"AWS::ServiceCatalog::CloudFormationProvisionedProduct", "Outputs.Anything", true},
		{"AWS::ServiceCatalog::CloudFormationProvisionedProduct", "RecordId", true},
		{"Custom::Thing", "Any.Thing", true},
		{"Some::Own::MODULE", "Inner.Arn", true},
	}
	for _, tt := range tests {
		a := GetAtts(tt.typ, Primary)
		if a == nil || a.Has(tt.attribute) != tt.want {
			t.Errorf("%s %s: not %v", tt.typ, tt.attribute, tt.want)
		}
	}
	if GetAtts("AWS::No::Such", Primary) != nil {
		t.Error("an unknown type has attributes")
	}
	port, ok := GetAtts("AWS::RDS::DBInstance", Primary).Get("Endpoint.Port")
	if !ok || port.Schema == nil || port.Schema.Types != jsonschema.String {
		t.Errorf("%+v", port)
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"A", "A", true}, {"A", "AB", false}, {"A.B", "A.B", true}, {"A.B", "AxB", true}, {`A\.B`, "AxB", false},
		{`Outputs\..*`, "Outputs.", true}, {`Outputs\..*`, "Outputs", false}, {".*", "", true}, {"A.*.B", "A.1.B", true}, {"A.*.B", "AB", false},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%s %s: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestRefOf(t *testing.T) {
	if s := RefOf("AWS::EC2::SecurityGroup", Primary); s == nil || s.Types != jsonschema.String {
		t.Errorf("%+v", s)
	}
	if s := RefOf("AWS::ApiGateway::Deployment", Primary); s == nil || s.Types != jsonschema.String {
		t.Errorf("two identifiers: %+v", s)
	}
	if RefOf("Some::Own::MODULE", Primary) != nil || RefOf("AWS::No::Such", Primary) != nil {
		t.Error("no identifier")
	}
}

func TestTables(t *testing.T) {
	if zones := AvailabilityZones("us-west-1"); !slices.Equal(zones, []string{"us-west-1a", "us-west-1c"}) {
		t.Errorf("%v", zones)
	}
	i := slices.IndexFunc(LambdaRuntimes(), func(r LambdaRuntime) bool { return r.Name == "dotnet6" })
	if i < 0 || LambdaRuntimes()[i].Deprecated.Format("2006-01-02") != "2024-12-20" || LambdaRuntimes()[i].Successor == "" {
		t.Errorf("%+v", LambdaRuntimes())
	}
	if stateful, mustBeEmpty := Stateful("AWS::S3::Bucket"); !stateful || !mustBeEmpty {
		t.Error("bucket")
	}
	if stateful, _ := Stateful("AWS::SNS::Topic"); stateful || len(StatefulTypes()) < 20 {
		t.Error("topic")
	}
	if arn, ok := ManagedPolicy("AdministratorAccess"); !ok || !strings.HasSuffix(arn, ":policy/AdministratorAccess") {
		t.Error(arn)
	}
	s3, ok := IAM("s3")
	if !ok || !slices.Contains(s3.Actions["getobject"].Resources, "object") || len(s3.Resources["bucket"].ARNFormats) == 0 {
		t.Errorf("%+v", s3)
	}
	if _, ok := IAM("nope"); ok || len(IAMServices()) < 400 {
		t.Error("services")
	}
}

func TestNearest(t *testing.T) {
	for wrong, want := range map[string]string{
		"AWS::S3::Buckett": "AWS::S3::Bucket", "aws::lambda::funktion": "AWS::Lambda::Function", "DBInstance": "AWS::RDS::DBInstance", "": "", "zzzzzzzz": "",
	} {
		got := Nearest(wrong, 5)
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("%s: %v", wrong, got)
		}
	}
}

// One process may check many templates at once.
func TestTogether(t *testing.T) {
	s := fresh(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, name := range common {
				e, i := s.resource(name, Primary)
				walk(s.compile(e, i), map[*jsonschema.Schema]bool{})
			}
		})
	}
	wg.Wait()
}

func walk(s *jsonschema.Schema, seen map[*jsonschema.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	s.EnumHas("x")
	s.Values()
	walk(s.Target(), seen)
	walk(s.Items, seen)
	for _, p := range s.Properties {
		walk(p.Schema, seen)
	}
}
