package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// Healing is a world in which people open security groups in every way that
// they know, close some by hand, delete groups and undo heals; events about it
// come late, twice or never, and a sweep looks at everything now and then.
type Healing struct {
	*World
	groups   *fake.SecurityGroups
	state    *fake.HealingState
	service  *healing.Service
	policy   healing.Policy
	prompt   bool // nothing disturbs the events
	watch    healingWatch
	seen     map[string]bool // events that the function was given before
	stubborn map[string]int  // rule id → how often something will open it again
}

var (
	places = []healing.Place{{Account: "222222222222", Region: "us-east-1"}, {Account: "333333333333", Region: "eu-west-1"}}

	// stages are the tag by which scopes tell groups apart.
	stages = map[string]string{"sg-aaaa": "prod", "sg-bbbb": "sandbox", "sg-cccc": ""}

	// innocent rules are what nobody would close: the world on a web port, a
	// few addresses or private space on protected ports, egress.
	innocent = []events.SecurityGroupRule{
		{Protocol: "tcp", FromPort: 443, ToPort: 443, CIDRv4: "0.0.0.0/0"},
		{Protocol: "tcp", FromPort: 443, ToPort: 443, CIDRv6: "::/0"},
		{Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "10.0.0.0/8"},
		{Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "203.0.113.7/32", Description: "the office"},
		{Protocol: "tcp", FromPort: 5432, ToPort: 5432, ReferencedGroupID: "sg-app", Tags: map[string]string{"team": "data"}},
		{Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv4: "0.0.0.0/0", Egress: true},
		{Protocol: "tcp", FromPort: 3306, ToPort: 3306, PrefixListID: "pl-office"},
	}

	// guilty rules are open to the world on protected ports, in every form.
	guilty = []events.SecurityGroupRule{
		{Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"},
		{Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv6: "::/0"},
		{Protocol: "tcp", FromPort: 20, ToPort: 25, CIDRv4: "0.0.0.0/0", Tags: map[string]string{"by": "hand"}},
		{Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv4: "0.0.0.0/0", Description: "test"},
		{Protocol: "tcp", FromPort: 3389, ToPort: 3389, CIDRv4: "128.0.0.0/1"},
		{Protocol: "tcp", FromPort: 0, ToPort: 65535, CIDRv4: "1.0.0.0/8"},
		{Protocol: "tcp", FromPort: 6379, ToPort: 6379, PrefixListID: "pl-world"},
	}

	// reopened are what becomes of some of them when somebody opens the quarantine.
	reopened = []events.SecurityGroupRule{
		{Protocol: "tcp", FromPort: 3389, ToPort: 3389, CIDRv4: "0.0.0.0/0"},
		{Protocol: "tcp", FromPort: 0, ToPort: 65535, CIDRv4: "0.0.0.0/0"},
	}
)

// NewHealing makes a world with everything scheduled that people will do.
func NewHealing(seed uint64, chaos Chaos) *Healing {
	w := NewWorld(seed, chaos)
	h := &Healing{
		World: w, prompt: chaos == calm(), groups: &fake.SecurityGroups{}, state: &fake.HealingState{Fail: w.port},
		watch: newHealingWatch(), seen: map[string]bool{}, stubborn: map[string]int{},
	}
	h.policy = h.drawPolicy()
	h.state.Current = &h.policy
	ports := healingPorts{h}
	h.service = &healing.Service{
		Parser: healing.Parser{Role: "evenkeel-heal"}, Groups: ports, Changes: ports, Records: healingRecords{h.state, h},
		Policies: healingPolicies{h.state, h}, Publisher: w, Reach: ports, Owners: ports, Now: w.Clock.Now,
	}
	w.Functions["healing"] = h.handle
	w.onFact = append(w.onFact, h.fact)
	for _, at := range places {
		h.groups.SetPrefixList(at, "pl-office", "203.0.113.0/28")
		h.groups.SetPrefixList(at, "pl-world", "0.0.0.0/0")
		for _, group := range groupIDs {
			h.groups.SetGroup(at, events.SecurityGroup{GroupID: group, GroupName: group, VPCID: "vpc-1", Tags: map[string]string{"stage": stages[group]}})
			for range 1 + w.rng.IntN(4) {
				h.add(at, group, innocent[w.rng.IntN(len(innocent))])
			}
		}
	}
	for range 3 + w.rng.IntN(10) {
		w.Clock.After(w.upTo(3*time.Hour), h.act)
	}
	for at := 15 * time.Minute; at < 5*time.Hour; at += 15 * time.Minute {
		w.Clock.After(at, h.sweep)
	}
	return h
}

var groupIDs = []string{"sg-aaaa", "sg-bbbb", "sg-cccc"}

// drawPolicy is one of the policies that people have: everything observed or
// enforced, or each stage its own, closing in one way or the other.
func (h *Healing) drawPolicy() healing.Policy {
	policy := healing.DefaultPolicy()
	ways := []healing.Remediation{healing.Quarantine, healing.Quarantine, healing.Revoke}
	policy.Remediation = ways[h.rng.IntN(len(ways))]
	policy.MaxActions = []int{4, 20}[h.rng.IntN(2)]
	switch h.rng.IntN(6) {
	case 0:
	case 1, 2:
		policy.Scopes = []healing.Scope{
			{Name: "production", Tags: map[string][]string{"stage": {"prod*"}}, Mode: healing.Enforce, Remediation: ways[h.rng.IntN(len(ways))]},
			{Name: "sandboxes", Tags: map[string][]string{"stage": {"sandbox"}}, Mode: []healing.Mode{healing.Observe, healing.Enforce}[h.rng.IntN(2)]},
		}
	default:
		policy.Mode = healing.Enforce
	}
	return policy
}

// observes reports whether the policy leaves the group open. It is told here
// again, by hand, because it is what is checked.
func (h *Healing) observes(group string) bool {
	for _, s := range h.policy.Scopes {
		if stages[group] == "prod" && s.Name == "production" || stages[group] == "sandbox" && s.Name == "sandboxes" {
			return s.Mode == healing.Observe
		}
	}
	return h.policy.Mode == healing.Observe
}

// handle is the healing function: a CloudTrail event, a sweep or an undo. An
// event is given to it for the first time, or not, as the queue counts.
func (h *Healing) handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var q struct{ Action, ID, HealID, By string }
	if err := json.Unmarshal(raw, &q); err != nil {
		return nil, fault.Invalid("event: %w", err)
	}
	switch q.Action {
	case "sweep":
		return h.service.Sweep(ctx, q.ID, places)
	case "undo":
		return h.service.Undo(ctx, q.HealID, q.By)
	}
	if key := string(raw); !h.seen[key] {
		h.seen[key] = true
		return h.service.HandleFirst(ctx, raw)
	}
	return h.service.Handle(ctx, raw)
}

// sweep comes by a schedule. The id stands for the request id, which stays the
// same when Lambda repeats an asynchronous invocation.
func (h *Healing) sweep() {
	h.invokeAsync("healing", fmt.Appendf(nil, `{"action":"sweep","id":%q}`, h.id("sweep")), 0)
}

// isGuilty knows a guilty rule by what it admits.
func (h *Healing) isGuilty(at healing.Place, rule events.SecurityGroupRule) bool {
	if rule.PrefixListID == "pl-office" {
		return h.watch.edited[at]
	}
	same := func(g events.SecurityGroupRule) bool { return healing.RuleKey(g) == healing.RuleKey(rule) }
	return !rule.Egress && (slices.ContainsFunc(guilty, same) || slices.ContainsFunc(reopened, same))
}

// fact keeps what the healer says it has done. Now and then a person undoes it.
func (h *Healing) fact(f events.Fact) {
	h.watch.fact(h, f)
	switch data := f.Data.(type) {
	case events.SecurityGroupHealed:
		if h.watch.considered[data.HealID] {
			return
		}
		h.watch.considered[data.HealID] = true
		if h.rng.IntN(6) == 0 {
			h.Clock.After(h.upTo(time.Hour), func() { h.undo(data.HealID, 0) })
		}
		for _, r := range data.Removed {
			h.reopen(healing.Place{Account: data.Account, Region: data.Region}, r)
		}
	case events.SecurityGroupHealUndone:
		h.Log("undone %s until %s", data.HealID, data.Until.Sub(start))
	}
}

// undo is a person who tries a few times. A group that was deleted meanwhile
// cannot be opened again.
func (h *Healing) undo(healID string, tries int) {
	_, err := h.Call("healing", fmt.Appendf(nil, `{"action":"undo","healId":%q,"by":"lead"}`, healID))
	if err != nil && tries < 10 {
		h.Clock.After(time.Minute, func() { h.undo(healID, tries+1) })
	}
}
