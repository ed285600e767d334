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

// canonicalKey brings a key that a person wrote to RuleKey's form.
func canonicalKey(key string) (string, error) {
	if key == "*" {
		return key, nil
	}
	part := strings.SplitN(key, "/", 3)
	if len(part) < 3 || part[2] == "" {
		return "", fmt.Errorf("rule %q: want protocol/ports/source such as tcp/22/203.0.113.0/24, or *", key)
	}
	protocol := protocolName(part[0])
	from, to, err := 0, lastPort, error(nil)
	switch {
	case protocol == "tcp" || protocol == "udp":
		from, to, err = parsePorts(part[1])
	case part[1] != "all": // ICMP type and code, for example 8--1
		return protocol + "/" + part[1] + "/" + canonicalCIDR(part[2]), nil
	}
	if err != nil {
		return "", fmt.Errorf("rule %q: %w", key, err)
	}
	return protocol + "/" + portsText(from, to) + "/" + canonicalCIDR(part[2]), nil
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
