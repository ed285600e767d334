package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// authorize adds rules. What EC2 answered counts, as it has the ids; without
// an answer, which records before July 2021 have not, what was asked for.
func (c *call) authorize(egress bool) {
	g, ok := c.target()
	if !ok {
		return
	}
	answered := elements(get(c.response, "securityGroupRuleSet"))
	rules := make([]events.SecurityGroupRule, 0, len(answered))
	for _, item := range answered {
		rules = append(rules, ruleOf(item, egress))
	}
	if len(rules) == 0 {
		rules = permissions(c.request, egress)
	}
	if len(rules) == 0 {
		c.change.note("the rules are not in the record: what %s admits is not known", g.GroupID)
		g.whole = false
		return
	}
	for _, r := range rules {
		c.add(g, r)
	}
	c.touched(g.GroupID)
}

// add puts a rule into a group. A rule without an id gets one of our own,
// unless an equal one is there.
func (c *call) add(g *group, r events.SecurityGroupRule) {
	r.GroupID = g.GroupID
	if r.RuleID == "" {
		if equal := g.equal(r); equal != "" {
			return
		}
		c.serial++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", c.trigger.EventID, c.serial))
		r.RuleID = "sgr-" + hex.EncodeToString(sum[:9])[:17]
		g.made[r.RuleID] = true
	}
	g.rules[r.RuleID] = r
}

// equal is the id of the rule of the group that admits the same, or "".
func (g *group) equal(r events.SecurityGroupRule) string {
	key := healing.RuleKey(r)
	for _, id := range slices.Sorted(maps.Keys(g.rules)) {
		if known := g.rules[id]; known.Egress == r.Egress && healing.RuleKey(known) == key {
			return id
		}
	}
	return ""
}

// revoke removes rules by id, or what equals the permissions. EC2 refuses, or
// in a default VPC ignores, what does not match exactly.
// Source: EC2 API reference, RevokeSecurityGroupIngress.
func (c *call) revoke(egress bool) {
	g, ok := c.target()
	if !ok {
		return
	}
	revoked := permissions(c.request, egress)
	for _, item := range elements(get(c.response, "revokedSecurityGroupRuleSet")) {
		revoked = append(revoked, ruleOf(item, egress))
	}
	ids := texts(get(c.request, "securityGroupRuleIds"), "securityGroupRuleId")
	before := len(g.rules)
	var unknown []string
	for _, r := range revoked {
		if _, known := g.rules[r.RuleID]; known {
			g.remove(r.RuleID)
		} else if id := g.equal(r); id != "" {
			g.remove(id)
		}
	}
	for _, id := range ids {
		if _, known := g.rules[id]; known {
			g.remove(id)
		} else if only := g.onlyMade(func(r events.SecurityGroupRule) bool { return r.Egress == egress }); only != "" && before == len(g.rules) {
			c.change.note("%s is taken for the only rule of %s without a known id", id, g.GroupID)
			g.remove(only)
		} else if before == len(g.rules) {
			unknown = append(unknown, id)
		}
	}
	for _, id := range unknown {
		c.change.note("%s is not known: nothing is removed", id)
	}
	if len(g.rules) < before {
		c.touched(g.GroupID)
	}
}

func (g *group) remove(id string) {
	delete(g.rules, id)
	delete(g.made, id)
}

// onlyMade is the id of the only rule with an id of our own that is like what
// is looked for, or "".
func (g *group) onlyMade(like func(events.SecurityGroupRule) bool) string {
	found := ""
	for id := range g.made {
		if like(g.rules[id]) {
			if found != "" {
				return ""
			}
			found = id
		}
	}
	return found
}

// modify changes rules in place: id and tags stay, the type of the source too.
// Source: EC2 API reference, ModifySecurityGroupRules, SecurityGroupRuleRequest.
func (c *call) modify() {
	g, ok := c.target()
	if !ok {
		return
	}
	updates := elements(get(c.wrapped(), "SecurityGroupRule"))
	if len(updates) == 0 {
		updates = elements(get(c.wrapped(), "securityGroupRules"))
	}
	for _, update := range updates {
		id, r := text(update, "SecurityGroupRuleId"), ruleOf(get(update, "SecurityGroupRule"), false)
		if id == "" {
			continue
		}
		was, known := g.rules[id]
		if !known {
			if only := g.onlyMade(func(other events.SecurityGroupRule) bool {
				return !other.Egress && healing.SourceKind(other) == healing.SourceKind(r)
			}); only != "" {
				c.change.note("%s is taken for the only rule of its kind in %s without a known id", id, g.GroupID)
				was = g.rules[only]
				g.remove(only)
			} else {
				c.change.note("%s is seen first here: that it lets in is assumed", id)
			}
		}
		r.RuleID, r.GroupID, r.Egress, r.Tags = id, g.GroupID, was.Egress, was.Tags
		g.rules[id] = r
		c.touched(g.GroupID)
	}
	if len(updates) == 0 {
		c.change.note("the rules are not in the record: what %s admits is not known", g.GroupID)
		g.whole = false
	}
}

// describe changes descriptions, by rule id or by what equals the permissions.
func (c *call) describe(egress bool) {
	g, ok := c.target()
	if !ok {
		return
	}
	set := func(id, description string) {
		if r, known := g.rules[id]; known && r.Egress == egress {
			r.Description = description
			g.rules[id] = r
		}
	}
	for _, r := range permissions(c.request, egress) {
		set(g.equal(r), r.Description)
	}
	for _, item := range elements(get(c.request, "securityGroupRuleDescriptions")) {
		set(text(item, "securityGroupRuleId"), text(item, "description"))
	}
}

// ruleOf reads a rule as EC2 answers it, or as ModifySecurityGroupRules states it.
func ruleOf(item any, egress bool) events.SecurityGroupRule {
	r := events.SecurityGroupRule{
		RuleID: text(item, "securityGroupRuleId"), Egress: egress, Protocol: text(item, "ipProtocol"),
		FromPort: port(item, "fromPort"), ToPort: port(item, "toPort"),
		CIDRv4: text(item, "cidrIpv4"), CIDRv6: text(item, "cidrIpv6"), PrefixListID: text(item, "prefixListId"),
		ReferencedGroupID: text(item, "referencedGroupId"), Description: text(item, "description"), Tags: tags(get(item, "tagSet")),
	}
	if r.ReferencedGroupID == "" {
		r.ReferencedGroupID = text(item, "referencedGroupInfo", "groupId")
	}
	return healing.Canonical(r)
}

// permissions reads the rules that a request states: one for each source of
// each permission, and the one of the flat form.
// Source: EC2 API reference, AuthorizeSecurityGroupIngress (CidrIp, IpPermissions).
func permissions(request any, egress bool) []events.SecurityGroupRule {
	var rules []events.SecurityGroupRule
	add := func(permission, source any, set func(*events.SecurityGroupRule)) {
		r := events.SecurityGroupRule{Egress: egress, Protocol: text(permission, "ipProtocol"),
			FromPort: port(permission, "fromPort"), ToPort: port(permission, "toPort"), Description: text(source, "description")}
		set(&r)
		rules = append(rules, healing.Canonical(r))
	}
	for _, p := range elements(get(request, "ipPermissions")) {
		for _, s := range elements(get(p, "ipRanges")) {
			add(p, s, func(r *events.SecurityGroupRule) { r.CIDRv4 = text(s, "cidrIp") })
		}
		for _, s := range elements(get(p, "ipv6Ranges")) {
			add(p, s, func(r *events.SecurityGroupRule) { r.CIDRv6 = text(s, "cidrIpv6") })
		}
		for _, s := range elements(get(p, "prefixListIds")) {
			add(p, s, func(r *events.SecurityGroupRule) { r.PrefixListID = text(s, "prefixListId") })
		}
		for _, s := range elements(get(p, "groups")) {
			add(p, s, func(r *events.SecurityGroupRule) {
				if r.ReferencedGroupID = text(s, "groupId"); r.ReferencedGroupID == "" {
					r.ReferencedGroupID = text(s, "groupName")
				}
			})
		}
	}
	if cidr := text(request, "cidrIp"); cidr != "" {
		add(request, nil, func(r *events.SecurityGroupRule) { r.CIDRv4 = cidr })
	}
	return rules
}
