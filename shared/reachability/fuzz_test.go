package reachability

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
)

// draw makes a network of bytes: few values for each choice, so that parts
// meet. What is left when the bytes end is zero.
type draw struct{ data []byte }

func (d *draw) below(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % n
}

func pick[T any](d *draw, from ...T) T { return from[d.below(len(from))] }

func (d *draw) prefix() netip.Prefix {
	return pick(d, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("128.0.0.0/1"), netip.MustParsePrefix("44.0.0.0/8"), netip.MustParsePrefix("44.1.2.3/16"),
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("2600::/16"), netip.Prefix{})
}

func (d *draw) entry() Entry {
	from := pick(d, 0, 22, 1024, 2048, 70000)
	return Entry{Number: d.below(8), Egress: d.below(2) == 1, Allow: d.below(2) == 1, Protocol: pick(d, -1, 6, 17, 1, 58, 47),
		From: from, To: from + pick(d, 0, 3, 65535, -1), CIDR: d.prefix()}
}

func (d *draw) route() Route {
	r := Route{Destination: d.prefix(), Target: pick(d, "igw-1", "nat-1", "local", "eigw-1", "vpce-1", ""), Active: d.below(4) > 0}
	if !r.Destination.IsValid() {
		r.PrefixList = "pl-1"
	}
	return r
}

func (d *draw) network() (Network, []events.SecurityGroupRule) {
	var n Network
	for range d.below(4) {
		i := Interface{ID: pick(d, "eni-1", "eni-2", "eni-3"), VPC: pick(d, "vpc-1", "vpc-2"), Subnet: pick(d, "subnet-1", "subnet-2", ""), InUse: d.below(8) > 0, DenyIPv6: d.below(8) == 1}
		i.IPv4 = pick(d, []Address{{addr("10.0.1.5"), addr("203.0.113.9")}}, []Address{{Private: addr("10.0.1.5")}}, nil)
		i.IPv6 = pick(d, nil, []netip.Addr{addr("2600::5")}, []netip.Addr{{}, addr("fd00::1")})
		n.Interfaces = append(n.Interfaces, i)
	}
	for range d.below(3) {
		t := RouteTable{ID: "rtb", VPC: pick(d, "vpc-1", "vpc-2"), Main: d.below(2) == 0, Subnets: pick(d, nil, []string{"subnet-1"}), Gateways: pick(d, nil, nil, []string{"igw-1"})}
		for range d.below(5) {
			t.Routes = append(t.Routes, d.route())
		}
		n.RouteTables = append(n.RouteTables, t)
	}
	for range d.below(3) {
		a := ACL{ID: "acl", VPC: pick(d, "vpc-1", "vpc-2"), Default: d.below(2) == 0, Subnets: pick(d, nil, []string{"subnet-1"})}
		for range d.below(6) {
			a.Entries = append(a.Entries, d.entry())
		}
		n.ACLs = append(n.ACLs, a)
	}
	var opened []events.SecurityGroupRule
	for range d.below(4) {
		from := pick(d, int32(22), 0, -1, 2040, 99999)
		r := open(pick(d, "tcp", "udp", "-1", "icmp", "icmpv6", "47", "nonsense"), from, from+pick(d, int32(0), 8, -1), pick(d, "0.0.0.0/0", "44.0.0.0/8", "::/0", "::ffff:0:0/96", "pl-1", "sg-1", "bad"))
		r.Egress = d.below(8) == 1
		opened = append(opened, r)
	}
	return n, opened
}

// severity orders levels as Weigh does: unknown counts as the internet.
func severity(r events.Reachability) int {
	return slices.Index([]string{events.ReachUnattached, events.ReachAttached, events.ReachUnknown, events.ReachInternet}, r.Level)
}

// FuzzAssess: nothing panics; the answer is one of the levels and says the
// same again; another allow, or another admitted network, never makes it milder; a
// route to an internet gateway less never makes it worse.
func FuzzAssess(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 2, 0, 0, 1, 1, 0, 0, 1, 2, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("what internet gateways and network ACLs make of a handful of bytes is said in sentences"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &draw{data}
		n, opened := d.network()
		got := Assess(n, opened)
		if severity(got) < 0 || got.Interfaces != len(n.Interfaces) || len(got.Why) == 0 || (got.Level == events.ReachInternet) != (len(got.Public) > 0) {
			t.Fatalf("got %+v of %+v", got, n)
		}
		if again := Assess(n, opened); !reflect.DeepEqual(got, again) {
			t.Fatalf("got %+v, and then %+v", got, again)
		}
		for i, a := range n.ACLs {
			more := a
			allow := d.entry()
			allow.Allow = true
			more.Entries = append(slices.Clone(a.Entries), allow)
			wider := n
			wider.ACLs = slices.Clone(n.ACLs)
			wider.ACLs[i] = more
			if after := Assess(wider, opened); severity(after) < severity(got) {
				t.Fatalf("%+v made of %+v %+v", allow, got, after)
			}
		}
		if after := Assess(n, append(slices.Clone(opened), ssh)); severity(after) < severity(got) {
			t.Fatalf("another opening made of %+v %+v", got, after)
		}
		for i, table := range n.RouteTables {
			for j, r := range table.Routes {
				if !r.toInternet() {
					continue
				}
				fewer := n
				fewer.RouteTables = slices.Clone(n.RouteTables)
				fewer.RouteTables[i].Routes = slices.Delete(slices.Clone(table.Routes), j, j+1)
				if after := Assess(fewer, opened); severity(after) > severity(got) {
					t.Fatalf("without %+v %+v becomes %+v", r, got, after)
				}
			}
		}
	})
}
