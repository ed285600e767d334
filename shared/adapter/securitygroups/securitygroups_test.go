package securitygroups_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/securitygroups"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var at = healing.Place{Account: "222222222222", Region: "eu-west-1"}

func start(t *testing.T) (*awsstub.Stub, *securitygroups.Client) {
	stub := awsstub.Start(t)
	return stub, securitygroups.New(session.NewWorkloads(stub.Config(), "evenkeel-heal"))
}

const firstPage = `<DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><securityGroupRuleSet>
<item><securityGroupRuleId>sgr-2</securityGroupRuleId><groupId>sg-1</groupId><groupOwnerId>222222222222</groupOwnerId><isEgress>false</isEgress>
<ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4><description>for the vendor</description>
<tagSet><item><key>owner</key><value>net</value></item></tagSet></item>
<item><securityGroupRuleId>sgr-3</securityGroupRuleId><groupId>sg-1</groupId><isEgress>true</isEgress><ipProtocol>-1</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort>
<cidrIpv6>::/0</cidrIpv6><tagSet/></item></securityGroupRuleSet><nextToken>more</nextToken></DescribeSecurityGroupRulesResponse>`

const secondPage = `<DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><securityGroupRuleSet>
<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress><ipProtocol>-1</ipProtocol>
<prefixListId>pl-1</prefixListId></item>
<item><securityGroupRuleId>sgr-4</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>1</fromPort><toPort>2</toPort>
<referencedGroupInfo><groupId>sg-9</groupId><userId>222222222222</userId></referencedGroupInfo></item></securityGroupRuleSet></DescribeSecurityGroupRulesResponse>`

func TestRules(t *testing.T) {
	stub, groups := start(t)
	stub.Reply("ec2", "DescribeSecurityGroupRules", firstPage, secondPage)
	got, err := groups.Rules(context.Background(), at, "sg-1")
	want := []events.SecurityGroupRule{
		{RuleID: "sgr-1", GroupID: "sg-1", Protocol: "-1", FromPort: -1, ToPort: -1, PrefixListID: "pl-1"},
		{RuleID: "sgr-2", GroupID: "sg-1", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0", Description: "for the vendor", Tags: map[string]string{"owner": "net"}},
		{RuleID: "sgr-3", GroupID: "sg-1", Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "::/0"},
		{RuleID: "sgr-4", GroupID: "sg-1", Protocol: "tcp", FromPort: 1, ToPort: 2, ReferencedGroupID: "sg-9"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
	}
	calls := stub.Calls("ec2", "")
	if len(calls) != 2 || calls[1].Form.Get("NextToken") != "more" || calls[0].Account != "222222222222" {
		t.Fatalf("calls %+v, want two pages, read in the workload account", calls)
	}
	form := calls[0].Form
	if form.Get("Filter.1.Name") != "group-id" || form.Get("Filter.1.Value.1") != "sg-1" || form.Get("MaxResults") != "1000" {
		t.Errorf("request %v", form)
	}
}

func TestEveryGroup(t *testing.T) {
	stub, groups := start(t)
	stub.Reply("ec2", "DescribeSecurityGroupRules", secondPage)
	if _, err := groups.Rules(context.Background(), at); err != nil {
		t.Fatal(err)
	}
	if form := stub.Calls("ec2", "")[0].Form; form.Has("Filter.1.Name") {
		t.Errorf("a sweep filters nothing: %v", form)
	}
}

func TestGroup(t *testing.T) {
	stub, groups := start(t)
	stub.Reply("ec2", "DescribeSecurityGroups", `<DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><securityGroupInfo>
<item><groupId>sg-1</groupId><groupName>web</groupName><vpcId>vpc-1</vpcId><ownerId>222222222222</ownerId><tagSet><item><key>team</key><value>shop</value></item></tagSet></item></securityGroupInfo></DescribeSecurityGroupsResponse>`)
	got, ok, err := groups.Group(context.Background(), at, "sg-1")
	want := events.SecurityGroup{GroupID: "sg-1", GroupName: "web", VPCID: "vpc-1", Account: at.Account, Region: at.Region, Tags: map[string]string{"team": "shop"}}
	if err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
}

func TestEntries(t *testing.T) {
	stub, groups := start(t)
	stub.Reply("ec2", "GetManagedPrefixListEntries", `<GetManagedPrefixListEntriesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><entrySet>
<item><cidr>203.0.113.0/24</cidr><description>office</description></item><item><cidr>0.0.0.0/0</cidr></item></entrySet></GetManagedPrefixListEntriesResponse>`)
	got, ok, err := groups.Entries(context.Background(), at, "pl-1")
	if want := []string{"203.0.113.0/24", "0.0.0.0/0"}; err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v, %v", got, ok, err)
	}
}

func TestRevokeNamesRulesByID(t *testing.T) {
	stub, groups := start(t)
	stub.Reply("ec2", "RevokeSecurityGroupIngress", `<RevokeSecurityGroupIngressResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><return>true</return></RevokeSecurityGroupIngressResponse>`)
	if err := groups.Revoke(context.Background(), at, "sg-1", []string{"sgr-1", "sgr-2"}); err != nil {
		t.Fatal(err)
	}
	form := stub.Calls("ec2", "RevokeSecurityGroupIngress")[0].Form
	form.Del("Action")
	form.Del("Version")
	if form.Encode() != "GroupId=sg-1&SecurityGroupRuleId.1=sgr-1&SecurityGroupRuleId.2=sgr-2" {
		t.Errorf("request %s", form.Encode())
	}
}

func TestAuthorizeRestoresDescriptionAndTags(t *testing.T) {
	tests := []struct {
		rule events.SecurityGroupRule
		want string
	}{
		{events.SecurityGroupRule{GroupID: "sg-1", Protocol: "tcp", FromPort: 20, ToPort: 25, CIDRv4: "0.0.0.0/0", Description: "for the vendor",
			Tags: map[string]string{"owner": "net", "aws:cloudformation:stack-name": "s"}},
			"GroupId=sg-1&IpPermissions.1.FromPort=20&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0&IpPermissions.1.IpRanges.1.Description=for+the+vendor" +
				"&IpPermissions.1.ToPort=25&TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=owner&TagSpecification.1.Tag.1.Value=net"},
		{events.SecurityGroupRule{GroupID: "sg-1", Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "::/0"},
			"GroupId=sg-1&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=%3A%3A%2F0"},
		{events.SecurityGroupRule{GroupID: "sg-1", Protocol: "udp", FromPort: 53, ToPort: 53, PrefixListID: "pl-1"},
			"GroupId=sg-1&IpPermissions.1.FromPort=53&IpPermissions.1.IpProtocol=udp&IpPermissions.1.PrefixListIds.1.PrefixListId=pl-1&IpPermissions.1.ToPort=53"},
	}
	for _, tt := range tests {
		stub, groups := start(t)
		stub.Reply("ec2", "AuthorizeSecurityGroupIngress", `<AuthorizeSecurityGroupIngressResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><return>true</return></AuthorizeSecurityGroupIngressResponse>`)
		if err := groups.Authorize(context.Background(), at, tt.rule); err != nil {
			t.Fatal(err)
		}
		form := stub.Calls("ec2", "AuthorizeSecurityGroupIngress")[0].Form
		form.Del("Action")
		form.Del("Version")
		if form.Encode() != tt.want {
			t.Errorf("request\n%s, want\n%s", form.Encode(), tt.want)
		}
	}
}

// The lists that AWS keeps are known by their owner, asked by a filter: of a
// list that is gone there is no error.
func TestAWSLists(t *testing.T) {
	stub, groups := start(t)
	stub.Reply("ec2", "DescribeManagedPrefixLists", `<DescribeManagedPrefixListsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><prefixListSet>`+
		`<item><prefixListId>pl-2</prefixListId><ownerId>AWS</ownerId></item><item><prefixListId>pl-1</prefixListId><ownerId>222222222222</ownerId></item>`+
		`</prefixListSet></DescribeManagedPrefixListsResponse>`)
	kept, err := groups.AWSLists(context.Background(), at, "pl-1", "pl-2", "pl-3")
	if err != nil || !reflect.DeepEqual(kept, []string{"pl-2"}) {
		t.Errorf("%v, %v", kept, err)
	}
	form := stub.Calls("ec2", "DescribeManagedPrefixLists")[0].Form
	form.Del("Action")
	form.Del("Version")
	if want := "Filter.1.Name=prefix-list-id&Filter.1.Value.1=pl-1&Filter.1.Value.2=pl-2&Filter.1.Value.3=pl-3"; form.Encode() != want {
		t.Errorf("request %s, want %s", form.Encode(), want)
	}
}

// A rule is stated whole: what a request leaves out is not kept.
func TestModify(t *testing.T) {
	tests := []struct {
		rule events.SecurityGroupRule
		want string
	}{
		{events.SecurityGroupRule{RuleID: "sgr-1", Protocol: "tcp", FromPort: 20, ToPort: 25, CIDRv4: "192.0.2.7/32", Description: "for the vendor", Tags: map[string]string{"owner": "net"}},
			"GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRule.CidrIpv4=192.0.2.7%2F32&SecurityGroupRule.1.SecurityGroupRule.Description=for+the+vendor" +
				"&SecurityGroupRule.1.SecurityGroupRule.FromPort=20&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=tcp&SecurityGroupRule.1.SecurityGroupRule.ToPort=25&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1"},
		{events.SecurityGroupRule{RuleID: "sgr-2", Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "2001:db8::7/128"},
			"GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRule.CidrIpv6=2001%3Adb8%3A%3A7%2F128" +
				"&SecurityGroupRule.1.SecurityGroupRule.FromPort=-1&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=-1&SecurityGroupRule.1.SecurityGroupRule.ToPort=-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-2"},
	}
	for _, tt := range tests {
		stub, groups := start(t)
		stub.Reply("ec2", "ModifySecurityGroupRules", `<ModifySecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><return>true</return></ModifySecurityGroupRulesResponse>`)
		if err := groups.Modify(context.Background(), at, "sg-1", []events.SecurityGroupRule{tt.rule}); err != nil {
			t.Fatal(err)
		}
		form := stub.Calls("ec2", "ModifySecurityGroupRules")[0].Form
		form.Del("Action")
		form.Del("Version")
		if form.Encode() != tt.want {
			t.Errorf("request\n%s, want\n%s", form.Encode(), tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	revoke := func(c *securitygroups.Client) error { return c.Revoke(ctx, at, "sg-1", []string{"sgr-1"}) }
	authorize := func(c *securitygroups.Client) error {
		return c.Authorize(ctx, at, events.SecurityGroupRule{GroupID: "sg-1", Protocol: "tcp", CIDRv4: "0.0.0.0/0"})
	}
	modify := func(c *securitygroups.Client) error {
		return c.Modify(ctx, at, "sg-1", []events.SecurityGroupRule{{RuleID: "sgr-1", Protocol: "tcp", CIDRv4: "192.0.2.7/32"}})
	}
	absentGroup := func(c *securitygroups.Client) error {
		_, ok, err := c.Group(ctx, at, "sg-1")
		if ok {
			t.Error("an absent group was found")
		}
		return err
	}
	absentList := func(c *securitygroups.Client) error {
		_, ok, err := c.Entries(ctx, at, "pl-1")
		if ok {
			t.Error("an absent prefix list was found")
		}
		return err
	}
	owners := func(c *securitygroups.Client) error { _, err := c.AWSLists(ctx, at, "pl-1"); return err }
	rules := func(c *securitygroups.Client) error { _, err := c.Rules(ctx, at); return err }
	tests := []struct {
		action, code string
		status       int
		call         func(*securitygroups.Client) error
		kind         string // "" is no error
	}{
		{"RevokeSecurityGroupIngress", "InvalidPermission.NotFound", 400, revoke, ""},
		{"RevokeSecurityGroupIngress", "InvalidSecurityGroupRuleId.NotFound", 400, revoke, ""},
		{"RevokeSecurityGroupIngress", "InvalidGroup.NotFound", 400, revoke, ""},
		{"RevokeSecurityGroupIngress", "UnauthorizedOperation", 403, revoke, fault.PermanentError},
		{"RevokeSecurityGroupIngress", "RequestLimitExceeded", 503, revoke, fault.TransientError},
		{"ModifySecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound", 400, modify, ""},
		{"ModifySecurityGroupRules", "InvalidGroup.NotFound", 400, modify, ""},
		{"ModifySecurityGroupRules", "InvalidPermission.Duplicate", 400, modify, fault.ConflictError},
		{"ModifySecurityGroupRules", "InvalidParameterValue", 400, modify, fault.InvalidError},
		{"ModifySecurityGroupRules", "UnauthorizedOperation", 403, modify, fault.PermanentError},
		{"AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", 400, authorize, ""},
		{"AuthorizeSecurityGroupIngress", "RulesPerSecurityGroupLimitExceeded", 400, authorize, fault.PermanentError},
		{"DescribeSecurityGroups", "InvalidGroup.NotFound", 400, absentGroup, ""},
		{"DescribeSecurityGroups", "UnauthorizedOperation", 403, absentGroup, fault.PermanentError},
		{"GetManagedPrefixListEntries", "InvalidPrefixListID.NotFound", 400, absentList, ""},
		{"GetManagedPrefixListEntries", "UnauthorizedOperation", 403, absentList, fault.PermanentError},
		{"DescribeManagedPrefixLists", "UnauthorizedOperation", 403, owners, fault.PermanentError},
		{"DescribeManagedPrefixLists", "RequestLimitExceeded", 503, owners, fault.TransientError},
		{"DescribeSecurityGroupRules", "InternalError", 500, rules, fault.TransientError},
	}
	for _, tt := range tests {
		stub, groups := start(t)
		stub.On("ec2", tt.action, func(awsstub.Call) awsstub.Answer { return awsstub.EC2Error(tt.status, tt.code, "no") })
		err := tt.call(groups)
		if tt.kind == "" && err != nil || tt.kind != "" && !fault.Is(err, tt.kind) {
			t.Errorf("%s %s: error %v, want kind %q", tt.action, tt.code, err, tt.kind)
		}
	}
}
