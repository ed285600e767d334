package reachability

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func route(to, target string) Route {
	if strings.HasPrefix(to, "pl-") {
		return Route{PrefixList: to, Target: target, Active: true}
	}
	return Route{Destination: netip.MustParsePrefix(to), Target: target, Active: true}
}

// entry reads "in 100 allow tcp 22-22 0.0.0.0/0".
func entry(s string) Entry {
	var e Entry
	var direction, action, protocol, ports, cidr string
	if _, err := fmt.Sscan(s, &direction, &e.Number, &action, &protocol, &ports, &cidr); err != nil {
		panic(s + ": " + err.Error())
	}
	e.Egress, e.Allow, e.Protocol, e.CIDR = direction == "out", action == "allow", protocolOf(protocol), netip.MustParsePrefix(cidr)
	if _, err := fmt.Sscanf(ports, "%d-%d", &e.From, &e.To); err != nil {
		panic(s + ": " + err.Error())
	}
	return e
}

func acl(entries ...string) ACL {
	a := ACL{ID: "acl-1", VPC: "vpc-1", Subnets: []string{"subnet-1"}}
	for _, s := range entries {
		a.Entries = append(a.Entries, entry(s))
	}
	return a
}

func open(protocol string, from, to int32, cidr string) events.SecurityGroupRule {
	r := events.SecurityGroupRule{RuleID: "sgr-1", Protocol: protocol, FromPort: from, ToPort: to}
	switch {
	case strings.HasPrefix(cidr, "pl-"):
		r.PrefixListID = cidr
	case strings.HasPrefix(cidr, "sg-"):
		r.ReferencedGroupID = cidr
	case strings.Contains(cidr, ":"):
		r.CIDRv6 = cidr
	default:
		r.CIDRv4 = cidr
	}
	return r
}

var ssh = open("tcp", 22, 22, "0.0.0.0/0")

// public is a subnet with an instance that the whole internet reaches: the
// default ACL of a VPC ("By default, it allows all inbound and outbound IPv4
// traffic and, if applicable, IPv6 traffic") and a default route.
func public() Network {
	return Network{
		Interfaces: []Interface{{ID: "eni-1", VPC: "vpc-1", Subnet: "subnet-1", Kind: "interface", InUse: true,
			IPv4: []Address{{addr("10.0.1.5"), addr("203.0.113.9")}}, IPv6: []netip.Addr{addr("2600:1f18::5")}}},
		RouteTables: []RouteTable{
			{ID: "rtb-1", VPC: "vpc-1", Subnets: []string{"subnet-1"}, Routes: []Route{route("10.0.0.0/16", "local"), route("0.0.0.0/0", "igw-1"), route("::/0", "igw-1")}},
			{ID: "rtb-main", VPC: "vpc-1", Main: true, Routes: []Route{route("10.0.0.0/16", "local")}},
		},
		ACLs: []ACL{acl("in 100 allow -1 0-0 0.0.0.0/0", "in 101 allow -1 0-0 ::/0", "in 32767 deny -1 0-0 0.0.0.0/0", "in 32768 deny -1 0-0 ::/0",
			"out 100 allow -1 0-0 0.0.0.0/0", "out 101 allow -1 0-0 ::/0", "out 32767 deny -1 0-0 0.0.0.0/0", "out 32768 deny -1 0-0 ::/0")},
	}
}

// the functions below change a public network in one way
func routes(r ...Route) func(*Network) { return func(n *Network) { n.RouteTables[0].Routes = r } }

func entries(s ...string) func(*Network) { return func(n *Network) { n.ACLs = []ACL{acl(s...)} } }

func eni(change func(*Interface)) func(*Network) {
	return func(n *Network) { change(&n.Interfaces[0]) }
}

const outAll = "out 100 allow -1 0-0 0.0.0.0/0"

func TestAssess(t *testing.T) {
	tests := []struct {
		name   string // quotes are of the VPC user guide
		change func(*Network)
		opened []events.SecurityGroupRule
		level  string
		why    string
	}{
		{"public", nil, nil, events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"over IPv6: \"Ensure that instances in your subnet have a globally unique IP address (public IPv4 address, Elastic IP address, or IPv6 address)\"", nil,
			[]events.SecurityGroupRule{open("tcp", 3389, 3389, "::/0")}, events.ReachInternet,
			"eni-1 (public 2600:1f18::5): reachable on tcp 3389: route ::/0 to igw-1, ACL acl-1 rule 101 allows it"},
		{"both openings are named", nil, []events.SecurityGroupRule{open("udp", 161, 161, "1.0.0.0/8"), ssh, open("tcp", 20, 25, "::/0")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22, udp 161, tcp 20-25: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},

		// Interfaces and addresses.
		{"nothing uses the group", func(n *Network) { n.Interfaces = nil }, nil, events.ReachUnattached, "no network interface uses the group"},
		{"an interface in state available counts as attached", eni(func(i *Interface) { i.InUse = false }), nil, events.ReachAttached,
			"eni-1 (10.0.1.5): not reachable: it is attached to nothing yet"},
		{"no public address: \"Your instance is only aware of the private (internal) IP address space defined within the VPC and subnet\"",
			eni(func(i *Interface) { i.IPv4[0].Public = netip.Addr{} }), nil, events.ReachAttached, "eni-1 (10.0.1.5): not reachable: it has no public IPv4 address"},
		{"a public address of a secondary private one", eni(func(i *Interface) {
			i.IPv4 = []Address{{Private: addr("10.0.1.5")}, {addr("10.0.1.6"), addr("198.51.100.1")}}
		}), nil, events.ReachInternet, "eni-1 (10.0.1.6, public 198.51.100.1): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"a public address that does not look like one", eni(func(i *Interface) { i.IPv4[0].Public = addr("127.138.28.93") }), nil, events.ReachInternet,
			"eni-1 (10.0.1.5, public 127.138.28.93): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"the public IPv4 address does not help over IPv6", eni(func(i *Interface) { i.IPv6 = nil }), []events.SecurityGroupRule{open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: it has no public IPv6 address"},
		{"a private IPv6 address", eni(func(i *Interface) { i.IPv6 = []netip.Addr{addr("fd00::5")} }), []events.SecurityGroupRule{open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: it has no public IPv6 address"},
		{"EC2 keeps the internet from an endpoint", eni(func(i *Interface) { i.DenyIPv6 = true }), []events.SecurityGroupRule{open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: it has no public IPv6 address"},
		{"a load balancer", eni(func(i *Interface) { i.Service = "ELB app/web/1" }), nil, events.ReachInternet,
			"eni-1 (ELB app/web/1, 10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"Lambda", eni(func(i *Interface) { i.Kind = "lambda" }), nil, events.ReachAttached,
			"eni-1 (10.0.1.5): not reachable: it belongs to Lambda functions, which take no connections"},

		// Routes.
		{"the main table: \"Otherwise, the subnet is implicitly associated with the main route table\"", func(n *Network) { n.RouteTables[0].Subnets = nil }, nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-main has no active route to an internet gateway for who is admitted"},
		{"the main table has the route", func(n *Network) {
			n.RouteTables = []RouteTable{{ID: "rtb-main", VPC: "vpc-1", Main: true, Routes: []Route{route("0.0.0.0/0", "igw-1")}}}
		}, nil, events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"a main table of another VPC does not count", func(n *Network) {
			n.RouteTables = []RouteTable{{ID: "rtb-2", VPC: "vpc-2", Main: true, Routes: []Route{route("0.0.0.0/0", "igw-2")}}}
		}, nil, events.ReachUnknown, "eni-1 (10.0.1.5, public 203.0.113.9): not known: the route table of subnet-1 was not found"},
		{"a NAT gateway: \"prevents hosts on the internet from initiating connections with the instances\"", routes(route("0.0.0.0/0", "nat-1")), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"an egress-only gateway", routes(route("::/0", "eigw-1")), []events.SecurityGroupRule{open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"a blackhole", routes(Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: "igw-1"}), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"\"a route with a destination CIDR of 0.0.0.0/0 does not automatically include all IPv6 addresses\"", routes(route("0.0.0.0/0", "igw-1")),
			[]events.SecurityGroupRule{open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"halves", routes(route("0.0.0.0/1", "igw-1"), route("128.0.0.0/1", "igw-1")), []events.SecurityGroupRule{open("tcp", 22, 22, "128.0.0.0/1")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 128.0.0.0/1 to igw-1, ACL acl-1 rule 100 allows it"},
		{"\"you can scope the route to a narrower range of IP addresses\"", routes(route("8.8.0.0/16", "igw-1")), nil, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 8.8.0.0/16 to igw-1, ACL acl-1 rule 100 allows it"},
		{"a narrower route for nobody who is admitted", routes(route("8.8.0.0/16", "igw-1")), []events.SecurityGroupRule{open("tcp", 22, 22, "44.0.0.0/8")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"\"we use the most specific route that matches the traffic\"", routes(route("0.0.0.0/0", "igw-1"), route("44.0.0.0/8", "vgw-1")),
			[]events.SecurityGroupRule{open("tcp", 22, 22, "44.1.0.0/16")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"a prefix list may hold anybody", routes(route("pl-1", "igw-1")), nil, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route pl-1 to igw-1, ACL acl-1 rule 100 allows it"},
		{"a firewall between gateway and subnet", func(n *Network) {
			n.RouteTables[0].Routes = []Route{route("0.0.0.0/0", "vpce-1")}
			n.RouteTables = append(n.RouteTables, RouteTable{ID: "rtb-edge", VPC: "vpc-1", Gateways: []string{"igw-1"}, Routes: []Route{route("10.0.0.0/16", "local"), route("10.0.1.0/24", "vpce-1")}})
		}, nil, events.ReachUnknown, "eni-1 (10.0.1.5, public 203.0.113.9): not known: what comes from the internet passes vpce-1"},
		{"an ACL behind the firewall", func(n *Network) {
			n.RouteTables[0].Routes = []Route{route("0.0.0.0/0", "vpce-1")}
			n.RouteTables = append(n.RouteTables, RouteTable{ID: "rtb-edge", VPC: "vpc-1", Gateways: []string{"igw-1"}, Routes: []Route{route("10.0.1.0/24", "vpce-1")}})
			n.ACLs[0].Entries = nil
		}, nil, events.ReachAttached, "eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted"},
		{"an interface in another VPC than the group's, which AssociateSecurityGroupVpc allows", func(n *Network) {
			n.Interfaces[0].VPC, n.Interfaces[0].Subnet = "vpc-2", "subnet-2"
			n.RouteTables = append(n.RouteTables, RouteTable{ID: "rtb-2", VPC: "vpc-2", Main: true, Routes: []Route{route("0.0.0.0/0", "igw-2")}})
			n.ACLs = append(n.ACLs, ACL{ID: "acl-2", VPC: "vpc-2", Default: true, Entries: n.ACLs[0].Entries})
		}, nil, events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-2, ACL acl-2 rule 100 allows it"},

		// Network ACLs.
		{"no ACL was read", func(n *Network) { n.ACLs = nil }, nil, events.ReachUnknown, "eni-1 (10.0.1.5, public 203.0.113.9): not known: the network ACL of subnet-1 was not found"},
		{"\"starting with the lowest numbered rule\"", entries("in 100 allow tcp 22-22 0.0.0.0/0", "in 90 deny tcp 0-1024 0.0.0.0/0", outAll), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: ACL acl-1 rule 90 denies it"},
		{"\"If the traffic matches a rule, the rule is applied and we do not evaluate any additional rules\"", entries("in 100 allow tcp 22-22 0.0.0.0/0", "in 110 deny tcp 0-1024 0.0.0.0/0", outAll), nil,
			events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"what no rule matches is denied", entries("in 100 allow tcp 443-443 0.0.0.0/0", "in 32767 deny -1 0-0 0.0.0.0/0", outAll), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: no rule of ACL acl-1 allows it"},
		{"\"NACLs are stateless\": the answers must get out", entries("in 100 allow tcp 22-22 0.0.0.0/0", "out 100 allow tcp 22-1023 0.0.0.0/0"), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: ACL acl-1 lets no answer out"},
		{"a part of the ephemeral ports is enough for a client", entries("in 100 allow tcp 22-22 0.0.0.0/0", "out 90 deny tcp 0-60000 0.0.0.0/0", "out 100 allow tcp 0-65535 0.0.0.0/0"), nil,
			events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"in and out must be of the same client", entries("in 100 allow tcp 22-22 44.0.0.0/8", "out 100 allow tcp 1024-65535 45.0.0.0/8"), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: ACL acl-1 lets no answer out"},
		{"out of another protocol", entries("in 100 allow tcp 22-22 0.0.0.0/0", "out 100 allow udp 0-65535 0.0.0.0/0"), nil, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: ACL acl-1 lets no answer out"},
		{"one port of the range gets in", entries("in 90 deny tcp 0-24 0.0.0.0/0", "in 100 allow tcp 25-25 0.0.0.0/0", outAll), []events.SecurityGroupRule{open("tcp", 20, 30, "0.0.0.0/0")},
			events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 20-30: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"no other port of the range does", entries("in 100 allow tcp 25-25 0.0.0.0/0", outAll), []events.SecurityGroupRule{open("tcp", 20, 30, "0.0.0.0/0")},
			events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 20-30: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"denied but for one network", entries("in 90 allow tcp 22-22 45.1.0.0/16", "in 100 deny -1 0-0 0.0.0.0/0", outAll), nil, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 90 allows it"},
		{"the network that is let in is not admitted by the rule", entries("in 90 allow tcp 22-22 45.1.0.0/16", "in 100 deny -1 0-0 0.0.0.0/0", outAll),
			[]events.SecurityGroupRule{open("tcp", 22, 22, "44.0.0.0/8")}, events.ReachAttached, "eni-1 (10.0.1.5, public 203.0.113.9): not reachable: ACL acl-1 rule 100 denies it"},
		{"IPv4 rules say nothing about IPv6", entries("in 100 allow -1 0-0 0.0.0.0/0", outAll), []events.SecurityGroupRule{open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: no rule of ACL acl-1 allows it"},
		{"ports of a protocol that has none", entries("in 100 allow 47 9-9 0.0.0.0/0", "out 100 allow 47 9-9 0.0.0.0/0"), []events.SecurityGroupRule{open("47", -1, -1, "0.0.0.0/0")},
			events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on protocol 47: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"one protocol of all gets in", entries("in 100 allow 50 0-0 0.0.0.0/0", "out 100 allow 50 0-0 0.0.0.0/0"), []events.SecurityGroupRule{open("-1", -1, -1, "0.0.0.0/0")},
			events.ReachInternet, "eni-1 (10.0.1.5, public 203.0.113.9): reachable on every protocol: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"a type of ICMP", entries("in 100 allow icmp 2048-2303 0.0.0.0/0", outAll), []events.SecurityGroupRule{open("icmp", 8, -1, "0.0.0.0/0")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on icmp type 8: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"another type of ICMP", entries("in 100 allow icmp 2048-2303 0.0.0.0/0", outAll), []events.SecurityGroupRule{open("icmp", 13, -1, "0.0.0.0/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: no rule of ACL acl-1 allows it"},

		// Sources.
		{"private sources do not come from the internet", nil, []events.SecurityGroupRule{open("tcp", 22, 22, "10.0.0.0/8")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: tcp 22 admits no address of the internet"},
		{"another group", nil, []events.SecurityGroupRule{open("tcp", 22, 22, "sg-2")}, events.ReachAttached, "eni-1 (10.0.1.5, public 203.0.113.9): not reachable: the rules admit no address"},
		{"an egress rule admits nobody", nil, []events.SecurityGroupRule{{Egress: true, Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"}}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: the rules admit no address"},
		{"a prefix list may admit anybody", nil, []events.SecurityGroupRule{open("tcp", 22, 22, "pl-2")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"host bits", nil, []events.SecurityGroupRule{open("6", 22, 22, "1.2.3.4/0")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"an IPv4-mapped network is the IPv4 one", nil, []events.SecurityGroupRule{open("tcp", 22, 22, "::ffff:0:0/96")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"what cannot be read may be anybody", nil, []events.SecurityGroupRule{open("tcp", 22, 22, "nonsense")}, events.ReachInternet,
			"eni-1 (10.0.1.5, public 203.0.113.9): reachable on tcp 22: route 0.0.0.0/0 to igw-1, ACL acl-1 rule 100 allows it"},
		{"each family has its barrier", func(n *Network) {
			n.Interfaces[0].IPv6 = nil
			n.RouteTables[0].Routes = nil
		}, []events.SecurityGroupRule{ssh, open("tcp", 22, 22, "::/0")}, events.ReachAttached,
			"eni-1 (10.0.1.5, public 203.0.113.9): not reachable: route table rtb-1 has no active route to an internet gateway for who is admitted; it has no public IPv6 address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := public()
			if tt.change != nil {
				tt.change(&n)
			}
			opened := tt.opened
			if opened == nil {
				opened = []events.SecurityGroupRule{ssh}
			}
			got := Assess(n, opened)
			if got.Level != tt.level || !slices.Equal(got.Why, []string{tt.why}) {
				t.Errorf("got %s %q\nwant %s %q", got.Level, got.Why, tt.level, tt.why)
			}
			if public := got.Level == events.ReachInternet; public != slices.Equal(got.Public, []string{"eni-1"}) || got.Interfaces != len(n.Interfaces) {
				t.Errorf("public %v of %d", got.Public, got.Interfaces)
			}
		})
	}
}

// many is a public network with so many interfaces, every third private.
func many(count int) Network {
	n := public()
	one := n.Interfaces[0]
	n.Interfaces = nil
	for i := range count {
		one.ID = fmt.Sprintf("eni-%04d", i)
		one.IPv4 = []Address{{Private: addr("10.0.1.5")}}
		if i%3 != 0 {
			one.IPv4[0].Public = addr("203.0.113.9")
		}
		n.Interfaces = append(n.Interfaces, one)
	}
	return n
}

// TestOrderDoesNotMatter: EC2 lists in any order, and a fact says the same.
func TestOrderDoesNotMatter(t *testing.T) {
	n := many(9)
	n.Interfaces = append(n.Interfaces, Interface{ID: "eni-lost", VPC: "vpc-9", InUse: true, IPv4: []Address{{Public: addr("198.51.100.1")}}})
	opened := []events.SecurityGroupRule{ssh, open("tcp", 3389, 3389, "::/0")}
	want := Assess(n, opened)
	if want.Level != events.ReachInternet || len(want.Public) != 9 || want.Interfaces != 10 || len(want.Why) != 10 {
		t.Fatalf("got %+v", want)
	}
	slices.Reverse(n.Interfaces)
	slices.Reverse(n.RouteTables)
	slices.Reverse(n.RouteTables[1].Routes)
	slices.Reverse(n.ACLs[0].Entries)
	slices.Reverse(opened)
	if got := Assess(n, opened); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestBounds: a fact about a fleet still fits on the bus.
func TestBounds(t *testing.T) {
	got := Assess(many(600), []events.SecurityGroupRule{ssh})
	if got.Interfaces != 600 || len(got.Public) != maxPublic || len(got.Why) != maxWhy+1 ||
		got.Why[maxWhy] != "and 580 more; 400 of 600 interfaces can be reached from the internet" {
		t.Errorf("%d interfaces, %d public, why %q", got.Interfaces, len(got.Public), got.Why[len(got.Why)-1])
	}
}

func TestAddressed(t *testing.T) {
	for _, tt := range []struct {
		name string
		i    Interface
		want bool
	}{
		{"public IPv4", Interface{InUse: true, IPv4: []Address{{addr("10.0.0.1"), addr("203.0.113.1")}}}, true},
		{"IPv6", Interface{InUse: true, IPv6: []netip.Addr{addr("2600::1")}}, true},
		{"private", Interface{InUse: true, IPv4: []Address{{Private: addr("10.0.0.1")}}, IPv6: []netip.Addr{addr("fd00::1")}}, false},
		{"available", Interface{IPv6: []netip.Addr{addr("2600::1")}}, false},
	} {
		if got := tt.i.Addressed(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// BenchmarkAssess: an instance behind a default ACL, and a fleet behind an ACL
// as long as EC2 allows by default (20 rules a direction).
func BenchmarkAssess(b *testing.B) {
	fleet := many(1000)
	fleet.ACLs[0].Entries = nil
	for i := range 19 {
		fleet.ACLs[0].Entries = append(fleet.ACLs[0].Entries,
			entry(fmt.Sprintf("in %d deny tcp %d-%d 44.%d.0.0/16", i+1, 20+i, 30+i, i)), entry(fmt.Sprintf("out %d deny tcp %d-%d 45.%d.0.0/16", i+1, 1000*i, 1000*i+999, i)))
	}
	fleet.ACLs[0].Entries = append(fleet.ACLs[0].Entries, entry("in 100 allow -1 0-0 0.0.0.0/0"), entry(outAll))
	for _, bb := range []struct {
		name   string
		n      Network
		opened []events.SecurityGroupRule
	}{
		{"one", public(), []events.SecurityGroupRule{ssh}},
		{"fleet", fleet, []events.SecurityGroupRule{ssh, open("tcp", 3389, 3389, "0.0.0.0/0"), open("-1", -1, -1, "::/0")}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if Assess(bb.n, bb.opened).Level != events.ReachInternet {
					b.Fatal("not reached")
				}
			}
		})
	}
}
