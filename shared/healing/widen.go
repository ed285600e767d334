package healing

import (
	"slices"

	"go4.org/netipx"

	"github.com/evenkeel/evenkeel/events"
)

// Widening is what rules admit that others did not.
type Widening struct {
	Protocol string                   // "tcp", "udp", "icmp", another number
	From, To int                      // ports; all for protocols without any
	Family   string                   // "IPv4", "IPv6"
	Source   string                   // the widest network that brings new addresses: "0.0.0.0/0"
	New      events.SecurityGroupRule // the rule that it is in
}

// Widened returns where the rules after admit addresses or groups that the
// rules before did not, with the arithmetic of Plan: on address sets and port
// ranges, never on text. Two halves of a network are the network. It is sorted
// by protocol, port and family; rules that name another group or a prefix list
// are compared by what they name.
func Widened(before, after []events.SecurityGroupRule) []Widening {
	y := Policy{}.yardstick()
	was, _ := y.doors(ingress(before), nil, noException)
	is, _ := y.doors(ingress(after), nil, noException)
	all := slices.Concat(was, is)
	policy := Policy{ProtectedProtocols: []string{"tcp", "udp"}}
	for _, d := range all {
		if d.protocol != "-1" && !slices.Contains(policy.ProtectedProtocols, d.protocol) {
			policy.ProtectedProtocols = append(policy.ProtectedProtocols, d.protocol)
		}
	}
	slices.Sort(policy.ProtectedProtocols)
	var found []Widening
	for _, l := range policy.lanes(all) {
		if w, wider := l.widened(all, len(was)); wider {
			found = appendWidening(found, w)
		}
	}
	found = wholeProtocols(found)
	return append(found, referenced(before, after)...)
}

func noException(events.SecurityGroupRule) bool { return false }

// wholeProtocols says of protocols without ports once that they are wider,
// whatever the types of ICMP are.
func wholeProtocols(found []Widening) []Widening {
	type whole struct{ protocol, family, source string }
	said := map[whole]bool{}
	return slices.DeleteFunc(found, func(w Widening) bool {
		key := whole{w.Protocol, w.Family, w.Source}
		again := !hasPorts(w.Protocol) && said[key]
		said[key] = true
		return again
	})
}

func hasPorts(protocol string) bool { return protocol == "tcp" || protocol == "udp" }

func ingress(rules []events.SecurityGroupRule) []events.SecurityGroupRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r events.SecurityGroupRule) bool { return r.Egress })
}

// widened compares the addresses that get in at a lane: doors before the index
// split were there before.
func (l lane) widened(doors []door, split int) (Widening, bool) {
	var b netipx.IPSetBuilder
	for _, i := range l.doors {
		for _, prefix := range doors[i].sources[l.family] {
			if i >= split {
				b.AddPrefix(prefix)
			}
		}
	}
	for _, i := range l.doors {
		for _, prefix := range doors[i].sources[l.family] {
			if i < split {
				b.RemovePrefix(prefix)
			}
		}
	}
	added, err := b.IPSet()
	if err != nil || len(added.Prefixes()) == 0 {
		return Widening{}, false
	}
	w := Widening{Protocol: l.protocol, From: l.from, To: l.to, Family: l.family.String()}
	if !hasPorts(l.protocol) {
		w.From, w.To = 0, lastPort
	}
	widest := -1
	for _, i := range l.doors {
		for _, prefix := range doors[i].sources[l.family] {
			if size := prefix.Addr().BitLen() - prefix.Bits(); i >= split && size > widest && added.OverlapsPrefix(prefix) {
				widest, w.Source, w.New = size, prefix.String(), doors[i].rule
			}
		}
	}
	return w, true
}

// appendWidening joins what two lanes beside each other say alike.
func appendWidening(found []Widening, w Widening) []Widening {
	if last := len(found) - 1; last >= 0 {
		p := found[last]
		if p.Protocol == w.Protocol && p.Family == w.Family && p.Source == w.Source && p.To+1 == w.From {
			found[last].To = w.To
			return found
		}
	}
	return append(found, w)
}

// referenced lists rules that admit a group or a prefix list which no rule
// before admitted there.
func referenced(before, after []events.SecurityGroupRule) []Widening {
	var found []Widening
	for _, r := range ingress(after) {
		name := r.ReferencedGroupID + r.PrefixListID
		if name == "" || slices.ContainsFunc(ingress(before), func(b events.SecurityGroupRule) bool { return admits(b, r) }) {
			continue
		}
		from, to := portSpan(r)
		if !hasPorts(protocolName(r.Protocol)) {
			from, to = 0, lastPort
		}
		found = append(found, Widening{Protocol: protocolName(r.Protocol), From: from, To: to, Source: name, New: r})
	}
	slices.SortFunc(found, func(a, b Widening) int { return compareKeys(a.New, b.New) })
	return found
}

func compareKeys(a, b events.SecurityGroupRule) int {
	x, y := RuleKey(a), RuleKey(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// admits reports whether b admits what r does from the same group or list.
func admits(b, r events.SecurityGroupRule) bool {
	if b.ReferencedGroupID != r.ReferencedGroupID || b.PrefixListID != r.PrefixListID {
		return false
	}
	bf, bt := numbersOf(b)
	rf, rt := numbersOf(r)
	protocol := protocolName(b.Protocol)
	return protocol == "-1" || protocol == protocolName(r.Protocol) && bf <= rf && rt <= bt
}

// Ports writes the widening's port range: "22", "5000-5010", "all".
func (w Widening) Ports() string { return portsText(w.From, w.To) }
