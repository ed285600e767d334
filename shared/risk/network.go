package risk

import (
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/declared"
)

const (
	securityGroup        = declared.SecurityGroup
	securityGroupIngress = declared.SecurityGroupIngress
)

// network rates what a security group admits that it did not before. Each row
// of the change set is measured by itself: a rule that another row takes away
// does not make up for it, because the order of the two is not known.
func (a *assessor) network(s *subject) {
	if s.Type != securityGroup && s.Type != securityGroupIngress || s.Type == securityGroup && !s.touches("SecurityGroupIngress") {
		return
	}
	if s.hides("SecurityGroupIngress") || s.Type == securityGroupIngress && len(s.hidden) > 0 {
		a.add("sg-world", s, "/Properties", "changes its rules in a way that is not shown; perhaps it opens to the internet")
		return
	}
	before, vague := declared.Rules(s.Type, s.before.properties)
	if vague {
		before = nil // what is not known admitted nothing
	}
	after, unsure := declared.Rules(s.Type, s.after.properties)
	text := ""
	if unsure {
		text = "perhaps (a source or a port is known only after the deployment) "
	}
	removals := a.exposure.Plan(after, nil, time.Time{}).Remove
	tooOpen := map[string]bool{}
	if len(removals) > 0 {
		for _, removal := range a.exposure.Plan(before, nil, time.Time{}).Remove {
			tooOpen[healing.RuleKey(removal.Rule)] = true
		}
	}
	for _, removal := range removals {
		if rule := healing.RuleKey(removal.Rule); !tooOpen[rule] && len(healing.Widened(before, []events.SecurityGroupRule{removal.Rule})) > 0 {
			a.add("sg-world", s, "/Properties", text+"opens "+rule+": it "+removal.Reason)
		}
	}
	for _, w := range healing.Widened(before, after) {
		if s.Type == securityGroup && s.added() && (a.private(w.New) || web(w)) {
			continue
		}
		a.add("sg-widened", s, "/Properties", text+"admits "+w.Source+" to "+w.Protocol+" "+w.Ports()+" as well")
	}
}

// private reports a rule that admits nothing but addresses that the policy
// does not count.
func (a *assessor) private(r events.SecurityGroupRule) bool {
	if r.ReferencedGroupID != "" || r.PrefixListID != "" {
		return true
	}
	var allowed []events.SecurityGroupRule
	for _, source := range a.exposure.AllowedSources {
		rule := events.SecurityGroupRule{Protocol: "-1", CIDRv4: source.String()}
		if source.Addr().Is6() {
			rule.CIDRv4, rule.CIDRv6 = "", source.String()
		}
		allowed = append(allowed, rule)
	}
	return len(healing.Widened(allowed, []events.SecurityGroupRule{r})) == 0
}

// web reports the ports that a new web server is expected to open.
func web(w healing.Widening) bool {
	return w.Protocol == "tcp" && w.From == w.To && (w.From == 80 || w.From == 443)
}
