package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	groups  *fake.SecurityGroups
	state   *fake.HealingState
	service *healing.Service
	observe bool
	prompt  bool // nothing disturbs the events

	opened   map[string]time.Time // rule id of a guilty rule → when it appeared
	removed  map[string]int       // rule id → removals by the healer
	told     map[string]string    // rule id → heal that says it closed it
	excepted map[string]time.Time // group and rule key → until
	undone   map[string]bool      // heals that a person has looked at
}

var (
	places = []healing.Place{{Account: "222222222222", Region: "us-east-1"}, {Account: "333333333333", Region: "eu-west-1"}}

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
)

// NewHealing makes a world with everything scheduled that people will do.
func NewHealing(seed uint64, chaos Chaos) *Healing {
	w := NewWorld(seed, chaos)
	h := &Healing{
		World: w, prompt: chaos == calm(), groups: &fake.SecurityGroups{}, state: &fake.HealingState{Fail: w.port}, observe: w.rng.IntN(6) == 0,
		opened: map[string]time.Time{}, removed: map[string]int{}, told: map[string]string{}, excepted: map[string]time.Time{}, undone: map[string]bool{},
	}
	policy := healing.DefaultPolicy()
	if !h.observe {
		policy.Mode = healing.Enforce
	}
	h.state.Current = &policy
	h.service = &healing.Service{
		Parser: healing.Parser{Role: "evenkeel-heal"}, Groups: healingGroups{h}, Changes: healingGroups{h}, Records: healingRecords{h.state, h},
		Policies: healingPolicies{h.state, h}, Publisher: w, Now: w.Clock.Now,
	}
	w.Functions["healing"] = h.handle
	w.onFact = append(w.onFact, h.fact)
	for _, at := range places {
		h.groups.SetPrefixList(at, "pl-office", "203.0.113.0/28")
		h.groups.SetPrefixList(at, "pl-world", "0.0.0.0/0")
		for _, group := range groupIDs {
			for range 1 + w.rng.IntN(4) {
				h.add(at, group, innocent[w.rng.IntN(len(innocent))])
			}
		}
	}
	for range 3 + w.rng.IntN(8) {
		w.Clock.After(w.upTo(3*time.Hour), h.act)
	}
	for at := 15 * time.Minute; at < 5*time.Hour; at += 15 * time.Minute {
		w.Clock.After(at, h.sweep)
	}
	return h
}

var groupIDs = []string{"sg-aaaa", "sg-bbbb"}

// handle is the healing function: a CloudTrail event, a sweep or an undo.
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
	return h.service.Handle(ctx, raw)
}

// sweep comes by a schedule. The id stands for the request id, which stays the
// same when Lambda repeats an asynchronous invocation.
func (h *Healing) sweep() {
	h.invokeAsync("healing", fmt.Appendf(nil, `{"action":"sweep","id":%q}`, h.id("sweep")), 0)
}

// act is one thing that somebody does.
func (h *Healing) act() {
	at, group := places[h.rng.IntN(len(places))], groupIDs[h.rng.IntN(len(groupIDs))]
	switch h.rng.IntN(12) {
	case 0:
		h.Log("delete %s", group)
		h.groups.DeleteGroup(at, group)
	case 1: // somebody closes a rule by hand
		for _, rule := range h.groups.Live(at) {
			if isGuilty(rule) {
				h.groups.RemoveRule(at, rule.RuleID)
				break
			}
		}
	case 2, 3:
		h.tell(at, h.add(at, group, innocent[h.rng.IntN(len(innocent))]))
	default:
		h.tell(at, h.add(at, group, guilty[h.rng.IntN(len(guilty))]))
	}
}

// add adds a rule to a group, unless it has an equal one: EC2 refuses that.
func (h *Healing) add(at healing.Place, group string, rule events.SecurityGroupRule) events.SecurityGroupRule {
	rule.GroupID = group
	for _, live := range h.groups.Live(at) {
		if live.GroupID == group && live.Egress == rule.Egress && healing.RuleKey(live) == healing.RuleKey(rule) {
			return live
		}
	}
	rule = h.groups.AddRule(at, rule)
	if isGuilty(rule) {
		h.opened[rule.RuleID] = h.Clock.Now()
		h.Log("open %s %s %s", group, healing.RuleKey(rule), rule.RuleID)
	}
	return rule
}

// isGuilty knows a guilty rule by what it admits.
func isGuilty(rule events.SecurityGroupRule) bool {
	return !rule.Egress && slices.ContainsFunc(guilty, func(g events.SecurityGroupRule) bool { return healing.RuleKey(g) == healing.RuleKey(rule) })
}

// tell sends the CloudTrail event of the call that made the rule, up to some
// minutes late, in one of the forms that records have.
func (h *Healing) tell(at healing.Place, rule events.SecurityGroupRule) {
	if rule.Egress {
		return
	}
	ruleSet := map[string]any{"items": []any{map[string]any{"groupId": rule.GroupID, "securityGroupRuleId": rule.RuleID}}}
	detail := map[string]any{
		"eventVersion": "1.11", "eventID": h.id("call"), "eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress",
		"eventTime": h.Clock.Now().UTC().Format(time.RFC3339), "awsRegion": at.Region, "recipientAccountId": at.Account,
		"userIdentity":     map[string]any{"type": "IAMUser", "arn": "arn:aws:iam::" + at.Account + ":user/dev", "accountId": at.Account},
		"responseElements": map[string]any{"_return": true, "securityGroupRuleSet": ruleSet},
	}
	switch h.rng.IntN(4) {
	case 0: // flat
		detail["requestParameters"] = map[string]any{"groupId": rule.GroupID, "cidrIp": rule.CIDRv4, "fromPort": rule.FromPort, "toPort": rule.ToPort, "ipProtocol": rule.Protocol, "ipPermissions": map[string]any{}}
	case 1: // made by CloudFormation, without a group id
		detail["requestParameters"] = map[string]any{"ipPermissions": map[string]any{}}
	case 2: // over 100 KB
		detail["requestParameters"] = map[string]any{"requestParametersOmitted": true}
		detail["responseElements"] = nil
	default:
		detail["requestParameters"] = map[string]any{"groupId": rule.GroupID, "ipPermissions": map[string]any{"items": []any{}}}
	}
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": h.id("event"), "source": events.SourceEC2, "detail-type": events.CloudTrailCall,
		"account": at.Account, "region": at.Region, "time": h.Clock.Now(), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		h.Violate("%v", err)
		return
	}
	h.Clock.After(20*time.Second+h.upTo(latestCall-20*time.Second), func() { h.SendRaw(raw) })
}

// latestCall is when CloudTrail tells of a call at the latest, here.
const latestCall = 2 * time.Minute

// fact keeps what the healer says it has done. Now and then a person undoes it.
func (h *Healing) fact(f events.Fact) {
	switch data := f.Data.(type) {
	case events.SecurityGroupHealed:
		for _, r := range data.Removed {
			h.told[r.Rule.RuleID] = data.HealID
		}
		if !h.undone[data.HealID] && h.rng.IntN(6) == 0 {
			h.Clock.After(h.upTo(time.Hour), func() { h.undo(data.HealID, 0) })
		}
		h.undone[data.HealID] = true
	case events.SecurityGroupHealUndone:
		h.Log("undone %s until %s", data.HealID, data.Until.Sub(start))
		for _, rule := range data.Restored {
			if !isGuilty(rule) {
				h.Violate("the undo of %s restored %s, which nobody had closed", data.HealID, healing.RuleKey(rule))
			}
		}
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

// healingGroups is EC2 with chaos around each call. What a revoke removes is
// looked at in that moment.
type healingGroups struct{ h *Healing }

func (g healingGroups) Rules(ctx context.Context, at healing.Place, ids ...string) ([]events.SecurityGroupRule, error) {
	if err := g.h.port("Rules"); err != nil {
		return nil, err
	}
	return g.h.groups.Rules(ctx, at, ids...)
}

func (g healingGroups) Group(ctx context.Context, at healing.Place, id string) (events.SecurityGroup, bool, error) {
	if err := g.h.port("Group"); err != nil {
		return events.SecurityGroup{}, false, err
	}
	return g.h.groups.Group(ctx, at, id)
}

func (g healingGroups) Entries(ctx context.Context, at healing.Place, list string) ([]string, bool, error) {
	if err := g.h.port("Entries"); err != nil {
		return nil, false, err
	}
	return g.h.groups.Entries(ctx, at, list)
}

func (g healingGroups) Revoke(ctx context.Context, at healing.Place, group string, ids []string) error {
	return g.change("Revoke", at, func() error { return g.h.groups.Revoke(ctx, at, group, ids) })
}

func (g healingGroups) Modify(ctx context.Context, at healing.Place, group string, rules []events.SecurityGroupRule) error {
	return g.change("Modify", at, func() error { return g.h.groups.Modify(ctx, at, group, rules) })
}

// change looks at each rule that the call removes, or gives another source.
func (g healingGroups) change(method string, at healing.Place, call func() error) error {
	if err := g.h.port(method); err != nil {
		return err
	}
	before := g.h.groups.Live(at)
	err := call()
	after := g.h.groups.Live(at)
	for _, rule := range before {
		kept := func(r events.SecurityGroupRule) bool { return r.RuleID == rule.RuleID && healing.RuleKey(r) == healing.RuleKey(rule) }
		if !slices.ContainsFunc(after, kept) {
			g.h.revoked(rule)
		}
	}
	if err != nil {
		return err
	}
	return g.h.port(method + " done")
}

func (g healingGroups) Authorize(ctx context.Context, at healing.Place, rule events.SecurityGroupRule) error {
	if err := g.h.port("Authorize"); err != nil {
		return err
	}
	until, excepted := g.h.excepted[rule.GroupID+" "+healing.RuleKey(rule)]
	if !excepted || !until.After(g.h.Clock.Now()) {
		g.h.Violate("an undo opens %s without an exception: it would be closed again", healing.RuleKey(rule))
	}
	if err := g.h.groups.Authorize(ctx, at, rule); err != nil {
		return err
	}
	return g.h.port("Authorize done")
}

// revoked holds what must be true of each removed rule.
func (h *Healing) revoked(rule events.SecurityGroupRule) {
	key := healing.RuleKey(rule)
	h.Log("revoke %s %s", key, rule.RuleID)
	h.removed[rule.RuleID]++
	switch {
	case h.observe:
		h.Violate("%s was removed in observe mode", key)
	case !isGuilty(rule):
		h.Violate("the innocent rule %s of %s was removed", key, rule.GroupID)
	case h.Clock.Now().Before(h.excepted[rule.GroupID+" "+key]):
		h.Violate("%s was removed although a person had undone that", key)
	}
	if open := h.Clock.Now().Sub(h.opened[rule.RuleID]); h.prompt && open > latestCall+3*time.Second {
		h.Violate("%s was open for %s although its event came", key, open)
	}
	recorded := slices.ContainsFunc(h.state.Heals(), func(heal healing.Heal) bool {
		return slices.ContainsFunc(heal.Removed, func(r events.Removal) bool {
			return r.Rule.RuleID == rule.RuleID && r.Rule.Description == rule.Description && maps.Equal(r.Rule.Tags, rule.Tags)
		})
	})
	if !recorded {
		h.Violate("%s was removed before its undo record was kept", key)
	}
}

// healingRecords adds lost answers to the fake's failures.
type healingRecords struct {
	*fake.HealingState
	h *Healing
}

func (r healingRecords) Save(ctx context.Context, eventID string, heal healing.Heal) (healing.Heal, error) {
	kept, err := r.HealingState.Save(ctx, eventID, heal)
	if err == nil {
		err = r.h.port("Save done")
	}
	return kept, err
}

func (r healingRecords) Advance(ctx context.Context, heal healing.Heal) (healing.Heal, error) {
	kept, err := r.HealingState.Advance(ctx, heal)
	if err == nil {
		err = r.h.port("Advance done")
	}
	return kept, err
}

// healingPolicies remembers the exceptions as soon as they are recorded.
type healingPolicies struct {
	*fake.HealingState
	h *Healing
}

func (p healingPolicies) Except(ctx context.Context, exceptions ...healing.Exception) error {
	if err := p.HealingState.Except(ctx, exceptions...); err != nil {
		return err
	}
	for _, e := range exceptions {
		p.h.excepted[e.Group+" "+e.Rule] = e.Expires
	}
	return p.h.port("Except done")
}

// End lets one last, undisturbed sweep look, and checks that nothing is open
// any more, or reported if the policy only observes, and that every removal
// was told.
func (h *Healing) End() {
	h.quiet = true
	h.sweep()
	h.Run()
	for _, at := range places {
		for _, rule := range h.groups.Live(at) {
			excepted := h.Clock.Now().Before(h.excepted[rule.GroupID+" "+healing.RuleKey(rule)])
			if isGuilty(rule) && !h.observe && !excepted {
				h.Violate("%s of %s is still open", healing.RuleKey(rule), rule.GroupID)
			}
			if isGuilty(rule) && h.observe && !h.exposed(rule.RuleID) {
				h.Violate("nobody was told of %s %s", rule.GroupID, healing.RuleKey(rule))
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.removed)) {
		if h.told[id] == "" {
			h.Violate("%s was removed and no fact says so", id)
		}
	}
}

func (h *Healing) exposed(ruleID string) bool {
	return slices.ContainsFunc(h.Facts, func(f events.Fact) bool {
		data, ok := f.Data.(events.SecurityGroupExposed)
		return ok && slices.ContainsFunc(data.Exposed, func(r events.Removal) bool { return r.Rule.RuleID == ruleID })
	})
}
