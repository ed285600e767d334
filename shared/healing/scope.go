package healing

import (
	"reflect"
	"slices"

	"github.com/evenkeel/evenkeel/events"
)

// For returns the policy that counts for the group: this one, changed by the
// first scope that the group matches. The result has no scopes. The group's
// account, region, id, name, VPC and tags must be known.
func (p Policy) For(group events.SecurityGroup) Policy {
	for _, s := range p.Scopes {
		if s.contains(Place{group.Account, group.Region}) && s.matches(group) {
			return p.in(s)
		}
	}
	return p.in(Scope{})
}

// Possible returns the distinct policies that may count for a group of the
// place whose VPC, name and tags are not known yet. For gives one of them. They
// are in the order of the scopes, the unchanged policy last; it is left out
// where a scope holds the whole place.
func (p Policy) Possible(at Place) []Policy {
	var found []Policy
	add := func(s Scope) {
		q := p.in(s)
		if !slices.ContainsFunc(found, func(known Policy) bool { return reflect.DeepEqual(known, q) }) {
			found = append(found, q)
		}
	}
	for _, s := range p.Scopes {
		if !s.contains(at) {
			continue
		}
		add(s)
		if len(s.VPCs) == 0 && len(s.Groups) == 0 && len(s.Tags) == 0 {
			return found // no group of the place gets past it
		}
	}
	add(Scope{})
	return found
}

// contains reports whether groups of the place may be in the scope.
func (s Scope) contains(at Place) bool {
	return anyMatches(s.Accounts, at.Account) && anyMatches(s.Regions, at.Region)
}

// matches reports whether the group is one of those that the scope names by
// VPC, id, name and tags. A tag without patterns must be there, with any value.
func (s Scope) matches(g events.SecurityGroup) bool {
	if !anyMatches(s.VPCs, g.VPCID) || !anyMatches(s.Groups, g.GroupID) && !anyMatches(s.Groups, g.GroupName) {
		return false
	}
	for key, patterns := range s.Tags {
		if value, ok := g.Tags[key]; !ok || !anyMatches(patterns, value) {
			return false
		}
	}
	return true
}

// in returns the policy with what the scope changes, without scopes.
func (p Policy) in(s Scope) Policy {
	p.Scopes = nil
	if s.Mode != "" {
		p.Mode = s.Mode
	}
	if s.Remediation != "" {
		p.Remediation = s.Remediation
	}
	replace(&p.ProtectedPorts, s.ProtectedPorts)
	replace(&p.OpenPorts, s.OpenPorts)
	replace(&p.ProtectedProtocols, s.ProtectedProtocols)
	replace(&p.MaxIPv4, s.MaxIPv4)
	replace(&p.MaxIPv6, s.MaxIPv6)
	replace(&p.AllowedSources, s.AllowedSources)
	replace(&p.ForbiddenSources, s.ForbiddenSources)
	replace(&p.MaxActions, s.MaxActions)
	return p
}

func replace[T any](value, by *T) {
	if by != nil {
		*value = *by
	}
}

func anyMatches(patterns []string, text string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return globMatches(p, text) })
}

// globMatches matches * (any characters) and ? (one). It takes time in
// proportion to the product of both lengths, whatever the pattern.
func globMatches(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, mark := -1, 0 // the last *, and how far it has swallowed the text
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark, i = i, j, i+1
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
