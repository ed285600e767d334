package openings

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/securitygroups"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
)

// stage is where a case is played: what its ids are called in EC2.
type stage struct {
	*world
	at  healing.Place
	ids map[string]string // id in the case → in EC2
}

func (s *stage) client() *ec2.Client { return s.unseen(s.at) }

// real writes a text of the case with the ids that EC2 gave.
func (s *stage) real(text string) string {
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(s.ids))) {
		text = strings.ReplaceAll(text, id, s.ids[id])
	}
	return text
}

func (s *stage) rule(r benchmark.Rule) events.SecurityGroupRule {
	r.GroupID, r.PrefixListID, r.ReferencedGroupID = s.real(r.GroupID), s.real(r.PrefixListID), s.real(r.ReferencedGroupID)
	return healing.Canonical(events.SecurityGroupRule(r))
}

// ruleName tells a rule of a group from any other.
func ruleName(r events.SecurityGroupRule) string {
	return fmt.Sprint(r.GroupID, " ", r.Egress, " ", healing.RuleKey(r))
}

// build makes the state, unseen.
func (s *stage) build(ctx context.Context, state benchmark.State) error {
	for _, g := range state.Groups {
		if err := s.buildGroup(ctx, g); err != nil {
			return fmt.Errorf("group %s: %w", g.GroupID, err)
		}
	}
	for _, l := range state.PrefixLists {
		if err := s.buildList(ctx, l); err != nil {
			return fmt.Errorf("prefix list %s: %w", l.PrefixListID, err)
		}
	}
	if err := s.buildRules(ctx, state.Rules); err != nil {
		return err
	}
	for _, i := range state.Interfaces {
		if err := s.buildInterface(ctx, i.InterfaceID, i.Groups...); err != nil {
			return fmt.Errorf("interface %s: %w", i.InterfaceID, err)
		}
	}
	return nil
}

func (s *stage) buildNetwork(ctx context.Context, id string) (string, error) {
	if s.ids[id] != "" {
		return s.ids[id], nil
	}
	vpc, err := s.client().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err == nil {
		s.ids[id] = aws.ToString(vpc.Vpc.VpcId)
	}
	return s.ids[id], err
}

// subnet makes the one subnet of the case's network.
func (s *stage) subnet(ctx context.Context) (string, error) {
	const id = "subnet-0a1b2c3d4e5f60001"
	if s.ids[id] != "" {
		return s.ids[id], nil
	}
	vpc, err := s.buildNetwork(ctx, "vpc-0a1b2c3d4e5f60001")
	if err != nil {
		return "", err
	}
	out, err := s.client().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.1.0/24")})
	if err == nil {
		s.ids[id] = aws.ToString(out.Subnet.SubnetId)
	}
	return s.ids[id], err
}

func tagsOf(tags map[string]string) (list []types.Tag) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

func specification(kind types.ResourceType, tags map[string]string) []types.TagSpecification {
	if len(tags) == 0 {
		return nil
	}
	return []types.TagSpecification{{ResourceType: kind, Tags: tagsOf(tags)}}
}

func (s *stage) buildGroup(ctx context.Context, g benchmark.Group) error {
	vpc, err := s.buildNetwork(ctx, g.VPCID)
	if err != nil {
		return err
	}
	if g.GroupName == "default" { // EC2 makes it with the network
		out, err := s.client().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
			{Name: aws.String("vpc-id"), Values: []string{vpc}}, {Name: aws.String("group-name"), Values: []string{"default"}}}})
		if err == nil && len(out.SecurityGroups) != 1 {
			err = fmt.Errorf("%s has %d default groups", vpc, len(out.SecurityGroups))
		}
		if err == nil {
			s.ids[g.GroupID] = aws.ToString(out.SecurityGroups[0].GroupId)
		}
		return err
	}
	out, err := s.client().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: &g.GroupName, Description: aws.String("of the corpus"), VpcId: &vpc, TagSpecifications: specification(types.ResourceTypeSecurityGroup, g.Tags)})
	if err == nil {
		s.ids[g.GroupID] = aws.ToString(out.GroupId)
	}
	return err
}

// buildList makes a list; one of AWS is CloudFront's, which every account has,
// and one that may not be read is one that is not there (local/ec2.md).
func (s *stage) buildList(ctx context.Context, l benchmark.PrefixList) error {
	client := s.client()
	if l.Unreadable {
		s.ids[l.PrefixListID] = l.PrefixListID
		return nil
	}
	if l.OwnerID == "AWS" {
		out, err := client.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{})
		if err != nil {
			return err
		}
		for _, known := range out.PrefixLists {
			if strings.HasSuffix(aws.ToString(known.PrefixListName), ".cloudfront.origin-facing") {
				s.ids[l.PrefixListID] = aws.ToString(known.PrefixListId)
			}
		}
		return nil
	}
	family := "IPv4"
	if len(l.Entries) > 0 && strings.Contains(l.Entries[0], ":") {
		family = "IPv6"
	}
	out, err := client.CreateManagedPrefixList(ctx, &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String("partners"), AddressFamily: &family, MaxEntries: aws.Int32(1000)})
	if err != nil {
		return err
	}
	s.ids[l.PrefixListID] = aws.ToString(out.PrefixList.PrefixListId)
	return s.setEntries(ctx, l.PrefixListID, l.Entries)
}

// setEntries makes the list have exactly these entries.
func (s *stage) setEntries(ctx context.Context, list string, entries []string) error {
	now, _, err := s.groups.Entries(ctx, s.at, s.ids[list])
	if err != nil {
		return err
	}
	var add []types.AddPrefixListEntry
	var remove []types.RemovePrefixListEntry
	for _, cidr := range entries {
		if !slices.Contains(now, cidr) {
			add = append(add, types.AddPrefixListEntry{Cidr: aws.String(cidr)})
		}
	}
	for _, cidr := range now {
		if !slices.Contains(entries, cidr) {
			remove = append(remove, types.RemovePrefixListEntry{Cidr: aws.String(cidr)})
		}
	}
	for len(add)+len(remove) > 0 { // at most 100 of each in a call
		version, err := s.version(ctx, s.ids[list])
		if err != nil {
			return err
		}
		a, r := min(100, len(add)), min(100, len(remove))
		if _, err := s.client().ModifyManagedPrefixList(ctx, &ec2.ModifyManagedPrefixListInput{
			PrefixListId: aws.String(s.ids[list]), CurrentVersion: &version, AddEntries: add[:a], RemoveEntries: remove[:r]}); err != nil {
			return err
		}
		add, remove = add[a:], remove[r:]
	}
	return nil
}

// version is the current one of a list.
func (s *stage) version(ctx context.Context, list string) (int64, error) {
	out, err := s.client().DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{list}})
	if err != nil || len(out.PrefixLists) != 1 {
		return 0, fmt.Errorf("describe %s: %w", list, err)
	}
	return aws.ToInt64(out.PrefixLists[0].Version), nil
}

// buildRules adds rules, those of a group with the same tags in one call, and
// learns their ids.
func (s *stage) buildRules(ctx context.Context, rules []benchmark.Rule) error {
	type bundle struct {
		group, tags string
		egress      bool
	}
	bundles, order := map[bundle][]benchmark.Rule{}, []bundle{}
	live, err := s.live(ctx)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if id := live[ruleName(s.rule(r))]; id != "" { // EC2 made it with the group
			s.ids[r.RuleID] = id
			continue
		}
		tags, _ := json.Marshal(r.Tags)
		b := bundle{r.GroupID, string(tags), r.Egress}
		if bundles[b] == nil {
			order = append(order, b)
		}
		bundles[b] = append(bundles[b], r)
	}
	for _, b := range order {
		if err := s.authorize(ctx, bundles[b]); err != nil {
			return err
		}
	}
	if live, err = s.live(ctx); err != nil {
		return err
	}
	for _, r := range rules {
		if s.ids[r.RuleID] = live[ruleName(s.rule(r))]; s.ids[r.RuleID] == "" {
			return fmt.Errorf("rule %s (%s) is not there", r.RuleID, ruleName(s.rule(r)))
		}
	}
	return nil
}

// live are the ids of the rules of the case's groups, by their names.
func (s *stage) live(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	groups := s.groupIDs()
	if len(groups) == 0 {
		return found, nil
	}
	rules, err := s.groups.Rules(ctx, s.at, groups...)
	for _, r := range rules {
		found[ruleName(healing.Canonical(r))] = r.RuleID
	}
	return found, err
}

// groupIDs are the case's groups in EC2.
func (s *stage) groupIDs() (ids []string) {
	for id, real := range s.ids {
		if strings.HasPrefix(id, "sg-") {
			ids = append(ids, real)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *stage) authorize(ctx context.Context, rules []benchmark.Rule) error {
	var permissions []types.IpPermission
	for _, r := range rules {
		permissions = append(permissions, securitygroups.Permission(s.rule(r)))
	}
	first := rules[0]
	group, tags := aws.String(s.ids[first.GroupID]), specification(types.ResourceTypeSecurityGroupRule, first.Tags)
	var err error
	if first.Egress {
		_, err = s.client().AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: group, IpPermissions: permissions, TagSpecifications: tags})
	} else {
		_, err = s.client().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: permissions, TagSpecifications: tags})
	}
	return err
}

func (s *stage) buildInterface(ctx context.Context, id string, groups ...string) error {
	subnet, err := s.subnet(ctx)
	if err != nil {
		return err
	}
	in := &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet}
	for _, g := range groups {
		in.Groups = append(in.Groups, s.real(g))
	}
	out, err := s.client().CreateNetworkInterface(ctx, in)
	if err == nil {
		s.ids[id] = aws.ToString(out.NetworkInterface.NetworkInterfaceId)
	}
	return err
}

var used = regexp.MustCompile(`"(eni|i|subnet)-[0-9a-f]{17}"`)

// buildUsed makes what the event's request names and the state does not: an
// interface, an instance, a subnet.
func (s *stage) buildUsed(ctx context.Context, parameters string) error {
	for _, quoted := range used.FindAllString(parameters, -1) {
		id := strings.Trim(quoted, `"`)
		if s.ids[id] != "" {
			continue
		}
		subnet, err := s.subnet(ctx)
		if err == nil && strings.HasPrefix(id, "eni-") {
			err = s.buildInterface(ctx, id)
		}
		if err == nil && strings.HasPrefix(id, "i-") {
			var out *ec2.RunInstancesOutput
			out, err = s.client().RunInstances(ctx, &ec2.RunInstancesInput{
				ImageId: aws.String("ami-0a1b2c3d4e5f60001"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &subnet})
			if err == nil {
				s.ids[id] = aws.ToString(out.Instances[0].InstanceId)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return nil
}

// become makes the state out of another one, unseen.
func (s *stage) become(ctx context.Context, before, after benchmark.State) error {
	var fresh benchmark.State
	had := map[string]benchmark.Rule{}
	for _, r := range before.Rules {
		had[r.RuleID] = r
	}
	for _, g := range after.Groups {
		if s.ids[g.GroupID] == "" {
			fresh.Groups = append(fresh.Groups, g)
		}
	}
	for _, r := range after.Rules {
		was, exists := had[r.RuleID]
		delete(had, r.RuleID)
		switch {
		case !exists:
			fresh.Rules = append(fresh.Rules, r)
		case fmt.Sprint(was) != fmt.Sprint(r):
			if err := s.modify(ctx, r); err != nil {
				return fmt.Errorf("modify %s: %w", r.RuleID, err)
			}
		}
	}
	for _, r := range had {
		if err := s.remove(ctx, r); err != nil {
			return fmt.Errorf("remove %s: %w", r.RuleID, err)
		}
	}
	for _, l := range after.PrefixLists {
		if s.ids[l.PrefixListID] == "" {
			fresh.PrefixLists = append(fresh.PrefixLists, l)
			continue
		}
		if l.OwnerID == "AWS" || l.Unreadable {
			continue
		}
		if err := s.setEntries(ctx, l.PrefixListID, l.Entries); err != nil {
			return err
		}
	}
	if err := s.build(ctx, fresh); err != nil {
		return err
	}
	return s.removeGroups(ctx, before, after)
}

func (s *stage) removeGroups(ctx context.Context, before, after benchmark.State) error {
	for _, g := range before.Groups {
		if slices.ContainsFunc(after.Groups, func(other benchmark.Group) bool { return other.GroupID == g.GroupID }) {
			continue
		}
		if _, err := s.client().DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(s.ids[g.GroupID])}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) modify(ctx context.Context, r benchmark.Rule) error {
	rule := s.rule(r)
	request := &types.SecurityGroupRuleRequest{IpProtocol: aws.String(rule.Protocol), FromPort: aws.Int32(rule.FromPort), ToPort: aws.Int32(rule.ToPort)}
	for field, value := range map[**string]string{
		&request.CidrIpv4: rule.CIDRv4, &request.CidrIpv6: rule.CIDRv6, &request.PrefixListId: rule.PrefixListID,
		&request.ReferencedGroupId: rule.ReferencedGroupID, &request.Description: rule.Description,
	} {
		if value != "" {
			*field = aws.String(value)
		}
	}
	_, err := s.client().ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{
		GroupId: aws.String(rule.GroupID), SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: aws.String(s.ids[r.RuleID]), SecurityGroupRule: request}}})
	return err
}

func (s *stage) remove(ctx context.Context, r benchmark.Rule) error {
	group, ids := aws.String(s.ids[r.GroupID]), []string{s.ids[r.RuleID]}
	if r.Egress {
		_, err := s.client().RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: group, SecurityGroupRuleIds: ids})
		return err
	}
	_, err := s.client().RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group, SecurityGroupRuleIds: ids})
	return err
}

// described is each rule of the case's groups as DescribeSecurityGroupRules
// shows it, byte for byte, by id.
func (s *stage) described(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	groups := s.groupIDs()
	if len(groups) == 0 {
		return found, nil
	}
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(s.client(), &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: aws.String("group-id"), Values: groups}}, MaxResults: aws.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.SecurityGroupRules {
			text, err := json.Marshal(r)
			if err != nil {
				return nil, err
			}
			found[aws.ToString(r.SecurityGroupRuleId)] = string(text)
		}
	}
	return found, nil
}
