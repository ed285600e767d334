package healing_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestDecodePolicy(t *testing.T) {
	p, err := healing.DecodePolicy([]byte(`{
		"mode": "enforce", "protectedPorts": ["22", "3306-3310/tcp", "161/udp", "all"], "protectedProtocols": ["1", "ICMPv6"],
		"maxIPv4": 8, "allowedSources": ["198.51.100.0/24"], "undoFor": "90m",
		"exceptions": [{"group": "sg-1", "rule": "6/22/1.2.3.4/0", "owner": "net@example.com", "reason": "bastion", "expires": "2026-12-01T00:00:00Z"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Mode != healing.Enforce || p.MaxIPv4 != 8 || p.MaxIPv6 != healing.DefaultPolicy().MaxIPv6 || time.Duration(p.UndoFor) != 90*time.Minute {
		t.Errorf("policy %+v", p)
	}
	if want := []healing.PortRange{{From: 22, To: 22}, {From: 3306, To: 3310, Protocol: "tcp"}, {From: 161, To: 161, Protocol: "udp"}, {From: 0, To: 65535}}; !reflect.DeepEqual(p.ProtectedPorts, want) {
		t.Errorf("ports %v, want %v", p.ProtectedPorts, want)
	}
	if want := []string{"icmp", "icmpv6"}; !reflect.DeepEqual(p.ProtectedProtocols, want) {
		t.Errorf("protocols %q", p.ProtectedProtocols)
	}
	if len(p.AllowedSources) != 1 || p.AllowedSources[0].String() != "198.51.100.0/24" {
		t.Errorf("sources %v: a list replaces the default", p.AllowedSources)
	}
	if got := p.Exceptions[0].Rule; got != "tcp/22/0.0.0.0/0" {
		t.Errorf("rule %q is not in the form of live rules", got)
	}
}

func TestDecodePolicyRefuses(t *testing.T) {
	for document, want := range map[string]string{
		``:                                "EOF",
		`{"mode":"enforce"} {}`:           "follows",
		`{"mode":"enforced"}`:             `"enforced"`,
		`{"protectedPort":["22"]}`:        "protectedPorts, ", // the allowed keys
		`{"protectedPorts":["22-20"]}`:    "22-20",
		`{"protectedPorts":["65536"]}`:    "65536",
		`{"protectedPorts":["22/icmp"]}`:  "tcp or udp",
		`{"maxIPv4":33}`:                  "maxIPv4 33",
		`{"maxIPv6":-1}`:                  "maxIPv6 -1",
		`{"maxActions":0}`:                "maxActions 0",
		`{"undoFor":"0s"}`:                "undoFor",
		`{"undoFor":"soon"}`:              "soon",
		`{"allowedSources":["10.0.0.0"]}`: "10.0.0.0",
		`{"allowedSources":[""]}`:         "allowedSources[0]",
		`{"exceptions":[{"group":"sg-1","rule":"*","owner":"a","reason":"b"}]}`:                                        "expires",
		`{"exceptions":[{"group":"sg-1","rule":"22","owner":"a","reason":"b","expires":"2026-12-01T00:00:00Z"}]}`:      `rule "22"`,
		`{"exceptions":[{"group":"sg-1","rule":"tcp/x/y","owner":"a","reason":"b","expires":"2026-12-01T00:00:00Z"}]}`: "want a port",
	} {
		if _, err := healing.DecodePolicy([]byte(document)); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", document, err, want)
		}
	}
	// All faults at once.
	_, err := healing.DecodePolicy([]byte(`{"mode":"x","maxIPv4":99}`))
	if err == nil || !strings.Contains(err.Error(), "maxIPv4 99") || !strings.Contains(err.Error(), `mode "x"`) {
		t.Errorf("error %v", err)
	}
}

func TestDefaultPolicyRoundTrips(t *testing.T) {
	data, err := json.Marshal(healing.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	if back, err := healing.DecodePolicy(data); err != nil || !reflect.DeepEqual(back, healing.DefaultPolicy()) {
		t.Errorf("%s\nread back as %+v, %v", data, back, err)
	}
	if healing.DefaultPolicy().Mode != healing.Observe {
		t.Error("nobody's rules are removed unless a policy says so")
	}
}

func TestRuleKey(t *testing.T) {
	for want, r := range map[string]events.SecurityGroupRule{
		"tcp/22/0.0.0.0/0":        rule("", "tcp/22", "1.2.3.4/0"),
		"tcp/all/0.0.0.0/0":       rule("", "6/0-65535", "0.0.0.0/0"),
		"udp/53-54/2001:db8::/32": rule("", "17/53-54", "2001:DB8::1/32"),
		"-1/all/::/0":             rule("", "-1", "::/0"),
		"-1/all/10.0.0.0/8":       {Protocol: "-1", CIDRv4: "10.0.0.0/8"}, // ports left out
		"icmp/8--1/0.0.0.0/0":     rule("", "icmp/8--1", "0.0.0.0/0"),
		"icmp/all/0.0.0.0/0":      rule("", "1", "0.0.0.0/0"),
		"tcp/22/pl-1":             rule("", "tcp/22", "pl-1"),
		"tcp/22/sg-2":             rule("", "tcp/22", "sg-2"),
	} {
		if got := healing.RuleKey(r); got != want {
			t.Errorf("RuleKey(%+v) = %q, want %q", r, got, want)
		}
		p, err := healing.DecodePolicy([]byte(`{"exceptions":[{"group":"sg-1","rule":"` + want + `","owner":"a","reason":"b","expires":"2026-12-01T00:00:00Z"}]}`))
		if err != nil || p.Exceptions[0].Rule != want {
			t.Errorf("an exception for %q reads as %+v, %v", want, p.Exceptions, err)
		}
	}
}

// The example holds every key, and reads as it is written.
func TestExamplePolicy(t *testing.T) {
	data, err := os.ReadFile("../../testdata/policies/healing.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := healing.DecodePolicy(data)
	if err != nil {
		t.Fatal(err)
	}
	var written, read map[string]any
	back, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(json.Unmarshal(data, &written), json.Unmarshal(back, &read)); err != nil {
		t.Fatal(err)
	}
	read["undoFor"] = strings.TrimSuffix(read["undoFor"].(string), "0m0s")
	if !reflect.DeepEqual(written, read) {
		t.Errorf("reads as %s", back)
	}
}
