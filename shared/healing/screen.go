package healing

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/events"
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
		lists, err := t.prefixLists(ctx, at, rules, subject.PrefixLists)
		if err != nil {
			return found, err
		}
		open := false
		for _, p := range possible {
			plan := p.Plan(rules, lists, t.Now())
			open = open || !plan.Empty()
			unread = append(unread, plan.Unread...)
		}
		if !open {
			delete(found.groups, group)
		}
	}
	t.result.Unread = append(t.result.Unread, sortedUnique(unread)...)
	return found, nil
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

// prefixLists gives the entries of the prefix lists that ingress rules use.
// Those that were edited are not taken from an earlier invocation.
func (t *task) prefixLists(ctx context.Context, at Place, rules []events.SecurityGroupRule, edited []string) (map[string][]string, error) {
	lists := map[string][]string{}
	for _, r := range rules {
		if r.Egress || r.PrefixListID == "" {
			continue
		}
		key := listKey{at, r.PrefixListID}
		read, ok := t.lists[key]
		if !ok && !slices.Contains(edited, r.PrefixListID) {
			read, ok = t.Service.lists.get(key, t.Now())
		}
		if !ok {
			read.read = t.Now()
			var err error
			if read.cidrs, read.known, err = t.Groups.Entries(ctx, at, r.PrefixListID); err != nil {
				return nil, err
			}
			t.Service.lists.put(key, read)
		}
		t.lists[key] = read
		if read.known {
			lists[r.PrefixListID] = read.cidrs
		}
	}
	return lists, nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
