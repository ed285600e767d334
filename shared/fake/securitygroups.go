package fake

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	_ healing.Groups     = (*SecurityGroups)(nil)
	_ healing.ListOwners = (*SecurityGroups)(nil)
	_ healing.Changes    = (*SecurityGroups)(nil)
)

// SecurityGroups is EC2's security groups and prefix lists in memory. It
// behaves as EC2 does where the healer depends on it: rule ids are never used
// twice, CIDRs are kept in canonical form, a revoke removes all of its rules
// or none, a modify changes all or none and no rule's kind of source, and an
// equal rule is not made.
type SecurityGroups struct {
	// Fail, if set, is asked before every call, by method name ("Rules",
	// "Group", "Entries", "AWSLists", "Revoke", "Modify", "Authorize"); an error it returns is the
	// call's result and nothing happens.
	Fail func(method string) error
	// Before, if set, runs before a call takes effect: another actor's turn.
	Before func(method string)

	mu     sync.Mutex
	places map[healing.Place]*region
	serial int
	calls  map[string]int
}

type region struct {
	groups map[string]events.SecurityGroup
	rules  map[string]events.SecurityGroupRule // by rule id
	lists  map[string][]string
	aws    []string // ids of the lists that AWS keeps
}

func (s *SecurityGroups) region(at healing.Place) *region {
	if s.places == nil {
		s.places, s.calls = map[healing.Place]*region{}, map[string]int{}
	}
	r := s.places[at]
	if r == nil {
		r = &region{groups: map[string]events.SecurityGroup{}, rules: map[string]events.SecurityGroupRule{}, lists: map[string][]string{}}
		s.places[at] = r
	}
	return r
}

// AddGroup creates an empty group.
func (s *SecurityGroups) AddGroup(at healing.Place, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.region(at).groups[id] = events.SecurityGroup{
		GroupID: id, GroupName: "name-of-" + id, VPCID: "vpc-1", Account: at.Account, Region: at.Region,
	}
}

// SetGroup creates or replaces a group, its rules stay.
func (s *SecurityGroups) SetGroup(at healing.Place, g events.SecurityGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Tags = maps.Clone(g.Tags)
	s.region(at).groups[g.GroupID] = g
}

// DeleteGroup deletes a group and its rules.
func (s *SecurityGroups) DeleteGroup(at healing.Place, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.region(at)
	delete(r.groups, id)
	maps.DeleteFunc(r.rules, func(_ string, rule events.SecurityGroupRule) bool { return rule.GroupID == id })
}

// AddRule adds a rule as anybody in the account may, and returns it with its
// new id. The group is created if it does not exist.
func (s *SecurityGroups) AddRule(at healing.Place, rule events.SecurityGroupRule) events.SecurityGroupRule {
	s.mu.Lock()
	_, exists := s.region(at).groups[rule.GroupID]
	s.mu.Unlock()
	if !exists {
		s.AddGroup(at, rule.GroupID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(s.region(at), rule)
}

func (s *SecurityGroups) add(r *region, rule events.SecurityGroupRule) events.SecurityGroupRule {
	s.serial++
	rule.RuleID = fmt.Sprintf("sgr-%017x", s.serial)
	rule.CIDRv4, rule.CIDRv6 = canonical(rule.CIDRv4), canonical(rule.CIDRv6)
	rule.Tags = maps.Clone(rule.Tags)
	r.rules[rule.RuleID] = rule
	return rule
}

// SetRule creates or replaces a rule under the id that it has, as it is.
func (s *SecurityGroups) SetRule(at healing.Place, rule events.SecurityGroupRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rule.Tags = maps.Clone(rule.Tags)
	s.region(at).rules[rule.RuleID] = rule
}

// RemoveRule removes a rule as anybody in the account may.
func (s *SecurityGroups) RemoveRule(at healing.Place, ruleID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.region(at).rules, ruleID)
}

// ChangeRule gives the rule with rule's id what rule says, as anybody in the
// account may; false when it does not exist or would be equal to another.
func (s *SecurityGroups) ChangeRule(at healing.Place, rule events.SecurityGroupRule) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.region(at)
	was, ok := r.rules[rule.RuleID]
	if !ok || r.equal(rule) != "" {
		return false
	}
	rule.GroupID, rule.Egress, rule.Tags = was.GroupID, was.Egress, was.Tags
	rule.CIDRv4, rule.CIDRv6 = canonical(rule.CIDRv4), canonical(rule.CIDRv6)
	r.rules[rule.RuleID] = rule
	return true
}

// equal gives the id of another rule of the group that admits the same.
func (r *region) equal(rule events.SecurityGroupRule) string {
	for id, other := range r.rules {
		if id != rule.RuleID && other.GroupID == rule.GroupID && other.Egress == rule.Egress && healing.RuleKey(other) == healing.RuleKey(rule) {
			return id
		}
	}
	return ""
}

// SetPrefixList creates or replaces a prefix list.
func (s *SecurityGroups) SetPrefixList(at healing.Place, id string, cidrs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.region(at).lists[id] = cidrs
}

// KeepByAWS makes AWS the owner of a prefix list.
func (s *SecurityGroups) KeepByAWS(at healing.Place, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.region(at).aws = append(s.region(at).aws, id)
}

// AWSLists implements healing.ListOwners.
func (s *SecurityGroups) AWSLists(_ context.Context, at healing.Place, prefixLists ...string) ([]string, error) {
	r, err := s.enter("AWSLists", at)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(prefixLists), func(id string) bool { return !slices.Contains(r.aws, id) }), nil
}

// Live returns every rule of the place, by rule id, without counting as a call.
func (s *SecurityGroups) Live(at healing.Place) []events.SecurityGroupRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.region(at).list(nil)
}

// Calls returns how often a method was called.
func (s *SecurityGroups) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// enter counts the call and lets the test fail it. It takes the lock unless
// it returns an error.
func (s *SecurityGroups) enter(method string, at healing.Place) (*region, error) {
	if s.Before != nil {
		s.Before(method)
	}
	if s.Fail != nil {
		if err := s.Fail(method); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	r := s.region(at)
	s.calls[method]++
	return r, nil
}

// Rules implements healing.Groups.
func (s *SecurityGroups) Rules(_ context.Context, at healing.Place, groups ...string) ([]events.SecurityGroupRule, error) {
	r, err := s.enter("Rules", at)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return r.list(groups), nil
}

func (r *region) list(groups []string) []events.SecurityGroupRule {
	var found []events.SecurityGroupRule
	for _, rule := range r.rules {
		if len(groups) == 0 || slices.Contains(groups, rule.GroupID) {
			rule.Tags = maps.Clone(rule.Tags)
			found = append(found, rule)
		}
	}
	slices.SortFunc(found, func(a, b events.SecurityGroupRule) int { return cmp.Compare(a.RuleID, b.RuleID) })
	return found
}

// Group implements healing.Groups.
func (s *SecurityGroups) Group(_ context.Context, at healing.Place, id string) (events.SecurityGroup, bool, error) {
	r, err := s.enter("Group", at)
	if err != nil {
		return events.SecurityGroup{}, false, err
	}
	defer s.mu.Unlock()
	g, ok := r.groups[id]
	return g, ok, nil
}

// Entries implements healing.Groups.
func (s *SecurityGroups) Entries(_ context.Context, at healing.Place, prefixList string) ([]string, bool, error) {
	r, err := s.enter("Entries", at)
	if err != nil {
		return nil, false, err
	}
	defer s.mu.Unlock()
	cidrs, ok := r.lists[prefixList]
	return slices.Clone(cidrs), ok, nil
}

// Revoke implements healing.Changes.
func (s *SecurityGroups) Revoke(_ context.Context, at healing.Place, group string, ruleIDs []string) error {
	r, err := s.enter("Revoke", at)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, id := range ruleIDs {
		if rule, ok := r.rules[id]; !ok || rule.GroupID != group || rule.Egress {
			return nil // EC2 refuses the whole call, which the port passes over
		}
	}
	for _, id := range ruleIDs {
		delete(r.rules, id)
	}
	return nil
}

// Modify implements healing.Changes.
func (s *SecurityGroups) Modify(_ context.Context, at healing.Place, group string, rules []events.SecurityGroupRule) error {
	r, err := s.enter("Modify", at)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	after := region{rules: maps.Clone(r.rules)}
	for _, rule := range rules {
		was, ok := r.rules[rule.RuleID]
		if !ok || was.GroupID != group || was.Egress {
			return nil // EC2 refuses the whole call, which the port passes over
		}
		if healing.SourceKind(was) != healing.SourceKind(rule) {
			return fault.Invalid("InvalidParameterValue: Invalid rule type for security group rule %s", rule.RuleID)
		}
		was.CIDRv4, was.CIDRv6 = canonical(rule.CIDRv4), canonical(rule.CIDRv6)
		was.PrefixListID, was.ReferencedGroupID, was.Description = rule.PrefixListID, rule.ReferencedGroupID, rule.Description
		after.rules[rule.RuleID] = was
	}
	for _, rule := range rules {
		if other := after.equal(after.rules[rule.RuleID]); other != "" {
			return fault.Conflict("InvalidPermission.Duplicate: %s would be equal to %s", rule.RuleID, other)
		}
	}
	r.rules = after.rules
	return nil
}

// Authorize implements healing.Changes.
func (s *SecurityGroups) Authorize(_ context.Context, at healing.Place, rule events.SecurityGroupRule) error {
	r, err := s.enter("Authorize", at)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if _, ok := r.groups[rule.GroupID]; !ok {
		return fault.Permanent("InvalidGroup.NotFound: the security group %s does not exist", rule.GroupID)
	}
	for _, live := range r.rules {
		if live.GroupID == rule.GroupID && live.Egress == rule.Egress && healing.RuleKey(live) == healing.RuleKey(rule) {
			return nil
		}
	}
	s.add(r, rule)
	return nil
}

// canonical masks a CIDR as EC2 does; what is none stays as it is.
func canonical(cidr string) string {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return cidr
	}
	return p.Masked().String()
}
