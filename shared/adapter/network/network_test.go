package network_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/network"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	at  = healing.Place{Account: "222222222222", Region: "eu-west-1"}
	ssh = []events.SecurityGroupRule{{RuleID: "sgr-1", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"}}
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func start(t *testing.T) (*awsstub.Stub, *network.Client, *clock) {
	stub, c := awsstub.Start(t), &clock{time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)}
	return stub, network.New(session.NewWorkloads(stub.Config(), "evenkeel-heal"), func() time.Time { return c.now }), c
}

func answer(action, set, items string) string {
	return fmt.Sprintf(`<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><%s>%s</%s></%sResponse>`, action, set, items, set, action)
}

// The shapes below are those of the EC2 API reference: the example answers of
// DescribeNetworkInterfaces, DescribeRouteTables and DescribeNetworkAcls.
const instance = `<item><networkInterfaceId>eni-1</networkInterfaceId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><description/><ownerId>222222222222</ownerId>
<requesterManaged>false</requesterManaged><status>in-use</status><privateIpAddress>10.0.1.5</privateIpAddress><interfaceType>interface</interfaceType>
<groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>
<attachment><attachmentId>eni-attach-1</attachmentId><instanceId>i-1</instanceId><status>attached</status></attachment>
<privateIpAddressesSet><item><privateIpAddress>10.0.1.5</privateIpAddress><primary>true</primary></item>
<item><privateIpAddress>10.0.1.6</privateIpAddress><primary>false</primary><association><publicIp>203.0.113.9</publicIp><ipOwnerId>amazon</ipOwnerId></association></item></privateIpAddressesSet>
<ipv6AddressesSet><item><ipv6Address>2600:1f18::5</ipv6Address></item></ipv6AddressesSet></item>`

const balancer = `<item><networkInterfaceId>eni-2</networkInterfaceId><subnetId>subnet-2</subnetId><vpcId>vpc-1</vpcId><description>ELB app/web/50dc6c495c0c9188</description>
<requesterId>amazon-elb</requesterId><requesterManaged>true</requesterManaged><status>in-use</status><privateIpAddress>10.0.2.5</privateIpAddress><interfaceType>interface</interfaceType>
<association><publicIp>203.0.113.10</publicIp><ipOwnerId>amazon-elb</ipOwnerId></association></item>`

const spare = `<item><networkInterfaceId>eni-3</networkInterfaceId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><status>available</status><privateIpAddress>10.0.1.7</privateIpAddress>
<association><publicIp>203.0.113.11</publicIp></association></item>`

const endpoint = `<item><networkInterfaceId>eni-4</networkInterfaceId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><status>in-use</status><interfaceType>vpc_endpoint</interfaceType>
<requesterManaged>true</requesterManaged><description>VPC Endpoint Interface vpce-1</description><denyAllIgwTraffic>true</denyAllIgwTraffic>
<ipv6AddressesSet><item><ipv6Address>2600:1f18::9</ipv6Address></item></ipv6AddressesSet></item>`

const tables = `<item><routeTableId>rtb-main</routeTableId><vpcId>vpc-1</vpcId><routeSet>
<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state><origin>CreateRouteTable</origin></item>
<item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock><egressOnlyInternetGatewayId>eigw-1</egressOnlyInternetGatewayId><state>active</state></item>
<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>active</state></item></routeSet>
<associationSet><item><routeTableAssociationId>rtbassoc-1</routeTableAssociationId><routeTableId>rtb-main</routeTableId><main>true</main>
<associationState><state>associated</state></associationState></item></associationSet></item>`

const moreTables = `<item><routeTableId>rtb-2</routeTableId><vpcId>vpc-1</vpcId><routeSet>
<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>active</state></item>
<item><destinationCidrBlock>44.0.0.0/8</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>blackhole</state></item>
<item><destinationPrefixListId>pl-1</destinationPrefixListId><gatewayId>vpce-1</gatewayId><state>active</state></item></routeSet>
<associationSet><item><routeTableAssociationId>rtbassoc-2</routeTableAssociationId><routeTableId>rtb-2</routeTableId><subnetId>subnet-2</subnetId><main>false</main></item></associationSet></item>`

const acls = `<item><networkAclId>acl-1</networkAclId><vpcId>vpc-1</vpcId><default>true</default><entrySet>
<item><ruleNumber>100</ruleNumber><protocol>6</protocol><ruleAction>allow</ruleAction><egress>false</egress><cidrBlock>0.0.0.0/0</cidrBlock><portRange><from>22</from><to>22</to></portRange></item>
<item><ruleNumber>110</ruleNumber><protocol>1</protocol><ruleAction>allow</ruleAction><egress>false</egress><cidrBlock>0.0.0.0/0</cidrBlock><icmpTypeCode><code>-1</code><type>8</type></icmpTypeCode></item>
<item><ruleNumber>120</ruleNumber><protocol>58</protocol><ruleAction>deny</ruleAction><egress>false</egress><ipv6CidrBlock>::/0</ipv6CidrBlock><icmpTypeCode><code>-1</code><type>-1</type></icmpTypeCode></item>
<item><ruleNumber>32767</ruleNumber><protocol>-1</protocol><ruleAction>deny</ruleAction><egress>false</egress><cidrBlock>0.0.0.0/0</cidrBlock></item>
<item><ruleNumber>100</ruleNumber><protocol>-1</protocol><ruleAction>allow</ruleAction><egress>true</egress><cidrBlock>0.0.0.0/0</cidrBlock></item></entrySet>
<associationSet><item><networkAclAssociationId>aclassoc-1</networkAclAssociationId><networkAclId>acl-1</networkAclId><subnetId>subnet-1</subnetId></item></associationSet></item>`

func routed(stub *awsstub.Stub) {
	stub.Reply("ec2", "DescribeRouteTables", strings.Replace(answer("DescribeRouteTables", "routeTableSet", tables), "</routeTableSet>", "</routeTableSet><nextToken>more</nextToken>", 1),
		answer("DescribeRouteTables", "routeTableSet", moreTables))
	stub.Reply("ec2", "DescribeNetworkAcls", answer("DescribeNetworkAcls", "networkAclSet", acls))
}

func interfaces(stub *awsstub.Stub, items ...string) {
	stub.Reply("ec2", "DescribeNetworkInterfaces", answer("DescribeNetworkInterfaces", "networkInterfaceSet", strings.Join(items, "")))
}

func TestInternet(t *testing.T) {
	stub, client, _ := start(t)
	stub.Reply("ec2", "DescribeNetworkInterfaces",
		strings.Replace(answer("DescribeNetworkInterfaces", "networkInterfaceSet", balancer), "</networkInterfaceSet>", "</networkInterfaceSet><nextToken>more</nextToken>", 1),
		answer("DescribeNetworkInterfaces", "networkInterfaceSet", instance+spare))
	routed(stub)
	got, err := client.Reach(context.Background(), at, "sg-1", ssh)
	want := events.Reachability{Level: events.ReachInternet, Interfaces: 3, Public: []string{"eni-1"}, Why: []string{
		"eni-1 (10.0.1.6, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it",
		"eni-2 (ELB app/web/50dc6c495c0c9188, 10.0.2.5, public 203.0.113.10): not reachable: route table rtb-2 has no active route to an internet gateway for who is admitted",
		"eni-3 (10.0.1.7): not reachable: it is attached to nothing yet",
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	calls := stub.Calls("ec2", "")
	if len(calls) != 5 || calls[0].Account != "222222222222" {
		t.Fatalf("%d calls, want two pages of interfaces, two of route tables and one of ACLs, in the workload account", len(calls))
	}
	for i, want := range map[int]string{0: "Filter.1.Name=group-id&Filter.1.Value.1=sg-1&MaxResults=1000", 1: "Filter.1.Name=group-id&Filter.1.Value.1=sg-1&MaxResults=1000&NextToken=more"} {
		form := calls[i].Form
		form.Del("Action")
		form.Del("Version")
		if form.Encode() != want {
			t.Errorf("request %s, want %s", form.Encode(), want)
		}
	}
	for _, action := range []string{"DescribeRouteTables", "DescribeNetworkAcls"} {
		if form := stub.Calls("ec2", action)[0].Form; form.Get("Filter.1.Name") != "vpc-id" || form.Get("Filter.1.Value.1") != "vpc-1" || form.Has("Filter.1.Value.2") {
			t.Errorf("%s: request %v", action, form)
		}
	}
}

func TestOtherProtocols(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rule  events.SecurityGroupRule
		level string
	}{
		{"an ICMP type that the ACL lets in", events.SecurityGroupRule{Protocol: "icmp", FromPort: 8, ToPort: -1, CIDRv4: "0.0.0.0/0"}, events.ReachInternet},
		{"another type", events.SecurityGroupRule{Protocol: "icmp", FromPort: 13, ToPort: -1, CIDRv4: "0.0.0.0/0"}, events.ReachAttached},
		{"IPv6, for which the gateway is egress-only", events.SecurityGroupRule{Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv6: "::/0"}, events.ReachAttached},
		{"a port that the ACL keeps out", events.SecurityGroupRule{Protocol: "tcp", FromPort: 23, ToPort: 23, CIDRv4: "0.0.0.0/0"}, events.ReachAttached},
	} {
		stub, client, _ := start(t)
		interfaces(stub, instance)
		routed(stub)
		if got, err := client.Reach(context.Background(), at, "sg-1", []events.SecurityGroupRule{tt.rule}); err != nil || got.Level != tt.level {
			t.Errorf("%s: %+v, %v, want %s", tt.name, got, err, tt.level)
		}
	}
}

// TestOneCall: routes and ACLs are not read where no address could be reached.
func TestOneCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		items []string
		want  events.Reachability
	}{
		{"unattached", nil, events.Reachability{Level: events.ReachUnattached, Why: []string{"no network interface uses the group"}}},
		{"no address on the internet", []string{endpoint, spare}, events.Reachability{Level: events.ReachAttached, Interfaces: 2, Why: []string{
			"eni-3 (10.0.1.7): not reachable: it is attached to nothing yet",
			"eni-4 (VPC Endpoint Interface vpce-1, 2600:1f18::9): not reachable: it has no public IPv4 address"}}},
	} {
		stub, client, _ := start(t)
		interfaces(stub, tt.items...)
		got, err := client.Reach(context.Background(), at, "sg-1", ssh)
		if err != nil || !reflect.DeepEqual(got, tt.want) || len(stub.Calls("ec2", "")) != 1 {
			t.Errorf("%s: got %+v, %v after %d calls", tt.name, got, err, len(stub.Calls("ec2", "")))
		}
	}
}

// TestKept: a burst in one VPC reads its routes once; after a while they are
// read again, and those of another place at once.
func TestKept(t *testing.T) {
	stub, client, clock := start(t)
	interfaces(stub, instance)
	stub.Reply("ec2", "DescribeRouteTables", answer("DescribeRouteTables", "routeTableSet", tables))
	stub.Reply("ec2", "DescribeNetworkAcls", answer("DescribeNetworkAcls", "networkAclSet", acls))
	want := func(name string, place healing.Place, reads int) {
		t.Helper()
		got, err := client.Reach(context.Background(), place, "sg-1", ssh)
		if tables, acls := len(stub.Calls("ec2", "DescribeRouteTables")), len(stub.Calls("ec2", "DescribeNetworkAcls")); err != nil || got.Level != events.ReachInternet || tables != reads || acls != reads {
			t.Errorf("%s: %+v, %v after %d and %d reads, want %d", name, got, err, tables, acls, reads)
		}
	}
	want("first", at, 1)
	clock.now = clock.now.Add(14 * time.Second)
	want("soon after", at, 1)
	want("elsewhere", healing.Place{Account: "333333333333", Region: "eu-west-1"}, 2)
	clock.now = clock.now.Add(time.Second)
	want("later", at, 3)
}

// TestErrors: what cannot be read is an error of the right kind, and nothing
// is kept of it.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		action string
		answer awsstub.Answer
		kind   string
		text   string
	}{
		{"DescribeNetworkInterfaces", awsstub.EC2Error(http.StatusServiceUnavailable, "RequestLimitExceeded", "slow down"), fault.TransientError, "read the network interfaces of sg-1"},
		{"DescribeRouteTables", awsstub.EC2Error(http.StatusForbidden, "UnauthorizedOperation", "no"), fault.PermanentError, "read the route tables of the group's interfaces"},
		{"DescribeNetworkAcls", awsstub.EC2Error(http.StatusServiceUnavailable, "RequestLimitExceeded", "slow down"), fault.TransientError, "read the network ACLs of the group's interfaces"},
	} {
		stub, client, _ := start(t)
		interfaces(stub, instance)
		routed(stub)
		stub.On("ec2", tt.action, func(awsstub.Call) awsstub.Answer { return tt.answer })
		for range 2 {
			if _, err := client.Reach(context.Background(), at, "sg-1", ssh); !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: %v, want %s", tt.action, err, tt.kind)
			}
		}
	}
}
