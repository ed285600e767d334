package healing

import "github.com/evenkeel/evenkeel/events"

// ScopeOf names the scope that decides about the group; "" when none does.
func (p Policy) ScopeOf(group events.SecurityGroup) string {
	for _, s := range p.Scopes {
		if s.contains(Place{group.Account, group.Region}) && s.matches(group) {
			return s.Name
		}
	}
	return ""
}

// Planned returns the policies that may count for a group that a template
// declares: the one of the group, or all that are possible where a scope asks
// for what is not known yet. unknown says so of the VPC, and of the tags.
func (p Policy) Planned(group events.SecurityGroup, unknownVPC, unknownTags bool) []Policy {
	for _, s := range p.Scopes {
		if !s.contains(Place{group.Account, group.Region}) {
			continue
		}
		if len(s.VPCs) > 0 && unknownVPC || len(s.Tags) > 0 && unknownTags || len(s.Groups) > 0 && group.GroupID+group.GroupName == "" {
			return p.Possible(Place{group.Account, group.Region})
		}
	}
	return []Policy{p.For(group)}
}
