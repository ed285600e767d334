package live

import (
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

// claimed reports an item of a list that another resource of the stack
// declares: one that was added is that resource, and one that is gone is that
// resource's own drift.
func (c *check) claimed(r drift.Resource, d events.PropertyDifference) bool {
	value := d.Actual
	switch d.Type {
	case drift.DifferenceNotEqual:
		return false
	case drift.DifferenceRemove:
		value = d.Expected
	}
	if parsed, ok := document(value); ok {
		items, isList := parsed.([]any)
		if !isList {
			return c.claims(r, parsed)
		}
		return len(items) > 0 && !slices.ContainsFunc(items, func(item any) bool { return !c.claims(r, item) })
	}
	return c.claims(r, value)
}

// claims reports that an item of the resource is another resource of the same
// stack, such as a rule of a security group, a policy of a role or a
// subscription of a topic: one that refers to the resource and whose template
// says all that the item says, or, for a text, that has it as physical id.
func (c *check) claims(r drift.Resource, item any) bool {
	for _, id := range c.template.referrers[r.LogicalID] {
		switch item := item.(type) {
		case string:
			if other, ok := c.resources[id]; ok && item != "" && other.PhysicalID == item {
				return true
			}
		case map[string]any:
			if other, ok := c.template.Expected(id); ok && c.covers(other, item) {
				return true
			}
		}
	}
	return false
}

// covers reports that the properties have every member of the item, alike.
func (c *check) covers(properties, item map[string]any) bool {
	part := make(map[string]any, len(item))
	for name := range item {
		v, ok := properties[name]
		if !ok {
			return false
		}
		part[name] = v
	}
	return len(part) > 0 && len(drift.Compare(drift.Kind{Account: c.stack.Account, Region: c.stack.Region}, part, item)) == 0
}
