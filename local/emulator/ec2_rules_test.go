package emulator_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

func asAPI(err error, api *smithy.APIError) bool { return errors.As(err, api) }

var ofRules = []behaviour{
	{"EC2-1", "ModifySecurityGroupRules gives a rule another IPv6 source, and keeps its id and tags", func(n *vpc) string { return n.moved("::/0", "2001:db8::7/128") }},
	{"EC2-1", "another prefix list", func(n *vpc) string { return n.moved(n.list(2, "10.0.0.0/8"), n.list(2, "192.0.2.0/24")) }},
	{"EC2-1", "another security group", func(n *vpc) string { return n.moved(n.newGroup(), n.newGroup()) }},
	{"EC2-2", "its kind of source cannot change", func(n *vpc) string {
		listed := n.open(22, n.list(2))
		for _, to := range []string{"192.0.2.1/32", "2001:db8::1/128", n.group} {
			if got := code(n.modify(*listed.SecurityGroupRuleId, tcp(22, to))); got != "InvalidParameterValue" {
				return "a prefix list to " + to + ": " + got
			}
		}
		rule := n.open(22, "10.0.0.0/8")
		return unless(code(n.modify(*rule.SecurityGroupRuleId, tcp(22, "2001:db8::1/128"))), "InvalidParameterValue")
	}},
	{"EC2-2", "protocol -1 needs no ports", func(n *vpc) string {
		made, err := n.authorize(ec2types.IpPermission{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
		if err != nil {
			n.t.Fatal(err)
		}
		err = n.modify(*made[0].SecurityGroupRuleId, ec2types.SecurityGroupRuleRequest{IpProtocol: aws.String("-1"), CidrIpv4: aws.String("192.0.2.1/32")})
		return first(unless(code(err), "none"), unless(n.texts(), "-1/-1 192.0.2.1/32"))
	}},
	{"EC2-3", "a ModifySecurityGroupRules of which one part is refused changes nothing", func(n *vpc) string {
		rule := n.open(22, "0.0.0.0/0")
		good, bad := tcp(22, "192.0.2.1/32"), tcp(22, "192.0.2.2/32")
		err := n.modifyAll(ec2types.SecurityGroupRuleUpdate{SecurityGroupRuleId: rule.SecurityGroupRuleId, SecurityGroupRule: &good},
			ec2types.SecurityGroupRuleUpdate{SecurityGroupRuleId: aws.String("sgr-0123456789abcdef0"), SecurityGroupRule: &bad})
		return first(unless(code(err), "InvalidSecurityGroupRuleId.NotFound"), unless(n.texts(), "tcp/22 0.0.0.0/0"))
	}},
	{"EC2-3", "an authorizing call of which one permission is refused adds nothing", func(n *vpc) string {
		n.open(443, "10.0.0.0/8")
		_, err := n.authorize(permission(22, "0.0.0.0/0"), permission(443, "10.0.0.0/8"))
		return first(unless(code(err), "InvalidPermission.Duplicate"), unless(n.texts(), "tcp/443 10.0.0.0/8"))
	}},
	{"EC2-3", "it answers the rules of all its permissions", func(n *vpc) string {
		made, err := n.authorize(permission(22, "0.0.0.0/0", "::/0"), permission(443, "10.0.0.0/8"))
		return first(unless(code(err), "none"), unless(fmt.Sprint(len(made)), "3"))
	}},
	{"EC2-3", "a revoking call of which one permission is not there removes nothing", func(n *vpc) string {
		n.open(22, "0.0.0.0/0")
		_, err := n.RevokeSecurityGroupIngress(n.t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: []ec2types.IpPermission{permission(22, "0.0.0.0/0"), permission(80, "0.0.0.0/0")}})
		return first(unless(code(err), "InvalidPermission.NotFound"), unless(n.texts(), "tcp/22 0.0.0.0/0"))
	}},
	{"EC2-4", "the same source in another spelling is a duplicate", func(n *vpc) string {
		n.open(22, "0.0.0.0/0", "2001:db8::/32")
		for _, again := range []string{"1.2.3.4/0", "2001:DB8:0::1/32"} {
			if _, err := n.authorize(permission(22, again)); code(err) != "InvalidPermission.Duplicate" {
				return again + ": " + code(err)
			}
		}
		return ""
	}},
	{"EC2-4", "so is the same rule with another description", func(n *vpc) string {
		other := n.newGroup()
		n.open(22, other)
		again := permission(22, other)
		again.UserIdGroupPairs[0].Description = aws.String("another")
		_, err := n.authorize(again)
		return unless(code(err), "InvalidPermission.Duplicate")
	}},
	{"EC2-4", "ModifySecurityGroupRules cannot make two rules equal", func(n *vpc) string {
		n.open(22, "192.0.2.1/32")
		rule := n.open(22, "0.0.0.0/0")
		err := n.modify(*rule.SecurityGroupRuleId, tcp(22, "192.0.2.1/32"))
		return first(unless(code(err), "InvalidPermission.Duplicate"), unless(n.texts(), "tcp/22 0.0.0.0/0, tcp/22 192.0.2.1/32"))
	}},
	{"EC2-5", "A prefix is kept in its canonical form", func(n *vpc) string {
		n.open(22, "100.68.0.18/18", "2001:DB8:0:0::1/64")
		return unless(n.texts(), "tcp/22 100.68.0.0/18, tcp/22 2001:db8::/64")
	}},
	{"EC2-5", "also by ModifySecurityGroupRules, which refuses what is none", func(n *vpc) string {
		rule := n.open(22, "10.0.0.0/8")
		err := n.modify(*rule.SecurityGroupRuleId, tcp(22, "100.68.0.18/18"))
		return first(unless(code(err), "none"), unless(n.texts(), "tcp/22 100.68.0.0/18"), unless(code(n.modify(*rule.SecurityGroupRuleId, tcp(22, "nonsense"))), "InvalidParameterValue"))
	}},
	{"EC2-5", "a rule is revoked by any spelling of its source", func(n *vpc) string {
		n.open(22, "0.0.0.0/0")
		_, err := n.RevokeSecurityGroupIngress(n.t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: []ec2types.IpPermission{permission(22, "9.9.9.9/0")}})
		return first(unless(code(err), "none"), unless(n.texts(), ""))
	}},
	{"EC2-6", "58 is icmpv6, which needs no ports", func(n *vpc) string {
		_, err := n.authorize(ec2types.IpPermission{IpProtocol: aws.String("58"), Ipv6Ranges: []ec2types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}})
		return first(unless(code(err), "none"), unless(n.texts(), "icmpv6/-1 ::/0"))
	}},
	{"EC2-6", "protocols without ports admit all", func(n *vpc) string {
		p := permission(22, "10.0.0.0/8")
		p.IpProtocol = aws.String("47")
		_, err := n.authorize(p)
		return first(unless(code(err), "none"), unless(n.texts(), "47/-1 10.0.0.0/8"))
	}},
	{"EC2-6", "tcp, udp and icmp need ports", func(n *vpc) string {
		_, err := n.authorize(ec2types.IpPermission{IpProtocol: aws.String("tcp"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}})
		return unless(code(err), "InvalidParameterValue")
	}},
	{"EC2-6", "ModifySecurityGroupRules reads protocol numbers, too", func(n *vpc) string {
		rule := n.open(22, "10.0.0.0/8")
		request := tcp(53, "10.0.0.0/8")
		request.IpProtocol = aws.String("17")
		return first(unless(code(n.modify(*rule.SecurityGroupRuleId, request)), "none"), unless(n.texts(), "udp/53 10.0.0.0/8"))
	}},
	{"EC2-7", "a description that ModifySecurityGroupRules leaves out is gone", func(n *vpc) string {
		rule := n.open(22, "10.0.0.0/8")
		if err := n.modify(*rule.SecurityGroupRuleId, tcp(22, "10.0.0.0/8")); err != nil {
			n.t.Fatal(err)
		}
		return unless(aws.ToString(n.ingress()[0].Description), "")
	}},
	{"EC2-7", "UpdateSecurityGroupRuleDescriptions takes rule ids", func(n *vpc) string {
		rule := n.open(22, n.list(2, "10.0.0.0/8"))
		for _, want := range []*string{aws.String("told by id"), nil} {
			_, err := n.UpdateSecurityGroupRuleDescriptionsIngress(n.t.Context(), &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: &n.group,
				SecurityGroupRuleDescriptions: []ec2types.SecurityGroupRuleDescription{{SecurityGroupRuleId: rule.SecurityGroupRuleId, Description: want}}})
			if err != nil {
				return code(err)
			}
			if got := aws.ToString(n.ingress()[0].Description); got != aws.ToString(want) {
				return unless(got, aws.ToString(want))
			}
		}
		return ""
	}},
}

// moved opens for one source, has the rule changed to another, and compares.
func (n *vpc) moved(from, to string) string {
	rule := n.open(22, from)
	request := tcp(22, to)
	request.Description = rule.Description
	if request.Description == nil {
		request.Description = aws.String("from " + from)
	}
	err := n.modify(*rule.SecurityGroupRuleId, request)
	got := n.ingress()
	if err != nil || len(got) != 1 {
		return fmt.Sprintf("%s, %d rules", code(err), len(got))
	}
	tags := ""
	for _, tag := range got[0].Tags {
		tags += aws.ToString(tag.Key) + "=" + aws.ToString(tag.Value)
	}
	return first(unless(text(got[0]), "tcp/22 "+to), unless(*got[0].SecurityGroupRuleId, *rule.SecurityGroupRuleId), unless(tags, "owner=net"),
		unless(aws.ToString(got[0].Description), "from "+from))
}

var ofAnswers = []behaviour{
	{"EC2-8", "A rule shows its group's owner and its ARN", func(n *vpc) string {
		rule := n.open(22, "10.0.0.0/8")
		got := n.ingress()[0]
		return first(unless(aws.ToString(got.GroupOwnerId), motoAccount), unless(aws.ToString(rule.GroupOwnerId), motoAccount),
			unless(aws.ToString(got.SecurityGroupRuleArn), "arn:aws:ec2:"+region+":"+motoAccount+":security-group-rule/"+*rule.SecurityGroupRuleId))
	}},
	{"EC2-8", "the description of a rule for a prefix list", func(n *vpc) string { return n.described(n.list(2, "10.0.0.0/8")) }},
	{"EC2-8", "or for a group", func(n *vpc) string { return n.described(n.newGroup()) }},
	{"EC2-8", "The answer to an authorizing call has ports -1 where the protocol has none", func(n *vpc) string {
		made, err := n.authorize(ec2types.IpPermission{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
		if err != nil || len(made) != 1 || made[0].FromPort == nil {
			return fmt.Sprint(err, len(made), " rules, no port")
		}
		return unless(text(made[0]), "-1/-1 0.0.0.0/0")
	}},
	{"EC2-9", "60 rules of each family", func(n *vpc) string {
		var v4, v6 []string
		for i := range 60 {
			v4, v6 = append(v4, fmt.Sprintf("10.0.%d.0/24", i)), append(v6, fmt.Sprintf("2001:db8:%x::/48", i))
		}
		_, err := n.authorize(permission(22, v4...))
		_, six := n.authorize(permission(22, v6...))
		_, over := n.authorize(permission(22, "192.0.2.0/24"))
		return first(unless(code(err), "none"), unless(code(six), "none"), unless(code(over), "RulesPerSecurityGroupLimitExceeded"))
	}},
	{"EC2-9", "a prefix list counts with its MaxEntries", func(n *vpc) string {
		_, err := n.authorize(permission(22, n.list(61, "10.0.0.0/8")))
		return unless(code(err), "RulesPerSecurityGroupLimitExceeded")
	}},
	{"EC2-10", "DescribeSecurityGroupRules answers in pages of MaxResults", func(n *vpc) string {
		for i := range 11 {
			n.open(int32(1000+i), "10.0.0.0/8")
		}
		pages := ec2.NewDescribeSecurityGroupRulesPaginator(n, &ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(5), Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{n.group}}}})
		count, seen := 0, map[string]bool{}
		for pages.HasMorePages() {
			page, err := pages.NextPage(n.t.Context())
			if err != nil {
				return code(err)
			}
			count++
			for _, r := range page.SecurityGroupRules {
				seen[*r.SecurityGroupRuleId] = true
			}
		}
		return unless(fmt.Sprint(count, " pages, ", len(seen), " rules"), "3 pages, 12 rules") // the default egress rule, too
	}},
	{"EC2-10", "a MaxResults out of bounds is refused", func(n *vpc) string {
		_, err := n.DescribeSecurityGroupRules(n.t.Context(), &ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(1001)})
		return unless(code(err), "InvalidParameterValue")
	}},
	{"EC2-11", "an unknown filter is refused", func(n *vpc) string {
		_, err := n.DescribeSecurityGroupRules(n.t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{{Name: aws.String("group-name"), Values: []string{"x"}}}})
		return unless(code(err), "InvalidParameterValue")
	}},
	{"EC2-11", "and so are more than 200 values", func(n *vpc) string {
		values := strings.Split(strings.Repeat(n.group+" ", 201), " ")[:201]
		_, err := n.DescribeSecurityGroupRules(n.t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: values}}})
		return unless(code(err), "FilterLimitExceeded")
	}},
	{"EC2-12", "DescribeSecurityGroups finds the groups that refer to a prefix list", func(n *vpc) string {
		list := n.list(2, "10.0.0.0/8")
		n.open(22, list)
		n.newGroup()
		return n.found("ip-permission.prefix-list-id", list)
	}},
	{"EC2-12", "or admit an IPv6 range", func(n *vpc) string {
		n.open(22, "2001:db8:77::/48")
		return n.found("ip-permission.ipv6-cidr", "2001:db8:77::/48")
	}},
	{"EC2-13", "A revoking call answers what it removed", func(n *vpc) string {
		rule := n.open(22, "0.0.0.0/0")
		out, err := n.RevokeSecurityGroupIngress(n.t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &n.group, SecurityGroupRuleIds: []string{*rule.SecurityGroupRuleId}})
		if err != nil || len(out.RevokedSecurityGroupRules) != 1 {
			return "no rule: " + code(err)
		}
		return unless(aws.ToString(out.RevokedSecurityGroupRules[0].SecurityGroupRuleId)+" "+aws.ToString(out.RevokedSecurityGroupRules[0].CidrIpv4), *rule.SecurityGroupRuleId+" 0.0.0.0/0")
	}},
}

func (n *vpc) described(source string) string {
	n.open(22, source)
	return unless(aws.ToString(n.ingress()[0].Description), "from "+source)
}

func (n *vpc) found(filter, value string) string {
	out, err := n.DescribeSecurityGroups(n.t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: &filter, Values: []string{value}}}})
	if err != nil {
		return code(err)
	}
	var ids []string
	for _, g := range out.SecurityGroups {
		ids = append(ids, aws.ToString(g.GroupId))
	}
	return unless(strings.Join(ids, " "), n.group)
}
