package schema

import "testing"

// common are types that most templates use.
var common = []string{
	"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::InstanceProfile", "AWS::Lambda::Function",
	"AWS::Lambda::Permission", "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::SecurityGroup", "AWS::EC2::Route", "AWS::EC2::RouteTable",
	"AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Logs::LogGroup",
	"AWS::ECS::Service", "AWS::ECS::TaskDefinition",
}

func fresh(b testing.TB) *store {
	s, err := open(storeBytes)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		fresh(b)
	}
}

func BenchmarkDecode(b *testing.B) {
	s := fresh(b)
	for _, name := range []string{
		"AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::WAFv2::WebACL", "extensions/aws_ec2_instance/instancetype_enum",
		"extensions/aws_rds_dbinstance/dbinstanceclass_enum", "extensions/aws_rds_dbinstance/db_instance_class", "other/iam/policy",
		"other/step_functions/statemachine",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found := s.find(name)
				e := &entry{Entry: found.Entry, roots: make([]root, len(found.roots))}
				s.compile(e, s.root(e, Primary))
			}
		})
	}
}

// A process that opens the store and validates a template of twenty types.
func BenchmarkTwentyTypes(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s := fresh(b)
		for _, name := range common {
			e, i := s.resource(name, Primary)
			s.compile(e, i)
		}
	}
}

func BenchmarkAttributes(b *testing.B) {
	s := fresh(b)
	for b.Loop() {
		for _, name := range common {
			e, i := s.resource(name, Primary)
			b := attributeBuilder{store: s, entry: e, root: s.compile(e, i), position: e.Roots[i].Position}
			b.build()
		}
	}
}

func BenchmarkEveryType(b *testing.B) {
	for b.Loop() {
		s := fresh(b)
		for i := range s.index.Len() {
			if name := s.index.Name(i); isType(name) {
				if e, r := s.resource(name, Primary); e != nil {
					s.compile(e, r)
				}
			}
		}
	}
}
