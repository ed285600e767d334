package simulation

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// act is one thing that somebody does.
func (h *Healing) act() {
	at, group := places[h.rng.IntN(len(places))], groupIDs[h.rng.IntN(len(groupIDs))]
	switch h.rng.IntN(18) {
	case 0:
		h.Log("delete %s", group)
		h.groups.DeleteGroup(at, group)
	case 1: // somebody closes a rule by hand
		if rule, ok := h.find(at, func(r events.SecurityGroupRule) bool { return h.isGuilty(at, r) }); ok {
			h.groups.RemoveRule(at, rule.RuleID)
		}
	case 2, 3:
		h.tell(at, h.add(at, group, innocent[h.rng.IntN(len(innocent))]))
	case 4: // somebody widens a rule that was narrow
		h.modify(at, func(r events.SecurityGroupRule) bool { return r.CIDRv4 == "203.0.113.7/32" || r.CIDRv4 == "10.0.0.0/8" }, "0.0.0.0/0")
	case 5: // somebody opens what was put into quarantine
		h.modify(at, inQuarantine, "0.0.0.0/0")
	case 6: // somebody narrows what is open
		h.modify(at, func(r events.SecurityGroupRule) bool { return h.isGuilty(at, r) && r.CIDRv4 != "" }, "203.0.113.9/32")
	case 7: // the office's prefix list becomes the world
		h.Log("edit pl-office in %s", at.Account)
		h.groups.SetPrefixList(at, "pl-office", "203.0.113.0/28", "0.0.0.0/0")
		h.watch.edit(h, at)
		h.record(at, "ModifyManagedPrefixList", map[string]any{"ModifyManagedPrefixListRequest": map[string]any{"PrefixListId": "pl-office", "AddEntry": map[string]any{"Cidr": "0.0.0.0/0"}}}, nil)
	case 8: // a group is attached to an interface
		h.record(at, "ModifyNetworkInterfaceAttribute", map[string]any{
			"networkInterfaceId": "eni-1", "groupSet": map[string]any{"items": []any{map[string]any{"groupId": group}}}}, nil)
	case 9: // something insists on an open rule
		rule := h.add(at, group, guilty[0])
		h.stubborn[rule.RuleID] = 2 + h.rng.IntN(10)
		h.tell(at, rule)
	default:
		h.tell(at, h.add(at, group, guilty[h.rng.IntN(len(guilty))]))
	}
}

func inQuarantine(r events.SecurityGroupRule) bool {
	return healing.DefaultPolicy().Quarantines(r)
}

func (h *Healing) find(at healing.Place, is func(events.SecurityGroupRule) bool) (events.SecurityGroupRule, bool) {
	live := h.groups.Live(at)
	i := slices.IndexFunc(live, func(r events.SecurityGroupRule) bool { return !r.Egress && is(r) })
	if i < 0 {
		return events.SecurityGroupRule{}, false
	}
	return live[i], true
}

// modify gives the first such rule another source, by ModifySecurityGroupRules.
func (h *Healing) modify(at healing.Place, is func(events.SecurityGroupRule) bool, cidr string) {
	rule, ok := h.find(at, func(r events.SecurityGroupRule) bool { return r.CIDRv4 != "" && is(r) })
	if !ok {
		return
	}
	h.change(at, rule, cidr)
}

func (h *Healing) change(at healing.Place, rule events.SecurityGroupRule, cidr string) {
	before := h.isGuilty(at, rule)
	rule.CIDRv4 = cidr
	if !h.groups.ChangeRule(at, rule) {
		return // it would be equal to another, which EC2 refuses
	}
	h.Log("modify %s %s %s", rule.GroupID, healing.RuleKey(rule), rule.RuleID)
	if h.isGuilty(at, rule) {
		h.watch.open(h, rule)
	} else if before {
		h.watch.narrowed[rule.RuleID] = h.Clock.Now()
	}
	h.record(at, "ModifySecurityGroupRules", map[string]any{"ModifySecurityGroupRulesRequest": map[string]any{
		"GroupId": rule.GroupID, "SecurityGroupRule": map[string]any{"SecurityGroupRuleId": rule.RuleID, "tag": 1}}}, nil)
}

// reopen is an automation that opens again what it finds closed.
func (h *Healing) reopen(at healing.Place, r events.Removal) {
	left := h.stubborn[r.Rule.RuleID]
	if left == 0 {
		return
	}
	delete(h.stubborn, r.Rule.RuleID)
	h.Clock.After(h.upTo(time.Minute), func() {
		rule, ok := h.find(at, func(o events.SecurityGroupRule) bool { return o.RuleID == r.Rule.RuleID })
		if ok {
			h.change(at, rule, r.Rule.CIDRv4)
		} else {
			rule = h.add(at, r.Rule.GroupID, guilty[0])
			h.tell(at, rule)
		}
		h.stubborn[rule.RuleID] = left - 1
	})
}

// add adds a rule to a group, unless it has an equal one: EC2 refuses that.
func (h *Healing) add(at healing.Place, group string, rule events.SecurityGroupRule) events.SecurityGroupRule {
	rule.GroupID = group
	for _, live := range h.groups.Live(at) {
		if live.GroupID == group && live.Egress == rule.Egress && healing.RuleKey(live) == healing.RuleKey(rule) {
			return live
		}
	}
	if _, exists, _ := h.groups.Group(context.Background(), at, group); !exists {
		h.groups.SetGroup(at, events.SecurityGroup{GroupID: group, GroupName: group, VPCID: "vpc-1", Tags: map[string]string{"stage": stages[group]}})
	}
	rule = h.groups.AddRule(at, rule)
	if h.isGuilty(at, rule) {
		h.Log("open %s %s %s", group, healing.RuleKey(rule), rule.RuleID)
		h.watch.open(h, rule)
	}
	return rule
}

// tell sends the CloudTrail event of the call that made the rule, in one of the
// forms that records have.
func (h *Healing) tell(at healing.Place, rule events.SecurityGroupRule) {
	if rule.Egress {
		return
	}
	answer := map[string]any{"_return": true, "securityGroupRuleSet": map[string]any{
		"items": []any{map[string]any{"groupId": rule.GroupID, "securityGroupRuleId": rule.RuleID}}}}
	request := map[string]any{"groupId": rule.GroupID, "ipPermissions": map[string]any{"items": []any{}}}
	switch h.rng.IntN(4) {
	case 0: // flat
		request = map[string]any{"groupId": rule.GroupID, "cidrIp": rule.CIDRv4, "fromPort": rule.FromPort, "toPort": rule.ToPort, "ipProtocol": rule.Protocol, "ipPermissions": map[string]any{}}
	case 1: // made by CloudFormation, without a group id
		request = map[string]any{"ipPermissions": map[string]any{}}
	case 2: // over 100 KB
		request, answer = map[string]any{"requestParametersOmitted": true}, nil
	}
	h.record(at, "AuthorizeSecurityGroupIngress", request, answer)
}

// record sends the CloudTrail event of a call, up to some minutes late.
func (h *Healing) record(at healing.Place, name string, request, answer map[string]any) {
	id := h.id("call")
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": h.id("event"), "source": events.SourceEC2, "detail-type": events.CloudTrailCall,
		"account": at.Account, "region": at.Region, "time": h.Clock.Now(), "resources": []any{}, "detail": map[string]any{
			"eventVersion": "1.11", "eventID": id, "eventSource": "ec2.amazonaws.com", "eventName": name,
			"eventTime": h.Clock.Now().UTC().Format(time.RFC3339), "awsRegion": at.Region, "recipientAccountId": at.Account,
			"userIdentity":      map[string]any{"type": "IAMUser", "arn": "arn:aws:iam::" + at.Account + ":user/dev", "accountId": at.Account},
			"requestParameters": request, "responseElements": answer,
		},
	})
	if err != nil {
		h.Violate("%v", err)
		return
	}
	h.watch.named[id] = string(raw)
	h.Clock.After(20*time.Second+h.upTo(latestCall-20*time.Second), func() { h.SendRaw(raw) })
}

// latestCall is when CloudTrail tells of a call at the latest, here.
const latestCall = 2 * time.Minute
