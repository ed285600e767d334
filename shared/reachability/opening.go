package reachability

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go4.org/netipx"

	"github.com/evenkeel/evenkeel/events"
)

type family int

const (
	v4 family = iota
	v6
	families
)

// internet are the addresses that come in through an internet gateway: of IPv4
// all but those that never leave a network (RFC 6890: private, shared, loopback,
// link-local, multicast, reserved), of IPv6 global unicast (RFC 4291).
var internet = [families]*netipx.IPSet{
	v4: setOf([]string{"0.0.0.0/0"}, "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
	v6: setOf([]string{"2000::/3"}),
}

func setOf(in []string, out ...string) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range in {
		b.AddPrefix(netip.MustParsePrefix(p))
	}
	for _, p := range out {
		b.RemovePrefix(netip.MustParsePrefix(p))
	}
	return built(&b)
}

// built is the builder's set. It only fails on what was not valid, which
// nobody here adds.
func built(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		return &netipx.IPSet{}
	}
	return set
}

func intersection(a, b *netipx.IPSet) *netipx.IPSet {
	var both netipx.IPSetBuilder
	both.AddSet(a)
	both.Intersect(b)
	return built(&both)
}

func difference(a, b *netipx.IPSet) *netipx.IPSet {
	var rest netipx.IPSetBuilder
	rest.AddSet(a)
	rest.RemoveSet(b)
	return built(&rest)
}

func empty(s *netipx.IPSet) bool { return s == nil || len(s.Ranges()) == 0 }

// The protocols that have ports or, of ICMP, types. Source: IANA, "Assigned
// Internet Protocol Numbers".
const (
	everyProtocol = -1
	icmp          = 1
	tcp           = 6
	udp           = 17
	icmpv6        = 58
)

var protocolNumbers = map[string]int{"tcp": tcp, "udp": udp, "icmp": icmp, "icmpv6": icmpv6, "all": everyProtocol, "": everyProtocol}

const last = 1<<16 - 1 // port, or type and code of ICMP

// opening is what a rule admits in one family.
type opening struct {
	family   family
	protocol int
	from, to int
	clients  *netipx.IPSet // on the internet
	label    string        // "tcp 22"
}

// openingsOf makes the ingress rules ready, IPv4 first, then by protocol and
// port. A rule that admits another group admits no address.
func openingsOf(rules []events.SecurityGroupRule) []opening {
	var all []opening
	for _, r := range rules {
		if r.Egress {
			continue
		}
		for f, clients := range clientsOf(r) {
			if clients == nil {
				continue
			}
			o := opening{family: family(f), protocol: protocolOf(r.Protocol), clients: clients}
			o.from, o.to = numbersOf(r, o.protocol)
			o.label = label(o)
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b opening) int {
		return cmp.Or(cmp.Compare(a.family, b.family), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	return all
}

// clientsOf are the rule's sources on the internet by family, nil where it has
// none at all of the family. A prefix list may hold anything. An IPv4-mapped
// network counts as the IPv4 one that it stands for, as the healer has it.
func clientsOf(r events.SecurityGroupRule) [families]*netipx.IPSet {
	if r.PrefixListID != "" {
		return internet
	}
	var clients [families]*netipx.IPSet
	for i, cidr := range []string{r.CIDRv4, r.CIDRv6} {
		if cidr == "" {
			continue
		}
		f := family(i)
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			clients[f] = internet[f]
			continue
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Addr().Is4() {
			f = v4
		} else {
			f = v6
		}
		var b netipx.IPSetBuilder
		b.AddPrefix(p.Masked())
		clients[f] = intersection(built(&b), internet[f])
	}
	return clients
}

// protocolOf is the number of a protocol that EC2 names. One that is no
// number is taken for every protocol.
func protocolOf(name string) int {
	name = strings.ToLower(name)
	if n, ok := protocolNumbers[name]; ok {
		return n
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 0 || n > 255 {
		return everyProtocol
	}
	return n
}

// numbersOf is the part of its protocol that a rule opens: ports, or of ICMP
// type*256+code. Source: EC2 API reference, IpPermission, FromPort and ToPort.
func numbersOf(r events.SecurityGroupRule, protocol int) (from, to int) {
	from, to = int(r.FromPort), int(r.ToPort)
	switch protocol {
	case tcp, udp:
		if 0 <= from && from <= to && to <= last {
			return from, to
		}
	case icmp, icmpv6:
		return ICMP(from, to)
	}
	return 0, last
}

// ICMP is the range of numbers, type*256+code, of an ICMP type and code, where
// -1 is all.
func ICMP(kind, code int) (from, to int) {
	switch {
	case kind < 0 || kind > 255:
		return 0, last
	case code < 0 || code > 255:
		return kind << 8, kind<<8 | 255
	}
	return kind<<8 | code, kind<<8 | code
}

func label(o opening) string {
	switch o.protocol {
	case everyProtocol:
		return "every protocol"
	case tcp, udp:
		name := map[int]string{tcp: "tcp", udp: "udp"}[o.protocol]
		switch {
		case o.from == 0 && o.to == last:
			return "every " + name + " port"
		case o.from == o.to:
			return name + " " + strconv.Itoa(o.from)
		}
		return name + " " + strconv.Itoa(o.from) + "-" + strconv.Itoa(o.to)
	case icmp, icmpv6:
		name := map[int]string{icmp: "icmp", icmpv6: "icmpv6"}[o.protocol]
		if o.to-o.from <= 255 {
			return name + " type " + strconv.Itoa(o.from>>8)
		}
		return name
	}
	return "protocol " + strconv.Itoa(o.protocol)
}
