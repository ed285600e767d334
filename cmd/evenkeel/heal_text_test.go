package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// A heal says how it closed, how bad it was, who answers for it and where to
// fix it; an undo says when a rule has a new id.
func TestHealText(t *testing.T) {
	rule := events.SecurityGroupRule{RuleID: "sgr-1", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"}
	anew := rule
	anew.RuleID = "sgr-2"
	quarantined := ledger.HealReport{HealView: ledger.HealView{
		SecurityGroup: events.SecurityGroup{GroupID: "sg-1", GroupName: "web"}, HealID: "heal-1", State: ledger.HealHealed, Severity: "critical",
		Trigger: events.Trigger{EventName: "AuthorizeSecurityGroupIngress", Principal: "dana"}, Exposure: time.Second,
		Rules: []events.Removal{{Rule: rule, Reason: "open", Quarantine: "192.0.2.7/32"}},
		Reach: &events.Reachability{Level: events.ReachInternet, Interfaces: 2, Public: []string{"eni-1"}, Why: []string{"eni-1 has a public address"}},
		Owner: &events.Owner{Kind: "cloudformation", Stack: "shop-network", LogicalID: "WebSecurityGroup", Declared: true, Fix: "narrow CidrIp in the template"},
	}}
	revoked := quarantined
	revoked.State, revoked.Restored = ledger.HealUndone, []events.SecurityGroupRule{anew}
	revoked.Rules = []events.Removal{{Rule: rule, Reason: "open"}}
	revoked.Reach, revoked.Owner = &events.Reachability{Level: events.ReachUnknown}, &events.Owner{Kind: "unknown"}
	swept := quarantined
	swept.Trigger.EventName, swept.Exposure, swept.State = "Sweep", 0, ledger.HealStopped
	sudden := quarantined
	sudden.Trigger.EventName, sudden.Exposure = "Sweep", 0
	fleet := quarantined
	fleet.Reach = &events.Reachability{Level: events.ReachInternet, Interfaces: 9, Public: []string{"eni-1", "eni-2", "eni-3", "eni-4", "eni-5", "eni-6", "eni-7"}}
	unused := quarantined
	unused.Reach = &events.Reachability{Level: events.ReachUnattached, Why: []string{"no network interface uses the group"}}
	unused.Rules = []events.Removal{{Rule: events.SecurityGroupRule{RuleID: "sgr-3", Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "::/0"}, Reason: "open"}}
	led := quarantined
	led.Trigger, led.Exposure = events.Trigger{EventID: "e-1", EventName: "RunInstances", Found: events.FoundByOtherEvent}, 0
	traced := led
	traced.Trigger = events.Trigger{EventID: "sweep-1", EventName: "Sweep", Found: events.FoundBySweep, Principal: "bob", OpenedBy: "ModifySecurityGroupRules", OpenedByID: "e-0", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for name, tt := range map[string]struct {
		report ledger.HealReport
		want   []string
		not    string
	}{
		"quarantined": {quarantined, []string{
			"severity critical; reachable from the internet: eni-1 of 2 interfaces\n  eni-1 has a public address\n", "closed after 1s",
			"open; narrowed to 192.0.2.7/32\n", "owner: cloudformation shop-network WebSecurityGroup; its source opens the group again\nto do: narrow CidrIp in the template\n",
		}, "revoked"},
		"undone":                          {revoked, []string{"open; revoked\n", "+ tcp 22 from 0.0.0.0/0 (sgr-2), made anew: it was sgr-1\n", "could be reached is not known", "owner: unknown\n"}, "narrowed"},
		"found by a sweep, and closed":    {sudden, []string{"found by a sweep", "closed; since when it was open is not known; 0 rules kept"}, "closed after"},
		"a fleet":                         {fleet, []string{"reachable from the internet: eni-1, eni-2, eni-3, eni-4, eni-5 and at least 2 more of 9 interfaces\n", "at an unknown time"}, "0001-01-01"},
		"not in use, all protocols":       {unused, []string{"severity critical; used by no interface\nclosed after 1s", "- every protocol from ::/0 (sgr-3): open"}, "no network interface uses"},
		"led to":                          {led, []string{"found by an event (RunInstances e-1) that does not say who opened it\n"}, "opened by"},
		"traced":                          {traced, []string{"found by a sweep; no event told who opened it\n  the last call known to have changed it: opened by bob with ModifySecurityGroupRules e-0 at 2026-01-02T03:04:05Z\n"}, "from  "},
		"found by a sweep, and left open": {swept, []string{"found by a sweep", "left open: ", "! tcp 22 from 0.0.0.0/0"}, "closed after"},
	} {
		var out bytes.Buffer
		(&app{}).healText(&out, tt.report)
		for _, part := range tt.want {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s: no %q in\n%s", name, part, out.String())
			}
		}
		if strings.Contains(out.String(), tt.not) {
			t.Errorf("%s: says %q:\n%s", name, tt.not, out.String())
		}
	}
}

// A rule is shown as heal except takes it.
func TestShownKey(t *testing.T) {
	every := events.SecurityGroupRule{Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "::/0"}
	ssh := events.SecurityGroupRule{Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"}
	for want, rules := range map[string][]events.Removal{
		"-": nil, "all/all/::/0": {{Rule: every}}, "tcp/22/0.0.0.0/0 +1": {{Rule: ssh}, {Rule: every}},
	} {
		if got := rulesText(rules); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if key, err := healing.CanonicalKey(rulesText([]events.Removal{{Rule: every}})); err != nil || key != healing.RuleKey(every) {
		t.Errorf("%q, %v", key, err)
	}
}
