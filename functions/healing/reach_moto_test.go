package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// subnet is a network of the account's own: a VPC with an internet gateway, a
// subnet, its route table and its ACL.
type subnet struct {
	vpc, gateway, id, table, acl string
}

// done ends the test if a call failed.
func done[T any](a *account, out T, err error) T {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a *account) createSubnet() subnet {
	a.t.Helper()
	ctx, c := context.Background(), a.ec2
	vpc, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	s := subnet{vpc: *done(a, vpc, err).Vpc.VpcId}
	gateway, err := c.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	s.gateway = *done(a, gateway, err).InternetGateway.InternetGatewayId
	_, err = c.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: &s.vpc, InternetGatewayId: &s.gateway})
	done(a, 0, err)
	sub, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.9.1.0/24")})
	s.id = *done(a, sub, err).Subnet.SubnetId
	table, err := c.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &s.vpc})
	s.table = *done(a, table, err).RouteTable.RouteTableId
	_, err = c.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &s.table, SubnetId: &s.id})
	done(a, 0, err)
	acls, err := c.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.vpc}}}})
	s.acl = *done(a, acls, err).NetworkAcls[0].NetworkAclId
	return s
}

// launch starts an instance with the group and gives it an Elastic IP; it
// returns the id of its interface.
func (a *account) launch(s subnet, group string, public bool) string {
	a.t.Helper()
	ctx, c := context.Background(), a.ec2
	run, err := c.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String("ami-12c6146b"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &s.id, SecurityGroupIds: []string{group}})
	eni := *done(a, run, err).Instances[0].NetworkInterfaces[0].NetworkInterfaceId
	if public {
		address, err := c.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
		_, err = c.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: done(a, address, err).AllocationId, NetworkInterfaceId: &eni})
		done(a, 0, err)
	}
	return eni
}

// healed opens SSH to the world and returns what is kept of its heal.
func (a *account) healed(group string) healing.Heal {
	a.t.Helper()
	a.group = group
	a.authorize(permissions(ipv4(tcp(22, 22), "0.0.0.0/0", "for the vendor")))
	payload, errorType := a.fn.Invoke(a.event("nested-ipv4"))
	result := answer[healing.Result](a.t, payload, errorType)
	unread := strings.Join(result.Unread, "\n") // moto knows no stacks, so that the owner is not known
	if len(result.Actions) != 1 || strings.Contains(unread, "reachability") {
		a.t.Fatalf("answer %s\n%s", payload, a.fn.Log())
	}
	heal, ok, err := a.state.Heal(context.Background(), result.Actions[0].HealID)
	if err != nil || !ok || heal.Reachability == nil || heal.Severity != result.Actions[0].Severity {
		a.t.Fatalf("kept %+v, %v, %v of %s", heal, ok, err, payload)
	}
	return heal
}

// TestReachabilityAgainstMoto: the same opening of SSH is critical, high or medium,
// as the group could be reached; each time one part of the network is another.
// What is kept of a VPC is forgotten by using another VPC.
func TestReachabilityAgainstMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	a := newAccount(t)
	ctx := context.Background()
	world := &ec2.CreateRouteInput{DestinationCidrBlock: aws.String("0.0.0.0/0")}
	for _, tt := range []struct {
		name     string
		routed   bool
		launched bool
		public   bool
		deny     int32 // the number of an ACL rule that denies SSH, 0 for none
		egress   bool
		level    string
		severity healing.Severity
		why      string
	}{
		{name: "public", routed: true, launched: true, public: true, level: events.ReachInternet, severity: healing.Critical, why: "reachable on tcp 22: route 0.0.0.0/0 to igw-"},
		{name: "no route", launched: true, public: true, level: events.ReachAttached, severity: healing.High, why: "has no active route to an internet gateway"},
		{name: "no public address", routed: true, launched: true, level: events.ReachAttached, severity: healing.High, why: "it has no public IPv4 address"},
		{name: "an ACL denies it", routed: true, launched: true, public: true, deny: 90, level: events.ReachAttached, severity: healing.High, why: "rule 90 denies it"},
		{name: "an ACL denies it too late", routed: true, launched: true, public: true, deny: 110, level: events.ReachInternet, severity: healing.Critical, why: "rule 100 allows it"},
		{name: "an ACL keeps the answers", routed: true, launched: true, public: true, deny: 90, egress: true, level: events.ReachAttached, severity: healing.High, why: "lets no answer out"},
		{name: "unattached", routed: true, level: events.ReachUnattached, severity: healing.Medium, why: "no network interface uses the group"},
	} {
		s := a.createSubnet()
		if tt.routed {
			in := *world
			in.RouteTableId, in.GatewayId = &s.table, &s.gateway
			_, err := a.ec2.CreateRoute(ctx, &in)
			done(a, 0, err)
		}
		if tt.deny > 0 {
			_, err := a.ec2.CreateNetworkAclEntry(ctx, &ec2.CreateNetworkAclEntryInput{NetworkAclId: &s.acl, RuleNumber: &tt.deny, Protocol: aws.String("6"), Egress: &tt.egress,
				RuleAction: types.RuleActionDeny, CidrBlock: aws.String("0.0.0.0/0"), PortRange: &types.PortRange{From: aws.Int32(22), To: aws.Int32(65535)}})
			done(a, 0, err)
		}
		group, err := a.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("own"), Description: aws.String("under test"), VpcId: &s.vpc})
		id, eni := *done(a, group, err).GroupId, ""
		if tt.launched {
			eni = a.launch(s, id, tt.public)
		}
		heal := a.healed(id)
		r := heal.Reachability
		if r.Level != tt.level || heal.Severity != tt.severity || len(r.Why) != 1 || !strings.Contains(r.Why[0], tt.why) || !strings.HasPrefix(r.Why[0], eni) {
			t.Errorf("%s: %s, %+v\nwant %s, %s, %q", tt.name, heal.Severity, *r, tt.severity, tt.level, tt.why)
		}
		if public := r.Level == events.ReachInternet; public != slices.Equal(r.Public, []string{eni}) || tt.launched != (r.Interfaces == 1) {
			t.Errorf("%s: public %v of %d", tt.name, r.Public, r.Interfaces)
		}
	}
}
