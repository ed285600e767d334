package main

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// described is all that EC2 says about the group's rules.
func (a *account) described() string {
	a.t.Helper()
	out, err := a.ec2.DescribeSecurityGroupRules(context.Background(), &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{a.group}}}})
	if err != nil {
		a.t.Fatal(err)
	}
	data, err := json.MarshalIndent(out.SecurityGroupRules, "", " ")
	if err != nil {
		a.t.Fatal(err)
	}
	return string(data)
}

// TestQuarantineAgainstMoto opens rules of both families in several forms, and each time
// the binary narrows exactly that rule to nobody; after the undo EC2 describes
// the rules as it did before, byte for byte.
func TestQuarantineAgainstMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	a := newAccount(t)
	if _, err := a.ssm.PutParameter(context.Background(), &ssm.PutParameterInput{
		Name: aws.String("/evenkeel/healing/policy"), Value: aws.String(`{"mode":"enforce"}`), Overwrite: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	a.authorize(permissions(ipv4(tcp(22, 22), "203.0.113.0/24", "office")))
	a.authorize(permissions(ipv4(tcp(443, 443), "0.0.0.0/0", "web")))
	tagged := permissions(ipv4(tcp(22, 22), "0.0.0.0/0", "for the vendor"))
	tagged.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule,
		Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("net")}}}}
	six := tcp(22, 22)
	six.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("::/0"), Description: aws.String("also here")}}
	for _, opening := range []struct {
		sample string
		open   ec2.AuthorizeSecurityGroupIngressInput
	}{
		{"nested-ipv6", permissions(six)},
		{"nested-ipv4", tagged},
		{"flat-form", ec2.AuthorizeSecurityGroupIngressInput{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(3389), ToPort: aws.Int32(3389), CidrIp: aws.String("128.0.0.0/1")}},
		// Last: an undone rule is under an exception, and what is inside it admits nothing new.
		{"range-20-25", permissions(ipv4(types.IpPermission{IpProtocol: aws.String("-1")}, "0.0.0.0/0", "everything"))},
	} {
		sample := opening.sample
		id := a.authorize(opening.open)
		before, kept := a.described(), a.ingress()
		payload, errorType := a.fn.Invoke(a.event(sample))
		result := answer[healing.Result](t, payload, errorType)
		if len(result.Actions) != 1 || result.Actions[0].Rules[0] != id || result.Actions[0].Quarantine == "" {
			t.Fatalf("%s: answer %s\n%s", sample, payload, a.fn.Log())
		}
		a.wantNarrowed(id, kept)
		payload, errorType = a.fn.Invoke([]byte(`{"action":"undo","healId":"` + result.Actions[0].HealID + `","by":"dana"}`))
		if undone := answer[events.SecurityGroupHealUndone](t, payload, errorType); len(undone.Restored) != 1 || undone.Restored[0].RuleID != id {
			t.Errorf("%s: undone %s", sample, payload)
		}
		if after := a.described(); after != before {
			t.Errorf("%s: after the undo\n%s\nwant\n%s", sample, after, before)
		}
	}
}

// wantNarrowed wants the rule to admit one address that is nobody's, and the
// others to be as they were.
func (a *account) wantNarrowed(id string, before map[string]events.SecurityGroupRule) {
	a.t.Helper()
	policy := healing.DefaultPolicy()
	for rule, now := range a.ingress() {
		was := before[rule]
		if rule == id {
			source, err := netip.ParsePrefix(now.CIDRv4 + now.CIDRv6)
			if err != nil || !source.IsSingleIP() || !policy.QuarantineIPv4.Contains(source.Addr()) && !policy.QuarantineIPv6.Contains(source.Addr()) {
				a.t.Errorf("%s admits %s%s", id, now.CIDRv4, now.CIDRv6)
			}
			now.CIDRv4, now.CIDRv6 = was.CIDRv4, was.CIDRv6
		}
		if was.Description != now.Description || was.Tags["owner"] != now.Tags["owner"] || healing.RuleKey(was) != healing.RuleKey(now) {
			a.t.Errorf("%s was %+v and is %+v", rule, was, now)
		}
	}
}
