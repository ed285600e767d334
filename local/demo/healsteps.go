package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// opening is one way to open port 22 to the world.
type opening struct {
	what    string
	request ec2.AuthorizeSecurityGroupIngressInput
}

func openings() []opening {
	permission := func(from, to int32) types.IpPermission {
		return types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &from, ToPort: &to}
	}
	v4, v6, wide := permission(22, 22), permission(22, 22), permission(20, 25)
	v4.IpRanges = []types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("just for a minute")}}
	v6.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}
	wide.IpRanges = []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}
	return []opening{
		{"to every IPv4 address", ec2.AuthorizeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{v4}}},
		{"to every IPv6 address", ec2.AuthorizeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{v6}}},
		{"inside the range 20-25", ec2.AuthorizeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{wide}}},
		{"by the flat request form", ec2.AuthorizeSecurityGroupIngressInput{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0"),
		}},
	}
}

func healGroup() Group {
	group := Group{Title: "A security group that opens to the world is closed", Steps: []Step{
		{Want: "healing is switched from observing to enforcing", Run: func(ctx context.Context, w *World) (string, error) {
			_, err := w.evenkeel(ctx, "heal", "mode", "enforce")
			return "evenkeel heal mode enforce", err
		}},
	}}
	for _, o := range openings() {
		group.Steps = append(group.Steps, Step{
			Want: "port 22 opened " + o.what + ": exactly that rule is closed, with an undo",
			Run:  func(ctx context.Context, w *World) (string, error) { return w.openAndHeal(ctx, o) },
		})
	}
	return group
}

// openAndHeal opens the web tier's group and waits until it is as before.
func (w *World) openAndHeal(ctx context.Context, o opening) (string, error) {
	client := ec2.NewFromConfig(w.account(prodAccount))
	group, err := w.physicalID(ctx, prodAccount, "shop-network-prod", "WebSecurityGroup")
	if err != nil {
		return "", err
	}
	before, err := rules(ctx, client, group)
	if err != nil {
		return "", err
	}
	o.request.GroupId = &group
	opened, err := client.AuthorizeSecurityGroupIngress(ctx, &o.request)
	if err != nil {
		return "", err
	}
	since := time.Now()
	if len(opened.SecurityGroupRules) != 1 {
		return "", fmt.Errorf("opening the group made %d rules, want 1", len(opened.SecurityGroupRules))
	}
	rule := aws.ToString(opened.SecurityGroupRules[0].SecurityGroupRuleId)
	err = await(ctx, "rule "+rule+" to be closed", func() (bool, error) {
		now, err := rules(ctx, client, group)
		return !slices.Contains(now, rule), err
	})
	closed := time.Since(since)
	if err != nil {
		return "", err
	}
	after, err := rules(ctx, client, group)
	if err != nil {
		return "", err
	}
	if !slices.Equal(before, after) {
		return "", fmt.Errorf("the other rules are %v, were %v", after, before)
	}
	heal, err := w.awaitHeal(ctx, rule)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("closed %.2f s after the event, %d rules kept; evenkeel heal undo %s", closed.Seconds(), heal.Kept, heal.HealID), nil
}

// rules lists the ids of a group's rules, sorted.
func rules(ctx context.Context, client *ec2.Client, group string) ([]string, error) {
	out, err := client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}},
	})
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, r := range out.SecurityGroupRules {
		ids = append(ids, aws.ToString(r.SecurityGroupRuleId))
	}
	slices.SortFunc(ids, cmp.Compare)
	return ids, nil
}

// awaitHeal waits for the fact that a rule was closed, and for its undo record.
func (w *World) awaitHeal(ctx context.Context, rule string) (events.SecurityGroupHealed, error) {
	var found events.SecurityGroupHealed
	err := await(ctx, "the record of closing "+rule, func() (bool, error) {
		subjects, err := w.ledger.Subjects(ctx, ledger.KindHeal, 10)
		if err != nil {
			return false, err
		}
		for _, subject := range subjects {
			heals, err := facts[events.SecurityGroupHealed](ctx, w, subject)
			if err != nil {
				return false, err
			}
			for _, heal := range heals {
				if len(heal.Removed) == 1 && heal.Removed[0].Rule.RuleID == rule {
					found = heal
					return true, nil
				}
			}
		}
		return false, nil
	})
	if err != nil {
		return found, err
	}
	_, err = w.evenkeel(ctx, "heal", "show", found.HealID)
	return found, err
}

// ruleIsOpen checks that every rule that an undo restored is there.
func (w *World) ruleIsOpen(ctx context.Context, undone events.SecurityGroupHealUndone) (string, error) {
	now, err := rules(ctx, ec2.NewFromConfig(w.account(undone.Account)), undone.GroupID)
	if err != nil {
		return "", err
	}
	for _, restored := range undone.Restored {
		if !slices.Contains(now, restored.RuleID) {
			return "", fmt.Errorf("rule %s is not among %v", restored.RuleID, now)
		}
	}
	return fmt.Sprintf("%d rules restored by %s, left alone until %s", len(undone.Restored), undone.By, undone.Until.Format(time.RFC3339)),
		expect("rules restored > 0", len(undone.Restored) > 0, true)
}
