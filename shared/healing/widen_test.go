package healing_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestWidened(t *testing.T) {
	tcp := func(from, to int32, source string) events.SecurityGroupRule {
		r := events.SecurityGroupRule{Protocol: "tcp", FromPort: from, ToPort: to}
		switch p, err := netip.ParsePrefix(source); {
		case err != nil:
			r.ReferencedGroupID = source
		case p.Addr().Is6():
			r.CIDRv6 = source
		default:
			r.CIDRv4 = source
		}
		return r
	}
	all := events.SecurityGroupRule{Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv4: "10.0.0.0/8"}
	icmp := events.SecurityGroupRule{Protocol: "icmp", FromPort: -1, ToPort: -1, CIDRv4: "192.0.2.0/24"}
	ping := events.SecurityGroupRule{Protocol: "icmp", FromPort: 8, ToPort: -1, CIDRv4: "192.0.2.0/24"}
	to := func(r events.SecurityGroupRule, group string) events.SecurityGroupRule {
		r.CIDRv4, r.ReferencedGroupID = "", group
		return r
	}
	egress := events.SecurityGroupRule{Egress: true, Protocol: "-1", CIDRv4: "0.0.0.0/0"}
	type rules = []events.SecurityGroupRule
	tests := []struct {
		name          string
		before, after rules
		want          []string
	}{
		{"nothing", nil, nil, nil},
		{"the same", rules{tcp(22, 22, "10.0.0.0/8")}, rules{tcp(22, 22, "10.0.0.0/8")}, nil},
		{"as typed", rules{tcp(22, 22, "10.1.2.3/8")}, rules{tcp(22, 22, "10.0.0.0/8")}, nil},
		{"narrower", rules{tcp(22, 22, "10.0.0.0/8")}, rules{tcp(22, 22, "10.1.0.0/16")}, nil},
		{"wider", rules{tcp(22, 22, "10.0.0.0/8")}, rules{tcp(22, 22, "0.0.0.0/0")}, []string{"tcp 22 0.0.0.0/0"}},
		{"halves are the whole", rules{tcp(22, 22, "0.0.0.0/0")}, rules{tcp(22, 22, "0.0.0.0/1"), tcp(22, 22, "128.0.0.0/1")}, nil},
		{"the whole is both halves", rules{tcp(22, 22, "0.0.0.0/1"), tcp(22, 22, "128.0.0.0/1")}, rules{tcp(22, 22, "0.0.0.0/0")}, nil},
		{"one half more", rules{tcp(22, 22, "0.0.0.0/1")}, rules{tcp(22, 22, "0.0.0.0/1"), tcp(22, 22, "128.0.0.0/1")}, []string{"tcp 22 128.0.0.0/1"}},
		{"more ports", rules{tcp(80, 80, "10.0.0.0/8")}, rules{tcp(79, 82, "10.0.0.0/8")}, []string{"tcp 79 10.0.0.0/8", "tcp 81-82 10.0.0.0/8"}},
		{"two ranges are one", rules{tcp(1, 5, "10.0.0.0/8"), tcp(6, 9, "10.0.0.0/8")}, rules{tcp(1, 9, "10.0.0.0/8")}, nil},
		{"all protocols were in", rules{all}, rules{tcp(5432, 5432, "10.2.0.0/16")}, nil},
		{"another protocol", rules{tcp(22, 22, "192.0.2.0/24")}, rules{icmp}, []string{"icmp all 192.0.2.0/24"}},
		{"more ICMP types", rules{ping}, rules{ping, icmp}, []string{"icmp all 192.0.2.0/24"}},
		{"fewer ICMP types", rules{icmp}, rules{ping}, nil},
		{"a group at more ICMP types", rules{to(ping, "sg-1")}, rules{to(icmp, "sg-1")}, []string{"icmp all sg-1"}},
		{"a group at fewer ICMP types", rules{to(icmp, "sg-1")}, rules{to(ping, "sg-1")}, nil},
		{"6to4 hosts of a network that was in are new IPv6 addresses", rules{tcp(22, 22, "192.0.2.0/24")}, rules{tcp(22, 22, "192.0.2.0/24"), tcp(22, 22, "2002:c000:200::/40")}, []string{"tcp 22 2002:c000:200::/40"}},
		{"IPv4 written as IPv6", rules{tcp(22, 22, "192.0.2.0/24")}, rules{tcp(22, 22, "::ffff:192.0.2.0/120")}, nil},
		{"IPv6", rules{tcp(443, 443, "0.0.0.0/0")}, rules{tcp(443, 443, "0.0.0.0/0"), tcp(443, 443, "::/0")}, []string{"tcp 443 ::/0"}},
		{"egress", nil, rules{egress}, nil},
		{"another group", rules{tcp(1, 10, "sg-1")}, rules{tcp(5, 5, "sg-1"), tcp(5, 5, "sg-2")}, []string{"tcp 5 sg-2"}},
		{"a group at more ports", rules{tcp(5, 5, "sg-1")}, rules{tcp(5, 6, "sg-1")}, []string{"tcp 5-6 sg-1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, w := range healing.Widened(tt.before, tt.after) {
				got = append(got, fmt.Sprintf("%s %s %s", w.Protocol, w.Ports(), w.Source))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if again := healing.Widened(tt.after, tt.after); len(again) != 0 {
				t.Errorf("the same rules are wider than themselves: %+v", again)
			}
		})
	}
}
