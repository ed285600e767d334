package healing

import (
	"fmt"
	"net/netip"
	"slices"
)

// The narrowest networks that have an address for each rule of a group: EC2
// allows 60 rules by default, and more on request. The widest, because each
// address of the quarantine is taken for nobody's: of IPv4 that which is just
// enough, of IPv6 what RFC 3849 gives.
// Source: VPC user guide, "Amazon VPC quotas", inbound or outbound rules per security group.
const (
	quarantineBits4 = 24
	quarantineBits6 = 112
	quarantineMost4 = 24
	quarantineMost6 = 32
)

// nobodys are the networks whose addresses no packet from the internet has:
// documentation (RFC 5737, RFC 3849, RFC 9637), private (RFC 1918, RFC 4193),
// shared (RFC 6598) and benchmarking (RFC 2544, RFC 5180).
var nobodys = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("2001:2::/48"),
}

// check finds what is wrong with the document as a whole. A warning is an
// error: what has no effect was meant to have one.
func (d *decoder) check(p Policy) {
	if len(d.faults) > 0 {
		return // of what is not read, nothing can be said
	}
	d.checkScopes(p.Scopes)
	policies := []Policy{p}
	for _, s := range p.Scopes {
		policies = append(policies, p.in(s))
	}
	for i, q := range policies {
		at := ""
		if i > 0 {
			at = fmt.Sprintf("scopes[%d].", i-1)
		}
		d.checkQuarantine(at, q)
	}
	d.checkOpenPorts(p, policies)
	d.checkTags(p)
	d.checkAllowed("", p.AllowedSources)
	for i, s := range p.Scopes {
		if s.AllowedSources != nil {
			d.checkAllowed(fmt.Sprintf("scopes[%d].", i), *s.AllowedSources)
		}
	}
	seen := map[string]bool{}
	for i, e := range p.Exceptions {
		key := e.Group + " " + e.Rule
		if seen[key] {
			d.blame(fmt.Sprintf("exceptions[%d]", i), "there is another exception for %s of %s", e.Rule, e.Group)
		}
		seen[key] = true
	}
}

func (d *decoder) checkQuarantine(scope string, q Policy) {
	for _, n := range []struct {
		field             string
		net               netip.Prefix
		is4               bool
		narrowest, widest int
		limit             int
	}{
		{"quarantineIPv4", q.QuarantineIPv4, true, quarantineBits4, quarantineMost4, q.MaxIPv4},
		{"quarantineIPv6", q.QuarantineIPv6, false, quarantineBits6, quarantineMost6, q.MaxIPv6},
	} {
		own := slices.ContainsFunc(nobodys, func(o netip.Prefix) bool { return inside(n.net, o) })
		switch {
		case n.net.Addr().Is4() != n.is4:
			d.blame(n.field, "%s is of the other family", n.net)
		case n.net.Bits() > n.narrowest:
			d.blame(n.field, "%s has too few addresses for the rules of a group: want a /%d or wider", n.net, n.narrowest)
		case n.net.Bits() < n.widest:
			d.blame(n.field, "%s is wider than a /%d: each of its addresses is taken for nobody's", n.net, n.widest)
		case !own && n.net.Bits() < n.limit:
			d.blame(n.field, "%s is public, and wider than a /%d: a rule that admits it counts as open", n.net, n.limit)
		}
		for _, f := range q.ForbiddenSources {
			if f.Overlaps(n.net) {
				d.blame(scope+"forbiddenSources", "%s forbids %s, which %s needs: a quarantined rule would be healed for ever", f, n.net, n.field)
			}
		}
	}
}

// inside reports whether every address of p is in o.
func inside(p, o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) }

// checkOpenPorts refuses an open port that no policy of the document protects.
func (d *decoder) checkOpenPorts(p Policy, policies []Policy) {
	lists := map[string][]PortRange{"openPorts": p.OpenPorts}
	for i, s := range p.Scopes {
		if s.OpenPorts != nil {
			lists[fmt.Sprintf("scopes[%d].openPorts", i)] = *s.OpenPorts
		}
	}
	for field, list := range lists {
		for i, open := range list {
			if !slices.ContainsFunc(policies, func(q Policy) bool { return q.wouldProtect(open) }) {
				d.blame(fmt.Sprintf("%s[%d]", field, i), "%s is not protected anyway", portsText(open.From, open.To))
			}
		}
	}
}

// wouldProtect reports whether a port of the range were protected without
// OpenPorts.
func (p Policy) wouldProtect(r PortRange) bool {
	p.OpenPorts = nil
	for _, protocol := range []string{"tcp", "udp"} {
		if r.Protocol != "" && r.Protocol != protocol {
			continue
		}
		for _, span := range p.protected(protocol) {
			if span.From <= r.To && r.From <= span.To {
				return true
			}
		}
	}
	return false
}

func (d *decoder) checkScopes(scopes []Scope) {
	named := map[string]bool{}
	for i, s := range scopes {
		at := fmt.Sprintf("scopes[%d]", i)
		if named[s.Name] {
			d.blame(at+".name", "another scope is called %q too", s.Name)
		}
		named[s.Name] = true
		if len(s.Accounts)+len(s.Regions)+len(s.VPCs)+len(s.Groups)+len(s.Tags) == 0 {
			d.blame(at, "names no groups: say accounts, regions, vpcs, groups or tags, or change the policy itself")
			continue
		}
		if s.changesNothing() && i == len(scopes)-1 {
			d.blame(at, "changes nothing, and no scope follows from which it could keep its groups")
		}
		for _, earlier := range scopes[:i] {
			if earlier.shadows(s) {
				d.blame(at, "never counts: every group that it names is in the scope %q before it", earlier.Name)
				break
			}
		}
	}
}

func (s Scope) changesNothing() bool {
	return s.Mode == "" && s.Remediation == "" && s.ProtectedPorts == nil && s.OpenPorts == nil && s.ProtectedProtocols == nil &&
		s.MaxIPv4 == nil && s.MaxIPv6 == nil && s.AllowedSources == nil && s.ForbiddenSources == nil && s.MaxActions == nil
}

// shadows reports whether every group of the later scope is plainly in s, too:
// in each list it names the same patterns, or all.
func (s Scope) shadows(later Scope) bool {
	if !holdsAll(s.Accounts, later.Accounts) || !holdsAll(s.Regions, later.Regions) || !holdsAll(s.VPCs, later.VPCs) || !holdsAll(s.Groups, later.Groups) {
		return false
	}
	for key, patterns := range s.Tags {
		others, ok := later.Tags[key]
		if !ok || !holdsAll(patterns, others) {
			return false
		}
	}
	return true
}

func holdsAll(patterns, others []string) bool {
	if len(patterns) == 0 || slices.Contains(patterns, "*") {
		return true
	}
	return len(others) > 0 && !slices.ContainsFunc(others, func(o string) bool { return !slices.Contains(patterns, o) })
}
