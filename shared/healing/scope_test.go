package healing_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var scoped = func() healing.Policy {
	p := healing.DefaultPolicy()
	none, eight := []netip.Prefix{}, 8
	p.Scopes = []healing.Scope{
		{Name: "bastions", VPCs: []string{"vpc-0a*"}, Groups: []string{"bastion-?", "sg-0b"}, MaxIPv4: &eight, MaxActions: &eight},
		{Name: "production", Tags: map[string][]string{"env": {"prod", "prod/*"}, "team": nil}, Mode: healing.Enforce, AllowedSources: &none},
		{Name: "sandbox", Accounts: []string{"3*"}, Remediation: healing.Revoke},
		{Name: "the rest of Europe", Regions: []string{"eu-*"}, Mode: healing.Enforce, Remediation: healing.Revoke},
	}
	return p
}()

func TestFor(t *testing.T) {
	base := healing.DefaultPolicy()
	changed := func(change func(*healing.Policy)) healing.Policy {
		p := healing.DefaultPolicy()
		change(&p)
		return p
	}
	bastion := changed(func(p *healing.Policy) { p.MaxIPv4, p.MaxActions = 8, 8 })
	production := changed(func(p *healing.Policy) { p.Mode, p.AllowedSources = healing.Enforce, []netip.Prefix{} })
	sandbox := changed(func(p *healing.Policy) { p.Remediation = healing.Revoke })
	europe := changed(func(p *healing.Policy) { p.Mode, p.Remediation = healing.Enforce, healing.Revoke })
	type tags = map[string]string
	for _, tt := range []struct {
		name  string
		group events.SecurityGroup
		want  healing.Policy
	}{
		{"none", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", VPCID: "vpc-1"}, base},
		{"by VPC and name", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", VPCID: "vpc-0a1", GroupName: "bastion-1"}, bastion},
		{"by VPC and id", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", VPCID: "vpc-0a1", GroupID: "sg-0b"}, bastion},
		{"the VPC alone is not enough", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", VPCID: "vpc-0a1", GroupName: "bastion-10"}, base},
		{"by tags", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", Tags: tags{"env": "prod/eu/1", "team": ""}}, production},
		{"a tag is missing", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", Tags: tags{"env": "prod"}}, base},
		{"another value", events.SecurityGroup{Account: "222222222222", Region: "us-east-1", Tags: tags{"env": "production", "team": "a"}}, base},
		{"the first counts", events.SecurityGroup{Account: "333333333333", Region: "eu-west-1", Tags: tags{"env": "prod", "team": "a"}}, production},
		{"by account", events.SecurityGroup{Account: "333333333333", Region: "eu-west-1"}, sandbox},
		{"by region", events.SecurityGroup{Account: "222222222222", Region: "eu-west-1"}, europe},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := scoped.For(tt.group)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			// What may count before the group is known holds what counts when it is.
			found := false
			for _, p := range scoped.Possible(healing.Place{Account: tt.group.Account, Region: tt.group.Region}) {
				found = found || reflect.DeepEqual(p, got)
			}
			if !found {
				t.Error("not among the possible policies")
			}
		})
	}
}

func TestPossible(t *testing.T) {
	for at, want := range map[healing.Place][]healing.Mode{
		{Account: "222222222222", Region: "us-east-1"}: {healing.Observe, healing.Enforce, healing.Observe},
		{Account: "222222222222", Region: "eu-west-1"}: {healing.Observe, healing.Enforce, healing.Enforce}, // all of Europe: never the unchanged one
		{Account: "333333333333", Region: "eu-west-1"}: {healing.Observe, healing.Enforce, healing.Observe}, // all of the account: Europe's is not reached
	} {
		var got []healing.Mode
		for _, p := range scoped.Possible(at) {
			got = append(got, p.Mode)
			if p.Scopes != nil {
				t.Errorf("%v: a possible policy has scopes", at)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v, want %v", at, got, want)
		}
	}
	if got := healing.DefaultPolicy().Possible(healing.Place{}); len(got) != 1 {
		t.Errorf("%d policies without scopes", len(got))
	}
	// Two scopes that come to the same are one policy.
	p := healing.DefaultPolicy()
	p.Scopes = []healing.Scope{{Groups: []string{"a"}, Mode: healing.Enforce}, {Groups: []string{"b"}, Mode: healing.Enforce}, {Groups: []string{"c"}, Mode: healing.Observe}}
	if got := p.Possible(healing.Place{Account: "1", Region: "r"}); len(got) != 2 {
		t.Errorf("%d policies, want 2", len(got))
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"?", "", false}, {"", "", true}, {"", "a", false},
		{"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXbYbZ", false}, {"*aab", "aaaab", true}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"web?1?", "web[1]", true}, {"Web", "web", false}, {"a/*", "a/b/c", true}, {"?", "é", true}, {"**", "x", true},
	} {
		p := healing.DefaultPolicy()
		p.Scopes = []healing.Scope{{Tags: map[string][]string{"k": {tt.pattern}}, Mode: healing.Enforce}}
		got := p.For(events.SecurityGroup{Tags: map[string]string{"k": tt.text}}).Mode == healing.Enforce
		if got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.text, got)
		}
	}
}
