package healing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
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

// TestDecodePolicyRefuses: each fault names its field and says what to do.
func TestDecodePolicyRefuses(t *testing.T) {
	exception := func(rule string) string {
		return `{"exceptions":[{"group":"sg-1","rule":"` + rule + `","owner":"a","reason":"b","expires":"2026-12-01T00:00:00Z"}]}`
	}
	scope := func(text string) string { return `{"scopes":[{"name":"a",` + text + `}]}` }
	for document, want := range map[string]string{
		``:                                               "1:1: the document is empty",
		`null`:                                           "want a mapping, not nothing",
		`[]`:                                             "want a mapping, not a list",
		"mode: enforce\n---\n{}":                         "2:1: a second YAML document",
		`{"mode":"enforce"} {}`:                          "1:1: ",
		`{"mode":"enforce"`:                              "1:1: ",
		`{"mode":"enforced"}`:                            `1:9: mode: "enforced" is not one of observe, enforce`,
		`{"Mode":"enforce"}`:                             `unknown key "Mode"`,
		`{"protectedPort":["1"]}`:                        "the keys are mode, remediation, protectedPorts, ",
		"mode: observe\nmode: enforce":                   `2:1: "mode" is there twice`,
		`{"mode":true}`:                                  "1:9: mode: want text",
		`{"protectedPorts":null}`:                        "protectedPorts: want a list, not nothing",
		`{"protectedPorts":"22"}`:                        "protectedPorts: want a list",
		`{"protectedPorts":["22-20"]}`:                   `1:20: protectedPorts[0]: port range "22-20"`,
		`{"protectedPorts":["65536"]}`:                   "65536",
		`{"protectedPorts":["22/icmp"]}`:                 "tcp or udp",
		`{"protectedPorts":["22",22]}`:                   "protectedPorts[1]: is there twice",
		`{"protectedProtocols":["gre"]}`:                 `"gre" is no protocol`,
		`{"protectedProtocols":["256"]}`:                 `"256" is no protocol`,
		`{"protectedProtocols":["1","icmp"]}`:            "protectedProtocols[1]: is there twice",
		`{"openPorts":["80"]}`:                           "openPorts[0]: 80 is not protected anyway",
		`{"maxIPv4":33}`:                                 "1:12: maxIPv4: 33 is not between 1 and 32",
		`{"maxIPv4":"16"}`:                               `maxIPv4: want a whole number, not "16"`,
		`{"maxIPv4":1.5}`:                                "maxIPv4: want a whole number",
		`{"maxIPv6":-1}`:                                 "maxIPv6: -1 is not between",
		`{"maxActions":0}`:                               "maxActions: 0 is less than 1",
		`{"undoFor":"0s"}`:                               "undoFor: ",
		`{"undoFor":"soon"}`:                             `"soon" is no duration`,
		`{"undoFor":24}`:                                 `"24" is no duration`,
		`{"allowedSources":["10.0.0.0"]}`:                `"10.0.0.0" is no CIDR`,
		`{"allowedSources":[""]}`:                        "allowedSources[0]",
		`{"allowedSources":["10.1.0.0/8","10.2.0.0/8"]}`: "allowedSources[1]: is there twice",
		`{"allowedSources":["::ffff:10.0.0.0/104"]}`:     "write 10.0.0.0/8",
		`{"forbiddenSources":["x"]}`:                     "forbiddenSources[0]",
		`{"remediation":"delete"}`:                       "remediation: ",
		`{"defaultSeverity":"huge"}`:                     `"huge" is not one of critical, high, medium, low`,
		`{"severities":[{"ports":["22"]}]}`:              `severities[0]: lacks the key "severity"`,
		`{"severities":[{"severity":"low"}]}`:            "names ports or a protocol",
		`{"severities":[{"severity":"low","ports":["22"],"protocol":"icmp"}]}`:                    "one of the two",
		`{"quarantineIPv4":"2001:db8::/32"}`:                                                      "quarantineIPv4: 2001:db8::/32 is of the other family",
		`{"quarantineIPv4":"192.0.2.0/25"}`:                                                       "too few addresses",
		`{"quarantineIPv6":"2001:db8::/113"}`:                                                     "too few addresses",
		`{"quarantineIPv4":"0.0.0.0/0"}`:                                                          "0.0.0.0/0 is wider than a /24",
		`{"quarantineIPv4":"9.0.0.0/15"}`:                                                         "quarantineIPv4: 9.0.0.0/15 is wider than a /24",
		`{"quarantineIPv4":"9.0.0.0/24","maxIPv4":28}`:                                            "9.0.0.0/24 is public, and wider than a /28",
		`{"quarantineIPv4":"10.0.0.0/23"}`:                                                        "10.0.0.0/23 is wider than a /24",
		`{"maxIPv4":0}`:                                                                           "maxIPv4: 0 is not between 1 and 32",
		`{"maxIPv6":0}`:                                                                           "maxIPv6: 0 is not between 1 and 128",
		`{"unknownPrefixLists":"ignore"}`:                                                         `"ignore" is not one of report, close`,
		`{"trustAWSPrefixLists":"yes"}`:                                                           "want true or false",
		`{"allowedSources":["0.0.0.0/0"]}`:                                                        "allowedSources: together they are 0.0.0.0/0",
		`{"allowedSources":["::/0"]}`:                                                             "allowedSources: together they are ::/0",
		`{"allowedSources":["0.0.0.0/1","128.0.0.0/1"]}`:                                          "together they are 0.0.0.0/0",
		`{"allowedSources":["::/1","10.0.0.0/8","8000::/2","c000::/2"]}`:                          "together they are ::/0",
		scope(`"regions":["eu-*"],"allowedSources":["0.0.0.0/0"]`):                                "scopes[0].allowedSources: together they are",
		scope(`"tags":{"a":[]},"maxIPv4":8`):                                                      "scopes[0]: whoever may tag a group makes its policy weaker (maxIPv4)",
		scope(`"tags":{"a":[]},"maxIPv6":16`):                                                     "weaker (maxIPv6)",
		scope(`"tags":{"a":[]},"accounts":["222222222222"],"protectedPorts":["22"]`):              "weaker (protectedPorts or openPorts)",
		scope(`"tags":{"a":[]},"openPorts":["22"]`):                                               "weaker (protectedPorts or openPorts)",
		scope(`"tags":{"a":[]},"allowedSources":["9.0.0.0/8"]`):                                   "weaker (allowedSources)",
		scope(`"tags":{"a":[]},"maxActions":1`):                                                   "weaker (maxActions)",
		`{"mode":"enforce","scopes":[{"name":"a","tags":{"heal":["observe"]},"mode":"observe"}]}`: "weaker (mode)",
		`{"forbiddenSources":["9.0.0.0/8"],"scopes":[{"name":"a","tags":{"a":[]},"forbiddenSources":["9.0.0.0/9"]}]}`:         "weaker (forbiddenSources)",
		`{"protectedProtocols":["icmp","47"],"scopes":[{"name":"a","tags":{"a":[]},"protectedProtocols":["47"]}]}`:            "weaker (protectedProtocols)",
		`{"scopes":[{"name":"a","tags":{"a":[]},"maxIPv4":24},{"name":"prod","accounts":["222222222222"],"mode":"enforce"}]}`: `whoever may tag a group of the scope "prod" makes its policy weaker (mode)`,
		`{"quarantineIPv6":"2600::/31"}`:                                   "2600::/31 is wider than a /32",
		`{"forbiddenSources":["192.0.0.0/16"]}`:                            "healed for ever",
		scope(`"regions":["eu-*"],"forbiddenSources":["2001:db8:1::/48"]`): "scopes[0].forbiddenSources: 2001:db8:1::/48 forbids 2001:db8::/32",
		scope(`"mode":"enforce"`):                                          "scopes[0]: names no groups",
		scope(`"regions":[],"mode":"enforce"`):                             "names no groups",
		scope(`"regions":["eu-*"]`):                                        "changes nothing",
		scope(`"regions":["eu-*"],"mode":"x"`):                             "scopes[0].mode: ",
		scope(`"regions":["eu-*"],"maxIPv4":40`):                           "scopes[0].maxIPv4: 40",
		scope(`"regions":["EU West"],"mode":"enforce"`):                    `"EU West" can match nothing`,
		scope(`"accounts":["2222"],"mode":"enforce"`):                      `scopes[0].accounts[0]: "2222" can match nothing`,
		scope(`"vpcs":["main"],"mode":"enforce"`):                          `"main" can match nothing`,
		scope(`"groups":["web[12]"],"mode":"enforce"`):                     "only * (any characters) and ? (one)",
		scope(`"groups":[""],"mode":"enforce"`):                            "groups[0]",
		scope(`"tags":{},"mode":"enforce"`):                                "scopes[0].tags: ",
		scope(`"tags":["a"],"mode":"enforce"`):                             "scopes[0].tags: ",
		scope(`"undoFor":"1h"`):                                            `scopes[0]: unknown key "undoFor"`,
		`{"scopes":[{"accounts":["*"],"mode":"observe"}]}`:                 `scopes[0]: lacks the key "name"`,
		`{"scopes":[{"name":"a","regions":["x"],"mode":"observe"},{"name":"a","regions":["y"],"mode":"observe"}]}`:               `scopes[1].name: another scope is called "a" too`,
		`{"scopes":[{"name":"a","regions":["x","y"],"mode":"observe"},{"name":"b","regions":["y"],"groups":["g"],"maxIPv4":8}]}`: `scopes[1]: never counts: every group that it names is in the scope "a" before it`,
		`{"exceptions":[{"group":"sg-1","rule":"*","owner":"a","reason":"b"}]}`:                                                  `exceptions[0]: lacks the key "expires"`,
		`{"exceptions":[{"group":"web","rule":"*","owner":"a","reason":"b","expires":"2026-12-01"}]}`:                            `"web" is no security group id`,
		`{"exceptions":[{"group":"sg-1","rule":"*","owner":" ","reason":"b","expires":"2026-12-01"}]}`:                           "exceptions[0].owner: is empty",
		`{"exceptions":[{"group":"sg-1","rule":"*","owner":"a","reason":"b","expires":"soon"}]}`:                                 "neither a day",
		exception("22"):               `rule "22"`,
		exception("tcp/x/1.2.3.4/32"): "want a port",
		exception("tcp/22/1.2.3.4"):   "the source is a CIDR",
		exception("-1/22/0.0.0.0/0"):  "has no ports",
		strings.TrimSuffix(exception("tcp/22/1.2.3.4/0"), "]}") + `,{"group":"sg-1","rule":"6/22/0.0.0.0/0","owner":"a","reason":"b","expires":"2026-12-01"}]}`: "exceptions[1]: there is another exception for tcp/22/0.0.0.0/0 of sg-1",
		`{"allowedSources":["` + strings.Repeat("x", healing.MaxPolicy) + `"]}`:                                                                                 "Parameter Store holds 8192",
	} {
		_, err := healing.DecodePolicy([]byte(document))
		var faults healing.PolicyFaults
		if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), want) || !errors.As(err, &faults) {
			t.Errorf("%s: error %v, want one about %q", document, err, want)
		}
	}
}

// All faults at once, where they are.
func TestDecodePolicyNamesEveryFault(t *testing.T) {
	_, err := healing.DecodePolicy([]byte("{\n\t\"mode\": \"x\",\n\t\"maxIPv4\": 99,\n\t\"scopes\": [{\"regions\": [\"eu-*\"], \"maxActions\": 0}]\n}"))
	want := `healing policy: 2:10: mode: "x" is not one of observe, enforce
3:13: maxIPv4: 99 is not between 1 and 32
4:13: scopes[0]: lacks the key "name"
4:49: scopes[0].maxActions: 0 is less than 1`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
}

// A scope that changes nothing keeps its groups from those that follow, and
// patterns may be of any width. YAML is a policy, too.
func TestDecodePolicyScopes(t *testing.T) {
	p, err := healing.DecodePolicy([]byte(`
# ours
protectedPorts: [all]
openPorts: [80/tcp, 443/tcp]
scopes:
- {name: kept, tags: {keep: []}, trustTags: true}
- {name: bare, tags: {env: [""]}, trustTags: true, protectedPorts: [], maxIPv4: 1}
- {name: all, accounts: ["*"], regions: ["eu-west-?"], vpcs: ["vpc-0*"], groups: [sg-*, "a b/c"], remediation: revoke, openPorts: [80]}
`))
	if err != nil {
		t.Fatal(err)
	}
	none, wide := []healing.PortRange{}, 1
	open := []healing.PortRange{{From: 80, To: 80}}
	want := []healing.Scope{
		{Name: "kept", Tags: map[string][]string{"keep": {}}, TrustTags: true},
		{Name: "bare", Tags: map[string][]string{"env": {""}}, ProtectedPorts: &none, MaxIPv4: &wide, TrustTags: true},
		{Name: "all", Accounts: []string{"*"}, Regions: []string{"eu-west-?"}, VPCs: []string{"vpc-0*"}, Groups: []string{"sg-*", "a b/c"}, Remediation: healing.Revoke, OpenPorts: &open},
	}
	if !reflect.DeepEqual(p.Scopes, want) {
		t.Errorf("scopes %+v, want %+v", p.Scopes, want)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := healing.DecodePolicy(data); err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("%s\nread back as %+v, %v", data, back, err)
	}
}

// Tags may make a policy stricter, and weaker where only named groups can have
// them, or where the document says that they are trusted.
func TestDecodePolicyTags(t *testing.T) {
	for _, document := range []string{
		`{"scopes":[{"name":"a","tags":{"heal":["enforce"]},"mode":"enforce","maxIPv4":24,"protectedPorts":["all"],"protectedProtocols":["all"],"allowedSources":["10.0.0.0/9"],"forbiddenSources":["9.0.0.0/8"],"maxActions":30}]}`,
		`{"scopes":[{"name":"a","tags":{"a":[]},"remediation":"revoke"}]}`,
		`{"mode":"enforce","scopes":[{"name":"a","tags":{"heal":["observe"]},"mode":"observe","trustTags":true}]}`,
		`{"mode":"enforce","scopes":[{"name":"a","tags":{"heal":["observe"]},"groups":["sg-0a1b2c3d4e5f60001"],"mode":"observe"}]}`,
		`{"mode":"enforce","scopes":[{"name":"a","accounts":["222222222222"],"mode":"observe"}]}`,
		`{"scopes":[{"name":"prod","accounts":["222222222222"],"mode":"enforce"},{"name":"a","tags":{"a":[]},"maxIPv4":24}]}`,
		`{"scopes":[{"name":"a","accounts":["1*"],"tags":{"a":[]},"maxIPv4":24},{"name":"prod","accounts":["222222222222"],"mode":"enforce"}]}`,
	} {
		if _, err := healing.DecodePolicy([]byte(document)); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
}

var update = flag.Bool("update", false, "write docs/healing-policy.schema.json")

func TestPolicySchemaIsWritten(t *testing.T) {
	schema, err := healing.PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "healing-policy.schema.json")
	if *update {
		if err := os.WriteFile(path, schema, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile(path); err != nil || !bytes.Equal(written, schema) {
		t.Errorf("%s is not the decoder's: go test ./shared/healing -update (%v)", path, err)
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
