package healing

import (
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/evenkeel/evenkeel/events"
)

type family int

const (
	v4 family = iota
	v6
	families
)

func (f family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

// door is an ingress rule made ready for arithmetic: what it lets in, and
// where to.
type door struct {
	rule     events.SecurityGroupRule
	protocol string
	from, to int
	sources  [families][]netip.Prefix
	sizes    [families]count // addresses that count, by itself
}

// opens reports whether d lets the protocol in at the port.
func (d *door) opens(protocol string, port int) bool {
	return d.protocol == "-1" || d.protocol == protocol && d.from <= port && port <= d.to
}

// lane is a protected port range of one protocol in which the same doors are
// open from end to end, seen in one family.
type lane struct {
	protocol string
	from, to int
	family   family
	doors    []int // indexes, ascending
}

// yardstick is what a policy measures with.
type yardstick struct {
	limits  [families]count
	allowed *netipx.IPSet
}

func (p Policy) yardstick() yardstick {
	var b netipx.IPSetBuilder
	for _, source := range p.AllowedSources {
		b.AddPrefix(source.Masked())
	}
	allowed, err := b.IPSet()
	if err != nil { // an invalid prefix: DecodePolicy refuses it, and nothing is allowed by it
		allowed = &netipx.IPSet{}
	}
	return yardstick{limits: [families]count{power(32 - p.MaxIPv4), power(128 - p.MaxIPv6)}, allowed: allowed}
}

// size counts the addresses of the union of the prefixes outside the allowed
// sources. The prefixes are of one family.
func (y yardstick) size(prefixes []netip.Prefix) count {
	if len(prefixes) == 1 && !y.allowed.OverlapsPrefix(prefixes[0]) {
		return prefixCount(prefixes[0])
	}
	var b netipx.IPSetBuilder
	for _, p := range prefixes {
		b.AddPrefix(p)
	}
	b.RemoveSet(y.allowed)
	union, err := b.IPSet()
	if err != nil { // cannot be: only valid prefixes come here, and too many is the safe answer
		return manyAddresses
	}
	return setCount(union)
}

// doors makes the ingress rules ready. A source that cannot be read (a CIDR
// that is none, a prefix list that is not in lists) is left out and named in
// unread; rules that admit another group carry no addresses.
func (y yardstick) doors(rules []events.SecurityGroupRule, lists map[string][]string) (ready []door, unread []string) {
	for _, r := range rules {
		cidrs, known := cidrsOf(r, lists)
		if !known {
			unread = append(unread, r.RuleID+": the entries of "+r.PrefixListID+" are not known")
			continue
		}
		d := door{rule: r, protocol: protocolName(r.Protocol)}
		d.from, d.to = portSpan(r)
		for _, cidr := range cidrs {
			p, err := netip.ParsePrefix(cidr)
			if err != nil {
				unread = append(unread, r.RuleID+": "+err.Error())
				continue
			}
			f := v4
			if p.Addr().Is6() {
				f = v6
			}
			d.sources[f] = append(d.sources[f], p.Masked())
		}
		for f := range families {
			if len(d.sources[f]) > 0 {
				d.sizes[f] = y.size(d.sources[f])
			}
		}
		ready = append(ready, d)
	}
	return ready, unread
}

func cidrsOf(r events.SecurityGroupRule, lists map[string][]string) (cidrs []string, known bool) {
	if r.PrefixListID != "" {
		cidrs, known = lists[r.PrefixListID]
		return cidrs, known
	}
	for _, c := range []string{r.CIDRv4, r.CIDRv6} {
		if c != "" {
			cidrs = append(cidrs, c)
		}
	}
	return cidrs, true
}

// lanes cuts the protected ports wherever a door begins or ends. Protocols
// that are protected as a whole have one lane.
func (p Policy) lanes(doors []door) []lane {
	var all []lane
	for _, protocol := range []string{"tcp", "udp"} {
		for _, span := range p.protected(protocol) {
			from := span.From
			for _, to := range cuts(doors, protocol, span) {
				all = appendLanes(all, doors, protocol, from, to)
				from = to + 1
			}
		}
	}
	for _, protocol := range p.ProtectedProtocols {
		if protocol != "tcp" && protocol != "udp" {
			all = appendProtocol(all, doors, protocol)
		}
	}
	return all
}

// protected gives the policy's ranges of the protocol, without overlaps. A
// protocol that is protected as a whole is one range.
func (p Policy) protected(protocol string) []PortRange {
	if slices.Contains(p.ProtectedProtocols, protocol) {
		return []PortRange{{From: 0, To: lastPort}}
	}
	var ranges []PortRange
	for _, r := range p.ProtectedPorts {
		if r.Protocol == "" || r.Protocol == protocol {
			ranges = append(ranges, r)
		}
	}
	slices.SortFunc(ranges, func(a, b PortRange) int { return a.From - b.From })
	merged := ranges[:0]
	for _, r := range ranges {
		if last := len(merged) - 1; last >= 0 && r.From <= merged[last].To {
			merged[last].To = max(merged[last].To, r.To)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// cuts returns the last port of each piece of span, ascending.
func cuts(doors []door, protocol string, span PortRange) []int {
	ends := []int{span.To}
	for i := range doors {
		if doors[i].protocol != protocol {
			continue
		}
		for _, end := range []int{doors[i].from - 1, doors[i].to} {
			if span.From <= end && end < span.To {
				ends = append(ends, end)
			}
		}
	}
	slices.Sort(ends)
	return slices.Compact(ends)
}

func appendLanes(all []lane, doors []door, protocol string, from, to int) []lane {
	for f := range families {
		l := lane{protocol: protocol, from: from, to: to, family: f}
		for i := range doors {
			if doors[i].sizes[f] != (count{}) && doors[i].opens(protocol, from) {
				l.doors = append(l.doors, i)
			}
		}
		if len(l.doors) > 0 {
			all = append(all, l)
		}
	}
	return all
}

// appendProtocol adds the lane of a protocol whose numbers are no ports.
func appendProtocol(all []lane, doors []door, protocol string) []lane {
	for f := range families {
		l := lane{protocol: protocol, from: 0, to: lastPort, family: f}
		for i := range doors {
			if doors[i].sizes[f] != (count{}) && (doors[i].protocol == "-1" || doors[i].protocol == protocol) {
				l.doors = append(l.doors, i)
			}
		}
		if len(l.doors) > 0 {
			all = append(all, l)
		}
	}
	return all
}
