package ec2backed

import (
	"context"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// rule is one security group rule with one peer, in comparable form: protocol
// in lower case, prefixes masked, ports -1 where the protocol has none.
type rule struct {
	id, group   string
	egress      bool
	protocol    string
	from, to    int32
	v4, v6      string
	list        string // prefix list
	peer        string // security group
	description string
}

// same tells whether two rules allow the same, whatever their ids and
// descriptions: EC2 takes one of them only.
func (r rule) same(other rule) bool {
	r.id, other.id, r.description, other.description = "", "", "", ""
	return r == other
}

func (r rule) withoutID() rule {
	r.id = ""
	return r
}

// ruleOf reads a rule from a resource model.
func ruleOf(m map[string]any, group string, egress bool) rule {
	r := rule{
		group: group, egress: egress, protocol: strings.ToLower(aws.ToString(text(m, "IpProtocol"))), from: -1, to: -1,
		v4: masked(aws.ToString(text(m, "CidrIp"))), v6: masked(aws.ToString(text(m, "CidrIpv6"))), description: aws.ToString(text(m, "Description")),
	}
	if r.protocol != "-1" {
		if p := number(m, "FromPort"); p != nil {
			r.from = *p
		}
		if p := number(m, "ToPort"); p != nil {
			r.to = *p
		}
	}
	r.list, r.peer = aws.ToString(text(m, "SourcePrefixListId")), aws.ToString(text(m, "SourceSecurityGroupId"))
	if egress {
		r.list, r.peer = aws.ToString(text(m, "DestinationPrefixListId")), aws.ToString(text(m, "DestinationSecurityGroupId"))
	}
	return r
}

func masked(cidr string) string {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return cidr
	}
	return prefix.Masked().String()
}

func ruleFrom(x types.SecurityGroupRule) rule {
	r := rule{
		id: aws.ToString(x.SecurityGroupRuleId), group: aws.ToString(x.GroupId), egress: aws.ToBool(x.IsEgress), protocol: aws.ToString(x.IpProtocol),
		from: -1, to: -1, v4: aws.ToString(x.CidrIpv4), v6: aws.ToString(x.CidrIpv6), list: aws.ToString(x.PrefixListId), description: aws.ToString(x.Description),
	}
	if r.protocol != "-1" {
		if x.FromPort != nil {
			r.from = *x.FromPort
		}
		if x.ToPort != nil {
			r.to = *x.ToPort
		}
	}
	if x.ReferencedGroupInfo != nil {
		r.peer = aws.ToString(x.ReferencedGroupInfo.GroupId)
	}
	return r
}

// model renders the rule as the provider schema does.
func (r rule) model() map[string]any {
	m := map[string]any{"IpProtocol": r.protocol, "FromPort": float64(r.from), "ToPort": float64(r.to)}
	set(m, "CidrIp", &r.v4)
	set(m, "CidrIpv6", &r.v6)
	set(m, "Description", &r.description)
	side := "Source"
	if r.egress {
		side = "Destination"
	}
	set(m, side+"PrefixListId", &r.list)
	set(m, side+"SecurityGroupId", &r.peer)
	return m
}

func (r rule) permission() types.IpPermission {
	p := types.IpPermission{IpProtocol: &r.protocol}
	if r.protocol != "-1" {
		p.FromPort, p.ToPort = &r.from, &r.to
	}
	var description *string
	if r.description != "" {
		description = &r.description
	}
	switch {
	case r.v4 != "":
		p.IpRanges = []types.IpRange{{CidrIp: &r.v4, Description: description}}
	case r.v6 != "":
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &r.v6, Description: description}}
	case r.list != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &r.list, Description: description}}
	case r.peer != "":
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &r.peer, Description: description}}
	}
	return p
}

// rules lists the rules of a group.
func (b *Backend) rules(ctx context.Context, group string) ([]rule, error) {
	var list []rule
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(b.client, &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", group)}})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, x := range out.SecurityGroupRules {
			list = append(list, ruleFrom(x))
		}
	}
	return list, nil
}

// authorize adds a rule and gives its id.
func (b *Backend) authorize(ctx context.Context, r rule) (string, error) {
	var made []types.SecurityGroupRule
	if r.egress {
		out, err := b.client.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &r.group, IpPermissions: []types.IpPermission{r.permission()}})
		if err != nil {
			return "", err
		}
		made = out.SecurityGroupRules
	} else {
		out, err := b.client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &r.group, IpPermissions: []types.IpPermission{r.permission()}})
		if err != nil {
			return "", err
		}
		made = out.SecurityGroupRules
	}
	if len(made) == 1 {
		return aws.ToString(made[0].SecurityGroupRuleId), nil
	}
	live, err := b.rules(ctx, r.group)
	if err != nil {
		return "", err
	}
	for _, x := range live {
		if x.same(r) {
			return x.id, nil
		}
	}
	return "", notFound("security group rule", r.group)
}

func (b *Backend) revoke(ctx context.Context, r rule) error {
	var err error
	if r.egress {
		_, err = b.client.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &r.group, SecurityGroupRuleIds: []string{r.id}})
	} else {
		_, err = b.client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &r.group, SecurityGroupRuleIds: []string{r.id}})
	}
	return err
}

func (b *Backend) rule(ctx context.Context, id string) (rule, error) {
	out, err := b.client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{id}})
	if err != nil {
		return rule{}, err
	}
	for _, x := range out.SecurityGroupRules {
		if aws.ToString(x.SecurityGroupRuleId) == id {
			return ruleFrom(x), nil
		}
	}
	return rule{}, notFound("security group rule", id)
}

// ruleHandler serves the two types of a rule that stands alone.
func (b *Backend) ruleHandler(egress bool) handler {
	return handler{
		create: func(ctx context.Context, desired map[string]any) (string, error) {
			return b.authorize(ctx, ruleOf(desired, aws.ToString(text(desired, "GroupId")), egress))
		},
		read: func(ctx context.Context, id string) (map[string]any, error) {
			r, err := b.rule(ctx, id)
			if err != nil {
				return nil, err
			}
			model := r.model()
			model["Id"], model["GroupId"] = id, r.group
			return model, nil
		},
		update: b.describeRule,
		remove: func(ctx context.Context, id string) error {
			r, err := b.rule(ctx, id)
			if err != nil {
				return err
			}
			return b.revoke(ctx, r)
		},
		list: func(ctx context.Context) ([]string, error) { return b.listRules(ctx, egress) },
	}
}

// describeRule changes the description, all that can change in place.
func (b *Backend) describeRule(ctx context.Context, id string, _, desired map[string]any) error {
	r, err := b.rule(ctx, id)
	if err != nil {
		return err
	}
	description := []types.SecurityGroupRuleDescription{{SecurityGroupRuleId: &id, Description: text(desired, "Description")}}
	if r.egress {
		_, err = b.client.UpdateSecurityGroupRuleDescriptionsEgress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsEgressInput{GroupId: &r.group, SecurityGroupRuleDescriptions: description})
	} else {
		_, err = b.client.UpdateSecurityGroupRuleDescriptionsIngress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: &r.group, SecurityGroupRuleDescriptions: description})
	}
	return err
}

func (b *Backend) listRules(ctx context.Context, egress bool) ([]string, error) {
	out, err := b.client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range out.SecurityGroupRules {
		if aws.ToBool(x.IsEgress) == egress {
			ids = append(ids, aws.ToString(x.SecurityGroupRuleId))
		}
	}
	return ids, nil
}
