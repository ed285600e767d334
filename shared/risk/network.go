package risk

import (
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

const (
	securityGroup        = "AWS::EC2::SecurityGroup"
	securityGroupIngress = "AWS::EC2::SecurityGroupIngress"
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
	before, vague := rulesOf(s.Type, s.before.properties)
	if vague {
		before = nil // what is not known admitted nothing
	}
	after, unsure := rulesOf(s.Type, s.after.properties)
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

// maxRules bounds the rules of one group. EC2 allows 1,000 a network interface.
// Source: VPC user guide, "Amazon VPC quotas".
const maxRules = 1000

// rulesOf reads the ingress rules of a resource. A source or a port that is not
// known may be any; unsure says that there is one.
func rulesOf(typeName string, properties map[string]any) (rules []events.SecurityGroupRule, unsure bool) {
	items := []any{properties}
	if typeName == securityGroup {
		items = valuesAt(properties, []string{"SecurityGroupIngress", "*"})
	}
	for i, item := range items {
		if i == maxRules {
			return rules, true
		}
		if unknown(item) {
			rules, unsure = append(rules, anyone(i)...), true
			continue
		}
		entry, ok := item.(map[string]any)
		if !ok || len(entry) == 0 {
			continue
		}
		rule, open := ruleOf(i, entry)
		rules, unsure = append(rules, rule...), unsure || open
	}
	return rules, unsure
}

func anyone(i int) []events.SecurityGroupRule {
	id := strconv.Itoa(i)
	return []events.SecurityGroupRule{{RuleID: id, Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv4: "0.0.0.0/0"}, {RuleID: id + "/6", Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "::/0"}}
}

// ruleOf reads one rule: one of EC2's for each source that it names.
func ruleOf(i int, entry map[string]any) (rules []events.SecurityGroupRule, unsure bool) {
	base := events.SecurityGroupRule{RuleID: strconv.Itoa(i), Protocol: scalar(entry["IpProtocol"]), FromPort: -1, ToPort: -1}
	if unknown(entry["IpProtocol"]) {
		base.Protocol, unsure = "-1", true
	}
	from, fromKnown := port(entry["FromPort"])
	to, toKnown := port(entry["ToPort"])
	base.FromPort, base.ToPort = from, to
	unsure = unsure || !fromKnown || !toKnown
	for n, name := range []string{"CidrIp", "CidrIpv6", "SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName"} {
		value, ok := entry[name]
		if !ok || scalar(value) == "" {
			continue
		}
		rule, text := base, scalar(value)
		rule.RuleID += "/" + strconv.Itoa(n)
		switch {
		case name == "CidrIp" && unknown(value):
			rule.CIDRv4, unsure = "0.0.0.0/0", true
		case name == "CidrIp":
			rule.CIDRv4 = text
		case name == "CidrIpv6" && unknown(value):
			rule.CIDRv6, unsure = "::/0", true
		case name == "CidrIpv6":
			rule.CIDRv6 = text
		case name == "SourcePrefixListId":
			rule.PrefixListID = text
		default:
			rule.ReferencedGroupID = text
		}
		rules = append(rules, rule)
	}
	return rules, unsure
}

// port reads a port; one that is not known makes the rule one for all.
func port(v any) (number int32, known bool) {
	if unknown(v) {
		return -1, false
	}
	n, err := strconv.ParseInt(scalar(v), 10, 32)
	if err != nil {
		return -1, true
	}
	return int32(n), true
}
