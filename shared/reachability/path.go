package reachability

import (
	"net/netip"
	"slices"
	"strings"
)

// indexed is a network by subnet.
type indexed struct {
	outlets map[string]outlet // by subnet; of main tables by VPC
	edges   map[string][]RouteTable
	acls    map[string]ACL // by subnet; of default ones by VPC
	known   map[where]finding
}

// where is an opening seen from a subnet: interfaces there share all but their
// addresses.
type where struct {
	subnet, vpc string
	opening     int
}

// finding is how far a connection to an address of the internet comes.
type finding struct {
	verdict verdict
	text    string
	edge    bool // it would come through where something stands between gateway and subnet
}

// index says which table and which ACL counts where: a subnet has the table
// that names it, else the main one of its VPC, and likewise the default ACL.
// Source: VPC user guide, "Subnet route tables" ("Otherwise, the subnet is
// implicitly associated with the main route table") and "Network ACL basics".
func index(n Network) indexed {
	x := indexed{outlets: map[string]outlet{}, edges: map[string][]RouteTable{}, acls: map[string]ACL{}, known: map[where]finding{}}
	for _, t := range n.RouteTables {
		o := outletOf(t)
		if t.Main {
			x.outlets[t.VPC] = o
		}
		for _, subnet := range t.Subnets {
			x.outlets[subnet] = o
		}
		if len(t.Gateways) > 0 {
			x.edges[t.VPC] = append(x.edges[t.VPC], t)
		}
	}
	for _, a := range n.ACLs {
		if a.Default {
			x.acls[a.VPC] = a
		}
		for _, subnet := range a.Subnets {
			x.acls[subnet] = a
		}
	}
	return x
}

func of[T any](m map[string]T, subnet, vpc string) (T, bool) {
	if found, ok := m[subnet]; ok && subnet != "" {
		return found, true
	}
	found, ok := m[vpc]
	return found, ok
}

// judge tries every opening on the interface, and says what let one through,
// or else what was in the way, once for each reason.
func (x indexed) judge(i Interface, openings []opening) (verdict, string) {
	if text := i.barrier(); text != "" {
		return barred, i.name(netip.Addr{}) + ": not reachable: " + text
	}
	var through, others []string
	how, worst := "", barred
	at := netip.Addr{}
	for n, o := range openings {
		v, text := x.try(i, n, o)
		switch {
		case v == reached && (how == "" || how == text):
			how, through = text, appendOnce(through, o.label)
			at = i.address(o.family)
		case v == reached:
			through = appendOnce(through, o.label)
		default:
			others, worst = appendOnce(others, text), min(worst, v)
		}
	}
	switch {
	case how != "":
		return reached, i.name(at) + ": reachable on " + strings.Join(through, ", ") + ": " + how
	case worst == unknown:
		return unknown, i.name(i.public()) + ": not known: " + strings.Join(others, "; ")
	case len(others) == 0:
		others = []string{"the rules admit no address"}
	}
	return barred, i.name(i.public()) + ": not reachable: " + strings.Join(others, "; ")
}

// try follows a connection through the n-th opening up to the first barrier.
func (x indexed) try(i Interface, n int, o opening) (verdict, string) {
	if empty(o.clients) {
		return barred, o.label + " admits no address of the internet"
	}
	if !i.address(o.family).IsValid() {
		return barred, [families]string{"it has no public IPv4 address", "it has no public IPv6 address"}[o.family]
	}
	at := where{i.Subnet, i.VPC, n}
	found, ok := x.known[at]
	if !ok {
		found = x.follow(at, o)
		x.known[at] = found
	}
	if found.verdict == barred && found.edge {
		if target, ok := x.inspected(i, o.family); ok {
			return unknown, "what comes from the internet passes " + target
		}
	}
	return found.verdict, found.text
}

// follow goes through route and ACL.
func (x indexed) follow(at where, o opening) finding {
	out, ok := of(x.outlets, at.subnet, at.vpc)
	if !ok {
		return finding{verdict: unknown, text: "the route table of " + at.subnet + " was not found"}
	}
	acl, ok := of(x.acls, at.subnet, at.vpc)
	clients := out.of(o.clients, o.family)
	rest := difference(o.clients, clients)
	found := finding{verdict: barred, text: "route table " + out.table.ID + " has no active route to an internet gateway for who is admitted"}
	if len(x.edges[at.vpc]) > 0 && !empty(rest) {
		_, through := acl.admits(o, rest)
		found.edge = !ok || through != nil
	}
	if empty(clients) {
		return found
	}
	if !ok {
		return finding{verdict: unknown, text: "the network ACL of " + at.subnet + " was not found"}
	}
	why, through := acl.admits(o, clients)
	if through == nil {
		found.text = why
		return found
	}
	return finding{verdict: reached, text: out.named(through) + ", " + why}
}

// inspected names what stands between an internet gateway and the interface.
func (x indexed) inspected(i Interface, f family) (string, bool) {
	to := i.address(f)
	if a := slices.IndexFunc(i.IPv4, func(a Address) bool { return a.Public.IsValid() }); f == v4 && a >= 0 {
		to = i.IPv4[a].Private // the gateway has translated it
	}
	var found []string
	for _, t := range x.edges[i.VPC] {
		if target, ok := t.inspects(to); ok {
			found = append(found, target)
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return slices.Min(found), true
}

// barrier says why nothing on the internet can reach the interface, whatever
// its addresses, or "".
// Source of the second: Lambda developer guide, "Giving Lambda functions access
// to resources in an Amazon VPC" (functions are invoked by the API, and take no
// connections from the VPC).
func (i Interface) barrier() string {
	switch {
	case !i.InUse:
		return "it is attached to nothing yet"
	case i.Kind == "lambda":
		return "it belongs to Lambda functions, which take no connections"
	}
	return ""
}

// address is the interface's address on the internet, invalid without one.
func (i Interface) address(f family) netip.Addr {
	if f == v4 {
		return i.public()
	}
	return i.global()
}

// public is the least of the public IPv4 addresses, also of secondary private
// ones. Whether it looks like one does not matter: EC2 says that it is.
func (i Interface) public() netip.Addr {
	least := netip.Addr{}
	for _, a := range i.IPv4 {
		if a.Public.IsValid() && (!least.IsValid() || a.Public.Less(least)) {
			least = a.Public
		}
	}
	return least
}

// global is the least of the global IPv6 addresses; those of fc00::/7 stay in
// the VPC. Source: VPC user guide, "IP addressing for your VPCs and subnets".
func (i Interface) global() netip.Addr {
	least := netip.Addr{}
	if i.DenyIPv6 {
		return least
	}
	for _, a := range i.IPv6 {
		if internet[v6].Contains(a) && (!least.IsValid() || a.Less(least)) {
			least = a
		}
	}
	return least
}

// name is the interface for a person, with the address that is spoken of.
func (i Interface) name(at netip.Addr) string {
	var parts []string
	if i.Service != "" {
		parts = append(parts, i.Service)
	}
	private := netip.Addr{}
	for _, a := range i.IPv4 {
		if a.Public == at || !private.IsValid() {
			private = a.Private
		}
	}
	switch {
	case private.IsValid() && !at.Is6():
		parts = append(parts, private.String())
	case len(i.IPv6) > 0 && !at.IsValid():
		parts = append(parts, slices.MinFunc(i.IPv6, netip.Addr.Compare).String())
	}
	if at.IsValid() {
		parts = append(parts, "public "+at.String())
	}
	if len(parts) == 0 {
		return i.ID
	}
	return i.ID + " (" + strings.Join(parts, ", ") + ")"
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
