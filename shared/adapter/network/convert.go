package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/shared/reachability"
)

func interfaceFrom(i types.NetworkInterface) reachability.Interface {
	out := reachability.Interface{
		ID: aws.ToString(i.NetworkInterfaceId), VPC: aws.ToString(i.VpcId), Subnet: aws.ToString(i.SubnetId),
		Kind: string(i.InterfaceType), InUse: i.Status != types.NetworkInterfaceStatusAvailable, DenyIPv6: aws.ToBool(i.DenyAllIgwTraffic),
	}
	if aws.ToBool(i.RequesterManaged) {
		out.Service = aws.ToString(i.Description)
	}
	for _, a := range i.PrivateIpAddresses {
		out.IPv4 = append(out.IPv4, addressFrom(a.PrivateIpAddress, a.Association))
	}
	// The interface's own is that of its primary address: EC2 shows it in the list as
	// well, emulators may not.
	own := addressFrom(i.PrivateIpAddress, i.Association)
	if own != (reachability.Address{}) && !slices.Contains(out.IPv4, own) {
		out.IPv4 = append(out.IPv4, own)
	}
	for _, a := range i.Ipv6Addresses {
		out.IPv6 = append(out.IPv6, address(a.Ipv6Address))
	}
	for _, p := range i.Ipv6Prefixes {
		if prefix := prefixFrom(p.Ipv6Prefix); prefix.IsValid() {
			out.IPv6 = append(out.IPv6, prefix.Addr())
		}
	}
	return out
}

func addressFrom(private *string, public *types.NetworkInterfaceAssociation) reachability.Address {
	out := reachability.Address{Private: address(private)}
	if public != nil {
		out.Public = address(public.PublicIp)
	}
	return out
}

func address(s *string) netip.Addr {
	a, _ := netip.ParseAddr(aws.ToString(s)) // the zero Addr for none
	return a
}

func prefixFrom(s *string) netip.Prefix {
	p, _ := netip.ParsePrefix(aws.ToString(s)) // the zero Prefix for none
	return p
}

func tableFrom(t types.RouteTable) reachability.RouteTable {
	out := reachability.RouteTable{ID: aws.ToString(t.RouteTableId), VPC: aws.ToString(t.VpcId)}
	for _, a := range t.Associations {
		if a.AssociationState != nil && a.AssociationState.State == types.RouteTableAssociationStateCodeDisassociated {
			continue
		}
		out.Main = out.Main || aws.ToBool(a.Main)
		if a.SubnetId != nil {
			out.Subnets = append(out.Subnets, *a.SubnetId)
		}
		if a.GatewayId != nil {
			out.Gateways = append(out.Gateways, *a.GatewayId)
		}
	}
	for _, r := range t.Routes {
		to := prefixFrom(r.DestinationCidrBlock)
		if !to.IsValid() {
			to = prefixFrom(r.DestinationIpv6CidrBlock)
		}
		out.Routes = append(out.Routes, reachability.Route{
			Destination: to, PrefixList: aws.ToString(r.DestinationPrefixListId), Target: targetOf(r), Active: r.State == types.RouteStateActive,
		})
	}
	return out
}

func targetOf(r types.Route) string {
	for _, id := range []*string{r.GatewayId, r.EgressOnlyInternetGatewayId, r.NatGatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId,
		r.LocalGatewayId, r.CarrierGatewayId, r.CoreNetworkArn, r.OdbNetworkArn, r.NetworkInterfaceId, r.InstanceId} {
		if s := aws.ToString(id); s != "" {
			return s
		}
	}
	return ""
}

func aclFrom(a types.NetworkAcl) reachability.ACL {
	out := reachability.ACL{ID: aws.ToString(a.NetworkAclId), VPC: aws.ToString(a.VpcId), Default: aws.ToBool(a.IsDefault)}
	for _, s := range a.Associations {
		out.Subnets = append(out.Subnets, aws.ToString(s.SubnetId))
	}
	for _, e := range a.Entries {
		protocol, err := strconv.Atoi(aws.ToString(e.Protocol))
		if err != nil {
			continue // EC2 shows numbers
		}
		entry := reachability.Entry{
			Number: int(aws.ToInt32(e.RuleNumber)), Egress: aws.ToBool(e.Egress), Allow: e.RuleAction == types.RuleActionAllow, Protocol: protocol,
			CIDR: prefixFrom(aws.String(cmp.Or(aws.ToString(e.CidrBlock), aws.ToString(e.Ipv6CidrBlock)))),
		}
		entry.From, entry.To = numbersOf(e)
		out.Entries = append(out.Entries, entry)
	}
	return out
}

// numbersOf are the entry's ports, or its type and code of ICMP. An entry
// without either is for all.
func numbersOf(e types.NetworkAclEntry) (from, to int) {
	switch {
	case e.PortRange != nil:
		return int(aws.ToInt32(e.PortRange.From)), int(aws.ToInt32(e.PortRange.To))
	case e.IcmpTypeCode != nil && e.IcmpTypeCode.Type != nil:
		code := int32(-1)
		if e.IcmpTypeCode.Code != nil {
			code = *e.IcmpTypeCode.Code
		}
		return reachability.ICMP(int(*e.IcmpTypeCode.Type), int(code))
	}
	return reachability.ICMP(-1, -1)
}
