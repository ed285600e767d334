package drift

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/shared/drift/transform"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// shape is what the provider schema says of one place in the properties of a
// type: the place itself and, through every combiner of the schema, each
// alternative of it. A nil shape knows nothing and is valid.
type shape struct {
	typ   *schema.Type
	path  []string // property names; "*" for items and the keys of maps
	nodes []*schema.Schema

	types      []string // that the schema allows; nil for any
	unordered  bool     // a list whose order has no meaning
	document   bool     // may be a JSON document, also inside a string
	foldCase   bool     // case has no meaning
	moment     bool     // a point in time
	network    bool     // an address block
	reference  bool     // names another resource, which may be by name, id or ARN
	attributes bool     // a list whose items are like properties: those not declared do not count
	union      bool     // a map: its keys are values, not properties
	writeOnly  bool
	readOnly   bool
	deprecated bool
	identifier bool // part of the primary identifier
	tags       bool
	createOnly bool       // a change makes a new resource
	required   bool       // the object around it cannot be without it
	pair       bool       // a part of a pair of a name and its value
	prose      bool       // a text that is the user's own: JSON in it is text
	elsewhere  [][]string // where the service returns it: paths that only it sets
	hasDefault bool
	fallback   any
	transform  *transform.Transform // nil without one

	kept  *atomic.Int64 // shapes of the type that are kept, shared by all of them
	once  sync.Once
	open  atomic.Bool
	props map[string]*shape
	rest  []pattern // by pattern; nil Pattern for every other name
	items *shape
}

type pattern struct {
	*schema.Pattern
	shape *shape
}

// shapes keeps the root shape of each published type: type name → *shape. A
// shape has the properties of its schema as children, whatever names a document
// uses, and a type keeps no more than maxShapes; what a document needs of a
// recursive type beyond them is made for it alone.
var shapes sync.Map

const maxShapes = 5000

// shapeOf returns the root of a type, nil if the type has no published schema.
func shapeOf(typeName string) *shape {
	if found, ok := shapes.Load(typeName); ok {
		return found.(*shape)
	}
	typ, ok := schema.Load(typeName)
	if !ok {
		return nil
	}
	if typ.Name != typeName { // an open family: its names are anybody's
		return newRoot(typ)
	}
	found, _ := shapes.LoadOrStore(typeName, newRoot(typ))
	return found.(*shape)
}

func newRoot(typ *schema.Type) *shape {
	return newShape(typ, new(atomic.Int64), nil, []*schema.Schema{typ.Root})
}

func newShape(typ *schema.Type, kept *atomic.Int64, path []string, nodes []*schema.Schema) *shape {
	s := &shape{typ: typ, kept: kept, path: path, nodes: alternatives(nodes)}
	for _, n := range s.nodes {
		s.types = append(s.types, n.Types...)
		s.unordered = s.unordered || hasNoOrder(n, path)
		s.attributes = s.attributes || isCompleted(n, path)
		s.read(n)
		if n.HasDefault && !s.hasDefault {
			s.hasDefault, s.fallback = true, n.Default
		}
		s.union = s.union || n.Properties == nil && (len(n.PatternProperties) > 0 || n.Additional != nil)
	}
	s.document = s.document || len(s.types) == 0 || slices.Contains(s.types, "object") || slices.Contains(s.types, "array")
	if len(path) == 0 {
		return s
	}
	s.reference = s.reference || namesResource(path[len(path)-1])
	s.writeOnly, s.readOnly, s.deprecated = covers(typ.WriteOnly, path), covers(typ.ReadOnly, path), covers(typ.Deprecated, path)
	s.createOnly = covers(typ.CreateOnly, path)
	for _, n := range s.nodes {
		s.foldCase = s.foldCase || foldsCase(n, path, s.createOnly)
	}
	s.identifier = len(path) == 1 && covers(typ.PrimaryIdentifier, path)
	s.elsewhere = elsewhere(typ, path)
	s.prose = endsWith(last(path), "Value", "Values") || path[len(path)-1] == "*" && !s.unordered
	pointer := schema.Pointer(path...)
	s.tags = typ.Tagging.TagProperty == pointer
	s.unordered = s.unordered || s.tags || s.attributes && !s.union
	for _, at := range []string{pointer, strings.TrimPrefix(pointer, "/")} {
		if expression, ok := typ.PropertyTransform[at]; ok {
			s.transform = transform.Compile(expression)
		}
	}
	return s
}

// elsewhere are the places inside of properties that only the service sets in
// which it returns a property of the top.
func elsewhere(typ *schema.Type, path []string) (found [][]string) {
	if len(path) != 1 {
		return nil
	}
	for _, p := range typ.ReadOnly {
		if names := schema.Names(p); len(names) == 2 && names[1] == path[0] {
			found = append(found, names)
		}
	}
	return found
}

// read takes what the format and the pattern of a node say.
func (s *shape) read(n *schema.Schema) {
	switch n.Format {
	case "json":
		s.document = true
	case "date-time", "timestamp":
		s.moment = true
	case "ipv4-network", "ipv6-network":
		s.network = true
	}
	kind, of, _ := strings.Cut(n.Format, ".")
	s.reference = s.reference || strings.Contains(kind, "::") && of != "" || len(n.RelatedTypes) > 0 ||
		n.Pattern != nil && strings.Contains(n.Pattern.String(), "arn:")
}

// namesResource reports a property whose name says that it holds the name, the
// id or the ARN of something.
func namesResource(property string) bool {
	for _, end := range []string{"Arn", "ARN", "Arns", "Id", "Ids", "Name", "Names", "Identifier", "Role", "Cluster", "Function", "Topic", "Key"} {
		if strings.HasSuffix(property, end) {
			return true
		}
	}
	return false
}

// alternatives returns the nodes and everything that applies, or may apply, in
// their place.
func alternatives(nodes []*schema.Schema) []*schema.Schema {
	var found []*schema.Schema
	var add func(n *schema.Schema)
	add = func(n *schema.Schema) {
		if n == nil || slices.Contains(found, n) {
			return
		}
		found = append(found, n)
		for _, list := range [][]*schema.Schema{n.AllOf, n.AnyOf, n.OneOf, {n.Then, n.Else}} {
			for _, alternative := range list {
				add(alternative)
			}
		}
	}
	for _, n := range nodes {
		add(n)
	}
	return found
}

// covers reports whether one of the pointers names the path or something above
// it. Not every schema writes the "*" for the items of a list.
func covers(pointers []string, path []string) bool {
	star := func(name string) bool { return name == "*" }
	plain := slices.DeleteFunc(slices.Clone(path), star)
	return slices.ContainsFunc(pointers, func(p string) bool {
		names := slices.DeleteFunc(schema.Names(p), star)
		return len(names) > 0 && len(names) <= len(plain) && slices.Equal(names, plain[:len(names)])
	})
}

// only reports a place whose schema allows nothing but these types.
func (s *shape) only(types ...string) bool {
	return s != nil && len(s.types) > 0 && !slices.ContainsFunc(s.types, func(t string) bool { return !slices.Contains(types, t) })
}

// step returns the shape of a property or of the item of a list, nil if
// nothing is known of it.
func (s *shape) step(name string) *shape {
	if s == nil || len(s.path) >= maxLevels {
		return nil
	}
	s = s.opened()
	if p, ok := s.props[name]; ok {
		return p
	}
	if s.items != nil && strings.Trim(name, "0123456789") == "" {
		return s.items
	}
	for _, p := range s.rest {
		if p.Pattern == nil || p.Match(name) {
			return p.shape
		}
	}
	return nil
}

// opened returns the shape with its children: itself, or a copy for one use if
// the type keeps enough already.
func (s *shape) opened() *shape {
	if !s.open.Load() && s.kept.Load() > maxShapes {
		s = newShape(s.typ, new(atomic.Int64), s.path, s.nodes)
	}
	s.once.Do(s.makeChildren)
	return s
}

func (s *shape) makeChildren() {
	defer s.open.Store(true)
	props := map[string][]*schema.Schema{}
	var items, others []*schema.Schema
	for _, n := range s.nodes {
		for name, p := range n.Properties {
			props[name] = append(props[name], p)
		}
		for _, p := range n.PatternProperties {
			s.rest = append(s.rest, pattern{p.Pattern, s.child("*", p.Schema)})
		}
		if n.Items != nil {
			items = append(items, n.Items)
		}
		items = append(items, n.PrefixItems...)
		if n.Additional != nil {
			others = append(others, n.Additional)
		}
	}
	s.props = make(map[string]*shape, len(props))
	for name, nodes := range props {
		child := s.child(name, nodes...)
		child.required, child.pair = s.requires(name), slices.ContainsFunc(s.nodes, isPair)
		s.props[name] = child
	}
	if items != nil {
		s.items = s.child("*", items...)
	}
	if others != nil {
		s.rest = append(s.rest, pattern{nil, s.child("*", others...)})
	}
}

// requires reports a property that the schema asks for whatever else is there.
func (s *shape) requires(name string) bool {
	if len(s.path) == 0 && slices.Contains(s.typ.Required, name) {
		return true
	}
	return len(s.nodes) > 0 && slices.Contains(s.nodes[0].Required, name)
}

func (s *shape) child(name string, nodes ...*schema.Schema) *shape {
	s.kept.Add(1)
	return newShape(s.typ, s.kept, append(slices.Clip(s.path), name), nodes)
}
