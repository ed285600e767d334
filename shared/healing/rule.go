package healing

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// RuleKey names what a rule admits, whatever its id: "tcp/22/0.0.0.0/0",
// "udp/5000-5010/pl-0123", "-1/all/::/0". CIDRs are in canonical form, because
// CloudTrail and policies may have them as typed (1.2.3.4/0).
func RuleKey(r events.SecurityGroupRule) string {
	from, to := portSpan(r)
	source := r.PrefixListID + r.ReferencedGroupID
	if cidr := r.CIDRv4 + r.CIDRv6; cidr != "" {
		source = canonicalCIDR(cidr)
	}
	return protocolName(r.Protocol) + "/" + portsText(from, to) + "/" + source
}

// SourceKind says what a rule's source is: "IPv4", "IPv6", "prefix list" or
// "group". EC2 does not change it in place.
// Source: EC2 API reference, SecurityGroupRuleRequest.
func SourceKind(r events.SecurityGroupRule) string {
	switch {
	case r.CIDRv4 != "":
		return "IPv4"
	case r.CIDRv6 != "":
		return "IPv6"
	case r.PrefixListID != "":
		return "prefix list"
	}
	return "group"
}

// CanonicalKey brings a key that a person wrote to RuleKey's form. "*", every
// rule, stays. What no rule can have is an error.
func CanonicalKey(key string) (string, error) {
	if key == "*" {
		return key, nil
	}
	part := strings.SplitN(key, "/", 3)
	if len(part) < 3 || part[2] == "" {
		return "", fmt.Errorf("rule %q: want protocol/ports/source such as tcp/22/203.0.113.0/24, or *", key)
	}
	protocol, source := protocolName(part[0]), canonicalCIDR(part[2])
	if _, err := netip.ParsePrefix(source); err != nil && !strings.HasPrefix(source, "pl-") && !strings.HasPrefix(source, "sg-") {
		return "", fmt.Errorf("rule %q: the source is a CIDR, a prefix list (pl-…) or a security group (sg-…)", key)
	}
	ports := part[1]
	switch {
	case protocol == "tcp" || protocol == "udp":
		from, to, err := parsePorts(part[1])
		if err != nil {
			return "", fmt.Errorf("rule %q: %w", key, err)
		}
		ports = portsText(from, to)
	case protocol == "icmp" || protocol == "icmpv6": // type and code, for example 8--1
	case ports != "all":
		return "", fmt.Errorf("rule %q: %s has no ports: write all", key, part[0])
	}
	return protocol + "/" + ports + "/" + source, nil
}

// canonicalCIDR masks a CIDR; what is none stays as it is.
func canonicalCIDR(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return s
	}
	return p.Masked().String()
}

// protocolName gives the name that EC2 shows for a protocol number.
// Source: EC2 API reference, IpPermission.
func protocolName(p string) string {
	switch p = strings.ToLower(p); p {
	case "6":
		return "tcp"
	case "17":
		return "udp"
	case "1":
		return "icmp"
	case "58":
		return "icmpv6"
	case "all", "":
		return "-1"
	}
	return p
}

// portSpan is the rule's port range. Protocols without ports, and -1, span
// all; for ICMP the numbers are type and code and stay as they are.
func portSpan(r events.SecurityGroupRule) (from, to int) {
	from, to = int(r.FromPort), int(r.ToPort)
	switch protocolName(r.Protocol) {
	case "icmp", "icmpv6":
		if from != -1 {
			return from, to
		}
	case "tcp", "udp":
		if from >= 0 && to >= 0 {
			return min(from, to), max(from, to)
		}
	}
	return 0, lastPort
}

func portsText(from, to int) string {
	switch {
	case from == 0 && to == lastPort:
		return "all"
	case from == to:
		return strconv.Itoa(from)
	}
	return strconv.Itoa(from) + "-" + strconv.Itoa(to)
}
