package healing

// size is how many addresses the door admits at the lane beyond those of the
// rules under an exception.
func (c *chooser) size(i int, l lane) count {
	if len(l.excepted) == 0 {
		return c.doors[i].sizes[l.family]
	}
	return c.union(l, i)
}

// union counts the addresses that any of the doors admits at the lane, and none
// of the rules under an exception.
func (c *chooser) union(l lane, doors ...int) count {
	a := c.atlas(l.family)
	if len(c.counted) < len(a.sizes) {
		c.counted = make([]int, len(a.sizes))
	}
	c.counts++
	for _, i := range l.excepted {
		for _, class := range a.of(c.doors[i].reach) {
			c.counted[class] = c.counts
		}
	}
	sum := count{}
	for _, i := range doors {
		for _, class := range a.of(c.doors[i].reach) {
			if c.counted[class] != c.counts {
				c.counted[class] = c.counts
				sum = sum.plus(a.sizes[class])
			}
		}
	}
	return sum
}

// atlas is drawn when it is first needed, of the sources of every protected
// port.
func (c *chooser) atlas(f family) *atlas {
	if c.drawn[f] != nil {
		return c.drawn[f]
	}
	var reaches []*reach
	known := map[*reach]bool{}
	for _, l := range c.lanes {
		if l.family != f {
			continue
		}
		for _, doors := range [][]int{l.doors, l.excepted} {
			for _, i := range doors {
				if of := c.doors[i].reach; !known[of] {
					known[of] = true
					reaches = append(reaches, of)
				}
			}
		}
	}
	c.drawn[f] = draw(reaches, f)
	return c.drawn[f]
}

// forbids reports whether the door admits a forbidden address at the lane that
// no rule under an exception admits.
func (c *chooser) forbids(i int, l lane) bool {
	of := c.doors[i].reach
	if !of.forbidden[l.family].IsValid() {
		return false
	}
	if len(l.excepted) == 0 {
		return true
	}
	var excepted, forbidden []span
	for _, e := range l.excepted {
		for _, p := range c.doors[e].sources[l.family] {
			excepted = append(excepted, prefixSpan(p))
		}
	}
	for _, p := range of.sources[l.family] {
		for _, f := range c.yardstick.forbidden {
			switch {
			case !f.Overlaps(p):
			case inside(f, p):
				forbidden = append(forbidden, prefixSpan(f))
			default:
				forbidden = append(forbidden, prefixSpan(p))
			}
		}
	}
	return len(lacking(merge(forbidden), merge(excepted))) > 0
}
