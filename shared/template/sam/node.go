package sam

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// node is short for the trees that everything here works on.
type node = template.Node

// build makes nodes at one place of the source text: what is generated for a
// resource has the position of that resource. It also keeps the order in which
// CPython 2.7 would list the keys of some maps, since the translation hashes
// the text of such maps (see ordered).
type build struct {
	line, column int
	orders       map[*node]*ordered
	copies       *int // of the definition that is being written, see ordered
	index        map[*node]map[string]int
	made         int            // entries and items, see spend
	unicode      map[*node]bool // strings, and maps with keys, that CPython 2.7 would mark with u
}

// maxMade bounds the entries and items that one translation makes. The largest
// real templates take some ten thousand; Globals of many values in many
// functions multiply.
const maxMade = 60_000

// spend counts what is made, and gives up beyond the bound.
func (b *build) spend(n int) {
	if b.made += n; b.made > maxMade {
		panic(failure{message: "analysis incomplete: what AWS::Serverless makes of the template is too large", final: true})
	}
}

// at makes further nodes at the place of n.
func (b *build) at(n *node) {
	if n != nil {
		b.line, b.column = n.Line, n.Column
	}
}

func (b *build) str(s string) *node {
	return &node{Kind: template.String, Text: s, Line: b.line, Column: b.column}
}

func (b *build) bool(v bool) *node {
	return &node{Kind: template.Bool, True: v, Text: strconv.FormatBool(v), Line: b.line, Column: b.column}
}

func (b *build) int(i int) *node {
	return &node{Kind: template.Number, Float: float64(i), Text: strconv.Itoa(i), Line: b.line, Column: b.column}
}

// orNull is n, or null if there is no n.
func (b *build) orNull(n *node) *node {
	if n == nil {
		return &node{Line: b.line, Column: b.column}
	}
	return n
}

// value turns what the builders take into a node: a node (nil if absent), a
// string, a bool, an int, a list of strings or nodes.
func (b *build) value(v any) *node {
	switch v := v.(type) {
	case *node:
		return v
	case string:
		return b.str(v)
	case bool:
		return b.bool(v)
	case int:
		return b.int(v)
	case []string:
		l := b.list()
		for _, s := range v {
			l.Items = append(l.Items, b.str(s))
		}
		return l
	case []*node:
		l := b.list()
		l.Items = append(l.Items, v...)
		return l
	}
	return nil
}

// obj makes a map of alternating keys and values; absent values are left out.
func (b *build) obj(pairs ...any) *node {
	n := &node{Kind: template.Map, Line: b.line, Column: b.column}
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		b.set(n, key, b.value(pairs[i+1]))
	}
	return n
}

// ordered is obj for a map whose keys come in the order of CPython 2.7.
func (b *build) ordered(pairs ...any) *node {
	n := &node{Kind: template.Map, Line: b.line, Column: b.column}
	b.order(n)
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		b.set(n, key, b.value(pairs[i+1]))
	}
	return n
}

func (b *build) order(n *node) {
	if b.orders == nil {
		b.orders = map[*node]*ordered{}
	}
	b.orders[n] = newOrdered(b.copies)
}

func (b *build) list(items ...any) *node {
	n := &node{Kind: template.List, Line: b.line, Column: b.column}
	for _, i := range items {
		if v := b.value(i); v != nil {
			n.Items = append(n.Items, v)
		}
	}
	return n
}

// set puts a value into a map; an absent value changes nothing.
func (b *build) set(n *node, key string, value any) {
	v := b.value(value)
	if v == nil {
		return
	}
	b.spend(1)
	if o := b.orders[n]; o != nil {
		o.add(key)
	}
	if e := b.entry(n, key); e != nil {
		e.Value = v
		return
	}
	n.Entries = append(n.Entries, template.Entry{Key: key, Line: v.Line, Column: v.Column, Value: v})
	if i := b.index[n]; i != nil {
		i[key] = len(n.Entries) - 1
	}
}

// entry is n.Entry for maps that can be large: resources and paths.
func (b *build) entry(n *node, key string) *template.Entry {
	const small = 32
	if n == nil || len(n.Entries) < small {
		return n.Entry(key)
	}
	index := b.index[n]
	if len(index) != len(n.Entries) {
		index = make(map[string]int, len(n.Entries))
		for i := range n.Entries {
			index[n.Entries[i].Key] = i
		}
		if b.index == nil {
			b.index = map[*node]map[string]int{}
		}
		b.index[n] = index
	}
	if i, ok := index[key]; ok {
		return &n.Entries[i]
	}
	return nil
}

// lookup is n.Get for maps that can be large.
func (b *build) lookup(n *node, key string) *node {
	if e := b.entry(n, key); e != nil {
		return e.Value
	}
	return nil
}

// del removes a key from a map.
func (b *build) del(n *node, key string) {
	if n == nil {
		return
	}
	if o := b.orders[n]; o != nil {
		o.remove(key)
	}
	delete(b.index, n)
	n.Entries = slices.DeleteFunc(n.Entries, func(e template.Entry) bool { return e.Key == key })
}

// merge puts all entries of from into n.
func (b *build) merge(n, from *node) {
	if from == nil {
		return
	}
	if o := b.orders[n]; o != nil {
		o.reserve(len(from.Entries))
	}
	for _, k := range b.keys(from) {
		b.set(n, k, from.Get(k))
	}
}

// keys lists the keys of a map in the order that the translation sees.
func (b *build) keys(n *node) []string {
	if n == nil || n.Kind != template.Map {
		return nil
	}
	if o := b.orders[n]; o != nil {
		return o.keys()
	}
	keys := make([]string, len(n.Entries))
	for i := range n.Entries {
		keys[i] = n.Entries[i].Key
	}
	return keys
}

// child returns the map at a key and makes an ordered one if there is none.
func (b *build) child(n *node, key string) *node {
	if v := n.Get(key); v != nil {
		return v
	}
	v := b.ordered()
	b.set(n, key, v)
	return v
}

// clone copies a tree; the argument of a short !GetAtt becomes a list.
func (b *build) clone(n *node) *node {
	if n == nil {
		return nil
	}
	b.spend(1)
	c := *n
	if len(n.Entries) > 0 {
		c.Entries = make([]template.Entry, len(n.Entries))
		for i, e := range n.Entries {
			e.Value = b.clone(e.Value)
			c.Entries[i] = e
		}
	}
	if len(n.Items) > 0 {
		c.Items = make([]*node, len(n.Items))
		for i, item := range n.Items {
			c.Items[i] = b.clone(item)
		}
	}
	if c.Short && len(c.Entries) == 1 && c.Entries[0].Key == "Fn::GetAtt" {
		c.Entries[0].Value = b.getAttList(c.Entries[0].Value)
	}
	if o := b.orders[n]; o != nil {
		copied := newOrdered(o.copies)
		for _, k := range o.keys() {
			copied.add(k)
		}
		b.orders[&c] = copied
	}
	return &c
}

// mark notes that n is a unicode string, or has unicode keys.
func (b *build) mark(n *node) *node {
	if b.unicode == nil {
		b.unicode = map[*node]bool{}
	}
	b.unicode[n] = true
	return n
}

// copyOrdered is copyMap that keeps the order of keys as a copy has it.
func (b *build) copyOrdered(n *node) *node {
	b.spend(len(n.Entries))
	c := copyMap(n)
	if o := b.orders[n]; o != nil {
		copied := newOrdered(o.copies)
		keys := o.keys()
		copied.reserve(len(keys))
		for _, k := range keys {
			copied.add(k)
		}
		b.orders[c] = copied
	}
	return c
}

// moveTo makes the ordered maps in n part of another definition.
func (b *build) moveTo(n *node, copies *int) {
	n.Walk(func(n *node) bool {
		if o := b.orders[n]; o != nil {
			o.catchUp()
			if o.copies = copies; copies != nil {
				o.seen = *copies
			}
		}
		return true
	})
}

// copyMap copies a map but not its values.
func copyMap(n *node) *node {
	c := *n
	c.Entries = slices.Clone(n.Entries)
	return &c
}

// get is Get that takes null for absent.
func get(n *node, key string) *node {
	v := n.Get(key)
	if isNull(v) {
		return nil
	}
	return v
}

// dig follows keys through maps.
func dig(n *node, keys ...string) *node {
	for _, k := range keys {
		n = get(n, k)
	}
	return n
}

func isNull(n *node) bool { return n == nil || n.Kind == template.Null }
func isBool(n *node) bool { return n != nil && n.Kind == template.Bool }

func isInt(n *node) bool {
	if n == nil || n.Kind != template.Number {
		return isBool(n)
	}
	return intText(n)
}

// intText reports whether a number is written as an integer.
func intText(n *node) bool {
	if n.Float != math.Trunc(n.Float) {
		return false
	}
	hex := strings.HasPrefix(strings.TrimLeft(n.Text, "+-"), "0x")
	return hex || !strings.ContainsAny(n.Text, ".eE")
}

// truthy is what Python takes for true.
func truthy(n *node) bool {
	if n == nil {
		return false
	}
	switch n.Kind {
	case template.Null:
		return false
	case template.Bool:
		return n.True
	case template.Number:
		return n.Float != 0
	case template.String:
		return n.Text != ""
	case template.List:
		return len(n.Items) > 0
	}
	return len(n.Entries) > 0
}

// isTrue reports whether n is the boolean true.
func isTrue(n *node) bool { return isBool(n) && n.True }

// equal compares trees by value; the order of keys does not count.
func equal(a, b *node) bool {
	if a == b {
		return true
	}
	if isNull(a) || isNull(b) {
		return isNull(a) && isNull(b)
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case template.String:
		return a.Text == b.Text
	case template.Number:
		return a.Float == b.Float
	case template.Bool:
		return a.True == b.True
	case template.List:
		return slices.EqualFunc(a.Items, b.Items, equal)
	}
	if len(a.Entries) != len(b.Entries) {
		return false
	}
	for _, e := range a.Entries {
		other := b.Entry(e.Key)
		if other == nil || !equal(e.Value, other.Value) {
			return false
		}
	}
	return true
}

func contains(list []*node, n *node) bool {
	return slices.ContainsFunc(list, func(i *node) bool { return equal(i, n) })
}
