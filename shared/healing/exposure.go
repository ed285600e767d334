package healing

import (
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/events"
)

// door is an ingress rule made ready for arithmetic: what it lets in, and
// where to.
type door struct {
	*reach
	rule     events.SecurityGroupRule
	protocol string
	from, to int  // ports, or what codes makes of ICMP types
	excepted bool // what it admits does not count, whoever admits it too
}

// opens reports whether d lets the protocol in at the port.
func (d *door) opens(protocol string, port int) bool {
	return d.protocol == "-1" || d.protocol == protocol && d.from <= port && port <= d.to
}

// doors makes the ingress rules ready. A source that cannot be read is left
// out and, where it counts, named in unread.
func (y *yardstick) doors(rules []events.SecurityGroupRule, lists map[string][]string, excepted func(events.SecurityGroupRule) bool) (ready []door, unread []string) {
	ready = make([]door, 0, len(rules))
	for _, r := range rules {
		of, unknown := y.of(r, lists)
		d := door{reach: of, rule: r, protocol: protocolName(r.Protocol), excepted: excepted(r)}
		if !d.excepted {
			unread = append(unread, unknown...)
		}
		if of == nil {
			continue
		}
		d.from, d.to = numbersOf(r)
		ready = append(ready, d)
	}
	return ready, unread
}

// numbersOf is the part of its protocol that a rule opens: its ports; of ICMP
// type*256+code, where -1 is all. Protocols without either are open or not.
// Source: EC2 API reference, IpPermission, FromPort and ToPort.
func numbersOf(r events.SecurityGroupRule) (from, to int) {
	switch protocolName(r.Protocol) {
	case "icmp", "icmpv6":
		kind, code := int(r.FromPort), int(r.ToPort)
		switch {
		case kind < 0 || kind > 255:
			return 0, lastPort
		case code < 0 || code > 255:
			return kind << 8, kind<<8 | 255
		}
		return kind<<8 | code, kind<<8 | code
	}
	return portSpan(r)
}

// lane is a protected port range of one protocol in which the same doors are
// open from end to end, seen in one family.
type lane struct {
	protocol string
	from, to int
	family   family
	doors    []int // indexes, ascending
	excepted []int // indexes of the doors under an exception, ascending
}

// lanes cuts what is protected wherever a door begins or ends.
func (p Policy) lanes(doors []door) []lane {
	var all []lane
	for _, protocol := range p.protocols(doors) {
		for _, span := range p.protected(protocol) {
			from := span.From
			for _, to := range cuts(doors, protocol, span) {
				all = appendLanes(all, doors, protocol, from, to)
				from = to + 1
			}
		}
	}
	return all
}

// protocols are those of which something is protected: tcp, udp, and then the
// others by name. Where all are, "-1" stands for those that no rule names.
func (p Policy) protocols(doors []door) []string {
	others := slices.Clone(p.ProtectedProtocols)
	if slices.Contains(others, "-1") {
		for i := range doors {
			others = append(others, doors[i].protocol)
		}
	}
	others = slices.DeleteFunc(others, func(name string) bool { return name == "tcp" || name == "udp" })
	slices.Sort(others)
	return append([]string{"tcp", "udp"}, slices.Compact(others)...)
}

// protected gives the policy's ranges of the protocol, ascending and apart,
// without what is open.
func (p Policy) protected(protocol string) []PortRange {
	if slices.Contains(p.ProtectedProtocols, protocol) || slices.Contains(p.ProtectedProtocols, "-1") {
		whole := []PortRange{{From: 0, To: lastPort}}
		if !hasPorts(protocol) {
			return whole
		}
		return without(whole, ofProtocol(p.OpenPorts, protocol))
	}
	if !hasPorts(protocol) {
		return nil
	}
	return without(ofProtocol(p.ProtectedPorts, protocol), ofProtocol(p.OpenPorts, protocol))
}

// ofProtocol are the ranges for tcp or udp, ascending and apart.
func ofProtocol(list []PortRange, protocol string) []PortRange {
	var ranges []PortRange
	for _, r := range list {
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

// without takes the open ranges away. Both are ascending and apart.
func without(ranges, open []PortRange) []PortRange {
	if len(open) == 0 {
		return ranges
	}
	var rest []PortRange
	for _, r := range ranges {
		for _, o := range open {
			if o.To < r.From || r.To < o.From {
				continue
			}
			if r.From < o.From {
				rest = append(rest, PortRange{From: r.From, To: o.From - 1})
			}
			r.From = o.To + 1
		}
		if r.From <= r.To {
			rest = append(rest, r)
		}
	}
	return rest
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
			switch d := &doors[i]; {
			case !d.opens(protocol, from):
			case d.excepted:
				l.excepted = append(l.excepted, i)
			case d.matters(f):
				l.doors = append(l.doors, i)
			}
		}
		if len(l.doors) > 0 {
			all = append(all, l)
		}
	}
	return all
}

// place names the lane: "tcp 22", "icmp type 8", "47".
func (l lane) place() string {
	switch {
	case l.protocol == "-1":
		return "protocols"
	case hasPorts(l.protocol):
		return l.protocol + " " + portsText(l.from, l.to)
	case l.from == 0 && l.to == lastPort:
		return l.protocol
	}
	text := l.protocol + " type " + portsText(l.from>>8, l.to>>8)
	if l.from == l.to {
		text += " code " + strconv.Itoa(l.from&255)
	}
	return text
}
