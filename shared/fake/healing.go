package fake

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	_ healing.Records  = (*HealingState)(nil)
	_ healing.Policies = (*HealingState)(nil)
)

// HealingState is the healer's memory and policy, in memory.
type HealingState struct {
	// Current is the policy; DefaultPolicy if nil.
	Current *healing.Policy
	// Stale, if set, is what Policy returns to whoever takes one that is half
	// a minute old.
	Stale *healing.Policy
	// Fail, if set, is asked before every call, by method name; an error it
	// returns is the call's result and nothing happens.
	Fail func(method string) error

	mu         sync.Mutex
	claims     map[string]healing.Claim
	heals      map[string]healing.Heal
	exceptions map[string][]healing.Exception
	spent      map[string]int
}

func (s *HealingState) enter(method string) error {
	if s.Fail != nil {
		if err := s.Fail(method); err != nil {
			return err
		}
	}
	s.mu.Lock()
	if s.claims == nil {
		s.claims, s.heals = map[string]healing.Claim{}, map[string]healing.Heal{}
		s.exceptions, s.spent = map[string][]healing.Exception{}, map[string]int{}
	}
	return nil
}

// Heals returns every kept heal, by id.
func (s *HealingState) Heals() []healing.Heal {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]healing.Heal, 0, len(s.heals))
	for _, h := range s.heals {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b healing.Heal) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

// Claim implements healing.Records.
func (s *HealingState) Claim(_ context.Context, eventID string) (healing.Claim, error) {
	if err := s.enter("Claim"); err != nil {
		return healing.Claim{}, err
	}
	defer s.mu.Unlock()
	c := s.claims[eventID]
	c.Heals = slices.Clone(c.Heals)
	return c, nil
}

// Finish implements healing.Records.
func (s *HealingState) Finish(_ context.Context, eventID string) error {
	if err := s.enter("Finish"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	c := s.claims[eventID]
	c.Done = true
	s.claims[eventID] = c
	return nil
}

// Save implements healing.Records.
func (s *HealingState) Save(_ context.Context, eventID string, heals ...healing.Heal) ([]healing.Heal, error) {
	if err := s.enter("Save"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	c := s.claims[eventID]
	c.Heals = slices.Clone(c.Heals)
	all := make([]healing.Heal, len(heals))
	for i, h := range heals {
		if !slices.Contains(c.Heals, h.ID) {
			c.Heals = append(c.Heals, h.ID)
		}
		if kept, ok := s.heals[h.ID]; ok {
			h = kept
		}
		s.heals[h.ID], all[i] = h, h
	}
	s.claims[eventID] = c
	return all, nil
}

// Heal implements healing.Records.
func (s *HealingState) Heal(_ context.Context, id string) (healing.Heal, bool, error) {
	if err := s.enter("Heal"); err != nil {
		return healing.Heal{}, false, err
	}
	defer s.mu.Unlock()
	h, ok := s.heals[id]
	return h, ok, nil
}

// Advance implements healing.Records.
func (s *HealingState) Advance(_ context.Context, h healing.Heal) (healing.Heal, error) {
	if err := s.enter("Advance"); err != nil {
		return healing.Heal{}, err
	}
	defer s.mu.Unlock()
	if kept, ok := s.heals[h.ID]; ok && kept.Step() >= h.Step() {
		return kept, nil
	}
	s.heals[h.ID] = h
	return h, nil
}

// Policy implements healing.Policies.
func (s *HealingState) Policy(_ context.Context, maxAge time.Duration) (healing.Policy, error) {
	if err := s.enter("Policy"); err != nil {
		return healing.Policy{}, err
	}
	defer s.mu.Unlock()
	if s.Stale != nil && maxAge >= 30*time.Second {
		return *s.Stale, nil
	}
	if s.Current == nil {
		return healing.DefaultPolicy(), nil
	}
	return *s.Current, nil
}

// Exceptions implements healing.Policies.
func (s *HealingState) Exceptions(_ context.Context, group string) ([]healing.Exception, error) {
	if err := s.enter("Exceptions"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.Clone(s.exceptions[group]), nil
}

// Except implements healing.Policies.
func (s *HealingState) Except(_ context.Context, exceptions ...healing.Exception) error {
	if err := s.enter("Except"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, e := range exceptions {
		kept := slices.DeleteFunc(s.exceptions[e.Group], func(o healing.Exception) bool { return o.Rule == e.Rule })
		s.exceptions[e.Group] = append(kept, e)
	}
	return nil
}

// Spend implements healing.Policies.
func (s *HealingState) Spend(_ context.Context, group string, hour time.Time, actions int) (int, error) {
	if err := s.enter("Spend"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	key := group + " " + hour.UTC().Format(time.RFC3339)
	s.spent[key] += actions
	return s.spent[key], nil
}

// Closed implements drift.Heals.
func (s *HealingState) Closed(_ context.Context, id string) ([]healing.Heal, error) {
	if err := s.enter("Closed"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	last := map[string]healing.Heal{}
	for _, h := range s.heals {
		if h.Mode != healing.Enforce || h.Stop != nil || h.Closed.IsZero() {
			continue
		}
		for _, r := range h.Removed {
			key := healing.RuleKey(r.Rule)
			if (id == h.Group.GroupID || id == r.Rule.RuleID) && !h.Closed.Before(last[key].Closed) {
				last[key] = h
			}
		}
	}
	var list []healing.Heal
	for _, h := range last {
		if h.Undone.IsZero() {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b healing.Heal) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}
