// Package reachability tells whether the internet could have come in through
// a security group: from the interfaces that use it, their addresses, the
// routes of their subnets and the network ACLs, all as values.
//
// To be reached from the internet an interface needs a public address, a route
// of its subnet to an internet gateway, and a network ACL that lets the
// connection in and its answers out.
// Source: VPC user guide, "Enable internet access for a VPC using an internet
// gateway", https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
//
// It is the worst case of one client: one address that the opened rules admit
// and that gets through is enough. Firewalls, load balancers' targets, VPC
// Block Public Access and what listens on the machine are not looked at.
package reachability

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// Network is what decides who can reach the interfaces of a security group.
// The order of what it holds does not matter.
type Network struct {
	Interfaces  []Interface  // that use the group, in whatever VPC
	RouteTables []RouteTable // of their VPCs, all
	ACLs        []ACL        // of their VPCs, all
}

// Interface is a network interface.
type Interface struct {
	ID, VPC, Subnet string
	Kind            string // as EC2 says: interface, lambda, network_load_balancer, …
	Service         string // of an interface that AWS made, what for: "ELB app/web/50dc6c495c0c9188"
	InUse           bool   // attached to something
	IPv4            []Address
	IPv6            []netip.Addr // of delegated prefixes the first
	DenyIPv6        bool         // EC2 keeps the internet from its IPv6 addresses, as of VPC endpoints
}

// Address is a private IPv4 address and the public one that is translated to
// it; Public is the zero Addr when there is none.
type Address struct{ Private, Public netip.Addr }

// Addressed reports whether something on the internet could send packets to
// the interface if routes and ACLs let it. If it is false for all interfaces,
// Assess needs no route tables and no ACLs.
func (i Interface) Addressed() bool {
	return i.barrier() == "" && (i.public().IsValid() || i.global().IsValid())
}

// RouteTable is a route table of a VPC.
type RouteTable struct {
	ID, VPC  string
	Main     bool     // it counts for the subnets of the VPC that no table names
	Subnets  []string // explicitly associated
	Gateways []string // internet gateways whose incoming traffic it directs
	Routes   []Route
}

// Route is one route. Either Destination or PrefixList says what for.
type Route struct {
	Destination netip.Prefix
	PrefixList  string
	Target      string // "igw-…", "eigw-…", "nat-…", "local", …
	Active      bool   // its state is not blackhole
}

// ACL is a network ACL.
type ACL struct {
	ID, VPC string
	Default bool // it counts for the subnets of the VPC that no ACL names
	Subnets []string
	Entries []Entry
}

// Entry is a rule of a network ACL. Protocol is a number, -1 for all. From and
// To are ports, or for ICMP type*256+code, and count for TCP, UDP and ICMP.
type Entry struct {
	Number        int
	Egress, Allow bool
	Protocol      int
	From, To      int
	CIDR          netip.Prefix
}

// Bounds of what is told: a fact has to fit on the bus, and a person reads it.
const (
	maxPublic = 100
	maxWhy    = 20
)

// Assess says how far a group with the opened rules could be reached: from the
// internet if one interface could, unknown if that cannot be told of one and no
// other could. Interfaces that are attached to nothing count as attached, because
// they are one call away from it. The reasons are a sentence for each interface,
// those that can be reached first, by id; long lists are cut, and say so.
// A source that is a prefix list or cannot be read may be anybody.
func Assess(n Network, opened []events.SecurityGroupRule) events.Reachability {
	if len(n.Interfaces) == 0 {
		return events.Reachability{Level: events.ReachUnattached, Why: []string{"no network interface uses the group"}}
	}
	network, openings := index(n), openingsOf(opened)
	interfaces := slices.Clone(n.Interfaces)
	slices.SortStableFunc(interfaces, func(a, b Interface) int { return strings.Compare(a.ID, b.ID) })
	reach := events.Reachability{Level: events.ReachAttached, Interfaces: len(interfaces)}
	var why [verdicts][]string
	for _, i := range interfaces {
		verdict, text := network.judge(i, openings)
		why[verdict] = append(why[verdict], text)
		if verdict == reached {
			reach.Public = append(reach.Public, i.ID)
		}
	}
	switch {
	case len(why[reached]) > 0:
		reach.Level = events.ReachInternet
	case len(why[unknown]) > 0:
		reach.Level = events.ReachUnknown
	}
	public := len(reach.Public)
	reach.Public = reach.Public[:min(public, maxPublic)]
	reach.Why = slices.Concat(why[reached], why[unknown], why[barred])
	if more := len(reach.Why) - maxWhy; more > 0 {
		reach.Why = append(reach.Why[:maxWhy], fmt.Sprintf("and %d more; %d of %d interfaces can be reached from the internet", more, public, len(interfaces)))
	}
	return reach
}

// verdict is what is known of one interface.
type verdict int

const (
	reached verdict = iota
	unknown
	barred
	verdicts
)
