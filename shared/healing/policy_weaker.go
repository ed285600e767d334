package healing

import (
	"fmt"
	"net/netip"
	"slices"
)

// checkTags refuses a scope that whoever may tag a group can move it into to
// be judged more mildly: who may open a group can often tag it as well
// (ec2:CreateTags). Naming groups restricts the scope to those; naming accounts,
// regions or VPCs does not.
func (d *decoder) checkTags(p Policy) {
	for i, s := range p.Scopes {
		if len(s.Tags) == 0 || len(s.Groups) > 0 || s.TrustTags {
			continue
		}
		in := p.in(s)
		if field := in.weaker(p.in(Scope{})); field != "" {
			d.blame(fmt.Sprintf("scopes[%d]", i), "whoever may tag a group makes its policy weaker (%s): name groups, or write trustTags: true", field)
			continue
		}
		for _, other := range p.Scopes[i+1:] {
			if field := in.weaker(p.in(other)); field != "" && !s.apart(other) {
				d.blame(fmt.Sprintf("scopes[%d]", i), "whoever may tag a group of the scope %q makes its policy weaker (%s): put that scope first, name groups, or write trustTags: true", other.Name, field)
				break
			}
		}
	}
}

// apart reports whether plainly no group is in both scopes.
func (s Scope) apart(o Scope) bool {
	return disjoint(s.Accounts, o.Accounts) || disjoint(s.Regions, o.Regions) || disjoint(s.VPCs, o.VPCs)
}

// disjoint reports whether the lists of patterns match nothing in common, as
// far as that is plain: one of each pair has no pattern characters.
func disjoint(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	for _, x := range a {
		for _, y := range b {
			if globMatches(x, y) || globMatches(y, x) || patterned(x) && patterned(y) {
				return false
			}
		}
	}
	return true
}

func patterned(s string) bool {
	return slices.ContainsFunc([]byte(s), func(c byte) bool { return c == '*' || c == '?' })
}

// weaker names the field by which p is weaker than the other policy in what it
// closes; "" when it is not.
func (p Policy) weaker(other Policy) string {
	mine, others := p.yardstick(), other.yardstick()
	protects := func(protocol string) bool {
		return len(without(other.protected(protocol), p.protected(protocol))) == 0
	}
	switch {
	case p.Mode == Observe && other.Mode == Enforce:
		return "mode"
	case p.MaxIPv4 < other.MaxIPv4:
		return "maxIPv4"
	case p.MaxIPv6 < other.MaxIPv6:
		return "maxIPv6"
	case !protects("tcp") || !protects("udp"):
		return "protectedPorts or openPorts"
	case !slices.ContainsFunc(p.ProtectedProtocols, isAll) && slices.ContainsFunc(other.ProtectedProtocols, func(name string) bool { return !protects(name) }):
		return "protectedProtocols"
	case p.MaxActions < other.MaxActions:
		return "maxActions"
	case len(lacking(spansOf(others.forbidden, v4), spansOf(mine.forbidden, v4)))+len(lacking(spansOf(others.forbidden, v6), spansOf(mine.forbidden, v6))) > 0:
		return "forbiddenSources"
	}
	for f := range families {
		if len(lacking(mine.allowed[f], others.allowed[f])) > 0 {
			return "allowedSources"
		}
	}
	return ""
}

func isAll(protocol string) bool { return protocol == "-1" }

func spansOf(networks []netip.Prefix, f family) []span {
	var spans []span
	for _, n := range networks {
		if familyOf(n) == f {
			spans = append(spans, prefixSpan(n))
		}
	}
	return merge(spans)
}

// checkAllowed refuses allowed sources that are everybody: nothing would ever
// be too open.
func (d *decoder) checkAllowed(at string, sources []netip.Prefix) {
	for f, everybody := range map[family]string{v4: "0.0.0.0/0", v6: "::/0"} {
		if len(lacking([]span{prefixSpan(netip.MustParsePrefix(everybody))}, joined(spansOf(sources, f)))) == 0 {
			d.blame(at+"allowedSources", "together they are %s, so that nothing would be too open", everybody)
		}
	}
}

// joined joins spans that are beside each other. They are ascending and apart.
func joined(spans []span) []span {
	out := spans[:0]
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && out[last].to.plus(count{lo: 1}) == s.from {
			out[last].to = s.to
			continue
		}
		out = append(out, s)
	}
	return out
}
