// Package declared reads the ingress rules and prefix list entries that
// CloudFormation templates and change sets declare. It is shared by whoever
// rates a plan, tells drift that the healer made, and says who owns a rule.
package declared

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/template"
)

// The types of resources that declare who may come in.
const (
	SecurityGroup        = "AWS::EC2::SecurityGroup"
	SecurityGroupIngress = "AWS::EC2::SecurityGroupIngress"
	PrefixList           = "AWS::EC2::PrefixList"
)

// maxItems bounds what is read of one list. EC2 allows 1,000 rules a network
// interface and 1,000 entries a prefix list.
// Source: VPC user guide, "Amazon VPC quotas".
const maxItems = 1000

// Rules reads the ingress rules of a security group or of a
// SecurityGroupIngress from its properties, plain JSON values of which unknown
// ones are template.KnownAfterApply. A source, protocol or port that is not
// known may be any; unsure says that there is one.
// Source: CloudFormation template reference, AWS::EC2::SecurityGroup Ingress.
func Rules(typeName string, properties map[string]any) (rules []events.SecurityGroupRule, unsure bool) {
	for i, item := range items(typeName, properties) {
		if i == maxItems {
			return rules, true
		}
		some, open := Rule(strconv.Itoa(i), item)
		rules, unsure = append(rules, some...), unsure || open
	}
	return rules, unsure
}

// Certain reads only the rules of which everything is known.
func Certain(typeName string, properties map[string]any) []events.SecurityGroupRule {
	var sure []events.SecurityGroupRule
	for i, item := range items(typeName, properties) {
		if some, open := Rule(strconv.Itoa(i), item); !open && i < maxItems {
			sure = append(sure, some...)
		}
	}
	return sure
}

func items(typeName string, properties map[string]any) []any {
	if typeName == SecurityGroup {
		return list(properties["SecurityGroupIngress"])
	}
	return []any{properties}
}

// Rule reads one rule: one of EC2's for each source that it names. id begins
// the ids of them.
func Rule(id string, item any) (rules []events.SecurityGroupRule, unsure bool) {
	if unknown(item) {
		return anyone(id), true
	}
	entry, ok := item.(map[string]any)
	if !ok || len(entry) == 0 {
		return nil, false
	}
	base := events.SecurityGroupRule{RuleID: id, Protocol: changeset.Scalar(entry["IpProtocol"])}
	if unknown(entry["IpProtocol"]) {
		base.Protocol, unsure = "-1", true
	}
	var fromKnown, toKnown bool
	base.FromPort, fromKnown = port(entry["FromPort"])
	base.ToPort, toKnown = port(entry["ToPort"])
	unsure = unsure || !fromKnown || !toKnown
	for n, name := range []string{"CidrIp", "CidrIpv6", "SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName"} {
		text := changeset.Scalar(entry[name])
		if text == "" {
			continue
		}
		rule := base
		rule.RuleID += "/" + strconv.Itoa(n)
		switch {
		case name == "CidrIp" && unknown(text):
			rule.CIDRv4, unsure = "0.0.0.0/0", true
		case name == "CidrIp":
			rule.CIDRv4 = text
		case name == "CidrIpv6" && unknown(text):
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

// Entries reads the CIDRs of an AWS::EC2::PrefixList. One that is not known may
// be any of its family.
// Source: CloudFormation template reference, AWS::EC2::PrefixList Entry.
func Entries(properties map[string]any) (cidrs []string, unsure bool) {
	world := "0.0.0.0/0"
	if changeset.Scalar(properties["AddressFamily"]) == "IPv6" {
		world = "::/0"
	}
	for i, item := range list(properties["Entries"]) {
		if i == maxItems {
			return cidrs, true
		}
		text := ""
		if entry, ok := item.(map[string]any); ok {
			text = changeset.Scalar(entry["Cidr"])
		}
		switch {
		case unknown(item) || unknown(text):
			cidrs, unsure = append(cidrs, world), true
		case text != "":
			cidrs = append(cidrs, text)
		}
	}
	return cidrs, unsure
}

// Of evaluates a resource of a template: its properties as plain JSON values,
// unknown ones marked. ok is false when they cannot be evaluated.
func Of(t *template.Template, r *template.Resource, scope *template.Scope) (properties map[string]any, ok bool) {
	if r.Properties == nil {
		return map[string]any{}, true
	}
	value, err := t.Evaluate(r.Properties, scope)
	if err != nil {
		return nil, false
	}
	properties, ok = Marked(value).(map[string]any)
	return properties, ok
}

// Marked replaces what is template.Unknown by CloudFormation's mark for it.
func Marked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			v[key] = Marked(member)
		}
	case []any:
		for i, item := range v {
			v[i] = Marked(item)
		}
	default:
		if v == template.Unknown {
			return template.KnownAfterApply
		}
	}
	return v
}

// Text reads a value of a change set or a difference: JSON, or a text.
func Text(value string) any {
	var v any
	if trimmed := strings.TrimSpace(value); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if json.Unmarshal([]byte(trimmed), &v) == nil {
			return v
		}
	}
	return value
}

// list are the items of a list. A map stands for a list of which some items are
// known, by index; what is not known is one item.
func list(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		items := make([]any, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, v[key])
		}
		return items
	}
	if unknown(v) {
		return []any{v}
	}
	return nil
}

func anyone(id string) []events.SecurityGroupRule {
	return []events.SecurityGroupRule{
		{RuleID: id, Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv4: "0.0.0.0/0"},
		{RuleID: id + "/6", Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv6: "::/0"},
	}
}

// port reads a port; one that is not known makes the rule one for all.
func port(v any) (number int32, known bool) {
	if unknown(v) {
		return -1, false
	}
	n, err := strconv.ParseInt(changeset.Scalar(v), 10, 32)
	if err != nil {
		return -1, true
	}
	return int32(n), true
}

// unknown reports a value that is known only after the deployment, as a whole
// or in a part.
func unknown(v any) bool {
	text, ok := v.(string)
	return ok && strings.Contains(text, template.KnownAfterApply)
}
