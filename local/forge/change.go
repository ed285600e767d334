package forge

import (
	"context"
	"sort"
	"strings"
	"time"
)

// none is the object id of a ref that does not exist.
const none = "0000000000000000000000000000000000000000"

// Change is a ref that a push created, moved or deleted.
type Change struct {
	Ref    string // "refs/heads/main"
	Before string // commit id, or none
	After  string // commit id, or none
	Forced bool   // Before is no ancestor of After
}

func (c Change) created() bool { return c.Before == none }
func (c Change) deleted() bool { return c.After == none }

// refs returns every ref of a repository and its commit id.
func (f *Forge) refs(ctx context.Context, name string) (map[string]string, error) {
	out, err := f.run(ctx, "-C", f.dir(name), "for-each-ref", "--format=%(refname) %(objectname)")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		if ref, id, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			refs[ref] = id
		}
	}
	return refs, nil
}

// changes compares two sets of refs, sorted by name.
func changes(before, after map[string]string) []Change {
	var out []Change
	for ref, id := range after {
		if old, ok := before[ref]; !ok {
			out = append(out, Change{Ref: ref, Before: none, After: id})
		} else if old != id {
			out = append(out, Change{Ref: ref, Before: old, After: id})
		}
	}
	for ref, old := range before {
		if _, ok := after[ref]; !ok {
			out = append(out, Change{Ref: ref, Before: old, After: none})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Ref < out[j].Ref })
	return out
}

// commit is what a push payload says of a commit.
type commit struct {
	id, tree, message             string
	authorName, authorEmail       string
	committerName, committerEmail string
	time                          time.Time
	added, removed, modified      []string
}

// maxCommits is the most commits that one push payload lists.
// Source: GitHub documentation, "Webhook events and payloads", push.
const maxCommits = 2048

// commits returns the commits that a change brought, oldest first.
func (f *Forge) commits(ctx context.Context, name string, change Change) ([]commit, error) {
	if change.deleted() {
		return nil, nil
	}
	args := []string{"-C", f.dir(name), "log", "--reverse", "--max-count=2048", "--format=%H", change.After}
	if !change.created() {
		args = append(args, "^"+change.Before)
	} else {
		// A new branch brings only what no other ref already has. ("--all"
		// would also name HEAD, which may be the new branch itself.)
		args = append(args, "--not", "--exclude="+change.Ref, "--glob=refs/*")
	}
	out, err := f.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var list []commit
	for _, id := range strings.Fields(out) {
		c, err := f.commit(ctx, name, id)
		if err != nil {
			return nil, err
		}
		if list = append(list, c); len(list) == maxCommits {
			break
		}
	}
	return list, nil
}

// commit reads one commit and the files that it touched.
func (f *Forge) commit(ctx context.Context, name, id string) (commit, error) {
	out, err := f.run(ctx, "-C", f.dir(name), "show", "--no-patch", "--format=%H%x00%T%x00%an%x00%ae%x00%cn%x00%ce%x00%cI%x00%B", id)
	if err != nil {
		return commit{}, err
	}
	part := strings.SplitN(out, "\x00", 8)
	for len(part) < 8 {
		part = append(part, "")
	}
	at, err := time.Parse(time.RFC3339, part[6])
	if err != nil {
		return commit{}, err
	}
	c := commit{
		id: part[0], tree: part[1], authorName: part[2], authorEmail: part[3], committerName: part[4], committerEmail: part[5],
		time: at, message: strings.TrimSpace(part[7]), added: []string{}, removed: []string{}, modified: []string{},
	}
	files, err := f.run(ctx, "-C", f.dir(name), "diff-tree", "--root", "--no-commit-id", "--name-status", "--no-renames", "-r", "-z", id)
	if err != nil {
		return commit{}, err
	}
	field := strings.Split(files, "\x00")
	for i := 0; i+1 < len(field); i += 2 {
		switch field[i] {
		case "A":
			c.added = append(c.added, field[i+1])
		case "D":
			c.removed = append(c.removed, field[i+1])
		default:
			c.modified = append(c.modified, field[i+1])
		}
	}
	return c, nil
}

// forced reports whether the change left commits behind.
func (f *Forge) forced(ctx context.Context, name string, change Change) bool {
	if change.created() || change.deleted() {
		return false
	}
	_, err := f.run(ctx, "-C", f.dir(name), "merge-base", "--is-ancestor", change.Before, change.After)
	return err != nil
}
