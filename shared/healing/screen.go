package healing

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// How old the policy may be: most events need nothing, and an older one tells
// them apart; but whoever switches the mode, or narrows the policy, expects
// the next action to follow it.
const (
	screenAge = 30 * time.Second
	actAge    = time.Second
)

// screened is what a place looks like at a glance.
type screened struct {
	at     Place
	read   time.Time                             // when reading began
	groups map[string][]events.SecurityGroupRule // the rules of each group that may be too open
	seen   events.SweptPlace
}

// screen reads the rules of the groups that the subject concerns and keeps
// those groups that may be too open. It is all that most events need: one read,
// and a decision by every policy that may apply in the place, because the
// group's own needs its tags, which cost another read.
func (t *task) screen(ctx context.Context, at Place, subject Subject) (screened, error) {
	found := screened{at: at, read: t.Now(), seen: events.SweptPlace{Account: at.Account, Region: at.Region}}
	policy, err := t.Policies.Policy(ctx, screenAge)
	if err != nil {
		return found, err
	}
	if found.groups, err = t.concerned(ctx, at, subject); err != nil {
		return found, err
	}
	possible, unread := policy.Possible(at), []string{}
	for _, group := range sortedKeys(found.groups) {
		rules := found.groups[group]
		t.result.Groups++
		found.seen.Groups++
		found.seen.Rules += len(rules)
		lists := t.prefixLists(ctx, at, rules, subject.PrefixLists, possible...)
		open := false
		for _, p := range possible {
			plan := t.decide(ctx, at, p, rules, lists)
			open = open || !plan.Empty() || len(plan.Unknown) > 0
			unread = append(unread, plan.Unread...)
		}
		if !open {
			delete(found.groups, group)
		}
	}
	t.result.Unread = append(t.result.Unread, sortedUnique(unread)...)
	return found, nil
}

// look screens the event's place and, if a prefix list was edited, the same
// region of the other accounts, which may share the list: to them, nobody tells
// of the edit. What cannot be read there is noted.
func (t *task) look(ctx context.Context, at Place, subject Subject) ([]screened, error) {
	found, err := t.screen(ctx, at, subject)
	if err != nil {
		return nil, err
	}
	all := []screened{found}
	if len(subject.PrefixLists) == 0 || t.Places == nil {
		return all, nil
	}
	places, err := t.Places(ctx)
	if err != nil {
		return nil, err
	}
	for _, other := range places {
		if other.Region != at.Region || other == at {
			continue
		}
		found, err := t.screen(ctx, other, Subject{PrefixLists: subject.PrefixLists})
		if err != nil {
			t.unread(other.Account+" in "+other.Region, err)
			continue
		}
		all = append(all, found)
	}
	return all, nil
}

// concerned reads the rules of the subject's groups, by group. A prefix list
// is used by the groups that refer to it.
func (t *task) concerned(ctx context.Context, at Place, s Subject) (map[string][]events.SecurityGroupRule, error) {
	named := s.Groups
	if s.Everything || len(s.PrefixLists) > 0 {
		named = nil
	}
	rules, err := t.Groups.Rules(ctx, at, named...)
	if err != nil {
		return nil, err
	}
	byGroup := map[string][]events.SecurityGroupRule{}
	for _, r := range rules {
		byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
	}
	if s.Everything {
		return byGroup, nil
	}
	refers := func(r events.SecurityGroupRule) bool { return slices.Contains(s.PrefixLists, r.PrefixListID) }
	maps.DeleteFunc(byGroup, func(group string, rules []events.SecurityGroupRule) bool {
		return !slices.Contains(s.Groups, group) && !slices.ContainsFunc(rules, refers)
	})
	return byGroup, nil
}

type listKey struct {
	Place
	id string
}

type entries struct {
	cidrs []string
	known bool
	read  time.Time
	// unwell: it could not be read, and another attempt may.
	unwell bool
}

// listAge is how long a warm function remembers the entries of prefix lists. A
// burst of events then reads each once; an event about the list itself reads
// it anew.
const listAge = 5 * time.Second

// entryCache remembers the entries of prefix lists from one invocation to the
// next.
type entryCache struct {
	mu    sync.Mutex
	lists map[listKey]entries
}

func (c *entryCache) get(key listKey, now time.Time) (entries, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.lists[key]
	return e, ok && now.Sub(e.read) < listAge
}

func (c *entryCache) put(key listKey, e entries) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil {
		c.lists = map[listKey]entries{}
	}
	maps.DeleteFunc(c.lists, func(_ listKey, old entries) bool { return e.read.Sub(old.read) >= listAge })
	c.lists[key] = e
}

// prefixLists gives the entries of the prefix lists that ingress rules use,
// where any of the policies cares. Those that were edited are not taken from an
// earlier invocation. A list that cannot be read keeps no other rule from
// being judged: its error is noted, and returned with the rest if another
// attempt may find it well.
func (t *task) prefixLists(ctx context.Context, at Place, rules []events.SecurityGroupRule, edited []string, policies ...Policy) map[string][]string {
	lists := map[string][]string{}
	for _, r := range rules {
		if r.Egress || r.PrefixListID == "" {
			continue
		}
		if !slices.ContainsFunc(policies, func(p Policy) bool { return p.minds(r) }) {
			if _, known := lists[r.PrefixListID]; !known {
				lists[r.PrefixListID] = []string{} // whatever is in it
			}
			continue
		}
		read := t.prefixList(ctx, listKey{at, r.PrefixListID}, slices.Contains(edited, r.PrefixListID))
		delete(lists, r.PrefixListID)
		if read.known || read.unwell { // one that may be read later is not unknown: the event comes again
			lists[r.PrefixListID] = read.cidrs
		}
	}
	return lists
}

// minds reports whether the rule would be too open if its prefix list had every
// address in it.
func (p Policy) minds(r events.SecurityGroupRule) bool {
	r.PrefixListID, p.Exceptions = "", nil
	four, six := r, r
	four.CIDRv4, six.CIDRv6 = "0.0.0.0/0", "::/0"
	return slices.ContainsFunc([]events.SecurityGroupRule{four, six}, func(world events.SecurityGroupRule) bool {
		return !p.Plan([]events.SecurityGroupRule{world}, nil, time.Time{}).Empty()
	})
}

func (t *task) prefixList(ctx context.Context, key listKey, edited bool) entries {
	if read, ok := t.lists[key]; ok {
		return read
	}
	read, ok := entries{}, false
	if !edited {
		read, ok = t.Service.lists.get(key, t.Now())
	}
	if !ok {
		read.read = t.Now()
		var err error
		if read.cidrs, read.known, err = t.Groups.Entries(ctx, key.Place, key.id); err == nil {
			t.Service.lists.put(key, read)
		} else {
			read.unwell = fault.Is(err, fault.TransientError)
			t.unread(key.id, err)
		}
	}
	t.lists[key] = read
	return read
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
