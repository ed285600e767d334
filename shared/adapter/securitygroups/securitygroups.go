// Package securitygroups reads and changes security groups in workload
// accounts through EC2.
package securitygroups

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	_ healing.Groups     = (*Client)(nil)
	_ healing.ListOwners = (*Client)(nil)
	_ healing.Changes    = (*Client)(nil)
)

// Sessions gives the configuration for an account and region.
type Sessions interface {
	In(account, region string) aws.Config
}

// Client implements healing.Groups and healing.Changes.
type Client struct {
	sessions Sessions
}

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions) *Client { return &Client{sessions: sessions} }

func (c *Client) in(at healing.Place) *ec2.Client {
	return ec2.NewFromConfig(c.sessions.In(at.Account, at.Region))
}

// Limits of one request. Source: EC2 API reference, DescribeSecurityGroupRules
// (MaxResults), GetManagedPrefixListEntries (MaxResults), "Filtering" (values of a filter).
const (
	rulesPage   = 1000
	entriesPage = 100
	maxFilter   = 200
)

// Rules implements healing.Groups. The groups are a filter, and a filter that
// matches nothing is no error.
func (c *Client) Rules(ctx context.Context, at healing.Place, groups ...string) ([]events.SecurityGroupRule, error) {
	if len(groups) == 0 {
		return c.rules(ctx, at, &ec2.DescribeSecurityGroupRulesInput{})
	}
	var all []events.SecurityGroupRule
	for some := range slices.Chunk(groups, maxFilter) {
		rules, err := c.rules(ctx, at, &ec2.DescribeSecurityGroupRulesInput{
			Filters: []types.Filter{{Name: aws.String("group-id"), Values: some}},
		})
		if err != nil {
			return nil, err
		}
		all = append(all, rules...)
	}
	return all, nil
}

func (c *Client) rules(ctx context.Context, at healing.Place, in *ec2.DescribeSecurityGroupRulesInput) ([]events.SecurityGroupRule, error) {
	in.MaxResults = aws.Int32(rulesPage)
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(c.in(at), in)
	var rules []events.SecurityGroupRule
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the security group rules of "+at.Account+" in "+at.Region, err)
		}
		for _, r := range page.SecurityGroupRules {
			rules = append(rules, fromEC2(r))
		}
	}
	slices.SortFunc(rules, func(a, b events.SecurityGroupRule) int { return strings.Compare(a.RuleID, b.RuleID) })
	return rules, nil
}

func fromEC2(r types.SecurityGroupRule) events.SecurityGroupRule {
	rule := events.SecurityGroupRule{
		RuleID:       aws.ToString(r.SecurityGroupRuleId),
		GroupID:      aws.ToString(r.GroupId),
		Egress:       aws.ToBool(r.IsEgress),
		Protocol:     aws.ToString(r.IpProtocol),
		FromPort:     port(r.FromPort),
		ToPort:       port(r.ToPort),
		CIDRv4:       aws.ToString(r.CidrIpv4),
		CIDRv6:       aws.ToString(r.CidrIpv6),
		PrefixListID: aws.ToString(r.PrefixListId),
		Description:  aws.ToString(r.Description),
	}
	if r.ReferencedGroupInfo != nil {
		rule.ReferencedGroupID = aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	rule.Tags = tagsOf(r.Tags)
	return rule
}

func tagsOf(list []types.Tag) map[string]string {
	if len(list) == 0 {
		return nil
	}
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// port reads a port that EC2 leaves out when it means all.
func port(p *int32) int32 {
	if p == nil {
		return -1
	}
	return *p
}

// Group implements healing.Groups.
func (c *Client) Group(ctx context.Context, at healing.Place, id string) (events.SecurityGroup, bool, error) {
	out, err := c.in(at).DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if awserr.HasCode(err, "InvalidGroup.NotFound") || err == nil && len(out.SecurityGroups) == 0 {
		return events.SecurityGroup{}, false, nil
	}
	if err != nil {
		return events.SecurityGroup{}, false, awserr.Classify("describe "+id, err)
	}
	g := out.SecurityGroups[0]
	return events.SecurityGroup{
		GroupID: id, GroupName: aws.ToString(g.GroupName), VPCID: aws.ToString(g.VpcId),
		Account: at.Account, Region: at.Region, Tags: tagsOf(g.Tags),
	}, true, nil
}

// noList are the codes for a prefix list that is not there.
var noList = []string{"InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound"}

// Entries implements healing.Groups.
func (c *Client) Entries(ctx context.Context, at healing.Place, prefixList string) ([]string, bool, error) {
	pages := ec2.NewGetManagedPrefixListEntriesPaginator(c.in(at), &ec2.GetManagedPrefixListEntriesInput{
		PrefixListId: aws.String(prefixList), MaxResults: aws.Int32(entriesPage),
	})
	cidrs := []string{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.HasCode(err, noList...) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, awserr.Classify("read the entries of "+prefixList, err)
		}
		for _, e := range page.Entries {
			cidrs = append(cidrs, aws.ToString(e.Cidr))
		}
	}
	return cidrs, true, nil
}

// AWSLists implements healing.ListOwners. The ids are a filter, and a filter
// that matches nothing is no error. The owner of an AWS-managed list is "AWS".
// Source: VPC user guide, "AWS-managed prefix lists"; EC2 API reference,
// ManagedPrefixList.
func (c *Client) AWSLists(ctx context.Context, at healing.Place, prefixLists ...string) ([]string, error) {
	var kept []string
	for some := range slices.Chunk(prefixLists, maxFilter) {
		pages := ec2.NewDescribeManagedPrefixListsPaginator(c.in(at), &ec2.DescribeManagedPrefixListsInput{
			Filters: []types.Filter{{Name: aws.String("prefix-list-id"), Values: some}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, awserr.Classify("describe "+strings.Join(some, ", "), err)
			}
			for _, list := range page.PrefixLists {
				if strings.EqualFold(aws.ToString(list.OwnerId), "AWS") {
					kept = append(kept, aws.ToString(list.PrefixListId))
				}
			}
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// gone are the answers to a revoke of what is not there any more.
// Source: EC2 API reference, "Error codes".
var gone = []string{"InvalidGroup.NotFound", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"}

// Revoke implements healing.Changes. Rules are named by id, which is exact: by
// properties, a mismatch in the default VPC answers success and removes
// nothing (EC2 API reference, RevokeSecurityGroupIngress).
func (c *Client) Revoke(ctx context.Context, at healing.Place, group string, ruleIDs []string) error {
	_, err := c.in(at).RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
		GroupId: aws.String(group), SecurityGroupRuleIds: ruleIDs,
	})
	if awserr.HasCode(err, gone...) {
		return nil
	}
	return awserr.Classify("revoke "+strings.Join(ruleIDs, ", ")+" of "+group, err)
}

// Modify implements healing.Changes. The whole rule is stated again, as what
// is left out of a SecurityGroupRuleRequest is not kept.
// Source: EC2 API reference, ModifySecurityGroupRules.
func (c *Client) Modify(ctx context.Context, at healing.Place, group string, rules []events.SecurityGroupRule) error {
	updates := make([]types.SecurityGroupRuleUpdate, len(rules))
	for i, r := range rules {
		updates[i] = types.SecurityGroupRuleUpdate{SecurityGroupRuleId: aws.String(r.RuleID), SecurityGroupRule: request(r)}
	}
	_, err := c.in(at).ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{GroupId: aws.String(group), SecurityGroupRules: updates})
	switch {
	case awserr.HasCode(err, gone...):
		return nil
	case awserr.HasCode(err, "InvalidPermission.Duplicate"):
		return fault.Conflict("modify rules of %s: %w", group, err)
	}
	return awserr.Classify("modify rules of "+group, err)
}

// request states a rule as ModifySecurityGroupRules takes it.
func request(r events.SecurityGroupRule) *types.SecurityGroupRuleRequest {
	set := func(s string) *string {
		if s == "" {
			return nil
		}
		return aws.String(s)
	}
	out := &types.SecurityGroupRuleRequest{
		IpProtocol: aws.String(r.Protocol), CidrIpv4: set(r.CIDRv4), CidrIpv6: set(r.CIDRv6),
		PrefixListId: set(r.PrefixListID), ReferencedGroupId: set(r.ReferencedGroupID), Description: set(r.Description),
		FromPort: aws.Int32(r.FromPort), ToPort: aws.Int32(r.ToPort), // as read; where a protocol has none, EC2 shows -1 and ignores them
	}
	return out
}

// Authorize implements healing.Changes.
func (c *Client) Authorize(ctx context.Context, at healing.Place, rule events.SecurityGroupRule) error {
	in := &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId:       aws.String(rule.GroupID),
		IpPermissions: []types.IpPermission{Permission(rule)},
	}
	if tags := ownTags(rule.Tags); len(tags) > 0 {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: tags}}
	}
	_, err := c.in(at).AuthorizeSecurityGroupIngress(ctx, in)
	if awserr.HasCode(err, "InvalidPermission.Duplicate") {
		return nil
	}
	return awserr.Classify("authorize "+healing.RuleKey(rule)+" in "+rule.GroupID, err)
}

// Permission asks for a rule as AuthorizeSecurityGroupIngress takes it.
func Permission(r events.SecurityGroupRule) types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String(r.Protocol)}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = aws.Int32(r.FromPort), aws.Int32(r.ToPort)
	}
	var description *string
	if r.Description != "" {
		description = aws.String(r.Description)
	}
	switch {
	case r.CIDRv4 != "":
		p.IpRanges = []types.IpRange{{CidrIp: aws.String(r.CIDRv4), Description: description}}
	case r.CIDRv6 != "":
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String(r.CIDRv6), Description: description}}
	case r.PrefixListID != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String(r.PrefixListID), Description: description}}
	case r.ReferencedGroupID != "":
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(r.ReferencedGroupID), Description: description}}
	}
	return p
}

// ownTags leaves out tags of AWS, which only AWS may set.
// Source: "Tag naming limits and requirements", the prefix aws: is reserved.
func ownTags(tags map[string]string) []types.Tag {
	var own []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(key, "aws:") {
			own = append(own, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
		}
	}
	return own
}
