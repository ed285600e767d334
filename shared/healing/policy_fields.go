package healing

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is one key of a mapping in a policy document. The decoder and the JSON
// Schema are both driven by these tables, so they cannot disagree.
type field[T any] struct {
	name     string
	about    string // for the person who writes the document
	schema   schema
	required bool
	read     func(value, *T)
}

func policyFields() []field[Policy] {
	return append(settings(),
		field[Policy]{"undoFor", "How long undone rules are left alone: 24h.", textSchema, false, func(v value, p *Policy) { p.UndoFor = v.duration() }},
		field[Policy]{"quarantineIPv4", "Network of which one address takes the place of a quarantined rule's source; a /24.", cidrSchema, false, func(v value, p *Policy) { p.QuarantineIPv4, _ = v.prefix() }},
		field[Policy]{"quarantineIPv6", "The same for IPv6; from a /112 to a /32.", cidrSchema, false, func(v value, p *Policy) { p.QuarantineIPv6, _ = v.prefix() }},
		field[Policy]{"unknownPrefixLists", "What is done about a rule of a prefix list whose entries cannot be read: report or close.", enumSchema(unknownLists), false, func(v value, p *Policy) { p.UnknownPrefixLists = oneOf(v, unknownLists) }},
		field[Policy]{"trustAWSPrefixLists", "Whether the prefix lists that AWS keeps, such as CloudFront's, do not count.", schema{"type": "boolean"}, false, func(v value, p *Policy) { p.TrustAWSPrefixLists = v.boolean() }},
		field[Policy]{"severities", "How bad it is that a port or protocol is open; the first entry that fits decides.", listOf(object(severityFields())), false, func(v value, p *Policy) {
			p.Severities = []PortSeverity{}
			for _, item := range v.items() {
				var s PortSeverity
				mapping(item, severityFields(), &s)
				if (len(s.Ports) > 0) == (s.Protocol != "") && item.node.Kind == yaml.MappingNode {
					item.fail("names ports or a protocol, one of the two")
				}
				p.Severities = append(p.Severities, s)
			}
		}},
		field[Policy]{"defaultSeverity", "The severity where no entry fits.", enumSchema(Severities()), false, func(v value, p *Policy) { p.DefaultSeverity = oneOf(v, Severities()) }},
		field[Policy]{"scopes", "Changes for some groups; the first that matches counts, and only that one.", listOf(object(scopeFields())), false, func(v value, p *Policy) {
			p.Scopes = []Scope{}
			for _, item := range v.items() {
				var s Scope
				mapping(item, scopeFields(), &s)
				p.Scopes = append(p.Scopes, s)
			}
		}},
		field[Policy]{"exceptions", "Rules that stay although they are too open, each until a time and for a reason.", listOf(object(exceptionFields())), false, func(v value, p *Policy) {
			p.Exceptions = []Exception{}
			for _, item := range v.items() {
				var e Exception
				mapping(item, exceptionFields(), &e)
				p.Exceptions = append(p.Exceptions, e)
			}
		}},
	)
}

// settings are the fields that a scope can change.
func settings() []field[Policy] {
	return []field[Policy]{
		{"mode", "observe reports what is too open, enforce closes it.", enumSchema([]Mode{Observe, Enforce}), false, func(v value, p *Policy) { p.Mode = oneOf(v, []Mode{Observe, Enforce}) }},
		{"remediation", "quarantine narrows a rule to nobody, revoke removes it.", enumSchema([]Remediation{Quarantine, Revoke}), false, func(v value, p *Policy) { p.Remediation = oneOf(v, []Remediation{Quarantine, Revoke}) }},
		{"protectedPorts", "Ports that many addresses must not reach: 22, 20-23, 161/udp, all.", listOf(portSchema), false, func(v value, p *Policy) { p.ProtectedPorts = v.ports() }},
		{"openPorts", "Ports that are not protected, whatever the other lists say.", listOf(portSchema), false, func(v value, p *Policy) { p.OpenPorts = v.ports() }},
		{"protectedProtocols", "Protocols that are protected as a whole: icmp, icmpv6, a number, all.", listOf(protocolSchema), false, func(v value, p *Policy) { p.ProtectedProtocols = v.protocols() }},
		{"maxIPv4", "The widest IPv4 network, as a prefix length, whose number of addresses may reach a protected port.", rangeSchema(1, 32), false, func(v value, p *Policy) { p.MaxIPv4 = v.number(1, 32) }},
		{"maxIPv6", "The same for IPv6.", rangeSchema(1, 128), false, func(v value, p *Policy) { p.MaxIPv6 = v.number(1, 128) }},
		{"allowedSources", "Networks that do not count.", listOf(cidrSchema), false, func(v value, p *Policy) { p.AllowedSources = v.prefixes() }},
		{"forbiddenSources", "Networks of which no address may reach a protected port, allowed or not.", listOf(cidrSchema), false, func(v value, p *Policy) { p.ForbiddenSources = v.prefixes() }},
		{"maxActions", "How often one group is healed in an hour before a person must look.", schema{"type": "integer", "minimum": 1}, false, func(v value, p *Policy) { p.MaxActions = v.number(1, 0) }},
	}
}

func severityFields() []field[PortSeverity] {
	return []field[PortSeverity]{
		{"ports", "Ports, as in protectedPorts.", listOf(portSchema), false, func(v value, s *PortSeverity) { s.Ports = v.ports() }},
		{"protocol", "A protocol; all for rules that open every protocol.", protocolSchema, false, func(v value, s *PortSeverity) { s.Protocol, _ = v.protocol() }},
		{"severity", "How bad it is.", enumSchema(Severities()), true, func(v value, s *PortSeverity) { s.Severity = oneOf(v, Severities()) }},
	}
}

func scopeFields() []field[Scope] {
	patterns := func(name, about string, form *regexp.Regexp, example string, at func(*Scope) *[]string) field[Scope] {
		return field[Scope]{name, about, listOf(textSchema), false, func(v value, s *Scope) { *at(s) = v.patterns(form, example) }}
	}
	fields := []field[Scope]{
		{"name", "For a person.", textSchema, true, func(v value, s *Scope) { s.Name = v.text() }},
		patterns("accounts", "Account ids; * and ? stand for other characters.", accountPattern, "222222222222", func(s *Scope) *[]string { return &s.Accounts }),
		patterns("regions", "Regions.", regionPattern, "eu-*", func(s *Scope) *[]string { return &s.Regions }),
		patterns("vpcs", "VPC ids.", vpcPattern, "vpc-0a1b2c3d4e5f60001", func(s *Scope) *[]string { return &s.VPCs }),
		patterns("groups", "Ids or names of security groups.", notEmpty, "bastion-*", func(s *Scope) *[]string { return &s.Groups }),
		{"tags", "Tags of the group: key, and patterns of the value; an empty list for any value.", schema{"type": "object", "minProperties": 1, "additionalProperties": listOf(schema{"type": "string"})}, false, func(v value, s *Scope) { s.Tags = v.tags() }},
	}
	fields = append(fields, field[Scope]{"trustTags", "Whether tags alone may make the policy weaker: only where who opens a group cannot tag it.", schema{"type": "boolean"}, false, func(v value, s *Scope) { s.TrustTags = v.boolean() }})
	for _, row := range settings() {
		fields = append(fields, field[Scope]{row.name, row.about, row.schema, false, func(v value, s *Scope) {
			var p Policy
			row.read(v, &p)
			s.take(row.name, p)
		}})
	}
	return fields
}

var notEmpty = regexp.MustCompile(`.`)

// take makes the scope change the field to what p has.
func (s *Scope) take(name string, p Policy) {
	switch name {
	case "mode":
		s.Mode = p.Mode
	case "remediation":
		s.Remediation = p.Remediation
	case "protectedPorts":
		s.ProtectedPorts = &p.ProtectedPorts
	case "openPorts":
		s.OpenPorts = &p.OpenPorts
	case "protectedProtocols":
		s.ProtectedProtocols = &p.ProtectedProtocols
	case "maxIPv4":
		s.MaxIPv4 = &p.MaxIPv4
	case "maxIPv6":
		s.MaxIPv6 = &p.MaxIPv6
	case "allowedSources":
		s.AllowedSources = &p.AllowedSources
	case "forbiddenSources":
		s.ForbiddenSources = &p.ForbiddenSources
	case "maxActions":
		s.MaxActions = &p.MaxActions
	}
}

// tags reads key → patterns of the value. Keys are as they are in EC2, case
// too; the empty pattern is a tag without a value.
func (v value) tags() map[string][]string {
	if v.node.Kind != yaml.MappingNode || len(v.node.Content) == 0 {
		v.fail("want a mapping of tag keys to patterns, not %s", kindOf(v.node))
		return nil
	}
	tags := map[string][]string{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i].Value
		if _, twice := tags[key]; twice || key == "" {
			v.at(v.node.Content[i], v.field, "the key %q is there twice, or empty", key)
		}
		tags[key] = v.value(v.node.Content[i+1], v.field+"."+key).patterns(anyPattern, "")
	}
	return tags
}

func exceptionFields() []field[Exception] {
	return []field[Exception]{
		{"group", "Security group id.", textSchema, true, func(v value, e *Exception) {
			if e.Group = v.text(); !strings.HasPrefix(e.Group, "sg-") {
				v.fail("%q is no security group id, such as sg-0123456789abcdef0", e.Group)
			}
		}},
		{"rule", "The rule as tcp/22/203.0.113.0/24, or * for every rule of the group.", textSchema, true, func(v value, e *Exception) {
			key, err := CanonicalKey(v.text())
			if err != nil {
				v.fail("%s", err)
			}
			e.Rule = key
		}},
		{"owner", "Who answers for it.", textSchema, true, func(v value, e *Exception) { e.Owner = v.text() }},
		{"reason", "Why it must stay.", textSchema, true, func(v value, e *Exception) { e.Reason = v.text() }},
		{"expires", "When it ends: the last day, 2027-01-31, or an instant in RFC 3339.", schema{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$`}, true, func(v value, e *Exception) { e.Expires = v.instant() }},
	}
}
