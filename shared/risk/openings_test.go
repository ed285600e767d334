package risk_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// row is a change of the set, with the properties that it shows.
func row(t *testing.T, action, id, typeName, before, after string) changeset.Change {
	t.Helper()
	context := func(properties string) string {
		if properties == "" {
			return ""
		}
		if !json.Valid([]byte(properties)) {
			t.Fatalf("no JSON: %s", properties)
		}
		return `{"Properties":` + properties + `}`
	}
	c := changeset.Change{Action: action, LogicalID: id, Type: typeName, Before: context(before), After: context(after)}
	if action == "Modify" {
		c.Replacement = "False"
	}
	return c
}

func ingress(group, port, source string) string {
	property := map[bool]string{true: "CidrIp", false: "SourcePrefixListId"}[strings.Contains(source, "/")]
	return `{"GroupId":"` + group + `","IpProtocol":"tcp","FromPort":"` + port + `","ToPort":"` + port + `","` + property + `":"` + source + `"}`
}

func parse(t *testing.T, text string) *template.Template {
	t.Helper()
	parsed, err := template.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func policyOf(t *testing.T, document string) risk.Policy {
	t.Helper()
	p, err := healing.DecodePolicy([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return risk.Policy{Exposure: &p, Now: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)}
}

const (
	ingressType = "AWS::EC2::SecurityGroupIngress"
	groupType   = "AWS::EC2::SecurityGroup"
	listType    = "AWS::EC2::PrefixList"
	enforce     = `{"mode":"enforce"}`
)

func TestRulesOfOneGroupCountTogether(t *testing.T) {
	const noGroup = `Resources: {Web: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: web, VpcId: vpc-1}}}`
	half := `
Resources:
  Web: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: web, VpcId: vpc-1}}
  A: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupId: !GetAtt Web.GroupId, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 8.8.0.0/16}}
`
	whole := half + `
  B: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupId: !GetAtt Web.GroupId, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 9.9.0.0/16}}
`
	a := row(t, "Add", "A", ingressType, "", ingress("sg-1", "22", "8.8.0.0/16"))
	b := row(t, "Add", "B", ingressType, "", ingress("sg-1", "22", "9.9.0.0/16"))
	elsewhere := row(t, "Add", "B", ingressType, "", ingress("sg-2", "22", "9.9.0.0/16"))
	for name, tt := range map[string]struct {
		before, after string
		changes       []changeset.Change
		blocked       bool
	}{
		"one alone":                       {"", "", []changeset.Change{a}, false},
		"two rows":                        {"", "", []changeset.Change{a, b}, true},
		"two rows of two groups":          {"", "", []changeset.Change{a, elsewhere}, false},
		"two rows by the template":        {noGroup, whole, []changeset.Change{a, b}, true},
		"the other is deployed already":   {half, whole, []changeset.Change{b}, true},
		"both are deployed already":       {whole, whole, []changeset.Change{row(t, "Modify", "B", ingressType, ingress("sg-1", "22", "9.9.0.0/16"), ingress("sg-1", "22", "9.9.0.0/17"))}, false},
		"another row takes one away":      {half, whole, []changeset.Change{row(t, "Remove", "A", ingressType, ingress("sg-1", "22", "8.8.0.0/16"), ""), b}, true},
		"one row exchanges its addresses": {"", "", []changeset.Change{row(t, "Modify", "A", ingressType, ingress("sg-1", "22", "8.8.0.0/16"), ingress("sg-1", "22", "9.9.0.0/16"))}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var templates risk.Templates
			if tt.before != "" {
				templates = risk.Templates{Before: parse(t, tt.before), After: parse(t, tt.after)}
			}
			got := risk.Assess(changeset.Set{StackID: stackID, Changes: tt.changes}, templates, nil, policyOf(t, enforce))
			if (got.Level == risk.Blocked) != tt.blocked {
				t.Errorf("%s: %q", got.Level, got.Texts())
			}
		})
	}
}

func TestPrefixListsOfTheTemplate(t *testing.T) {
	const later = "{{changeSet:KNOWN_AFTER_APPLY}}"
	entries := func(cidrs ...string) string {
		return `{"AddressFamily":"IPv4","Entries":[{"Cidr":"` + strings.Join(cidrs, `"},{"Cidr":"`) + `"}]}`
	}
	with := `
Resources:
  Web: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: web, VpcId: vpc-1}}
  Ssh: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupId: !GetAtt Web.GroupId, IpProtocol: tcp, FromPort: 22, ToPort: 22, SourcePrefixListId: !Ref Admins}}
  Admins: {Type: AWS::EC2::PrefixList, Properties: {PrefixListName: admins, AddressFamily: IPv4, MaxEntries: 5, Entries: [{Cidr: 203.0.113.0/24}]}}
`
	all := parse(t, with)
	grown := row(t, "Modify", "Admins", listType, entries("203.0.113.0/24"), entries("0.0.0.0/1", "128.0.0.0/1"))
	grown.PhysicalID = "pl-1"
	for name, tt := range map[string]struct {
		before  *template.Template
		changes []changeset.Change
		level   string
		text    string
	}{
		"a new list of the world":   {parse(t, "Resources: {Web: {Type: AWS::EC2::SecurityGroup}}"), []changeset.Change{row(t, "Add", "Admins", listType, "", entries("0.0.0.0/1", "128.0.0.0/1")), row(t, "Add", "Ssh", ingressType, "", ingress("sg-1", "22", later))}, risk.Blocked, "opens tcp/22/prefix list Admins"},
		"a new list of the office":  {parse(t, "Resources: {Web: {Type: AWS::EC2::SecurityGroup}}"), []changeset.Change{row(t, "Add", "Admins", listType, "", entries("203.0.113.0/24")), row(t, "Add", "Ssh", ingressType, "", ingress("sg-1", "22", later))}, risk.Review, "admits prefix list Admins"},
		"a list in use grows":       {all, []changeset.Change{grown}, risk.Blocked, "Admins (AWS::EC2::PrefixList) opens tcp/22/prefix list Admins"},
		"a list of others grows":    {parse(t, "Resources: {Web: {Type: AWS::EC2::SecurityGroup}}"), []changeset.Change{grown}, risk.Review, "every security group that names it admits that"},
		"a list of others":          {all, []changeset.Change{row(t, "Add", "More", ingressType, "", ingress("sg-1", "22", "pl-9"))}, risk.Review, "admits pl-9 to tcp 22"},
		"a list gets fewer":         {all, []changeset.Change{row(t, "Modify", "Admins", listType, entries("203.0.113.0/24", "198.51.100.0/24"), entries("203.0.113.0/24"))}, risk.Safe, ""},
		"entries that nobody knows": {all, []changeset.Change{row(t, "Modify", "Admins", listType, entries("203.0.113.0/24"), entries(later))}, risk.Dangerous, "perhaps"},
	} {
		t.Run(name, func(t *testing.T) {
			got := risk.Assess(changeset.Set{StackID: stackID, Changes: tt.changes}, risk.Templates{Before: tt.before, After: all}, nil, policyOf(t, `{"mode":"enforce","unknownPrefixLists":"close"}`))
			if got.Level != tt.level || !strings.Contains(strings.Join(got.Texts(), "\n"), tt.text) {
				t.Errorf("%s: %q, want %s %q", got.Level, got.Texts(), tt.level, tt.text)
			}
		})
	}
}

// The plan is judged by the policy that counts for the group, and says which.
func TestTheHealingPolicyOfTheGroup(t *testing.T) {
	web := func(more string) changeset.Change {
		return row(t, "Add", "Web", groupType, "", `{"GroupDescription":"web",`+more+`"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":"22","ToPort":"22","CidrIp":"0.0.0.0/0"}]}`)
	}
	const byTag = `{"mode":"observe","scopes":[{"name":"prod","tags":{"stage":["prod"]},"mode":"enforce"}]}`
	existing := row(t, "Modify", "Web", groupType, `{"GroupDescription":"web","SecurityGroupIngress":[]}`, `{"GroupDescription":"web","SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":"22","ToPort":"22","CidrIp":"0.0.0.0/0"}]}`)
	existing.PhysicalID = "sg-0123"
	existing.Details = []changeset.Detail{{Attribute: "Properties", Name: "SecurityGroupIngress", Path: "/Properties/SecurityGroupIngress"}}
	for name, tt := range map[string]struct {
		policy    string
		change    changeset.Change
		stackTags map[string]string
		level     string
		text      string
	}{
		"observe":                   {`{"mode":"observe"}`, web(""), nil, risk.Dangerous, "the healing policy would report (mode observe)"},
		"enforce":                   {enforce, web(""), nil, risk.Blocked, "opens tcp/22/0.0.0.0/0, which the healing policy"},
		"the account enforces":      {`{"scopes":[{"name":"live","accounts":["111111111111"],"regions":["eu-*"],"mode":"enforce"}]}`, web(""), nil, risk.Blocked, "the healing policy (scope live) would close (mode enforce)"},
		"another account enforces":  {`{"scopes":[{"name":"live","accounts":["222222222222"],"mode":"enforce"}]}`, web(""), nil, risk.Dangerous, "mode observe"},
		"a VPC enforces":            {`{"scopes":[{"name":"v","vpcs":["vpc-1"],"mode":"enforce"}]}`, web(`"VpcId":"vpc-1",`), nil, risk.Blocked, "scope v"},
		"another VPC":               {`{"scopes":[{"name":"v","vpcs":["vpc-1"],"mode":"enforce"}]}`, web(`"VpcId":"vpc-2",`), nil, risk.Dangerous, ""},
		"a VPC that nobody knows":   {`{"scopes":[{"name":"v","vpcs":["vpc-1"],"mode":"enforce"}]}`, web(`"VpcId":"{{changeSet:KNOWN_AFTER_APPLY}}",`), nil, risk.Blocked, ""},
		"the tag of the group":      {byTag, web(`"Tags":[{"Key":"stage","Value":"prod"}],`), nil, risk.Blocked, "scope prod"},
		"the tag of the stack":      {byTag, web(""), map[string]string{"stage": "prod"}, risk.Blocked, "scope prod"},
		"another tag":               {byTag, web(`"Tags":[{"Key":"stage","Value":"dev"}],`), map[string]string{"stage": "prod"}, risk.Dangerous, ""},
		"an allowed source":         {`{"mode":"enforce","openPorts":["22"]}`, web(""), nil, risk.Review, ""},
		"an exception":              {`{"mode":"enforce","exceptions":[{"group":"sg-0123","rule":"tcp/22/0.0.0.0/0","owner":"dana","reason":"a test","expires":"2026-12-01T00:00:00Z"}]}`, existing, nil, risk.Review, ""},
		"an exception that is over": {`{"mode":"enforce","exceptions":[{"group":"sg-0123","rule":"tcp/22/0.0.0.0/0","owner":"dana","reason":"a test","expires":"2026-11-01T00:00:00Z"}]}`, existing, nil, risk.Blocked, ""},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(t, tt.policy)
			policy.StackTags = tt.stackTags
			got := assess(policy, tt.change)
			if got.Level != tt.level || !strings.Contains(strings.Join(got.Texts(), "\n"), tt.text) {
				t.Errorf("%s: %q, want %s %q", got.Level, got.Texts(), tt.level, tt.text)
			}
		})
	}
}
