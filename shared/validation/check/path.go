package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
)

// Step is one element of a path into a template: a key, or the index of a list
// item when Key is "" and List is set.
type Step struct {
	Key   string
	Index int
	List  bool
}

// Key and Index make steps.
func Key(name string) Step { return Step{Key: name} }

// Index is the step to item i of a list.
func Index(i int) Step { return Step{Index: i, List: true} }

// Text is the step as paths are written.
func (s Step) Text() string {
	if s.List {
		return strconv.Itoa(s.Index)
	}
	return s.Key
}

// Path is a way into a template from its root.
type Path []Step

// Keys makes a path of keys.
func Keys(names ...string) Path {
	p := make(Path, len(names))
	for i, n := range names {
		p[i] = Key(n)
	}
	return p
}

// String joins the steps with slashes: "Resources/Bucket/Properties/Tags/0".
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(s.Text())
	}
	return b.String()
}

// With returns a new path with more steps.
func (p Path) With(steps ...Step) Path { return append(slices.Clone(p), steps...) }

// inFunction and inRef report what a path goes through: a function other than
// Fn::If, and a Ref.
func (p Path) inFunction() bool { return slices.ContainsFunc(p, Step.isFunction) }

func (p Path) inRef() bool {
	return slices.ContainsFunc(p, func(s Step) bool { return s.Key == "Ref" })
}

// isFunction reports whether the step goes into a function other than Fn::If.
func (s Step) isFunction() bool {
	k := jsonschema.Function(s.Key)
	return k != jsonschema.FnIf && jsonschema.AllFunctions.Has(k)
}

// Place is where in the schemas the walk is: like a path, with resource types
// instead of logical ids and "*" for every item of a list and every free key.
// Rules register at places. The places of a registry are made once and shared by
// all walks.
type Place struct {
	Up    *Place
	Name  string
	text  string
	depth int
	rules []*Rule            // those that the keyword cfnLint calls here
	under map[string][]*Rule // those of another parent, by its id

	children atomic.Pointer[children] // never changed, but replaced by a larger one
}

// children are the places below one: few in a list, most of many in a map.
type children struct {
	index  map[string]*Place
	recent []*Place
}

func (c *children) get(name string) *Place {
	if c == nil {
		return nil
	}
	for _, p := range c.recent {
		if p.Name == name {
			return p
		}
	}
	return c.index[name]
}

// with returns the children and one more.
func (c *children) with(p *Place) *children {
	const few = 12
	if c == nil {
		return &children{recent: []*Place{p}}
	}
	more := &children{index: c.index, recent: append(slices.Clip(c.recent), p)}
	if len(more.recent) > few+len(c.index)/4 {
		index := make(map[string]*Place, len(c.index)+len(more.recent))
		maps.Copy(index, c.index)
		for _, r := range more.recent {
			index[r.Name] = r
		}
		more = &children{index: index}
	}
	return more
}

// maxPlaces bounds the places below one that are kept: templates choose the
// names of resource types.
const maxPlaces = 4096

// child returns the place below p.
func (p *Place) child(name string, r *Registry) *Place {
	known := p.children.Load()
	if c := known.get(name); c != nil {
		return c
	}
	c := &Place{Up: p, Name: name, text: name, depth: p.depth + 1}
	if p.depth > 0 {
		c.text = p.text + "/" + name
	}
	c.rules = r.at[c.text]
	c.under = r.under[c.text]
	if known != nil && len(known.index) >= maxPlaces {
		return c
	}
	// If another walk was first, this place is simply made again later.
	p.children.CompareAndSwap(known, known.with(c))
	return c
}

// String joins the names with slashes.
func (p *Place) String() string { return p.text }

// Names returns the names from the root.
func (p *Place) Names() []string {
	names := make([]string, p.depth)
	for at := p; at.depth > 0; at = at.Up {
		names[at.depth-1] = at.Name
	}
	return names
}

// Len returns the number of names.
func (p *Place) Len() int { return p.depth }

// NameAt returns the i-th name from the root, "" if there are fewer.
func (p *Place) NameAt(i int) string {
	for at := p; at.depth > i; at = at.Up {
		if at.depth == i+1 {
			return at.Name
		}
	}
	return ""
}
