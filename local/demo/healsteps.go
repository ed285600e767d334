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
	"github.com/evenkeel/evenkeel/shared/healing"
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
	group := Group{Title: healTitle, Needs: []string{deployTitle}, Steps: []Step{
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

// openAndHeal opens the web tier's group, waits until it is as before, and
// looks for the record.
func (w *World) openAndHeal(ctx context.Context, o opening) (string, error) {
	c, err := w.openAndClose(ctx, o)
	if err != nil {
		return "", err
	}
	heal, err := w.awaitHeal(ctx, c.rule)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("closed %.2f s after the event, %d rules kept; evenkeel heal undo %s", c.exposure.Seconds(), heal.Kept, heal.HealID), nil
}

// closing is a rule that was opened and is closed.
type closing struct {
	rule     string
	exposure time.Duration
}

// openAndClose opens the web tier's group and waits until exactly the new rule
// is closed.
func (w *World) openAndClose(ctx context.Context, o opening) (closing, error) {
	client := ec2.NewFromConfig(w.account(prodAccount))
	group, err := w.physicalID(ctx, prodAccount, "shop-network-prod", "WebSecurityGroup")
	if err != nil {
		return closing{}, err
	}
	before, err := rules(ctx, client, group)
	if err != nil {
		return closing{}, err
	}
	o.request.GroupId = &group
	opened, err := client.AuthorizeSecurityGroupIngress(ctx, &o.request)
	if err != nil {
		return closing{}, err
	}
	since := time.Now()
	if len(opened.SecurityGroupRules) != 1 {
		return closing{}, fmt.Errorf("opening the group made %d rules, want 1", len(opened.SecurityGroupRules))
	}
	c := closing{rule: aws.ToString(opened.SecurityGroupRules[0].SecurityGroupRuleId)}
	var after []string
	err = await(ctx, "rule "+c.rule+" to be closed", func() (bool, error) {
		after, err = rules(ctx, client, group)
		return !slices.Contains(after, c.rule), err
	})
	c.exposure = time.Since(since)
	if err == nil && !slices.Equal(before, after) {
		err = fmt.Errorf("the other rules are %v, were %v", after, before)
	}
	return c, err
}

// rules lists the ids of a group's rules that admit somebody, sorted: not those
// that the healer has put into quarantine.
func rules(ctx context.Context, client *ec2.Client, group string) ([]string, error) {
	out, err := client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}},
	})
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, r := range out.SecurityGroupRules {
		rule := events.SecurityGroupRule{CIDRv4: aws.ToString(r.CidrIpv4), CIDRv6: aws.ToString(r.CidrIpv6)}
		if healing.DefaultPolicy().Quarantines(rule) {
			continue
		}
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
