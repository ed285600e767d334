package reachability

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"
)

// outlet is where a route table sends to an internet gateway.
type outlet struct {
	table  RouteTable
	via    [families]*netipx.IPSet // destinations that go to an internet gateway
	listed bool                    // so do those of a prefix list, which may be any
	routes []Route                 // that do, widest first, prefix lists last
}

// toInternet reports an active route to an internet gateway. An egress-only
// one ("eigw-…") lets nothing in, and a route in state blackhole leads nowhere.
// Source: VPC user guide, "Egress-only internet gateways"; EC2 API reference, Route.
func (r Route) toInternet() bool { return r.Active && strings.HasPrefix(r.Target, "igw-") }

// outletOf finds which addresses have a route to an internet gateway as their
// most specific one ("the longest prefix match"); of equal ones a static route,
// as those to internet gateways are, comes before a propagated one.
// Source: VPC user guide, "Route priority". For prefix lists, whose entries are
// not known here, the worst is assumed.
func outletOf(t RouteTable) outlet {
	routes := slices.Clone(t.Routes)
	slices.SortStableFunc(routes, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Destination.Bits(), b.Destination.Bits()), cmp.Compare(rank(a), rank(b)),
			a.Destination.Addr().Compare(b.Destination.Addr()), strings.Compare(a.PrefixList, b.PrefixList), strings.Compare(a.Target, b.Target))
	})
	var sets [families]netipx.IPSetBuilder
	o := outlet{table: t}
	var lists []Route
	for _, r := range routes {
		switch {
		case r.Destination.IsValid() && r.toInternet():
			sets[familyOf(r.Destination.Addr())].AddPrefix(r.Destination.Masked())
			o.routes = append(o.routes, r)
		case r.Destination.IsValid():
			sets[familyOf(r.Destination.Addr())].RemovePrefix(r.Destination.Masked())
		case r.toInternet():
			lists = append(lists, r)
		}
	}
	o.listed = len(lists) > 0
	o.routes = append(o.routes, lists...)
	for f := range families {
		o.via[f] = built(&sets[f])
	}
	return o
}

func rank(r Route) int {
	if r.toInternet() {
		return 1 // decided last, so that it counts
	}
	return 0
}

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return v4
	}
	return v6
}

// of narrows the clients to those whose answers go to an internet gateway.
func (o outlet) of(clients *netipx.IPSet, f family) *netipx.IPSet {
	if o.listed {
		return clients
	}
	return intersection(clients, o.via[f])
}

// named is the widest route that some of the clients use: "route 0.0.0.0/0 to igw-1".
func (o outlet) named(clients *netipx.IPSet) string {
	for _, r := range o.routes {
		if !r.Destination.IsValid() {
			return "route " + r.PrefixList + " to " + r.Target
		}
		if clients.OverlapsPrefix(r.Destination.Masked()) {
			return "route " + r.Destination.Masked().String() + " to " + r.Target
		}
	}
	return "a route to an internet gateway"
}

// inspects reports that the table directs what comes from an internet gateway
// for the address elsewhere than to the address, to a firewall, and names it.
// Source: VPC user guide, "Gateway route tables".
func (t RouteTable) inspects(to netip.Addr) (target string, ok bool) {
	if !slices.ContainsFunc(t.Gateways, func(g string) bool { return strings.HasPrefix(g, "igw-") }) {
		return "", false
	}
	bits := -1
	for _, r := range t.Routes {
		if r.Active && r.Destination.IsValid() && r.Destination.Bits() > bits && r.Destination.Masked().Contains(to) {
			bits, target = r.Destination.Bits(), r.Target
		}
	}
	return target, target != "" && target != "local"
}
