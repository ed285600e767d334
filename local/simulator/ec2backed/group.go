package ec2backed

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (b *Backend) createGroup(ctx context.Context, desired map[string]any) (string, error) {
	out, err := b.client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: text(desired, "GroupName"), Description: text(desired, "GroupDescription"), VpcId: text(desired, "VpcId"),
		TagSpecifications: specification(types.ResourceTypeSecurityGroup, desired),
	})
	if err != nil {
		return "", err
	}
	id := *out.GroupId
	// EC2 gives a new group a rule that lets everything out. CloudFormation
	// takes it away if the template has its own egress rules.
	// Source: template reference, AWS::EC2::SecurityGroup.
	previous := map[string]any{}
	if _, own := desired["SecurityGroupEgress"]; own {
		previous["SecurityGroupEgress"] = []any{map[string]any{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}}
	}
	if err := b.changeRules(ctx, id, previous, desired); err != nil {
		_ = b.deleteGroup(ctx, id)
		return "", err
	}
	return id, nil
}

func (b *Backend) readGroup(ctx context.Context, id string) (map[string]any, error) {
	out, err := b.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.SecurityGroups) == 0 {
		return nil, notFound("security group", id)
	}
	group := out.SecurityGroups[0]
	model := map[string]any{"Id": id, "GroupId": id}
	set(model, "GroupName", group.GroupName)
	set(model, "GroupDescription", group.Description)
	set(model, "VpcId", group.VpcId)
	showTags(model, group.Tags)
	rules, err := b.rules(ctx, id)
	if err != nil {
		return nil, err
	}
	ingress, egress := []any{}, []any{}
	for _, r := range rules {
		if r.egress {
			egress = append(egress, r.model())
		} else {
			ingress = append(ingress, r.model())
		}
	}
	model["SecurityGroupIngress"], model["SecurityGroupEgress"] = ingress, egress
	return model, nil
}

func (b *Backend) updateGroup(ctx context.Context, id string, previous, desired map[string]any) error {
	if err := b.changeRules(ctx, id, previous, desired); err != nil {
		return err
	}
	return b.retag(ctx, id, previous, desired)
}

// changeRules brings a group's rules from previous to desired: it revokes what
// previous has and desired lacks, and adds what is missing. Rules that neither
// names (attached from elsewhere) stay.
func (b *Backend) changeRules(ctx context.Context, id string, previous, desired map[string]any) error {
	live, err := b.rules(ctx, id)
	if err != nil {
		return err
	}
	for _, egress := range []bool{false, true} {
		before, after := inlineRules(previous, id, egress), inlineRules(desired, id, egress)
		var there []rule
		for _, r := range live {
			if r.egress != egress {
				continue
			}
			named := slices.ContainsFunc(before, r.same)
			wanted := slices.ContainsFunc(after, func(x rule) bool { return x == r.withoutID() })
			// The same rule with another description has to go first.
			retold := slices.ContainsFunc(after, r.same) && !wanted
			if (named || retold) && !wanted {
				if err := b.revoke(ctx, r); err != nil {
					return err
				}
				continue
			}
			there = append(there, r)
		}
		for _, r := range after {
			if slices.ContainsFunc(there, r.same) {
				continue
			}
			if _, err := b.authorize(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// inlineRules gives the rules in a group's own properties.
func inlineRules(model map[string]any, group string, egress bool) []rule {
	name := "SecurityGroupIngress"
	if egress {
		name = "SecurityGroupEgress"
	}
	list, _ := model[name].([]any)
	var rules []rule
	for _, element := range list {
		if m, ok := element.(map[string]any); ok {
			rules = append(rules, ruleOf(m, group, egress))
		}
	}
	return rules
}

func (b *Backend) deleteGroup(ctx context.Context, id string) error {
	_, err := b.client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(id)})
	return err
}

func (b *Backend) listGroups(ctx context.Context) ([]string, error) {
	out, err := b.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, group := range out.SecurityGroups {
		ids = append(ids, *group.GroupId)
	}
	return ids, nil
}
