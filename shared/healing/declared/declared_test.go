package declared_test

import (
	"reflect"
	"testing"

	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/declared"
	"github.com/evenkeel/evenkeel/shared/template"
)

func keys(properties map[string]any, typeName string) (list []string, unsure bool) {
	rules, unsure := declared.Rules(typeName, properties)
	for _, r := range rules {
		list = append(list, healing.RuleKey(r))
	}
	return list, unsure
}

func TestRules(t *testing.T) {
	rule := func(more ...any) map[string]any {
		r := map[string]any{"IpProtocol": "tcp", "FromPort": "22", "ToPort": 22.0}
		for i := 0; i < len(more); i += 2 {
			r[more[i].(string)] = more[i+1] //nolint:forcetypeassert // of the test
		}
		return r
	}
	const later = template.KnownAfterApply
	for name, tt := range map[string]struct {
		item   any
		want   []string
		unsure bool
	}{
		"both families":          {rule("CidrIp", "1.2.3.4/0", "CidrIpv6", "0::0/0"), []string{"tcp/22/0.0.0.0/0", "tcp/22/::/0"}, false},
		"a list":                 {rule("SourcePrefixListId", "pl-1"), []string{"tcp/22/pl-1"}, false},
		"a group":                {rule("SourceSecurityGroupId", "sg-1"), []string{"tcp/22/sg-1"}, false},
		"no source":              {rule(), nil, false},
		"every protocol":         {map[string]any{"IpProtocol": "-1", "CidrIp": "10.0.0.0/8"}, []string{"-1/all/10.0.0.0/8"}, false},
		"an unknown source":      {rule("CidrIp", later), []string{"tcp/22/0.0.0.0/0"}, true},
		"an unknown port":        {rule("CidrIp", "10.0.0.0/8", "ToPort", later), []string{"tcp/all/10.0.0.0/8"}, true},
		"an unknown rule":        {later, []string{"-1/all/0.0.0.0/0", "-1/all/::/0"}, true},
		"an unknown IPv6 source": {rule("CidrIpv6", later, "IpProtocol", later), []string{"-1/all/::/0"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			properties := map[string]any{"SecurityGroupIngress": []any{tt.item}}
			if got, unsure := keys(properties, declared.SecurityGroup); !reflect.DeepEqual(got, tt.want) || unsure != tt.unsure {
				t.Errorf("got %q, unsure %v", got, unsure)
			}
			if sure := declared.Certain(declared.SecurityGroup, properties); (len(sure) == 0) != (tt.unsure || tt.want == nil) {
				t.Errorf("certain: %+v", sure)
			}
		})
	}
	if got, _ := keys(rule("CidrIp", "0.0.0.0/0"), declared.SecurityGroupIngress); !reflect.DeepEqual(got, []string{"tcp/22/0.0.0.0/0"}) {
		t.Errorf("a rule of its own: %q", got)
	}
}

func TestEntries(t *testing.T) {
	entries := func(family string, items ...any) map[string]any {
		return map[string]any{"AddressFamily": family, "Entries": items}
	}
	if got, unsure := declared.Entries(entries("IPv4", map[string]any{"Cidr": "10.0.0.0/8", "Description": "x"})); !reflect.DeepEqual(got, []string{"10.0.0.0/8"}) || unsure {
		t.Errorf("got %q, %v", got, unsure)
	}
	if got, unsure := declared.Entries(entries("IPv6", map[string]any{"Cidr": template.KnownAfterApply})); !reflect.DeepEqual(got, []string{"::/0"}) || !unsure {
		t.Errorf("unknown: %q, %v", got, unsure)
	}
}

func TestText(t *testing.T) {
	if got := declared.Text(` [{"CidrIp":"10.0.0.0/8"}]`); !reflect.DeepEqual(got, []any{map[string]any{"CidrIp": "10.0.0.0/8"}}) {
		t.Errorf("got %v", got)
	}
	for _, text := range []string{"10.0.0.0/8", "{{changeSet", ""} {
		if got := declared.Text(text); got != text {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
