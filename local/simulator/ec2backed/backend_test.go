package ec2backed_test

import (
	"context"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/local/simulator"
	"github.com/evenkeel/evenkeel/local/simulator/ec2backed"
)

const network = `
Parameters:
  Port: {Type: Number, Default: 443}
  Fail: {Type: String, Default: ""}
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true, Tags: [{Key: Name, Value: main}]}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 10.0.0.0/8, Description: inside}
        - {IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 10.0.0.0/8}
  Data:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: data
      VpcId: !GetAtt Vpc.VpcId
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 3306, ToPort: 3306, SourceSecurityGroupId: !GetAtt Web.GroupId, Description: from the web tier}
      SecurityGroupEgress:
        - {IpProtocol: "-1", CidrIp: 10.0.0.0/8, Description: inside only}
  Bare:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: no rules of its own, VpcId: !Ref Vpc}
  FromWeb:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {Description: alone, GroupId: !GetAtt Bare.GroupId, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !GetAtt Data.GroupId}
  Offices:
    Type: AWS::EC2::PrefixList
    Properties: {PrefixListName: offices, AddressFamily: IPv4, MaxEntries: 5, Entries: [{Cidr: 192.0.2.0/24, Description: head office}, {Cidr: 198.51.100.0/24}]}
  FromOffices:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !GetAtt Bare.GroupId, IpProtocol: tcp, FromPort: 22, ToPort: 22, SourcePrefixListId: !Ref Offices, Description: operators}
  Last:
    Type: AWS::SSM::Parameter
    DependsOn: Web
    Metadata: {"Evenkeel::Simulate": {Fail: !Ref Fail, On: update}}
    Properties: {Type: String, Value: !Ref Port}
Outputs:
  Vpc: {Value: !Ref Vpc}
  Web: {Value: !GetAtt Web.GroupId}
  Offices: {Value: !Ref Offices}
`

type cloud struct {
	t   *testing.T
	cfn *cfn.Client
	ec2 *ec2.Client
}

func start(t *testing.T) *cloud {
	client := moto(t)
	sim := simulator.New(simulator.Options{
		ResourceDelay: -1, OperationDelay: -1,
		EC2: func(string, string) simulator.EC2 { return ec2backed.New(client) },
	})
	server := httptest.NewServer(sim.CloudFormation("222222222222", "eu-west-1"))
	t.Cleanup(func() {
		server.Close()
		sim.Close()
	})
	return &cloud{t, cfn.NewFromConfig(aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}), client}
}

func (c *cloud) settled(want types.StackStatus) types.Stack {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out, err := c.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{StackName: aws.String("net")})
		if err != nil {
			c.t.Fatal(err)
		}
		s := out.Stacks[0]
		if !strings.HasSuffix(string(s.StackStatus), "IN_PROGRESS") {
			if s.StackStatus != want {
				events, _ := c.cfn.DescribeStackEvents(context.Background(), &cfn.DescribeStackEventsInput{StackName: aws.String("net")})
				for _, e := range events.StackEvents {
					c.t.Log(*e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
				}
				c.t.Fatalf("stack is %s, want %s", s.StackStatus, want)
			}
			return s
		}
		if time.Now().After(deadline) {
			c.t.Fatal("not in time")
		}
	}
}

func (c *cloud) drift() map[string]types.StackResourceDrift {
	c.t.Helper()
	ctx := context.Background()
	started, err := c.cfn.DetectStackDrift(ctx, &cfn.DetectStackDriftInput{StackName: aws.String("net")})
	if err != nil {
		c.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		status, err := c.cfn.DescribeStackDriftDetectionStatus(ctx, &cfn.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: started.StackDriftDetectionId})
		if err != nil || time.Now().After(deadline) {
			c.t.Fatal("detection:", err)
		}
		if status.DetectionStatus == types.StackDriftDetectionStatusDetectionInProgress {
			continue
		}
		if status.DetectionStatus != types.StackDriftDetectionStatusDetectionComplete {
			c.t.Fatal(aws.ToString(status.DetectionStatusReason))
		}
		out, err := c.cfn.DescribeStackResourceDrifts(ctx, &cfn.DescribeStackResourceDriftsInput{StackName: aws.String("net")})
		if err != nil {
			c.t.Fatal(err)
		}
		found := map[string]types.StackResourceDrift{}
		for _, d := range out.StackResourceDrifts {
			found[*d.LogicalResourceId] = d
			if d.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
				found["drifted"] = d
			}
		}
		return found
	}
}

func (c *cloud) output(s types.Stack, key string) string {
	for _, o := range s.Outputs {
		if *o.OutputKey == key {
			return *o.OutputValue
		}
	}
	c.t.Fatalf("no output %s", key)
	return ""
}

// CFN-35: the EC2 types live in EC2. A stack of them is created, changed,
// rolled back, drifts by a plain EC2 call, is reverted and deleted.
func TestStackInEC2(t *testing.T) {
	c := start(t)
	ctx := context.Background()
	if _, err := c.cfn.CreateStack(ctx, &cfn.CreateStackInput{StackName: aws.String("net"), TemplateBody: aws.String(network)}); err != nil {
		t.Fatal(err)
	}
	s := c.settled(types.StackStatusCreateComplete)
	web := c.output(s, "Web")
	if got, want := ingress(t, c.ec2, web), map[int32][]string{443: {"10.0.0.0/8"}, 80: {"10.0.0.0/8"}}; !reflect.DeepEqual(got, want) {
		t.Fatalf("rules %v, want %v", got, want)
	}
	if d, ok := c.drift()["drifted"]; ok {
		t.Fatalf("a new stack drifts: %s\nexpected %s\nactual %s", *d.LogicalResourceId, *d.ExpectedProperties, aws.ToString(d.ActualProperties))
	}

	// A failing update leaves EC2 as it was.
	update := &cfn.UpdateStackInput{StackName: aws.String("net"), UsePreviousTemplate: aws.Bool(true), Parameters: []types.Parameter{
		{ParameterKey: aws.String("Port"), ParameterValue: aws.String("8443")}, {ParameterKey: aws.String("Fail"), ParameterValue: aws.String("no")},
	}}
	if _, err := c.cfn.UpdateStack(ctx, update); err != nil {
		t.Fatal(err)
	}
	c.settled(types.StackStatusUpdateRollbackComplete)
	if got := ingress(t, c.ec2, web); len(got[8443]) != 0 || len(got[443]) != 1 {
		t.Fatalf("after the rollback: %v", got)
	}
	update.Parameters[1].ParameterValue = aws.String("")
	if _, err := c.cfn.UpdateStack(ctx, update); err != nil {
		t.Fatal(err)
	}
	c.settled(types.StackStatusUpdateComplete)
	if got, want := ingress(t, c.ec2, web), map[int32][]string{8443: {"10.0.0.0/8"}, 80: {"10.0.0.0/8"}}; !reflect.DeepEqual(got, want) {
		t.Fatalf("after the update %v, want %v", got, want)
	}

	c.openAndRevert(web)
	c.editListAndRevert(c.output(s, "Offices"))

	if _, err := c.cfn.DeleteStack(ctx, &cfn.DeleteStackInput{StackName: s.StackId}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := c.cfn.DescribeStacks(ctx, &cfn.DescribeStacksInput{StackName: s.StackId})
		if err != nil || time.Now().After(deadline) {
			t.Fatal(err, out)
		}
		if out.Stacks[0].StackStatus == types.StackStatusDeleteComplete {
			break
		}
	}
	if _, err := c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{c.output(s, "Vpc")}}); err == nil || !strings.Contains(err.Error(), "InvalidVpcID.NotFound") {
		t.Errorf("the VPC is still there: %v", err)
	}
}

// openAndRevert opens port 22 to the world by hand and reverts the drift.
func (c *cloud) openAndRevert(web string) {
	c.t.Helper()
	ctx := context.Background()
	if _, err := c.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &web, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
	}}); err != nil {
		c.t.Fatal(err)
	}
	d := c.drift()["Web"]
	if d.StackResourceDriftStatus != types.StackResourceDriftStatusModified || len(d.PropertyDifferences) != 1 || d.PropertyDifferences[0].DifferenceType != types.DifferenceTypeAdd ||
		!strings.Contains(*d.PropertyDifferences[0].ActualValue, `"CidrIp":"0.0.0.0/0"`) {
		c.t.Fatalf("drift of %s:\nexpected %s\nactual %s", *d.LogicalResourceId, aws.ToString(d.ExpectedProperties), aws.ToString(d.ActualProperties))
	}
	c.revert("Web")
	if got := ingress(c.t, c.ec2, web); len(got[22]) != 0 || len(got) != 2 {
		c.t.Fatalf("after the revert: %v", got)
	}
}

// editListAndRevert opens a prefix list to the world by hand, which no security
// group shows, and reverts the drift.
func (c *cloud) editListAndRevert(id string) {
	c.t.Helper()
	ctx := context.Background()
	if _, err := c.ec2.ModifyManagedPrefixList(ctx, &ec2.ModifyManagedPrefixListInput{PrefixListId: &id, CurrentVersion: aws.Int64(1),
		AddEntries: []ec2types.AddPrefixListEntry{{Cidr: aws.String("0.0.0.0/0")}}}); err != nil {
		c.t.Fatal(err)
	}
	d := c.drift()["Offices"]
	if len(d.PropertyDifferences) != 1 || d.PropertyDifferences[0].DifferenceType != types.DifferenceTypeAdd || *d.PropertyDifferences[0].ActualValue != `{"Cidr":"0.0.0.0/0"}` {
		c.t.Fatalf("drift of %s:\nexpected %s\nactual %s", *d.LogicalResourceId, aws.ToString(d.ExpectedProperties), aws.ToString(d.ActualProperties))
	}
	c.revert("Offices")
	out, err := c.ec2.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id})
	if err != nil || len(out.Entries) != 2 {
		c.t.Fatalf("%+v %v", out, err)
	}
}

// revert executes a REVERT_DRIFT change set, which must change one resource.
func (c *cloud) revert(id string) {
	c.t.Helper()
	ctx := context.Background()
	created, err := c.cfn.CreateChangeSet(ctx, &cfn.CreateChangeSetInput{StackName: aws.String("net"), ChangeSetName: aws.String("revert-" + id), UsePreviousTemplate: aws.Bool(true),
		DeploymentMode: types.DeploymentModeRevertDrift, Parameters: []types.Parameter{{ParameterKey: aws.String("Port"), UsePreviousValue: aws.Bool(true)}}})
	if err != nil {
		c.t.Fatal(err)
	}
	waiter := cfn.NewChangeSetCreateCompleteWaiter(c.cfn, func(o *cfn.ChangeSetCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	})
	cs, err := waiter.WaitForOutput(ctx, &cfn.DescribeChangeSetInput{ChangeSetName: created.Id}, 10*time.Second)
	if err != nil {
		c.t.Fatal(err)
	}
	if len(cs.Changes) != 1 || *cs.Changes[0].ResourceChange.LogicalResourceId != id || cs.Changes[0].ResourceChange.Replacement != types.ReplacementFalse {
		c.t.Fatalf("%+v", cs.Changes)
	}
	if _, err := c.cfn.ExecuteChangeSet(ctx, &cfn.ExecuteChangeSetInput{ChangeSetName: created.Id}); err != nil {
		c.t.Fatal(err)
	}
	c.settled(types.StackStatusUpdateComplete)
	if d, ok := c.drift()["drifted"]; ok {
		c.t.Fatalf("after the revert: %s\nexpected %s\nactual %s", *d.LogicalResourceId, *d.ExpectedProperties, aws.ToString(d.ActualProperties))
	}
}
