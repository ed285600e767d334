package simulator_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudcontrol"
	"github.com/evenkeel/evenkeel/shared/adapter/driftdetection"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fake"
)

// system has resources whose identifiers and references take all forms.
const system = `
Parameters:
  Stage: {Type: String, Default: prod}
  Secret: {Type: String, NoEcho: true, Default: hidden}
Conditions: {Prod: !Equals [!Ref Stage, prod]}
Mappings: {Sizes: {prod: {Delay: 7}}}
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub '${AWS::StackName}-jobs-${Stage}'
      DelaySeconds: !FindInMap [Sizes, !Ref Stage, Delay]
      VisibilityTimeout: !If [Prod, 60, !Ref AWS::NoValue]
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
      Tags: [{Key: a, Value: "1"}]
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [1, !Split ['/', 'a/b']]}}
  Mail: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
  Bucket: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}
      Policies:
        - PolicyName: write
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: [dynamodb:PutItem], Resource: !GetAtt Table.Arn}]}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Role: !GetAtt Role.Arn
      Runtime: provided.al2023
      Handler: bootstrap
      Code: {ZipFile: x}
      Environment: {Variables: {TABLE: !Ref Table, SECRET: !Ref Secret}}
  Permission: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: events.amazonaws.com, SourceArn: !GetAtt Rule.Arn}}
  Rule: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 day), Targets: [{Id: f, Arn: !GetAtt Function.Arn}]}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: front, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}]}
  Cluster: {Type: AWS::ECS::Cluster}
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: api}}
  Path: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: x}}
  Method: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref Api, ResourceId: !Ref Path, HttpMethod: GET, AuthorizationType: NONE}}
`

// engine is the live engine over the simulator, as the drift function has it.
func (w *world) engine() (check func(name string) map[string]drift.LiveResult) {
	workloads := session.NewWorkloads(aws.Config{Region: region, BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")}, "")
	formation := driftdetection.New(workloads)
	engine := &live.Engine{Models: cloudcontrol.New(workloads), Deployments: formation, Snapshots: &fake.LiveCloud{}, Parallel: 4}
	return func(name string) map[string]drift.LiveResult {
		w.t.Helper()
		described, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{StackName: &name})
		if err != nil {
			w.t.Fatal(err)
		}
		stack := events.StackRef{StackID: *described.Stacks[0].StackId, StackName: name, Account: account, Region: region}
		resources, err := formation.Resources(context.Background(), stack)
		if err != nil {
			w.t.Fatal(err)
		}
		results, err := engine.Check(context.Background(), stack, resources)
		if err != nil {
			w.t.Fatal(err)
		}
		found := map[string]drift.LiveResult{}
		for _, r := range results {
			found[r.LogicalID] = r
		}
		return found
	}
}

// The live engine finds nothing in a stack that nobody changed, and in one that
// was changed what was changed.
func TestLiveEngine(t *testing.T) {
	w := start(t)
	w.deploy("shop", system)
	check := w.engine()
	physical := map[string]string{}
	for id, r := range check("shop") {
		physical[id] = r.PhysicalID
		if r.Status != drift.StatusInSync || len(r.Undeclared) > 0 {
			t.Errorf("%s (%s %s): %s %s %v", id, r.Type, r.PhysicalID, r.Status, r.Reason, r.Differences)
		}
		if want := map[string][]string{"Function": {"/Environment/Variables/SECRET"}}[id]; !reflect.DeepEqual(r.Unresolved, want) {
			t.Errorf("%s: unresolved %v, want %v", id, r.Unresolved, want)
		}
	}
	if len(physical) != 15 {
		t.Fatalf("%d resources checked", len(physical))
	}
	w.patch("AWS::SQS::Queue", physical["Queue"], `[{"op":"replace","path":"/VisibilityTimeout","value":30},{"op":"add","path":"/MaximumMessageSize","value":2048}]`)
	w.patch("AWS::S3::Bucket", physical["Bucket"], `[{"op":"replace","path":"/VersioningConfiguration/Status","value":"Suspended"},{"op":"remove","path":"/MetadataConfiguration"},{"op":"remove","path":"/MetadataTableConfiguration"}]`)
	w.patch("AWS::IAM::Role", physical["Role"], `[{"op":"replace","path":"/Policies/0/PolicyDocument/Statement/0/Resource","value":"*"},{"op":"add","path":"/ManagedPolicyArns","value":["arn:aws:iam::aws:policy/AdministratorAccess"]}]`)
	w.patch("AWS::EC2::SecurityGroup", physical["Group"], `[{"op":"add","path":"/SecurityGroupIngress/-","value":{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"}}]`)
	paths := map[string][]string{}
	undeclared := map[string][]string{}
	for id, r := range check("shop") {
		for _, d := range r.Differences {
			paths[id] = append(paths[id], d.Path)
		}
		for _, d := range r.Undeclared {
			undeclared[id] = append(undeclared[id], d.Path)
		}
	}
	want := map[string]string{
		"Queue": "/VisibilityTimeout", "Bucket": "/VersioningConfiguration/Status", "Role": "/Policies/0", "Group": "/SecurityGroupIngress/1",
	}
	for id, found := range paths {
		for _, path := range found {
			if want[id] == "" || !strings.HasPrefix(path, want[id]) {
				t.Errorf("%s drifted at %s, want %q", id, path, want[id])
			}
		}
	}
	if len(paths) != len(want) {
		t.Errorf("drift %v, want %v", paths, want)
	}
	if want := map[string][]string{"Queue": {"/MaximumMessageSize"}, "Role": {"/ManagedPolicyArns/0"}}; !reflect.DeepEqual(undeclared, want) {
		t.Errorf("undeclared %v, want %v", undeclared, want)
	}
}
