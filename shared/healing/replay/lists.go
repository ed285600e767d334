package replay

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

func newList(cidrs []string, version int64, whole bool) *list {
	l := &list{version: version - 1, versions: map[int64][]string{}, whole: whole}
	l.next(canonicalAll(cidrs))
	return l
}

// next makes the entries the list's next version.
func (l *list) next(entries []string) {
	l.version++
	l.entries, l.versions[l.version] = entries, entries
	delete(l.versions, l.version-keepVersions)
}

// rebase numbers the current entries as the record says that EC2 does.
func (l *list) rebase(version string) {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 1 || n == l.version {
		return
	}
	delete(l.versions, l.version)
	l.version, l.versions[n] = n, l.entries
}

func canonicalAll(cidrs []string) []string {
	all := make([]string, 0, len(cidrs))
	for _, cidr := range cidrs {
		if p, err := netip.ParsePrefix(cidr); err == nil {
			cidr = p.Masked().String()
		}
		all = append(all, cidr)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// createList adds a prefix list with its first entries.
func (c *call) createList() {
	id := text(get(c.response, "CreateManagedPrefixListResponse"), "prefixList", "prefixListId")
	if id == "" {
		id = text(c.response, "prefixList", "prefixListId")
	}
	if id == "" {
		c.change.note("the record does not say which prefix list was created")
		c.untouched = true
		return
	}
	c.lists[id] = newList(texts(get(c.wrapped(), "Entry"), "Cidr"), 1, true)
	c.change.Groups = c.referring(id)
}

// changedList is the list that the call names, and its id; ok is false when it
// names none.
func (c *call) changedList() (l *list, id string, ok bool) {
	if id = text(c.wrapped(), "PrefixListId"); id == "" {
		c.change.note("the record does not name a prefix list")
		c.untouched = true
		return nil, "", false
	}
	l = c.lists[id]
	if l == nil {
		c.change.note("%s "+SeenFirst+" entries are not known", id)
		l = newList(nil, 1, false)
		c.lists[id] = l
	}
	l.rebase(text(c.wrapped(), "CurrentVersion"))
	return l, id, true
}

// modifyList adds and removes entries, which makes another version. A new name,
// or a new maximum, does not.
// Source: EC2 API reference, ModifyManagedPrefixList.
func (c *call) modifyList() {
	l, id, ok := c.changedList()
	if !ok {
		return
	}
	added := canonicalAll(texts(get(c.wrapped(), "AddEntry"), "Cidr"))
	removed := canonicalAll(texts(get(c.wrapped(), "RemoveEntry"), "Cidr"))
	if len(added)+len(removed) == 0 {
		return
	}
	entries := slices.DeleteFunc(slices.Clone(l.entries), func(cidr string) bool { return slices.Contains(removed, cidr) })
	l.next(canonicalAll(append(entries, added...)))
	c.change.Groups = c.referring(id)
}

// restoreList makes the entries of an earlier version the next one.
func (c *call) restoreList() {
	l, id, ok := c.changedList()
	if !ok {
		return
	}
	entries, known := l.versions[versionOf(c.wrapped())]
	if !known {
		c.change.note("the version of %s that comes back is not known", id)
		l.whole = false
	}
	l.next(slices.Clone(entries))
	c.change.Groups = c.referring(id)
}

func versionOf(request any) int64 {
	n, err := strconv.ParseInt(text(request, "PreviousVersion"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c *call) deleteList() {
	id := text(c.wrapped(), "PrefixListId")
	maps.DeleteFunc(c.lists, func(known string, _ *list) bool { return known == id })
}
