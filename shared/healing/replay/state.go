// Package replay folds CloudTrail records into the state of security groups,
// prefix lists and interfaces that they led to, so that a policy can be asked
// what it would have done. It reads nothing but records: what happened before
// the first of them is not known, and said so.
package replay

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var _ healing.Groups = (*State)(nil)

// State is what records tell of places. It implements healing.Groups, so that
// the same service and plans run over it. The zero value knows nothing. It is
// not for concurrent use.
type State struct {
	places  map[healing.Place]*place
	applied map[[16]byte]struct{} // digests of the ids of applied records: copies come
}

type place struct {
	groups     map[string]*group
	lists      map[string]*list
	interfaces map[string][]string // network interface → its groups, sorted
	primaries  map[string]string   // instance → its first network interface
}

type group struct {
	events.SecurityGroup
	rules map[string]events.SecurityGroupRule // by rule id
	made  map[string]bool                     // rules whose id is not EC2's own, by rule id
	whole bool                                // every rule is known
}

type list struct {
	entries  []string
	version  int64
	versions map[int64][]string // earlier and current entries, the last keepVersions
	whole    bool               // every entry is known
}

// keepVersions is how many versions of a prefix list can be restored.
const keepVersions = 100

// Snapshot is the state of one place.
type Snapshot struct {
	Groups      []events.SecurityGroup     `json:"groups,omitempty"`
	Rules       []events.SecurityGroupRule `json:"rules,omitempty"`
	PrefixLists map[string][]string        `json:"prefixLists,omitempty"` // id → CIDRs
	Interfaces  map[string][]string        `json:"interfaces,omitempty"`  // id → groups
}

// Load adds what is known of a place before the first record. Groups that only
// rules name are added; all of them, and the prefix lists, are then known whole.
func (s *State) Load(at healing.Place, known Snapshot) {
	p := s.place(at)
	for _, g := range known.Groups {
		added := p.group(at, g.GroupID)
		added.SecurityGroup, added.Account, added.Region = g, at.Account, at.Region
		added.whole = true
	}
	for _, r := range known.Rules {
		r = healing.Canonical(r)
		g := p.group(at, r.GroupID)
		g.rules[r.RuleID], g.whole = r, true
	}
	for id, cidrs := range known.PrefixLists {
		p.lists[id] = newList(cidrs, 1, true)
	}
	for id, groups := range known.Interfaces {
		p.interfaces[id] = slices.Sorted(slices.Values(groups))
	}
}

// Snapshot returns what is known of a place, sorted by id.
func (s *State) Snapshot(at healing.Place) Snapshot {
	p := s.place(at)
	var found Snapshot
	for _, id := range slices.Sorted(maps.Keys(p.groups)) {
		found.Groups = append(found.Groups, p.groups[id].SecurityGroup)
	}
	found.Rules, _ = s.Rules(context.Background(), at)
	for id, l := range p.lists {
		if found.PrefixLists == nil {
			found.PrefixLists = map[string][]string{}
		}
		found.PrefixLists[id] = slices.Clone(l.entries)
	}
	if len(p.interfaces) > 0 {
		found.Interfaces = maps.Clone(p.interfaces)
	}
	return found
}

func (s *State) place(at healing.Place) *place {
	if s.places == nil {
		s.places, s.applied = map[healing.Place]*place{}, map[[16]byte]struct{}{}
	}
	p := s.places[at]
	if p == nil {
		p = &place{groups: map[string]*group{}, lists: map[string]*list{}, interfaces: map[string][]string{}, primaries: map[string]string{}}
		s.places[at] = p
	}
	return p
}

// group returns the group of the id, a new one that nothing is known of when
// there is none.
func (p *place) group(at healing.Place, id string) *group {
	g := p.groups[id]
	if g == nil {
		g = &group{rules: map[string]events.SecurityGroupRule{}, made: map[string]bool{}}
		g.GroupID, g.Account, g.Region = id, at.Account, at.Region
		p.groups[id] = g
	}
	return g
}

// Rules implements healing.Groups.
func (s *State) Rules(_ context.Context, at healing.Place, groups ...string) ([]events.SecurityGroupRule, error) {
	p := s.place(at)
	if len(groups) == 0 {
		groups = slices.Collect(maps.Keys(p.groups))
	}
	slices.Sort(groups)
	var found []events.SecurityGroupRule
	for _, id := range slices.Compact(groups) {
		if g := p.groups[id]; g != nil {
			found = slices.AppendSeq(found, maps.Values(g.rules))
		}
	}
	slices.SortFunc(found, func(a, b events.SecurityGroupRule) int { return strings.Compare(a.RuleID, b.RuleID) })
	return found, nil
}

// Group implements healing.Groups.
func (s *State) Group(_ context.Context, at healing.Place, id string) (events.SecurityGroup, bool, error) {
	g := s.place(at).groups[id]
	if g == nil {
		return events.SecurityGroup{}, false, nil
	}
	return g.SecurityGroup, true, nil
}

// Entries implements healing.Groups. Of a prefix list whose beginning is not
// known, the entries that records added are returned: they are all admitted.
func (s *State) Entries(_ context.Context, at healing.Place, prefixList string) ([]string, bool, error) {
	l := s.place(at).lists[prefixList]
	if l == nil {
		return nil, false, nil
	}
	return slices.Clone(l.entries), true, nil
}

// Interfaces returns the network interfaces that are known to use a group,
// sorted.
func (s *State) Interfaces(at healing.Place, group string) []string {
	var found []string
	for id, groups := range s.place(at).interfaces {
		if slices.Contains(groups, group) {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Places lists where records were applied, sorted.
func (s *State) Places() []healing.Place {
	return slices.SortedFunc(maps.Keys(s.places), func(a, b healing.Place) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
}

// Partial lists the groups and prefix lists of a place of which the records
// tell a part or, of lists that rules admit, nothing: they were there before the
// first record, or one that changed them does not say how. Sorted.
func (s *State) Partial(at healing.Place) []string {
	var found []string
	for id, g := range s.place(at).groups {
		if !g.whole {
			found = append(found, id)
		}
		for _, r := range g.rules {
			if r.PrefixListID != "" && s.place(at).lists[r.PrefixListID] == nil {
				found = append(found, r.PrefixListID)
			}
		}
	}
	for id, l := range s.place(at).lists {
		if !l.whole {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
