package replay

import "slices"

// attach gives a network interface its groups.
func (c *call) attach(id string, groups []string) {
	if id == "" {
		return
	}
	for _, g := range slices.Concat(c.interfaces[id], groups) {
		if c.groups[g] != nil {
			c.touched(g)
		}
	}
	c.interfaces[id] = groups
}

func (c *call) detach(id string) {
	c.attach(id, nil)
	delete(c.interfaces, id)
}

func (c *call) modifyInterface() {
	if groups := texts(get(c.request, "groupSet"), "groupId"); len(groups) > 0 {
		c.attach(text(c.request, "networkInterfaceId"), groups)
	}
}

func (c *call) createInterface() {
	made := get(c.response, "networkInterface")
	c.attach(text(made, "networkInterfaceId"), texts(get(made, "groupSet"), "groupId"))
}

func (c *call) deleteInterface() { c.detach(text(c.request, "networkInterfaceId")) }

// runInstances reads the interfaces that the instances got, whatever the
// request or a launch template said.
func (c *call) runInstances() {
	for _, instance := range elements(get(c.response, "instancesSet")) {
		id := text(instance, "instanceId")
		for _, i := range elements(get(instance, "networkInterfaceSet")) {
			eni := text(i, "networkInterfaceId")
			c.attach(eni, texts(get(i, "groupSet"), "groupId"))
			if c.primaries[id] == "" {
				c.primaries[id] = eni
			}
		}
	}
}

// modifyInstance changes the groups of the instance's first interface.
// Source: EC2 API reference, ModifyInstanceAttribute (GroupId).
func (c *call) modifyInstance() {
	groups, id := texts(get(c.request, "groupSet"), "groupId"), text(c.request, "instanceId")
	if len(groups) == 0 || id == "" {
		return
	}
	if c.primaries[id] == "" {
		c.primaries[id] = "the first interface of " + id
	}
	c.attach(c.primaries[id], groups)
}

// terminateInstances takes the first interface away, which goes with its
// instance unless it was told to stay; others are told of when they are deleted.
func (c *call) terminateInstances() {
	for _, id := range texts(get(c.request, "instancesSet"), "instanceId") {
		if eni := c.primaries[id]; eni != "" {
			c.detach(eni)
			delete(c.primaries, id)
		}
	}
}
