package policy

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// opening is an ingress rule that the template writes.
type opening struct {
	rule events.SecurityGroupRule
	cidr Value // where its source is written
}

// The limits of what is added up for one security group.
const (
	maxOpenings = 500
	maxWorlds   = 16 // sets of conditions under which rules exist
)

// tooOpen reports the rules of a group that the policy would remove. It is the
// arithmetic of the healer, so that what passes here is not closed later: the
// addresses that all rules together admit are counted for each port. Rules
// count together if no condition stands between them.
func tooOpen(openings []opening, p healing.Policy, report func(o opening, reason string)) {
	if len(openings) == 0 {
		return
	}
	done := make([]bool, len(openings))
	for _, when := range worlds(openings) {
		var rules []events.SecurityGroupRule
		for i, o := range openings {
			if !done[i] && within(o.cidr.when, when) {
				rules = append(rules, o.rule)
			}
		}
		for _, removal := range p.Plan(rules, nil, time.Time{}).Remove {
			i, err := strconv.Atoi(removal.Rule.RuleID)
			if err == nil && !done[i] {
				done[i] = true
				report(openings[i], removal.Reason)
			}
		}
	}
}

// worlds lists the sets of conditions of the openings, no condition first.
func worlds(openings []opening) []*assumption {
	all := []*assumption{nil}
	for _, o := range openings {
		if !slices.Contains(all, o.cidr.when) && len(all) < maxWorlds {
			all = append(all, o.cidr.when)
		}
	}
	slices.SortStableFunc(all, func(a, b *assumption) int { return a.depth() - b.depth() })
	return all
}

func (a *assumption) depth() int {
	if a == nil {
		return 0
	}
	return 1 + a.up.depth()
}

// within reports whether all that a assumes is assumed by b.
func within(a, b *assumption) bool {
	for ; a != nil; a = a.up {
		found := false
		for at := b; at != nil && !found; at = at.up {
			found = at.condition == a.condition && at.holds == a.holds
		}
		if !found {
			return false
		}
	}
	return true
}

// openingsOf lists the ingress rules of a group: its own, and those that other
// resources of the template add to it. A rule for a group that the template
// does not make is judged alone.
func openingsOf(r *Resource) []opening {
	var all []opening
	if r.Type == "AWS::EC2::SecurityGroupIngress" {
		if !r.joinsKnownGroup() {
			all = appendOpenings(all, r.Value)
		}
		return all
	}
	r.Each(keysSecurityGroupIngress, func(rule Value) {
		all = appendOpenings(all, rule)
	})
	r.Peers(func(peer *Resource) {
		if peer.RefersTo(keysGroupID, r.ID) || peer.RefersTo(keysGroupName, r.ID) {
			all = appendOpenings(all, peer.Value)
		}
	}, "AWS::EC2::SecurityGroupIngress")
	return all
}

func (r *Resource) joinsKnownGroup() bool {
	return r.Any(keysGroupID, func(v Value) bool {
		group, ok := v.r.t.Resources.Get(v.refers)
		return ok && group.Type == "AWS::EC2::SecurityGroup"
	})
}

// appendOpenings adds a rule once for each source that it may have.
func appendOpenings(all []opening, rule Value) []opening {
	if !rule.Known() {
		return all
	}
	from, to, protocol, ok := rule.ports()
	if !ok {
		return all
	}
	for _, key := range []string{"CidrIp", "CidrIpv6"} {
		rule.Each([]string{key}, func(cidr Value) {
			text, ok := cidr.Text()
			if !ok || len(all) >= maxOpenings || cidr.choice.of > 0 {
				return
			}
			o := opening{cidr: cidr, rule: events.SecurityGroupRule{RuleID: strconv.Itoa(len(all)), Protocol: protocol, FromPort: from, ToPort: to}}
			if key == "CidrIp" {
				o.rule.CIDRv4 = text
			} else {
				o.rule.CIDRv6 = text
			}
			all = append(all, o)
		})
	}
	return all
}

// ports reads what a rule of a group opens. Several possible ports are unknown.
func (v Value) ports() (from, to int32, protocol string, ok bool) {
	protocol, ok = v.single("IpProtocol")
	if !ok {
		return 0, 0, "", false
	}
	if protocol == "-1" {
		return -1, -1, protocol, true
	}
	first, okFirst := v.single("FromPort")
	last, okLast := v.single("ToPort")
	low, errLow := strconv.ParseInt(first, 10, 32)
	high, errHigh := strconv.ParseInt(last, 10, 32)
	return int32(low), int32(high), protocol, okFirst && okLast && errLow == nil && errHigh == nil
}

// single is the text of a property that has exactly one known value.
func (v Value) single(key string) (text string, ok bool) {
	count := 0
	v.At([]string{key}, func(child Value) bool {
		count++
		text, ok = child.Text()
		return count < 2
	})
	return text, ok && count == 1
}

// adminPorts is the healer's policy; openWorld lets the web's ports be open and
// asks the others not to be open to more than a sixteenth of all addresses.
var (
	adminPorts = healing.DefaultPolicy()
	openWorld  = otherPorts(adminPorts)
)

func otherPorts(admin healing.Policy) healing.Policy {
	p := admin
	p.MaxIPv4, p.MaxIPv6 = 4, 16
	p.ProtectedPorts = []healing.PortRange{{From: 0, To: 79}, {From: 81, To: 442}, {From: 444, To: 65535}}
	return p
}

func checkAdminPorts(r *Resource) {
	tooOpen(openingsOf(r), adminPorts, func(o opening, reason string) { o.cidr.Report("the rule " + reason) })
}

// checkOtherPorts reports what checkAdminPorts does not.
func checkOtherPorts(r *Resource) {
	openings := openingsOf(r)
	admin := map[string]bool{}
	tooOpen(openings, adminPorts, func(o opening, _ string) { admin[o.rule.RuleID] = true })
	tooOpen(openings, openWorld, func(o opening, _ string) {
		if !admin[o.rule.RuleID] {
			o.cidr.Report(fmt.Sprintf("%s open to the whole internet", portWords(o.rule)))
		}
	})
}

func portWords(r events.SecurityGroupRule) string {
	switch {
	case r.FromPort < 0 || r.FromPort == 0 && r.ToPort == 65535:
		return "every port is"
	case r.FromPort == r.ToPort:
		return fmt.Sprintf("port %d is", r.FromPort)
	}
	return fmt.Sprintf("the ports %d to %d are", r.FromPort, r.ToPort)
}
