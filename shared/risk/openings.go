package risk

import (
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/declared"
	"github.com/evenkeel/evenkeel/shared/template"
)

// openings is what a change set and the deployed template say about who may
// come in, by security group.
type openings struct {
	sources map[string]source  // by logical id
	lists   map[string]entries // by logical id
	groups  map[string]planned // by key
	listIDs map[string]string  // physical id of a prefix list → logical id
	tags    map[string]string  // of the stack
}

// source is a resource that declares rules.
type source struct {
	group         string // key of its group
	before, after []events.SecurityGroupRule
	unsure        bool // a part of after is known only after the deployment
	row           bool // the change set has it; else it stays as it is
}

type entries struct {
	before, after []string
	unsure, row   bool
}

// planned is a group as far as it is known.
type planned struct {
	events.SecurityGroup
	unknownVPC, unknownTags bool
}

// listPrefix begins the name of a prefix list of the template in place of its id.
const listPrefix = "list:"

func newOpenings(w *world, rows []*subject, tags map[string]string) *openings {
	o := &openings{sources: map[string]source{}, lists: map[string]entries{}, groups: map[string]planned{}, listIDs: map[string]string{}, tags: tags}
	physical := map[string]string{}
	for _, s := range rows {
		switch {
		case s.Type == prefixList:
			if s.PhysicalID != "" {
				o.listIDs[s.PhysicalID] = s.LogicalID
			}
		case s.Type == securityGroup && s.PhysicalID != "":
			physical[s.PhysicalID] = s.LogicalID
		}
	}
	for _, s := range rows {
		o.row(w, s, physical)
	}
	o.standing(w)
	return o
}

// row takes a change of the set.
func (o *openings) row(w *world, s *subject, physical map[string]string) {
	switch s.Type {
	case prefixList:
		before, vague := declared.Entries(s.before.properties)
		if vague {
			before = nil // what is not known admitted nothing
		}
		after, unsure := declared.Entries(s.after.properties)
		o.lists[s.LogicalID] = entries{before, after, unsure, true}
	case securityGroup, securityGroupIngress:
		before, vague := declared.Rules(s.Type, s.before.properties)
		if vague {
			before = nil
		}
		after, unsure := declared.Rules(s.Type, s.after.properties)
		group := s.LogicalID
		side := s.after
		if s.removed() {
			side = s.before
		}
		if s.Type == securityGroupIngress {
			group = groupOf(side, s.LogicalID)
			if id, ok := physical[group]; ok {
				group = id
			}
		}
		o.sources[s.LogicalID] = source{
			group: group, unsure: unsure, row: true,
			before: o.withLists(before, s.before.resource, s.LogicalID), after: o.withLists(after, s.after.resource, s.LogicalID),
		}
		o.know(w, group, s.Type, s.PhysicalID, side)
	}
}

// standing takes what the deployed template has and the change set does not
// change. Only what is known counts: the parameters of the last deployment are not.
func (o *openings) standing(w *world) {
	if w.templates.Before == nil {
		return
	}
	for id, r := range w.templates.Before.Resources.All() {
		if r.Type != securityGroup && r.Type != securityGroupIngress && r.Type != prefixList {
			continue
		}
		properties, ok := declared.Of(w.templates.Before, r, w.before)
		if !ok {
			continue
		}
		if _, changed := o.sources[id]; changed {
			continue
		}
		if r.Type == prefixList {
			if _, changed := o.lists[id]; !changed {
				if cidrs, vague := declared.Entries(properties); !vague {
					o.lists[id] = entries{before: cidrs, after: cidrs}
				}
			}
			continue
		}
		rules := o.withLists(declared.Certain(r.Type, properties), r, id)
		at, group := side{whole: true, properties: properties, resource: r, template: w.templates.Before}, id
		if r.Type == securityGroupIngress {
			group = groupOf(at, id)
		}
		o.know(w, group, r.Type, "", at)
		o.sources[id] = source{group: group, before: rules, after: rules}
	}
}

// groupOf names the group of a SecurityGroupIngress: the logical id in the
// template, else the id that is given; own stands for one that is not known.
func groupOf(s side, own string) string {
	if s.resource != nil && s.template != nil {
		for _, property := range []string{"GroupId", "GroupName"} {
			if id := referred(s.resource.Properties.Get(property)); s.template.Resources.Has(id) {
				return id
			}
		}
	}
	if id := changeset.Scalar(s.properties["GroupId"]); id != "" && !unknown(id) {
		return id
	}
	return "of " + own
}

// referred is the resource that a value names by Ref or Fn::GetAtt.
func referred(value *template.Node) string {
	function, arg, call := value.Call()
	switch {
	case !call:
		return ""
	case function == "Fn::GetAtt":
		id, _, _ := arg.GetAtt()
		return id
	case function == "Ref":
		return arg.Str()
	}
	return ""
}

// withLists gives rules that admit a prefix list its name in the template. A
// change set does not show the id of a list that is new; then the rule may admit
// any list that the resource names. The rules' ids are made apart.
func (o *openings) withLists(rules []events.SecurityGroupRule, r *template.Resource, id string) []events.SecurityGroupRule {
	var named []string
	if r != nil && r.Properties != nil {
		items := []*template.Node{r.Properties}
		if list := r.Properties.Get("SecurityGroupIngress"); list.IsList() {
			items = list.Items
		}
		for _, item := range items {
			if name := referred(item.Get("SourcePrefixListId")); name != "" {
				named = append(named, name)
			}
		}
		slices.Sort(named)
		named = slices.Compact(named)
	}
	var out []events.SecurityGroupRule
	for _, rule := range rules {
		rule.RuleID = id + "/" + rule.RuleID
		switch {
		case unknown(rule.PrefixListID) && len(named) > 0:
			for _, name := range named {
				one := rule
				one.RuleID, one.PrefixListID = rule.RuleID+"/"+name, listPrefix+name
				out = append(out, one)
			}
			continue
		case o.listIDs[rule.PrefixListID] != "":
			rule.PrefixListID = listPrefix + o.listIDs[rule.PrefixListID]
		}
		out = append(out, rule)
	}
	return out
}

// know notes what is known of a group.
func (o *openings) know(w *world, key, typeName, physicalID string, at side) {
	g, ok := o.groups[key]
	if !ok {
		g = planned{SecurityGroup: events.SecurityGroup{Account: w.account, Region: w.region}, unknownVPC: true, unknownTags: true}
	}
	if strings.HasPrefix(key, "sg-") {
		g.GroupID = key
	}
	if typeName == securityGroup {
		if strings.HasPrefix(physicalID, "sg-") {
			g.GroupID = physicalID
		}
		g.VPCID, g.GroupName, g.Tags = changeset.Scalar(at.properties["VpcId"]), changeset.Scalar(at.properties["GroupName"]), maps.Clone(o.tags)
		g.unknownVPC = !at.whole || g.VPCID == "" || unknown(g.VPCID)
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		g.unknownTags = !at.whole || unknown(at.properties["Tags"])
		for _, tag := range valuesAt(at.properties, []string{"Tags", "*"}) {
			entry, _ := tag.(map[string]any)
			g.Tags[changeset.Scalar(entry["Key"])] = changeset.Scalar(entry["Value"])
			g.unknownTags = g.unknownTags || unknown(tag) || unknown(entry["Key"]) || unknown(entry["Value"])
		}
	}
	o.groups[key] = g
}

// rules are all rules of a group before or after. Of the row that is judged
// (own) only its own side counts; another row may come before or after it, so
// that after has both sides of it.
func (o *openings) rules(group, own string, after bool) []events.SecurityGroupRule {
	var all []events.SecurityGroupRule
	for _, id := range sortedKeys(o.sources) {
		s := o.sources[id]
		if s.group != group {
			continue
		}
		if !after || id != own && s.row {
			all = append(all, s.before...)
		}
		if after {
			all = append(all, s.after...)
		}
	}
	// EC2 has no two equal rules in a group.
	seen := map[string]bool{}
	id := o.groups[group].GroupID
	all = slices.DeleteFunc(all, func(r events.SecurityGroupRule) bool {
		key := healing.RuleKey(r)
		again := seen[key]
		seen[key] = true
		return again
	})
	for i := range all {
		all[i].GroupID = id
	}
	return all
}

// entries are the lists by the name that rules have for them; of own only what
// it has after the change.
func (o *openings) entries(own string, after bool) map[string][]string {
	lists := map[string][]string{}
	for id, l := range o.lists {
		var cidrs []string
		if !after || id != own {
			cidrs = append(cidrs, l.before...)
		}
		if after {
			cidrs = append(cidrs, l.after...)
		}
		lists[listPrefix+id] = cidrs
	}
	return lists
}

func uses(rules []events.SecurityGroupRule, list string) bool {
	return slices.ContainsFunc(rules, func(r events.SecurityGroupRule) bool { return r.PrefixListID == listPrefix+list })
}

// key names a rule for a person.
func (o *openings) key(r events.SecurityGroupRule) string { return o.named(healing.RuleKey(r)) }

func (o *openings) named(text string) string {
	return strings.ReplaceAll(text, listPrefix, "prefix list ")
}
