package healing

import "github.com/evenkeel/evenkeel/events"

// Canonical returns a rule as EC2 keeps and shows it, whatever was typed: the
// protocol by its name, the CIDR without host bits, no ports where the protocol
// has none (-1).
// Source: EC2 API reference, IpPermission and AuthorizeSecurityGroupIngress
// ("For example, if you specify 100.68.0.18/18, ... 100.68.0.0/18").
func Canonical(r events.SecurityGroupRule) events.SecurityGroupRule {
	r.Protocol = protocolName(r.Protocol)
	switch r.Protocol {
	case "tcp", "udp", "icmp", "icmpv6":
	default:
		r.FromPort, r.ToPort = -1, -1
	}
	if r.CIDRv4 != "" {
		r.CIDRv4 = canonicalCIDR(r.CIDRv4)
	}
	if r.CIDRv6 != "" {
		r.CIDRv6 = canonicalCIDR(r.CIDRv6)
	}
	return r
}
