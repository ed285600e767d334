package benchmark

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

// State is what there is at one moment.
type State struct {
	Groups      []Group      `json:"groups,omitempty" about:"Every security group."`
	Rules       []Rule       `json:"rules,omitempty" about:"Every rule, as DescribeSecurityGroupRules shows it."`
	PrefixLists []PrefixList `json:"prefixLists,omitempty" about:"The managed prefix lists."`
	Interfaces  []Interface  `json:"interfaces,omitempty" about:"The network interfaces and their groups."`
}

// Group is a security group.
type Group struct {
	GroupID   string            `json:"groupId" about:"The group's id." pattern:"^sg-[0-9a-f]{17}$"`
	GroupName string            `json:"groupName" about:"The group's name."`
	VPCID     string            `json:"vpcId" about:"Its VPC." pattern:"^vpc-[0-9a-f]{17}$"`
	Account   string            `json:"account,omitempty" about:"Its account; by default that of the event."`
	Region    string            `json:"region,omitempty" about:"Its region; by default that of the event."`
	Tags      map[string]string `json:"tags,omitempty" about:"Its tags."`
}

// Rule is a rule of a group. Its fields are those of events.SecurityGroupRule.
type Rule struct {
	RuleID            string            `json:"ruleId" about:"The rule's id." pattern:"^sgr-[0-9a-f]{17}$"`
	GroupID           string            `json:"groupId" about:"Its group."`
	Egress            bool              `json:"egress,omitempty" about:"It lets out, not in."`
	Protocol          string            `json:"protocol" about:"tcp, udp, icmp, icmpv6, a number, or -1 for all."`
	FromPort          int32             `json:"fromPort" about:"The first port; -1 for all. Of ICMP: the type."`
	ToPort            int32             `json:"toPort" about:"The last port; -1 for all. Of ICMP: the code."`
	CIDRv4            string            `json:"cidrIpv4,omitempty" about:"An IPv4 source, in canonical form."`
	CIDRv6            string            `json:"cidrIpv6,omitempty" about:"An IPv6 source, in canonical form."`
	PrefixListID      string            `json:"prefixListId,omitempty" about:"A managed prefix list as source."`
	ReferencedGroupID string            `json:"referencedGroupId,omitempty" about:"A security group as source."`
	Description       string            `json:"description,omitempty" about:"Its description."`
	Tags              map[string]string `json:"tags,omitempty" about:"Its tags."`
}

// PrefixList is a managed prefix list.
type PrefixList struct {
	PrefixListID string   `json:"prefixListId" about:"The list's id." pattern:"^pl-[0-9a-f]{8,17}$"`
	OwnerID      string   `json:"ownerId,omitempty" about:"Who may edit it: an account, or AWS; by default the event's account."`
	Entries      []string `json:"entries,omitempty" about:"Its CIDRs."`
	Unreadable   bool     `json:"unreadable,omitempty" about:"Reading its entries is denied."`
}

// Interface is a network interface.
type Interface struct {
	InterfaceID string   `json:"networkInterfaceId" about:"The interface's id." pattern:"^eni-[0-9a-f]{17}$"`
	Groups      []string `json:"groups" about:"Its security groups."`
}

// String is the state as it would be written in a case.
func (s State) String() string {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// place fills in where the groups are.
func (s *State) place(at healing.Place) {
	for i := range s.Groups {
		g := &s.Groups[i]
		g.Account, g.Region = cmp.Or(g.Account, at.Account), cmp.Or(g.Region, at.Region)
	}
	for i := range s.PrefixLists {
		s.PrefixLists[i].OwnerID = cmp.Or(s.PrefixLists[i].OwnerID, at.Account)
	}
}

// where is the place of each group.
func (s State) where() map[string]healing.Place {
	places := map[string]healing.Place{}
	for _, g := range s.Groups {
		places[g.GroupID] = healing.Place{Account: g.Account, Region: g.Region}
	}
	return places
}

// places lists where the state's groups are, sorted.
func (s State) places(more ...healing.Place) []healing.Place {
	places := slices.Clone(more)
	for _, g := range s.Groups {
		places = append(places, healing.Place{Account: g.Account, Region: g.Region})
	}
	slices.SortFunc(places, func(a, b healing.Place) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return slices.Compact(places)
}

// at is the part of the state that a place sees; prefix lists are seen
// everywhere, as those that an organisation shares.
func (s State) at(p healing.Place) replay.Snapshot {
	var part replay.Snapshot
	where := s.where()
	for _, g := range s.Groups {
		if where[g.GroupID] == p {
			part.Groups = append(part.Groups, g.group())
		}
	}
	for _, r := range s.Rules {
		if where[r.GroupID] == p {
			part.Rules = append(part.Rules, events.SecurityGroupRule(r))
		}
	}
	for _, l := range s.PrefixLists {
		if part.PrefixLists == nil {
			part.PrefixLists = map[string][]string{}
		}
		part.PrefixLists[l.PrefixListID] = l.Entries
	}
	for _, i := range s.Interfaces {
		if len(i.Groups) > 0 && where[i.Groups[0]] == p {
			if part.Interfaces == nil {
				part.Interfaces = map[string][]string{}
			}
			part.Interfaces[i.InterfaceID] = i.Groups
		}
	}
	return part
}

func (g Group) group() events.SecurityGroup {
	return events.SecurityGroup{GroupID: g.GroupID, GroupName: g.GroupName, VPCID: g.VPCID, Account: g.Account, Region: g.Region, Tags: g.Tags}
}

// Next is the state that the event leads to, and what the event does not tell
// of it. An event that cannot be read changes nothing.
func (s State) Next(at healing.Place, event []byte) (State, []string, error) {
	var world replay.State
	places := s.places(at)
	for _, p := range places {
		world.Load(p, s.at(p))
	}
	change, err := world.Apply(event)
	if err != nil {
		return s, nil, err
	}
	var next State
	lists := world.Snapshot(at).PrefixLists
	for _, p := range places {
		seen := world.Snapshot(p)
		for _, g := range seen.Groups {
			next.Groups = append(next.Groups, Group{g.GroupID, g.GroupName, g.VPCID, g.Account, g.Region, g.Tags})
		}
		for _, r := range seen.Rules {
			next.Rules = append(next.Rules, Rule(r))
		}
		for _, id := range sortedKeys(seen.Interfaces) {
			next.Interfaces = append(next.Interfaces, Interface{id, seen.Interfaces[id]})
		}
	}
	for _, id := range sortedKeys(lists) {
		l := PrefixList{PrefixListID: id, OwnerID: at.Account}
		if i := slices.IndexFunc(s.PrefixLists, func(l PrefixList) bool { return l.PrefixListID == id }); i >= 0 {
			l = s.PrefixLists[i]
		}
		l.Entries = lists[id]
		next.PrefixLists = append(next.PrefixLists, l)
	}
	return next.sorted(), change.Notes, nil
}

// sorted is the state in the one order in which states are compared and shown.
func (s State) sorted() State {
	s.Groups, s.Rules = slices.Clone(s.Groups), slices.Clone(s.Rules)
	s.PrefixLists, s.Interfaces = slices.Clone(s.PrefixLists), slices.Clone(s.Interfaces)
	slices.SortFunc(s.Groups, func(a, b Group) int { return cmp.Compare(a.GroupID, b.GroupID) })
	slices.SortFunc(s.Rules, func(a, b Rule) int { return cmp.Compare(a.RuleID, b.RuleID) })
	slices.SortFunc(s.PrefixLists, func(a, b PrefixList) int { return cmp.Compare(a.PrefixListID, b.PrefixListID) })
	slices.SortFunc(s.Interfaces, func(a, b Interface) int { return cmp.Compare(a.InterfaceID, b.InterfaceID) })
	for i, l := range s.PrefixLists {
		s.PrefixLists[i].Entries = slices.Sorted(slices.Values(l.Entries))
	}
	return s
}

func (s State) equal(other State) bool { return s.sorted().String() == other.sorted().String() }

// check finds what no state of EC2 can be: ids that name nothing or come
// twice, sources that are not exactly one or not in canonical form.
func (s State) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	where, rules, equal := s.where(), map[string]bool{}, map[string]string{}
	if len(where) != len(s.Groups) {
		fault("groups: one is there twice")
	}
	for _, r := range s.Rules {
		rule := events.SecurityGroupRule(r)
		if _, ok := where[r.GroupID]; !ok {
			fault("rule %s: there is no group %s", r.RuleID, r.GroupID)
		}
		if rules[r.RuleID] {
			fault("rule %s is there twice", r.RuleID)
		}
		rules[r.RuleID] = true
		key := fmt.Sprint(r.GroupID, r.Egress, healing.RuleKey(rule))
		if equal[key] != "" {
			fault("rule %s: %s is equal to it, which EC2 does not allow", r.RuleID, equal[key])
		}
		equal[key] = r.RuleID
		sources := 0
		for _, source := range []string{r.CIDRv4, r.CIDRv6, r.PrefixListID, r.ReferencedGroupID} {
			if source != "" {
				sources++
			}
		}
		if sources != 1 {
			fault("rule %s: want one source, not %d", r.RuleID, sources)
		}
		if c := healing.Canonical(rule); c.CIDRv4 != r.CIDRv4 || c.CIDRv6 != r.CIDRv6 || c.Protocol != r.Protocol || c.FromPort != r.FromPort {
			fault("rule %s: EC2 shows %s from %s", r.RuleID, c.Protocol, c.CIDRv4+c.CIDRv6)
		}
	}
	for _, i := range s.Interfaces {
		for _, g := range i.Groups {
			if _, ok := where[g]; !ok {
				fault("interface %s: there is no group %s", i.InterfaceID, g)
			}
		}
	}
	return errors.Join(faults...)
}

// live reads the state of the groups back out of an EC2.
func (s State) live(ctx context.Context, ec2 healing.Groups) (State, error) {
	now := s
	now.Rules = nil
	for _, p := range s.places() {
		rules, err := ec2.Rules(ctx, p)
		if err != nil {
			return State{}, err
		}
		for _, r := range rules {
			now.Rules = append(now.Rules, Rule(r))
		}
	}
	return now.sorted(), nil
}
