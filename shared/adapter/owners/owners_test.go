package owners_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/owners"
	"github.com/evenkeel/evenkeel/shared/fault"
)

type sessions struct{ cfg aws.Config }

func (s sessions) In(string, string) aws.Config { return s.cfg }

const (
	arn  = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-network/8b1e44c0"
	none = `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack for sgr-1 does not exist</Message></Error></ErrorResponse>`
)

func member(physical, logical, typeName, status string) string {
	return `<member><StackId>` + arn + `</StackId><StackName>shop-network</StackName><LogicalResourceId>` + logical + `</LogicalResourceId><PhysicalResourceId>` + physical +
		`</PhysicalResourceId><ResourceType>` + typeName + `</ResourceType><ResourceStatus>` + status + `</ResourceStatus></member>`
}

// cloud answers for one stack: resources by the physical id that is asked for.
func cloud(t *testing.T, resources map[string]string, body string) (*awsstub.Stub, *owners.Client, *time.Time) {
	stub, now := awsstub.Start(t), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	stub.On("cloudformation", "DescribeStackResources", func(c awsstub.Call) awsstub.Answer {
		found, ok := resources[c.Form.Get("PhysicalResourceId")]
		if !ok {
			return awsstub.Answer{Status: 400, Body: none}
		}
		return awsstub.Answer{Body: `<DescribeStackResourcesResponse><DescribeStackResourcesResult><StackResources>` + found + `</StackResources></DescribeStackResourcesResult></DescribeStackResourcesResponse>`}
	})
	stub.On("cloudformation", "GetTemplate", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Body: `<GetTemplateResponse><GetTemplateResult><TemplateBody>` + body + `</TemplateBody></GetTemplateResult></GetTemplateResponse>`}
	})
	stub.On("cloudformation", "DescribeStacks", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Body: `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>shop-network</StackName><Parameters><member><ParameterKey>Office</ParameterKey><ParameterValue>0.0.0.0/0</ParameterValue></member></Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`}
	})
	return stub, owners.New(sessions{stub.Config()}, func() time.Time { return now }), &now
}

const shop = `{"Parameters":{"Office":{"Type":"String"}},"Resources":{"WebGroup":{"Type":"AWS::EC2::SecurityGroup","Properties":{"GroupDescription":"web","SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":{"Ref":"Office"}}]}}}}`

var (
	group  = events.SecurityGroup{GroupID: "sg-1", Account: "222222222222", Region: "us-east-1"}
	opened = []events.SecurityGroupRule{{RuleID: "sgr-1", GroupID: "sg-1", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"}}
	byHand = events.Trigger{EventName: "AuthorizeSecurityGroupIngress", Principal: "dana", SourceIP: "203.0.113.9", UserAgent: "Mozilla/5.0"}
)

func TestOwner(t *testing.T) {
	tagged := group
	tagged.Tags = map[string]string{"aws:cloudformation:stack-id": arn, "aws:cloudformation:logical-id": "WebGroup"}
	other := []events.SecurityGroupRule{{RuleID: "sgr-1", GroupID: "sg-1", Protocol: "tcp", FromPort: 3389, ToPort: 3389, CIDRv4: "0.0.0.0/0"}}
	for name, tt := range map[string]struct {
		group     events.SecurityGroup
		opened    []events.SecurityGroupRule
		resources map[string]string
		kind      string
		logicalID string
		declared  bool
		calls     int
	}{
		"the rule is a resource":          {group, opened, map[string]string{"sgr-1": member("sg-0", "Other", "AWS::EC2::SecurityGroup", "CREATE_COMPLETE") + member("sgr-1", "WebIngress", "AWS::EC2::SecurityGroupIngress", "CREATE_COMPLETE")}, "cloudformation", "WebIngress", true, 2},
		"the group declares it":           {tagged, opened, nil, "cloudformation", "WebGroup", true, 3},
		"no tags":                         {group, opened, map[string]string{"sg-1": member("sg-1", "WebGroup", "AWS::EC2::SecurityGroup", "UPDATE_COMPLETE")}, "cloudformation", "WebGroup", true, 4},
		"the template does not open it":   {tagged, other, nil, "console", "WebGroup", false, 3},
		"the stack was deleted":           {group, opened, map[string]string{"sg-1": member("sg-1", "WebGroup", "AWS::EC2::SecurityGroup", "DELETE_SKIPPED")}, "console", "", false, 2},
		"no stack":                        {group, opened, nil, "console", "", false, 2},
		"a rule beyond the first hundred": {group, opened, map[string]string{"sgr-1": member("sg-0", "Other", "AWS::EC2::SecurityGroup", "CREATE_COMPLETE")}, "cloudformation", "", true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client, _ := cloud(t, tt.resources, shop)
			got, err := client.Owner(context.Background(), tt.group, tt.opened, byHand)
			if err != nil || got.Kind != tt.kind || got.LogicalID != tt.logicalID || got.Declared != tt.declared || got.Fix == "" {
				t.Errorf("got %+v, %v", got, err)
			}
			if n := len(stub.Calls("cloudformation", "")); n != tt.calls {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
		})
	}
}

// A burst of heals of one stack reads its template once, and again when that is
// a minute old.
func TestTemplatesAreKept(t *testing.T) {
	stub, client, now := cloud(t, map[string]string{"sg-1": member("sg-1", "WebGroup", "AWS::EC2::SecurityGroup", "CREATE_COMPLETE")}, shop)
	for range 3 {
		if _, err := client.Owner(context.Background(), group, opened, byHand); err != nil {
			t.Fatal(err)
		}
	}
	*now = now.Add(time.Minute)
	if _, err := client.Owner(context.Background(), group, opened, byHand); err != nil {
		t.Fatal(err)
	}
	if n := len(stub.Calls("cloudformation", "GetTemplate")); n != 2 {
		t.Errorf("%d reads of the template, want 2", n)
	}
}

func TestATemplateThatCannotBeRead(t *testing.T) {
	_, client, _ := cloud(t, map[string]string{"sg-1": member("sg-1", "WebGroup", "AWS::EC2::SecurityGroup", "CREATE_COMPLETE")}, "{")
	got, err := client.Owner(context.Background(), group, opened, byHand)
	if err != nil || got.Declared || !strings.Contains(got.Fix, "could not be told") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("cloudformation", "DescribeStackResources", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: strings.ReplaceAll(none, "ValidationError", "Throttling")}
	})
	_, err := owners.New(sessions{stub.Config()}, time.Now).Owner(context.Background(), group, opened, byHand)
	if !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}
