package reachability

import (
	"cmp"
	"fmt"
	"slices"

	"go4.org/netipx"
)

// The ports from which clients connect, and to which the answers go.
// Source: VPC user guide, "Ephemeral ports": "to cover the different types of
// clients that might initiate traffic to public-facing instances in your VPC,
// you can open ephemeral ports 1024-65535".
const firstEphemeral, lastEphemeral = 1024, 65535

// screen are the entries of an ACL for one direction and family in the order
// in which they are evaluated: "starting with the lowest numbered rule"; "If
// the traffic matches a rule, the rule is applied and we do not evaluate any
// additional rules". What none matches is denied.
// Source: VPC user guide, "Network ACL basics" and "Network ACL rules".
type screen []Entry

func (a ACL) screen(egress bool, f family) screen {
	var s screen
	for _, e := range a.Entries {
		if e.Egress == egress && e.CIDR.IsValid() && familyOf(e.CIDR.Addr()) == f {
			s = append(s, e)
		}
	}
	slices.SortStableFunc(s, func(a, b Entry) int { return cmp.Compare(a.Number, b.Number) })
	return s
}

// matches reports whether the entry is for the protocol at the number. Of a
// protocol without ports it is for all of it.
// Source: EC2 API reference, CreateNetworkAclEntry, Protocol: of -1 and of
// other protocols than TCP, UDP and ICMP "traffic on all ports is allowed".
func (e Entry) matches(protocol, number int) bool {
	switch {
	case e.Protocol == everyProtocol:
		return true
	case e.Protocol != protocol:
		return false
	}
	return !numbered(protocol) || e.From <= number && number <= e.To
}

func numbered(protocol int) bool {
	return protocol == tcp || protocol == udp || protocol == icmp || protocol == icmpv6
}

// hit is what one entry allows.
type hit struct {
	rule    int
	clients *netipx.IPSet
}

// allowed lists what entries allow of the clients at the number, by rule, and
// the first rule that denies some.
func (s screen) allowed(clients *netipx.IPSet, protocol, number int) (hits []hit, denied int) {
	left := clients
	for _, e := range s {
		if !e.matches(protocol, number) || !left.OverlapsPrefix(e.CIDR.Masked()) {
			continue
		}
		var here, rest netipx.IPSetBuilder
		here.AddPrefix(e.CIDR.Masked())
		switch {
		case e.Allow:
			hits = append(hits, hit{e.Number, intersection(left, built(&here))})
		case denied == 0:
			denied = e.Number
		}
		rest.AddSet(left)
		rest.RemovePrefix(e.CIDR.Masked())
		if left = built(&rest); empty(left) {
			break
		}
	}
	return hits, denied
}

// starts are the numbers of the range at which another entry may begin to
// count: between two of them all are alike.
func (s screen) starts(protocol, from, to int) []int {
	starts := []int{from}
	for _, e := range s {
		if e.Protocol != protocol || !numbered(protocol) {
			continue
		}
		for _, n := range []int{e.From, e.To + 1} {
			if from < n && n <= to {
				starts = append(starts, n)
			}
		}
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// answered are those clients to which answers get out at one of their ports.
func (s screen) answered(clients *netipx.IPSet, protocol int) *netipx.IPSet {
	from, to := 0, last // any answer of ICMP; others have no ports
	if protocol == tcp || protocol == udp {
		from, to = firstEphemeral, lastEphemeral
	}
	var all netipx.IPSetBuilder
	for _, number := range s.starts(protocol, from, to) {
		hits, _ := s.allowed(clients, protocol, number)
		for _, h := range hits {
			all.AddSet(h.clients)
		}
	}
	return built(&all)
}

// admits reports whether the ACL lets one of the clients in and the answers
// out, and what it was that decided. An ACL is stateless: "responses to that
// traffic are not automatically allowed" (VPC user guide, "Network ACL basics").
func (a ACL) admits(o opening, clients *netipx.IPSet) (why string, through *netipx.IPSet) {
	in, out := a.screen(false, o.family), a.screen(true, o.family)
	entered, denied := false, 0
	for _, protocol := range a.protocols(o) {
		answered := out.answered(clients, protocol)
		for _, number := range in.starts(protocol, o.from, o.to) {
			hits, no := in.allowed(clients, protocol, number)
			denied = cmp.Or(denied, no)
			for _, h := range hits {
				entered = true
				if through := intersection(h.clients, answered); !empty(through) {
					return fmt.Sprintf("ACL %s rule %d allows it", a.ID, h.rule), through
				}
			}
		}
	}
	switch {
	case entered:
		return fmt.Sprintf("ACL %s lets no answer out", a.ID), nil
	case denied > 0 && denied < implicitRule:
		return fmt.Sprintf("ACL %s rule %d denies it", a.ID, denied), nil
	}
	return fmt.Sprintf("no rule of ACL %s allows it", a.ID), nil
}

// implicitRule is the number under which EC2 shows the rule that denies the
// rest. Source: EC2 API reference, CreateNetworkAclEntry: up to 32766 are free.
const implicitRule = 32767

// protocols are those by which the opening can be used. Where all are, one
// that no entry names stands for the others.
func (a ACL) protocols(o opening) []int {
	if o.protocol != everyProtocol {
		return []int{o.protocol}
	}
	all := []int{tcp, udp, icmp, icmpv6, everyProtocol}
	for _, e := range a.Entries {
		if !slices.Contains(all, e.Protocol) {
			all = append(all, e.Protocol)
		}
	}
	slices.Sort(all[5:])
	return all
}
