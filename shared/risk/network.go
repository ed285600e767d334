package risk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/declared"
)

const (
	securityGroup        = declared.SecurityGroup
	securityGroupIngress = declared.SecurityGroupIngress
	prefixList           = declared.PrefixList
)

// network rates what a security group admits that it did not before. What all
// rows and the deployed template declare for the group counts together: two rows
// of its own for each half of the world open it. A rule that another row takes
// away does not make up for one that is new, because the order of the two is not
// known.
func (a *assessor) network(s *subject, all *openings) {
	if s.Type == prefixList {
		a.list(s, all)
		return
	}
	if s.Type != securityGroup && s.Type != securityGroupIngress || s.Type == securityGroup && !s.touches("SecurityGroupIngress") {
		return
	}
	if s.hides("SecurityGroupIngress") || s.Type == securityGroupIngress && len(s.hidden) > 0 {
		a.add("sg-world", s, "/Properties", "changes its rules in a way that is not shown; perhaps it opens to the internet")
		return
	}
	own := all.sources[s.LogicalID]
	a.opens(s, all, own.group, own.unsure, all.rules(own.group, s.LogicalID, true), all.rules(own.group, s.LogicalID, false), all.entries("", true), all.entries("", false))
	before, after := own.before, own.after
	for _, w := range healing.Widened(before, after) {
		if s.Type == securityGroup && s.added() && (a.private(w.New) || web(w)) {
			continue
		}
		a.add("sg-widened", s, "/Properties", perhaps(own.unsure)+"admits "+all.named(w.Source)+" to "+w.Protocol+" "+w.Ports()+" as well")
	}
}

func perhaps(unsure bool) string {
	if unsure {
		return "perhaps (a source or a port is known only after the deployment) "
	}
	return ""
}

// list rates a prefix list: what it admits to the groups of the template that
// name it, and to whatever else may name it.
func (a *assessor) list(s *subject, all *openings) {
	if s.hides("Entries") {
		a.add("sg-widened", s, "/Properties/Entries", "changes in a way that is not shown: every security group that names it may admit more")
		return
	}
	own := all.lists[s.LogicalID]
	for _, group := range sortedKeys(all.groups) {
		if rules := all.rules(group, "", true); uses(rules, s.LogicalID) {
			a.opens(s, all, group, own.unsure, rules, all.rules(group, "", false), all.entries(s.LogicalID, true), all.entries("", false))
		}
	}
	if s.added() {
		return // who may name it is in the same template, or comes later
	}
	for _, w := range healing.Widened(fromList(own.before), fromList(own.after)) {
		if w.Protocol == "tcp" {
			a.add("sg-widened", s, "/Properties/Entries", perhaps(own.unsure)+"has "+w.Source+" as well: every security group that names it admits that")
		}
	}
}

// opens says which rules the healing policy would close after the change and not
// before it.
func (a *assessor) opens(s *subject, all *openings, group string, unsure bool, after, before []events.SecurityGroupRule, lists, listsBefore map[string][]string) {
	g := all.groups[group]
	for _, policy := range a.exposure.Planned(g.SecurityGroup, g.unknownVPC, g.unknownTags) {
		policy.UnknownPrefixLists = healing.ReportUnknown // the lists of others are read by the healer, not here
		was := policy.Plan(before, listsBefore, a.policy.Now)
		known := map[string]bool{}
		for _, removal := range was.Remove {
			known[all.key(removal.Rule)] = true
		}
		code, mode := "sg-world", policy.Mode
		if mode == healing.Enforce && !unsure {
			code = "sg-world-enforced"
		}
		for _, removal := range policy.Plan(after, lists, a.policy.Now, newRules(before, after)...).Remove {
			key := all.key(removal.Rule)
			if known[key] || !widens(before, after, listsBefore, lists, removal.Rule) {
				continue
			}
			name := "the healing policy"
			if scope := a.exposure.ScopeOf(g.SecurityGroup); scope != "" {
				name += fmt.Sprintf(" (scope %s)", scope)
			}
			does := "would report (mode observe)"
			if mode == healing.Enforce {
				does = "would close (mode enforce)"
			}
			a.add(code, s, "/Properties", fmt.Sprintf("%sopens %s, which %s %s: it %s", perhaps(unsure), key, name, does, removal.Reason))
		}
	}
}

// newRules are the ids of rules that admit what no rule did: they go first when
// one of several makes the sum too large.
func newRules(before, after []events.SecurityGroupRule) []string {
	var ids []string
	for _, r := range after {
		if !slices.ContainsFunc(before, func(b events.SecurityGroupRule) bool { return healing.RuleKey(b) == healing.RuleKey(r) }) {
			ids = append(ids, r.RuleID)
		}
	}
	return ids
}

// widens reports whether the group admits more than before where the rule does.
func widens(before, after []events.SecurityGroupRule, listsBefore, lists map[string][]string, rule events.SecurityGroupRule) bool {
	for _, w := range healing.Widened(resolve(before, listsBefore), resolve(after, lists)) {
		if rule.Protocol == "-1" || rule.Protocol == "" || len(healing.Widened(nil, []events.SecurityGroupRule{rule})) == 0 {
			return true
		}
		for _, own := range healing.Widened(nil, resolve([]events.SecurityGroupRule{rule}, lists)) {
			if own.Protocol == w.Protocol && own.From <= w.To && w.From <= own.To {
				return true
			}
		}
	}
	return false
}

// resolve puts the entries of the lists that are known in their place.
func resolve(rules []events.SecurityGroupRule, lists map[string][]string) []events.SecurityGroupRule {
	var out []events.SecurityGroupRule
	for _, r := range rules {
		entries, ok := lists[r.PrefixListID]
		if !ok {
			out = append(out, r)
			continue
		}
		for _, cidr := range entries {
			out = append(out, sourced(r, cidr))
		}
	}
	return out
}

func sourced(r events.SecurityGroupRule, cidr string) events.SecurityGroupRule {
	r.PrefixListID = ""
	if strings.Contains(cidr, ":") {
		r.CIDRv6 = cidr
	} else {
		r.CIDRv4 = cidr
	}
	return r
}

func fromList(cidrs []string) []events.SecurityGroupRule {
	return resolve([]events.SecurityGroupRule{{Protocol: "-1", FromPort: -1, ToPort: -1, PrefixListID: "list"}}, map[string][]string{"list": cidrs})
}

// private reports a rule that admits nothing but addresses that the policy
// does not count.
func (a *assessor) private(r events.SecurityGroupRule) bool {
	if r.ReferencedGroupID != "" || r.PrefixListID != "" {
		return true
	}
	var allowed []events.SecurityGroupRule
	for _, source := range a.exposure.AllowedSources {
		allowed = append(allowed, sourced(events.SecurityGroupRule{Protocol: "-1"}, source.String()))
	}
	return len(healing.Widened(allowed, []events.SecurityGroupRule{r})) == 0
}

// web reports the ports that a new web server is expected to open.
func web(w healing.Widening) bool {
	return w.Protocol == "tcp" && w.From == w.To && (w.From == 80 || w.From == 443)
}
