package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/template"
)

const sided = `
Parameters:
  Side: {Type: String, AllowedValues: [blue, green]}
  Stage: {Type: String, Default: test}
  Zone: {Type: String}
Conditions:
  IsBlue: !Equals [!Ref Side, blue]
  IsProd: !Equals [!Ref Stage, prod]
Resources:
  Named: {Type: AWS::S3::Bucket, Properties: {BucketName: shop-data}}
  ByParameter: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "orders-${Stage}"}}
  ByAccount: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "logs-${AWS::AccountId}-${AWS::Region}"}}
  BySide: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "data-${Side}"}}
  ByStack: {Type: AWS::SQS::Queue, Properties: {QueueName: !Join ["-", [!Ref AWS::StackName, queue]]}}
  ByStackID: {Type: AWS::SNS::Topic, Properties: {TopicName: !Select [4, !Split ["-", !Select [2, !Split ["/", !Ref AWS::StackId]]]]}}
  Unnamed: {Type: AWS::S3::Bucket}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: api-errors, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /shop/api}}
  LogsOfFunction: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/aws/lambda/${Function}"}}
  Function: {Type: AWS::Lambda::Function, Properties: {Role: r, Code: {ZipFile: x}, FunctionName: !If [IsProd, api, !Ref AWS::NoValue]}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Group: {Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {Name: api, VpcId: !Ref Vpc}}
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  InOwnVpc: {Type: AWS::EC2::SecurityGroup, Properties: {GroupName: api, GroupDescription: d, VpcId: !Ref Vpc}}
  InOneVpc: {Type: AWS::EC2::SecurityGroup, Properties: {GroupName: api, GroupDescription: d, VpcId: !ImportValue vpc}}
  Cluster: {Type: AWS::ECS::Cluster}
  Service: {Type: AWS::ECS::Service, Properties: {ServiceName: api, Cluster: !Ref Cluster}}
  SharedService: {Type: AWS::ECS::Service, Properties: {ServiceName: api, Cluster: shared}}
  OnBus: {Type: AWS::Events::Rule, Properties: {Name: orders, EventBusName: !Ref Bus, EventPattern: {source: [x]}}}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}"}}
  OnDefaultBus: {Type: AWS::Events::Rule, Properties: {Name: orders, EventPattern: {source: [x]}}}
  OfBlue: {Type: AWS::S3::Bucket, Condition: IsBlue, Properties: {BucketName: only-blue}}
  OfProd: {Type: AWS::S3::Bucket, Condition: IsProd, Properties: {BucketName: only-prod}}
  Scaling: {Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: {ResourceId: !Sub "service/x/${Service.Name}", ScalableDimension: d, ServiceNamespace: ecs, MaxCapacity: 1, MinCapacity: 1}}
  Policy: {Type: AWS::IAM::Policy, Properties: {PolicyName: inline, PolicyDocument: {}, Roles: [r]}}
  Inner: {Type: AWS::Route53::HostedZone, Properties: {Name: inner.example.com}}
  Record: {Type: AWS::Route53::RecordSet, Properties: {HostedZoneId: !Ref Zone, Name: API.example.com., Type: CNAME, SetIdentifier: !Ref Side, Weight: 1, TTL: "60", ResourceRecords: [x]}}
  Other: {Type: AWS::Route53::RecordSet, Properties: {HostedZoneId: !Ref Zone, Name: www.example.com, Type: CNAME, TTL: "60", ResourceRecords: [x]}}
  OtherBySide: {Type: AWS::Route53::RecordSet, Properties: {HostedZoneId: !Ref Zone, Name: !Sub "${Side}.example.com", Type: CNAME, TTL: "60", ResourceRecords: [x]}}
  Records:
    Type: AWS::Route53::RecordSetGroup
    Properties:
      HostedZoneId: !Ref Zone
      RecordSets:
        - {Name: !Sub "${Side}-api.example.com", Type: CNAME}
        - {Name: api.example.com, Type: CNAME}
  Custom: {Type: Custom::Thing, Properties: {ServiceToken: x, Name: api}}
Outputs:
  Url: {Value: x, Export: {Name: shop-url}}
  Host: {Value: x, Export: {Name: !Sub "${AWS::StackName}-host"}}
  Plain: {Value: x}
`

func TestCollisions(t *testing.T) {
	parsed, err := template.Parse("api.yaml", []byte(sided))
	if err != nil {
		t.Fatal(err)
	}
	r := pipeline.Rollout{SideParameter: "Side", Router: pipeline.Router{Route53: &pipeline.Route53Router{Name: "api.example.com"}}}
	found := Collisions(parsed, r, nil)
	want := []string{
		"Named BucketName shop-data", "ByParameter TableName orders-test", "ByAccount BucketName logs-${AWS::AccountId}-${AWS::Region}",
		"Alarm AlarmName api-errors", "Logs LogGroupName /shop/api", "Topic TopicName news", "Group Name api", "InOneVpc GroupName api",
		"SharedService ServiceName api", "OnDefaultBus Name orders", "Record", "Other Name www.example.com", "Records", "Url",
	}
	var got []string
	for _, c := range found {
		text := c.Name
		if _, rest, ok := strings.Cut(c.Message, `is "`); ok {
			property, _, _ := strings.Cut(c.Message, " ")
			value, _, _ := strings.Cut(rest, `"`)
			text += " " + property + " " + value
		}
		got = append(got, text)
		line := strings.Split(sided, "\n")[c.Line-1]
		if c.Name != "Records" && !strings.HasPrefix(strings.TrimSpace(line), c.Name+":") || c.Column < 2 || c.Column > len(line) {
			t.Errorf("%s is at %d:%d, %q", c.Name, c.Line, c.Column, line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if i := slices.IndexFunc(found, func(c Collision) bool { return c.Name == "Named" }); i < 0 || found[i].Message !=
		`BucketName of AWS::S3::Bucket is "shop-data" in both sides, and only one can have it: build it with !Ref Side or ${AWS::StackName}` {
		t.Errorf("%+v", found)
	}
	// In prod the function has a name, and one bucket more exists.
	prod := fmt.Sprint(Collisions(parsed, r, map[string]string{"Stage": "prod", "Zone": "Z1"}))
	for _, name := range []string{"{Function ", "{OfProd ", "orders-prod"} {
		if !strings.Contains(prod, name) {
			t.Errorf("prod lacks %s: %s", name, prod)
		}
	}
	// Without the parameter only the stack's name tells the sides apart.
	r.SideParameter = ""
	if all := fmt.Sprint(Collisions(parsed, r, map[string]string{"Side": "x"})); !strings.Contains(all, "{BySide ") || !strings.Contains(all, "${AWS::StackName}, or leave it out") || strings.Contains(all, "{ByStack") {
		t.Error(all)
	}
}

func TestCollisionsOfAnAlias(t *testing.T) {
	parsed, err := template.Parse("api.yaml", []byte(`
Resources:
  Function: {Type: AWS::Lambda::Function, Properties: {FunctionName: api, Role: r, Code: {ZipFile: x}}}
  Job: {Type: AWS::Lambda::Function, Properties: {Role: r, Code: {ZipFile: x}}}
  Live: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Function, FunctionVersion: "1", Name: live}}
  Beta: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Function, FunctionVersion: "1", Name: beta}}
  LiveJob: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !GetAtt Job.Arn, FunctionVersion: "1", Name: live}}
  Lost: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Function}}
  HalfKept: {Type: AWS::Lambda::Version, UpdateReplacePolicy: Retain, Properties: {FunctionName: !GetAtt Function.Arn}}
  Kept: {Type: AWS::Lambda::Version, UpdateReplacePolicy: Retain, DeletionPolicy: Retain, Properties: {FunctionName: !Ref Function}}
  OfJob: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Job}}
Outputs:
  Function: {Value: !Ref Function, Export: {Name: api-function}}
`))
	if err != nil {
		t.Fatal(err)
	}
	names := func(function string) string {
		var found []string
		for _, c := range Collisions(parsed, pipeline.Rollout{Router: pipeline.Router{LambdaAlias: &pipeline.LambdaAliasRouter{Function: function, Alias: "live", Version: "${output.Version}"}}}, nil) {
			text := c.Name
			if _, lacks, ok := strings.Cut(c.Message, "it needs "); ok {
				text += " (" + lacks + ")"
			}
			found = append(found, text)
		}
		return strings.Join(found, ", ")
	}
	if got, want := names("${output.Function}"), "Live, Lost (DeletionPolicy: Retain and UpdateReplacePolicy: Retain), HalfKept (DeletionPolicy: Retain)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// A function that cannot be followed may be each of them.
	if got, want := names("${output.other.Function}"), "Live, LiveJob, Lost (DeletionPolicy: Retain and UpdateReplacePolicy: Retain), HalfKept (DeletionPolicy: Retain), OfJob (DeletionPolicy: Retain and UpdateReplacePolicy: Retain)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
