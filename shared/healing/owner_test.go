package healing_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/template"
)

const shopStack = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-network/8b1e44c0-1623-11f1-8d52-0affd1e2a302"

func TestOwnerOf(t *testing.T) {
	const terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.31.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.24.0"
	by := func(call, ip, agent string) events.Trigger {
		return events.Trigger{EventName: call, Principal: "arn:aws:iam::222222222222:user/dana", SourceIP: ip, UserAgent: agent}
	}
	const authorize = "AuthorizeSecurityGroupIngress"
	inStack := healing.StackResource{Stack: shopStack, LogicalID: "WebGroup", Type: "AWS::EC2::SecurityGroup", Status: "CREATE_COMPLETE"}
	rule := healing.StackResource{Stack: shopStack, LogicalID: "WebIngress", Type: "AWS::EC2::SecurityGroupIngress", Status: "CREATE_COMPLETE"}
	inline := healing.Declaration{Answer: healing.DeclaresIt, LogicalID: "WebGroup", Type: "AWS::EC2::SecurityGroup"}
	nothing := healing.Declaration{Answer: healing.DeclaresNothing}
	for name, tt := range map[string]struct {
		trigger  events.Trigger
		known    healing.Sources
		kind     string
		declared bool
		fix      string
	}{
		"a rule of a stack":         {by(authorize, "cloudformation.amazonaws.com", "cloudformation.amazonaws.com"), healing.Sources{Rule: rule, Group: inStack}, "cloudformation", true, "stack shop-network declares it: narrow the source in the Properties of WebIngress"},
		"a rule beyond 100":         {by(authorize, "203.0.113.9", "x"), healing.Sources{Rule: healing.StackResource{Stack: shopStack}}, "cloudformation", true, "in the Properties of the rule"},
		"declared in the group":     {by(authorize, "203.0.113.9", "aws-cli/2.15.0 Python/3.11"), healing.Sources{Group: inStack, Template: inline}, "cloudformation", true, "change Properties.SecurityGroupIngress of WebGroup in its template"},
		"by CloudFormation":         {by(authorize, "cloudformation.amazonaws.com", "cloudformation.amazonaws.com"), healing.Sources{Group: inStack, Template: nothing}, "cloudformation", true, "most likely for stack shop-network"},
		"by CloudFormation, no id":  {by(authorize, "cloudformation.amazonaws.com", ""), healing.Sources{}, "cloudformation", true, "for a stack that is not known: look for sg-1"},
		"that agent is a claim":     {by(authorize, "203.0.113.9", "cloudformation.amazonaws.com"), healing.Sources{}, "console", false, "out of band by"},
		"by hand":                   {by(authorize, "203.0.113.9", "Mozilla/5.0 (X11; Linux x86_64)"), healing.Sources{Group: inStack, Template: nothing}, "console", false, "out of band by arn:aws:iam::222222222222:user/dana with the console: ask them, and put into a template what has to stay; nothing to fix in stack shop-network"},
		"by hand, template unknown": {by(authorize, "203.0.113.9", "console.ec2.amazonaws.com"), healing.Sources{Group: inStack}, "console", false, "could not be told: look at Properties.SecurityGroupIngress of WebGroup"},
		"Terraform":                 {by(authorize, "203.0.113.9", terraform), healing.Sources{}, "terraform", true, "Terraform/1.9.5, as the caller arn:aws:iam::222222222222:user/dana says: remove the rule from its configuration, else the next apply opens it again"},
		"Pulumi":                    {by(authorize, "203.0.113.9", "APN/1.0 Pulumi/1.0 PulumiAws/6.1 Terraform/1.5"), healing.Sources{}, "pulumi", true, "the next update"},
		"the command line":          {by(authorize, "203.0.113.9", "aws-cli/2.15.0"), healing.Sources{}, "cli", false, "with the command line"},
		"a program":                 {by(authorize, "203.0.113.9", "Boto3/1.34 Botocore/1.34"), healing.Sources{}, "sdk", false, "with a program"},
		"a service":                 {by(authorize, "eks.amazonaws.com", "eks.amazonaws.com"), healing.Sources{}, "service", false, "eks.amazonaws.com opened it"},
		"a launch opened nothing":   {by("RunInstances", "203.0.113.9", terraform), healing.Sources{}, "unknown", false, "who opened it is not known"},
		"a sweep":                   {events.Trigger{EventName: "Sweep", Principal: "evenkeel"}, healing.Sources{Group: inStack, Template: nothing}, "unknown", false, "not known: find the call in CloudTrail, and what it was made from; nothing to fix in stack shop-network"},
		"it steers no terminal":     {by(authorize, "203.0.113.9", "Terraform/1\x1b\x07"), healing.Sources{}, "terraform", true, "Terraform/1, as"},
	} {
		t.Run(name, func(t *testing.T) {
			got := healing.OwnerOf(events.SecurityGroup{GroupID: "sg-1"}, tt.trigger, tt.known)
			if got.Kind != tt.kind || got.Declared != tt.declared || !strings.Contains(got.Fix, tt.fix) {
				t.Errorf("got %+v, want %s, declared %v, %q", got, tt.kind, tt.declared, tt.fix)
			}
		})
	}
}

func TestStackOf(t *testing.T) {
	got := healing.StackOf(events.SecurityGroup{Tags: map[string]string{"aws:cloudformation:stack-id": shopStack, "aws:cloudformation:logical-id": "WebGroup"}})
	if got.Stack != shopStack || got.LogicalID != "WebGroup" {
		t.Errorf("got %+v", got)
	}
	for status, gone := range map[string]bool{"DELETE_COMPLETE": true, "DELETE_SKIPPED": true, "DELETE_FAILED": false, "UPDATE_COMPLETE": false} {
		if (healing.StackResource{Status: status}).Gone() != gone {
			t.Errorf("%s: gone is not %v", status, gone)
		}
	}
}

func TestDeclares(t *testing.T) {
	const text = `
Parameters:
  Office: {Type: String}
  Secret: {Type: String, NoEcho: true}
Resources:
  WebGroup:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 1.2.3.4/0}
        - {IpProtocol: tcp, FromPort: 3389, ToPort: 3389, CidrIp: !Ref Office}
  OtherGroup:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: other
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 0.0.0.0/0}]
  More:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !GetAtt WebGroup.GroupId, IpProtocol: tcp, FromPort: 23, ToPort: 23, CidrIpv6: "0::0/0"}
  Hidden:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: sg-9, IpProtocol: tcp, FromPort: 25, ToPort: 25, CidrIp: !Ref Secret}
`
	parsed, err := template.Parse("shop.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]string{"Office": "0.0.0.0/0", "Secret": "****"}
	open := func(port int32, v4, v6 string) events.SecurityGroupRule {
		return events.SecurityGroupRule{RuleID: "sgr-1", Protocol: "tcp", FromPort: port, ToPort: port, CIDRv4: v4, CIDRv6: v6}
	}
	for name, tt := range map[string]struct {
		logicalID, group string
		opened           events.SecurityGroupRule
		want             healing.Declaration
	}{
		"inline":               {"WebGroup", "sg-1", open(22, "0.0.0.0/0", ""), healing.Declaration{Answer: healing.DeclaresIt, LogicalID: "WebGroup", Type: "AWS::EC2::SecurityGroup"}},
		"by a parameter":       {"WebGroup", "sg-1", open(3389, "0.0.0.0/0", ""), healing.Declaration{Answer: healing.DeclaresIt, LogicalID: "WebGroup", Type: "AWS::EC2::SecurityGroup"}},
		"a rule of its own":    {"WebGroup", "sg-1", open(23, "", "::/0"), healing.Declaration{Answer: healing.DeclaresIt, LogicalID: "More", Type: "AWS::EC2::SecurityGroupIngress"}},
		"of another group":     {"WebGroup", "sg-1", open(5432, "0.0.0.0/0", ""), healing.Declaration{Answer: healing.DeclaresNothing}},
		"a value is not shown": {"", "sg-9", open(25, "0.0.0.0/0", ""), healing.Declaration{Answer: healing.DeclaresUnknown, LogicalID: "Hidden", Type: "AWS::EC2::SecurityGroupIngress"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := healing.Declares(parsed, parameters, tt.logicalID, tt.group, []events.SecurityGroupRule{tt.opened}); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
