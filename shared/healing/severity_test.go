package healing_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestWeigh(t *testing.T) {
	tests := []struct {
		name    string
		removed []healing.Severity
		reach   string // "-" for nil
		want    healing.Severity
	}{
		{"the worst counts", []healing.Severity{"low", "critical", "medium"}, events.ReachInternet, healing.Critical},
		{"from the internet: as it is", []healing.Severity{"medium"}, events.ReachInternet, healing.Medium},
		{"unknown: as it is", []healing.Severity{"critical"}, events.ReachUnknown, healing.Critical},
		{"not asked: as it is", []healing.Severity{"high"}, "-", healing.High},
		{"a level of a later version: as it is", []healing.Severity{"high"}, "tunnel", healing.High},
		{"attached: one down", []healing.Severity{"critical"}, events.ReachAttached, healing.High},
		{"attached: one down again", []healing.Severity{"medium", "high"}, events.ReachAttached, healing.Medium},
		{"unattached: two down", []healing.Severity{"critical"}, events.ReachUnattached, healing.Medium},
		{"never below low, attached", []healing.Severity{"low"}, events.ReachAttached, healing.Low},
		{"never below low, unattached", []healing.Severity{"medium"}, events.ReachUnattached, healing.Low},
		{"no severity counts as high", []healing.Severity{"low", ""}, events.ReachInternet, healing.High},
		{"a severity of a later version counts as high", []healing.Severity{"catastrophic"}, events.ReachInternet, healing.High},
		{"nothing", nil, events.ReachInternet, healing.Low},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var removed []events.Removal
			for _, s := range tt.removed {
				removed = append(removed, events.Removal{Severity: string(s)})
			}
			reach := &events.Reachability{Level: tt.reach}
			if tt.reach == "-" {
				reach = nil
			}
			if got := healing.Weigh(removed, reach); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestSeverityOfRemovals: each removal has the severity of the ports on which
// the group was too open.
func TestSeverityOfRemovals(t *testing.T) {
	type rules = []events.SecurityGroupRule
	own := func(p *healing.Policy) {
		p.ProtectedPorts = []healing.PortRange{{From: 0, To: 65535}}
		p.Severities = []healing.PortSeverity{
			{Ports: []healing.PortRange{{From: 80, To: 80, Protocol: "tcp"}}, Severity: healing.Low},
			{Ports: []healing.PortRange{{From: 70, To: 90}}, Severity: healing.Medium},
			{Protocol: "-1", Severity: healing.Critical},
			{Protocol: "udp", Severity: healing.Low},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*healing.Policy)
		rules  rules
		want   healing.Severity // of the rule "a"
	}{
		{"SSH", nil, rules{rule("a", "tcp/22", "0.0.0.0/0")}, healing.Critical},
		{"RDP over IPv6", nil, rules{rule("a", "tcp/3389", "::/0")}, healing.Critical},
		{"WinRM in a range", nil, rules{rule("a", "tcp/5500-6000", "0.0.0.0/0")}, healing.Critical},
		{"SMB", nil, rules{rule("a", "tcp/445", "0.0.0.0/0")}, healing.Critical},
		{"PostgreSQL", nil, rules{rule("a", "tcp/5432", "0.0.0.0/0")}, healing.High},
		{"every protocol", nil, rules{rule("a", "-1", "0.0.0.0/0")}, healing.Critical},
		{"a port that nothing names", func(p *healing.Policy) {
			own(p)
			p.DefaultSeverity = healing.Medium
		}, rules{rule("a", "tcp/5432", "0.0.0.0/0")}, healing.Medium},
		{"the first entry counts", own, rules{rule("a", "tcp/80", "0.0.0.0/0")}, healing.Low},
		{"the second where the first is silent", own, rules{rule("a", "udp/80", "0.0.0.0/0")}, healing.Medium},
		{"the worst of a range, inside it", own, rules{rule("a", "tcp/80-81", "0.0.0.0/0")}, healing.Medium},
		{"the worst of a range, after it", own, rules{rule("a", "tcp/85-91", "0.0.0.0/0")}, healing.High},
		{"a whole protocol", own, rules{rule("a", "udp/91-99", "0.0.0.0/0")}, healing.Low},
		{"only where the sum is too much", nil, rules{
			rule("a", "tcp/22-25", "44.0.0.0/16"), rule("b", "tcp/24-25", "45.0.0.0/17"), // 24, 25 are not protected
		}, ""},
		{"not of the port where it was narrow enough", func(p *healing.Policy) {
			p.ProtectedPorts = []healing.PortRange{{From: 22, To: 22}, {From: 30, To: 30}}
		}, rules{rule("a", "tcp/22-30", "44.0.0.0/16"), rule("b", "tcp/30", "45.0.0.0/17")}, healing.High},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := healing.DefaultPolicy()
			if tt.change != nil {
				tt.change(&policy)
			}
			got := healing.Severity("")
			for _, r := range policy.Plan(tt.rules, lists, noon).Remove {
				if r.Rule.RuleID == "a" {
					got = healing.Severity(r.Severity)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
