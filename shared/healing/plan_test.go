package healing_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// rule writes a rule of the group under test: id, "tcp/22" and a source.
func rule(id, span, source string) events.SecurityGroupRule {
	r := events.SecurityGroupRule{RuleID: id, GroupID: "sg-1", FromPort: -1, ToPort: -1}
	protocol, ports, hasPorts := strings.Cut(span, "/")
	r.Protocol = protocol
	if hasPorts {
		if n, _ := fmt.Sscanf(ports, "%d-%d", &r.FromPort, &r.ToPort); n == 1 {
			r.ToPort = r.FromPort
		}
	}
	switch {
	case strings.HasPrefix(source, "pl-"):
		r.PrefixListID = source
	case strings.HasPrefix(source, "sg-"):
		r.ReferencedGroupID = source
	case strings.Contains(source, ":"):
		r.CIDRv6 = source
	default:
		r.CIDRv4 = source
	}
	return r
}

var lists = map[string][]string{
	"pl-world":  {"0.0.0.0/0"},
	"pl-office": {"203.0.113.0/24"},
	"pl-halves": {"0.0.0.0/1", "128.0.0.0/1"},
	"pl-v6":     {"2001:db8::/48", "::/0"},
	"pl-empty":  {},
}

func TestPlan(t *testing.T) {
	type rules = []events.SecurityGroupRule
	icmp := func(p *healing.Policy) { p.ProtectedProtocols = []string{"icmp"} }
	excepted := func(key string) func(*healing.Policy) {
		return func(p *healing.Policy) {
			p.Exceptions = []healing.Exception{{Group: "sg-1", Rule: key, Expires: noon.Add(time.Hour)}}
		}
	}
	tests := []struct {
		name   string
		change func(*healing.Policy)
		rules  rules
		remove string // ids, separated by spaces
	}{
		{name: "nothing", rules: nil},
		{name: "SSH from the IPv4 world", rules: rules{rule("a", "tcp/22", "0.0.0.0/0"), rule("b", "tcp/443", "0.0.0.0/0")}, remove: "a"},
		{name: "SSH from the IPv6 world", rules: rules{rule("a", "tcp/22", "::/0"), rule("b", "tcp/22", "2001:db8::/48")}, remove: "a"},
		{name: "a range that covers SSH", rules: rules{rule("a", "tcp/20-25", "0.0.0.0/0")}, remove: "a"},
		{name: "a range of one port more than SSH", rules: rules{rule("a", "tcp/22-22", "0.0.0.0/0")}, remove: "a"},
		{name: "ranges beside the protected ports", rules: rules{rule("a", "tcp/24-110", "0.0.0.0/0"), rule("c", "tcp/112-134", "0.0.0.0/0"), rule("b", "tcp/80", "0.0.0.0/0")}},
		{name: "all ports", rules: rules{rule("a", "tcp/0-65535", "0.0.0.0/0")}, remove: "a"},
		{name: "every protocol, both families", rules: rules{rule("a", "-1", "0.0.0.0/0"), rule("b", "-1", "::/0")}, remove: "a b"},
		{name: "a protocol by its number", rules: rules{rule("a", "6/22", "0.0.0.0/0"), rule("b", "17/160", "0.0.0.0/0")}, remove: "a"},
		{name: "UDP where only TCP is protected", rules: rules{rule("a", "udp/5432", "0.0.0.0/0")}},
		{name: "UDP where both are protected", rules: rules{rule("a", "udp/3389", "0.0.0.0/0")}, remove: "a"},
		{name: "the ports of directories, file shares, consoles and sentinels", rules: rules{rule("a", "tcp/389", "0.0.0.0/0"), rule("b", "tcp/636", "0.0.0.0/0"), rule("c", "udp/111", "0.0.0.0/0"), rule("d", "tcp/2049", "0.0.0.0/0"),
			rule("e", "tcp/873", "0.0.0.0/0"), rule("f", "udp/161", "0.0.0.0/0"), rule("g", "tcp/5601", "0.0.0.0/0"), rule("h", "tcp/15672", "0.0.0.0/0"), rule("i", "tcp/9090", "0.0.0.0/0"), rule("j", "tcp/8888", "0.0.0.0/0"),
			rule("k", "tcp/27020", "0.0.0.0/0"), rule("l", "tcp/26379", "0.0.0.0/0"), rule("m", "tcp/1883", "0.0.0.0/0"), rule("n", "tcp/161", "0.0.0.0/0"), rule("o", "tcp/8443", "0.0.0.0/0")}, remove: "a b c d e f g h i j k l"},
		{name: "halves of the world are the world", rules: rules{rule("a", "tcp/22", "0.0.0.0/1"), rule("b", "tcp/22", "128.0.0.0/1")}, remove: "a b"},
		{name: "sixteen parts of the world", remove: "p00 p01 p02 p03 p04 p05 p06 p07 p08 p09 p10 p11 p12 p13 p14 p15", rules: func() (r rules) {
			for i := range 16 {
				r = append(r, rule(fmt.Sprintf("p%02d", i), "tcp/22", fmt.Sprintf("%d.0.0.0/4", i*16)))
			}
			return r
		}()},
		{name: "a CIDR as typed", rules: rules{rule("a", "tcp/22", "1.2.3.4/0")}, remove: "a"},
		{name: "a narrow source", rules: rules{rule("a", "tcp/22", "203.0.113.0/24"), rule("b", "tcp/22", "198.51.100.7/32")}},
		{name: "exactly the limit", rules: rules{rule("a", "tcp/22", "44.0.0.0/16")}},
		{name: "one address above the limit: one rule suffices", rules: rules{rule("a", "tcp/22", "44.0.0.0/16"), rule("b", "tcp/22", "45.0.0.1/32")}, remove: "a"},
		{name: "the same network twice counts once", rules: rules{rule("a", "tcp/22", "44.0.0.0/16"), rule("b", "tcp/22", "44.0.0.0/17"), rule("c", "tcp/20-23", "44.0.0.0/16")}},
		{name: "limits are for each port", rules: rules{rule("a", "tcp/22", "44.0.0.0/16"), rule("b", "tcp/3389", "45.0.0.0/16")}},
		{name: "a choice that turns out unneeded is put back", remove: "b", change: func(p *healing.Policy) { p.MaxIPv4 = 17 }, rules: rules{
			rule("a", "tcp/22", "44.0.0.0/17"), rule("b", "tcp/22", "44.0.128.0/17"), rule("c", "tcp/22", "44.0.0.0/18")}},
		{name: "private space does not count", rules: rules{rule("a", "tcp/22", "10.0.0.0/8"), rule("b", "tcp/22", "fd00::/8"), rule("c", "-1", "172.16.0.0/12")}},
		{name: "a network around private space", rules: rules{rule("a", "tcp/22", "8.0.0.0/6")}, remove: "a"},
		{name: "a prefix list with the world in it", rules: rules{rule("a", "tcp/22", "pl-world"), rule("b", "tcp/22", "pl-office"), rule("c", "tcp/22", "pl-empty")}, remove: "a"},
		{name: "a prefix list of halves", rules: rules{rule("a", "tcp/22", "pl-halves")}, remove: "a"},
		{name: "a prefix list of IPv6", rules: rules{rule("a", "tcp/22", "pl-v6")}, remove: "a"},
		{name: "a prefix list that cannot be read is no reason", rules: rules{rule("a", "tcp/22", "pl-unknown")}},
		{name: "another group admits no addresses", rules: rules{rule("a", "tcp/0-65535", "sg-2")}},
		{name: "egress", rules: func() rules { r := rule("a", "-1", "0.0.0.0/0"); r.Egress = true; return rules{r} }()},
		{name: "ICMP is left alone", rules: rules{rule("a", "icmp", "0.0.0.0/0"), rule("b", "icmp/8--1", "0.0.0.0/0"), rule("c", "icmpv6", "::/0")}},
		{name: "ICMP when the policy says so", change: icmp, rules: rules{rule("a", "icmp", "0.0.0.0/0"), rule("b", "1/8--1", "0.0.0.0/0"), rule("c", "icmpv6", "::/0")}, remove: "a b"},
		{name: "every port protected", change: func(p *healing.Policy) {
			p.ProtectedPorts = []healing.PortRange{{From: 0, To: 79}, {From: 81, To: 442}, {From: 444, To: 65535}}
		},
			rules: rules{rule("a", "tcp/80", "0.0.0.0/0"), rule("b", "tcp/443", "::/0"), rule("c", "tcp/8080", "::/0"), rule("d", "tcp/80-81", "0.0.0.0/0")}, remove: "c d"},
		{name: "all but 80 and 443", change: func(p *healing.Policy) {
			p.ProtectedPorts, p.OpenPorts = []healing.PortRange{{From: 0, To: 65535}}, []healing.PortRange{{From: 80, To: 80, Protocol: "tcp"}, {From: 443, To: 443, Protocol: "tcp"}}
		}, rules: rules{rule("a", "tcp/80", "0.0.0.0/0"), rule("b", "tcp/443", "::/0"), rule("c", "tcp/79-80", "0.0.0.0/0"), rule("d", "udp/443", "::/0"), rule("e", "-1", "0.0.0.0/0"), rule("f", "icmp", "0.0.0.0/0")}, remove: "c d e"},
		{name: "all but 80 and 443 of every protocol", change: func(p *healing.Policy) {
			p.ProtectedProtocols, p.OpenPorts = []string{"-1"}, []healing.PortRange{{From: 80, To: 80, Protocol: "tcp"}, {From: 443, To: 443, Protocol: "tcp"}}
		}, rules: rules{rule("a", "tcp/80", "0.0.0.0/0"), rule("c", "tcp/442-443", "0.0.0.0/0"), rule("e", "-1", "0.0.0.0/0"), rule("f", "icmp", "0.0.0.0/0"), rule("g", "50", "::/0")}, remove: "c e f g"},
		{name: "only what opens every protocol", change: func(p *healing.Policy) {
			p.ProtectedPorts, p.ProtectedProtocols, p.OpenPorts = nil, []string{"-1"}, []healing.PortRange{{From: 0, To: 65535}}
		}, rules: rules{rule("a", "tcp/22", "0.0.0.0/0"), rule("b", "-1", "0.0.0.0/0")}, remove: "b"},
		{name: "an open port inside a protected range", change: func(p *healing.Policy) {
			p.OpenPorts = []healing.PortRange{{From: 22, To: 22}}
		}, rules: rules{rule("a", "tcp/22", "0.0.0.0/0"), rule("b", "tcp/21-22", "0.0.0.0/0"), rule("c", "tcp/22-23", "0.0.0.0/0")}, remove: "b c"},
		{name: "a forbidden source, however small, though it is allowed", change: func(p *healing.Policy) {
			p.ForbiddenSources = []netip.Prefix{netip.MustParsePrefix("10.66.0.0/16"), netip.MustParsePrefix("2001:db8:66::/48")}
		}, rules: rules{rule("a", "tcp/22", "10.66.1.1/32"), rule("b", "tcp/22", "10.0.0.0/8"), rule("c", "tcp/22", "10.65.0.0/16"), rule("d", "tcp/443", "10.66.1.1/32"),
			rule("e", "tcp/22", "2001:db8:66:1::1/128"), rule("f", "tcp/22", "pl-v6")}, remove: "a b e f"},
		{name: "an exception beats a forbidden source", change: func(p *healing.Policy) {
			p.ForbiddenSources = []netip.Prefix{netip.MustParsePrefix("10.66.0.0/16")}
			p.Exceptions = []healing.Exception{{Group: "sg-1", Rule: "tcp/22/10.66.1.1/32", Expires: noon.Add(time.Hour)}}
		}, rules: rules{rule("a", "tcp/22", "10.66.1.1/32")}},
		{name: "quarantined rules do not count, however small the limit", change: func(p *healing.Policy) { p.MaxIPv4, p.MaxIPv6 = 32, 128 },
			rules: rules{rule("a", "tcp/22", "192.0.2.1/32"), rule("b", "tcp/22", "192.0.2.2/32"), rule("c", "tcp/22", "2001:db8::1/128"), rule("d", "tcp/22", "2001:db8::2/128"), rule("e", "tcp/22", "44.0.0.1/32")}},
		{name: "a network that is wider than one address is not quarantined", change: func(p *healing.Policy) { p.MaxIPv4 = 32 },
			rules: rules{rule("a", "tcp/22", "192.0.2.0/31")}, remove: "a"},
		{name: "IPv4 written as IPv6", rules: rules{rule("a", "tcp/22", "::ffff:0.0.0.0/96"), rule("b", "tcp/22", "::ffff:10.0.0.0/104"), rule("c", "tcp/22", "::ffff:44.0.0.0/112")}, remove: "a"},
		{name: "half in each notation", rules: rules{rule("a", "tcp/22", "44.0.0.0/17"), rule("b", "tcp/22", "::ffff:44.0.128.0/113"), rule("c", "tcp/22", "45.0.0.0/32")}, remove: "a"},
		{name: "everybody's NAT64, 6to4 and Teredo addresses", rules: rules{rule("a", "tcp/22", "64:ff9b::/96"), rule("b", "tcp/22", "2002::/16"), rule("c", "tcp/22", "2001::/32"),
			rule("d", "tcp/22", "64:ff9b::cb00:7100/120"), rule("e", "tcp/22", "2002:cb00:7100::/40"), rule("f", "tcp/22", "2001:0:1:2:3:4:34ff:8eff/128")}, remove: "a b c"},
		{name: "ICMP types are as ports", change: icmp, rules: rules{rule("a", "icmp/8--1", "0.0.0.0/1"), rule("b", "icmp/0--1", "128.0.0.0/1"), rule("c", "icmp/3-4", "44.0.0.0/16"), rule("d", "icmp/3-4", "45.0.0.0/17"), rule("e", "icmp/3-1", "46.0.0.0/16")}, remove: "a b c"},
		{name: "one rule instead of two", rules: rules{rule("a", "tcp/22", "44.0.0.0/17"), rule("b", "tcp/23", "44.1.0.0/17"), rule("c", "tcp/22-23", "44.2.0.0/17"), rule("d", "tcp/22", "44.3.0.0/18"), rule("e", "tcp/23", "44.4.0.0/18")}, remove: "c"},
		{name: "the widest of equal sets", rules: rules{rule("a", "tcp/22", "44.0.0.0/18"), rule("b", "tcp/22", "44.1.0.0/17"), rule("c", "tcp/22", "44.2.0.0/17"), rule("d", "tcp/22", "44.3.0.0/18")}, remove: "b"},
		{name: "the same prefix list twice counts once", change: func(p *healing.Policy) { p.MaxIPv4 = 24 }, rules: rules{rule("a", "tcp/22", "pl-office"), rule("b", "tcp/20-25", "pl-office")}},
		{name: "an allowed source", change: func(p *healing.Policy) {
			p.AllowedSources = []netip.Prefix{netip.MustParsePrefix("44.0.0.0/8")}
		}, rules: rules{rule("a", "tcp/22", "44.0.0.0/8"), rule("b", "tcp/22", "10.0.0.0/8")}, remove: "b"},
		{name: "an exception", change: func(p *healing.Policy) {
			p.Exceptions = []healing.Exception{{Group: "sg-1", Rule: "tcp/22/0.0.0.0/0", Expires: noon.Add(time.Hour)}}
		}, rules: rules{rule("a", "tcp/22", "0.0.0.0/0"), rule("b", "tcp/22", "::/0")}, remove: "b"},
		{name: "an exception for the whole group", change: func(p *healing.Policy) {
			p.Exceptions = []healing.Exception{{Group: "sg-1", Rule: "*", Expires: noon.Add(time.Hour)}}
		}, rules: rules{rule("a", "tcp/22", "0.0.0.0/0"), rule("b", "tcp/22", "::/0")}},
		{name: "a rule inside an excepted one admits nothing new", change: excepted("tcp/22/8.0.0.0/7"),
			rules: rules{rule("a", "tcp/22", "8.0.0.0/7"), rule("b", "tcp/22", "8.8.0.0/15"), rule("c", "tcp/20-22", "9.0.0.0/8")}, remove: "c"}, // on 20 and 21
		{name: "what a rule admits beyond an excepted one counts", change: excepted("tcp/22/8.0.0.0/8"),
			rules: rules{rule("a", "tcp/22", "8.0.0.0/8"), rule("b", "tcp/22", "8.0.0.0/7"), rule("c", "tcp/22", "8.8.0.0/15"), rule("d", "tcp/22", "44.0.0.0/16"), rule("e", "udp/22", "8.0.0.0/8")}, remove: "b e"},
		{name: "the rest of each counts together, and not what is excepted", change: excepted("tcp/22/44.0.0.0/17"),
			rules: rules{rule("a", "tcp/22", "44.0.0.0/17"), rule("b", "tcp/22", "44.0.0.0/16"), rule("c", "tcp/22", "45.0.0.0/17"), rule("d", "tcp/22", "46.0.0.0/32")}, remove: "b"},
		{name: "an excepted rule that is not there excepts nothing", change: excepted("tcp/22/8.0.0.0/7"), rules: rules{rule("b", "tcp/22", "8.8.0.0/15")}, remove: "b"},
		{name: "an excepted prefix list", change: excepted("tcp/22/pl-halves"), rules: rules{rule("a", "tcp/22", "pl-halves"), rule("b", "tcp/22", "0.0.0.0/0"), rule("c", "tcp/23", "pl-halves")}, remove: "c"},
		{name: "a forbidden source inside an excepted rule, and one beyond", change: func(p *healing.Policy) {
			excepted("tcp/22/10.66.0.0/17")(p)
			p.ForbiddenSources = []netip.Prefix{netip.MustParsePrefix("10.66.0.0/16")}
		}, rules: rules{rule("a", "tcp/22", "10.66.0.0/17"), rule("b", "tcp/22", "10.66.1.0/24"), rule("c", "tcp/22", "10.66.0.0/16"), rule("d", "tcp/23", "10.66.1.0/24")}, remove: "c d"},
		{name: "an exception that has expired, and one of another group", change: func(p *healing.Policy) {
			p.Exceptions = []healing.Exception{{Group: "sg-1", Rule: "*", Expires: noon}, {Group: "sg-2", Rule: "*", Expires: noon.Add(time.Hour)}}
		}, rules: rules{rule("a", "tcp/22", "0.0.0.0/0")}, remove: "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy := healing.DefaultPolicy()
			if tt.change != nil {
				tt.change(&policy)
			}
			plan := policy.Plan(tt.rules, lists, noon)
			if got := strings.Join(plan.RuleIDs(), " "); got != tt.remove {
				t.Errorf("remove %q, want %q", got, tt.remove)
			}
			ingress := len(slices.DeleteFunc(slices.Clone(tt.rules), func(r events.SecurityGroupRule) bool { return r.Egress }))
			if plan.Kept+len(plan.Remove) != ingress {
				t.Errorf("kept %d and removed %d of %d", plan.Kept, len(plan.Remove), ingress)
			}
			if again := policy.Plan(plan.After(tt.rules), lists, noon); !again.Empty() {
				t.Errorf("still open after the plan: %v", again.RuleIDs())
			}
		})
	}
}

func TestPlanSaysWhy(t *testing.T) {
	policy := healing.DefaultPolicy()
	policy.ProtectedProtocols = []string{"icmpv6"}
	policy.ForbiddenSources = []netip.Prefix{netip.MustParsePrefix("9.9.9.9/24")}
	plan := policy.Plan([]events.SecurityGroupRule{
		rule("a", "tcp/20-25", "1.2.3.4/0"), rule("b", "tcp/22", "pl-unknown"),
		rule("c", "tcp/3389", "44.0.0.0/16"), rule("d", "tcp/3389", "45.0.0.0/17"),
		rule("e", "udp/22", "9.9.9.9/32"), rule("f", "icmpv6/128--1", "::/0"), rule("g", "58/1-4", "0.0.0.0/0"),
	}, nil, noon)
	want := []string{
		"admits 0.0.0.0/0 to protected tcp 20-23; the policy allows no more than a /16 of IPv4",
		"admits 44.0.0.0/16 and, with the other rules of the group, more than a /16 of IPv4 to protected tcp 3389",
		"admits 9.9.9.9/32 to protected udp 22; the policy forbids 9.9.9.0/24",
		"admits ::/0 to protected icmpv6 type 128; the policy allows no more than a /32 of IPv6",
		"admits 0.0.0.0/0 to protected icmpv6 type 1 code 4; the policy allows no more than a /16 of IPv4",
	}
	var got []string
	for _, r := range plan.Remove {
		got = append(got, r.Reason)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("reasons\n%q, want\n%q", got, want)
	}
	if want := []string{"b: the entries of pl-unknown are not known"}; !reflect.DeepEqual(plan.Unread, want) {
		t.Errorf("unread %q, want %q", plan.Unread, want)
	}
}

// FuzzPlan checks what must hold for any rules.
func FuzzPlan(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(seed, byte(seed*5))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size byte) {
		r := rand.New(rand.NewPCG(seed, 1))
		policy := randomPolicy(r)
		rules := randomRules(r, int(size%24))
		plan := policy.Plan(rules, lists, noon)

		if again := policy.Plan(plan.After(rules), lists, noon); !again.Empty() {
			t.Errorf("planned again after the plan: %v", again.Remove)
		}
		for _, removed := range plan.Remove {
			if innocent(policy, removed.Rule) {
				t.Errorf("removed an innocent rule: %+v", removed)
			}
			// Putting any one back opens the group again: nothing is removed in vain.
			if policy.Plan(append(plan.After(rules), removed.Rule), lists, noon).Empty() {
				t.Errorf("removed in vain: %+v", removed)
			}
		}
		shuffled := slices.Clone(rules)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if other := policy.Plan(shuffled, lists, noon); !reflect.DeepEqual(other, plan) {
			t.Errorf("the order of the rules matters: %v and %v", other, plan)
		}
	})
}

// innocent is what must never be removed, stated without the planner's own
// arithmetic.
func innocent(p healing.Policy, r events.SecurityGroupRule) bool {
	if r.Egress || r.ReferencedGroupID != "" {
		return true
	}
	for _, e := range p.Exceptions {
		if e.Group == r.GroupID && e.Rule == healing.RuleKey(r) && noon.Before(e.Expires) {
			return true
		}
	}
	if cidr, err := netip.ParsePrefix(r.CIDRv4 + r.CIDRv6); err == nil {
		for _, allowed := range p.AllowedSources {
			if allowed.Bits() <= cidr.Bits() && allowed.Contains(cidr.Addr()) && !slices.ContainsFunc(p.ForbiddenSources, cidr.Overlaps) {
				return true
			}
		}
	}
	every := slices.Contains(p.ProtectedProtocols, "-1")
	holds := func(list []healing.PortRange, port int32) bool {
		return slices.ContainsFunc(list, func(s healing.PortRange) bool {
			return (s.Protocol == "" || s.Protocol == r.Protocol) && int(port) >= s.From && int(port) <= s.To
		})
	}
	switch r.Protocol {
	case "-1":
		return false
	case "tcp", "udp":
		for port := r.FromPort; port <= r.ToPort; port++ {
			if (every || holds(p.ProtectedPorts, port)) && !holds(p.OpenPorts, port) {
				return false
			}
		}
		return true
	}
	return !every && !slices.Contains(p.ProtectedProtocols, r.Protocol)
}

func randomPolicy(r *rand.Rand) healing.Policy {
	p := healing.DefaultPolicy()
	p.MaxIPv4, p.MaxIPv6 = r.IntN(33), r.IntN(129)
	p.ProtectedPorts = []healing.PortRange{{From: 20, To: 23}, {From: 22, To: 30, Protocol: "tcp"}, {From: 40, To: 40, Protocol: "udp"}}
	switch r.IntN(6) {
	case 0, 1:
		p.ProtectedProtocols = []string{"icmp", "47"}
	case 2:
		p.ProtectedProtocols = []string{"-1"}
	}
	if r.IntN(3) == 0 {
		p.OpenPorts = []healing.PortRange{{From: 22, To: 23}, {From: 23, To: 41, Protocol: "udp"}}
	}
	if r.IntN(4) == 0 {
		p.ForbiddenSources = []netip.Prefix{netip.MustParsePrefix("44.1.128.0/17"), netip.MustParsePrefix("10.127.0.0/16"), netip.MustParsePrefix("fd00::1/128")}
	}
	p.Exceptions = []healing.Exception{{Group: "sg-1", Rule: "tcp/22/0.0.0.0/0", Expires: noon.Add(time.Duration(r.IntN(3)-1) * time.Hour)}}
	return p
}

func randomRules(r *rand.Rand, n int) []events.SecurityGroupRule {
	sources := []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "8000::/1", "::/1", "10.0.0.0/9", "fd00::/9", "pl-halves", "pl-office", "pl-v6", "pl-none", "sg-2",
		"::ffff:0.0.0.0/96", "not-a-cidr", "64:ff9b::2c00:0/112", "2002:2c00::/32", "192.0.2.7/32"}
	protocols := []string{"tcp", "udp", "-1", "icmp", "47"}
	rules := make([]events.SecurityGroupRule, n)
	for i := range rules {
		from := r.IntN(45)
		source := sources[r.IntN(len(sources))]
		if r.IntN(2) == 0 { // few networks, of many sizes, so that they overlap
			source = netip.PrefixFrom(netip.AddrFrom4([4]byte{44, byte(r.IntN(4)), byte(r.IntN(256)), 0}), 8+r.IntN(25)).String()
		}
		rules[i] = rule(fmt.Sprintf("sgr-%02d", i), protocols[r.IntN(len(protocols))], source)
		if p := rules[i].Protocol; p == "tcp" || p == "udp" {
			rules[i].FromPort, rules[i].ToPort = int32(from), int32(from+r.IntN(8))
		}
		rules[i].Egress = r.IntN(10) == 0
	}
	return rules
}
