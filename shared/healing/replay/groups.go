package replay

import (
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// createGroup adds a group, which lets everything out and nothing in.
// Source: VPC user guide, "Security group rules" (default rules of a group that
// you create).
func (c *call) createGroup() {
	id := text(c.response, "groupId")
	if id == "" {
		id = text(get(c.response, "CreateSecurityGroupResponse"), "groupId")
	}
	if id == "" {
		c.change.note("the record does not say which group was created")
		c.untouched = true
		return
	}
	g := c.group(c.at, id) // it is there when a rule of the same second came first
	g.GroupName, g.VPCID, g.whole = text(c.request, "groupName"), text(c.request, "vpcId"), true
	g.Tags = merged(g.Tags, tags(get(c.response, "tagSet")))
	for _, spec := range elements(get(c.request, "tagSpecificationSet")) {
		g.Tags = merged(g.Tags, tags(get(spec, "tags")))
	}
	c.add(g, events.SecurityGroupRule{Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDRv4: "0.0.0.0/0"})
	c.touched(id)
}

// deleteGroup forgets a group.
func (c *call) deleteGroup() {
	id := text(c.request, "groupId")
	if id == "" {
		id = c.named(text(c.request, "groupName"))
	}
	if c.groups[id] == nil {
		c.change.note("a group that was not seen is deleted")
		return
	}
	delete(c.groups, id)
	c.touched(id)
}

// createTags and deleteTags change the tags of groups and rules.
func (c *call) createTags() {
	more := tags(get(c.request, "tagSet"))
	c.retag(func(had map[string]string) map[string]string { return merged(had, more) })
}

// deleteTags takes a tag without a value away whatever its value is.
// Source: EC2 API reference, DeleteTags.
func (c *call) deleteTags() {
	set := elements(get(c.request, "tagSet"))
	c.retag(func(had map[string]string) map[string]string {
		left := maps.Clone(had)
		for _, tag := range set {
			key := text(tag, "key")
			if value, stated := get(tag, "value").(string); !stated || value == left[key] {
				delete(left, key)
			}
		}
		return left
	})
}

func (c *call) retag(change func(map[string]string) map[string]string) {
	for _, id := range texts(get(c.request, "resourcesSet"), "resourceId") {
		if g := c.groups[id]; g != nil {
			g.Tags = change(g.Tags)
			c.touched(id)
		}
		if !strings.HasPrefix(id, "sgr-") {
			continue
		}
		for _, g := range c.groups {
			if r, ok := g.rules[id]; ok {
				r.Tags = change(r.Tags)
				g.rules[id] = r
			}
		}
	}
}

// referring lists the groups with a rule that names the prefix list.
func (p *place) referring(list string) []string {
	var found []string
	for id, g := range p.groups {
		for _, r := range g.rules {
			if r.PrefixListID == list {
				found = append(found, id)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}
