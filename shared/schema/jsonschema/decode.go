package jsonschema

import (
	"fmt"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// Members of a schema that are no keywords of their own.
const (
	memberThen = Count + iota
	memberElse
)

// keywordOfWord maps the words of package format to keywords.
var keywordOfWord = func() (table [256]Keyword) {
	for i := range format.Words() {
		switch name := format.Word(i); name {
		case "then":
			table[i] = memberThen
		case "else":
			table[i] = memberElse
		default:
			table[i] = KeywordOf(name)
		}
	}
	return table
}()

// schema decodes the schema at a position and returns the position behind it.
func (d *Document) schema(pos int) (s *Schema, next int) {
	target, next, ref := d.doc.Resolve(pos)
	if ref {
		if s = d.shared[target]; s == nil {
			s, _ = d.schema(target)
			d.shared[target] = s
		}
		return s, next
	}
	switch kind := d.doc.Kind(pos); kind {
	case format.Object:
		return d.object(pos)
	case format.True:
		return True, pos + 1
	case format.False:
		return False, pos + 1
	default:
		if d.err == nil {
			d.err = fmt.Errorf("a schema is an object or a boolean, not a %s", kind)
		}
		return True, d.doc.Skip(pos)
	}
}

func (d *Document) object(pos int) (*Schema, int) {
	n, sized, at := d.doc.Object(pos)
	if n == 1 && !sized {
		if s, next := d.justType(at); s != nil {
			return s, next
		}
	}
	s := d.newSchema(n)
	for range n {
		var word, size int
		var name string
		word, name, at = d.doc.Key(at)
		if sized {
			size, at = d.doc.Size(at)
		}
		end := -1
		if sized {
			end = at + size
		}
		value := at
		if target, next, ref := d.doc.Resolve(at); ref {
			value, end = target, next
		}
		behind := d.member(s, word, name, value)
		if at = end; end < 0 {
			at = behind
		}
	}
	return seal(s, &d.free), at
}

// justType returns the schema that has nothing but one type. It is the most
// frequent by far, and there are only a few of it.
func (d *Document) justType(at int) (*Schema, int) {
	word, _, at := d.doc.Key(at)
	if word < 0 || keywordOfWord[word] != Type || d.doc.Kind(at) != format.Text {
		return nil, 0
	}
	name, next := d.doc.Text(at)
	types := Types(name)
	s, ok := d.just[types]
	if !ok {
		s = OfType(types)
		d.just[types] = s
	}
	return s, next
}

// newSchema returns a schema with room for n keywords.
func (d *Document) newSchema(n int) *Schema {
	s := d.free.schemas.one()
	s.demands, s.limits, s.branches, s.notes = noDemands, noLimits, noBranches, noNotes
	s.Keywords = d.free.keywords.room(n)
	return s
}

// member sets what one member of an object says and returns the position behind
// its value.
func (d *Document) member(s *Schema, word int, name string, at int) int {
	k := None
	if word >= 0 {
		k = keywordOfWord[word]
	}
	switch {
	case k == memberThen:
		b := d.ownBranches(s)
		b.Then, at = d.schema(at)
	case k == memberElse:
		b := d.ownBranches(s)
		b.Else, at = d.schema(at)
	case k != None:
		s.Keywords = append(s.Keywords, k)
		return d.keyword(s, k, at)
	case name == "minContains":
		ownNotes(s).MinContains, at = d.whole(at)
	case name == "maxContains":
		ownNotes(s).MaxContains, at = d.whole(at)
	case name == "message":
		ownNotes(s).Messages, at = d.doc.Node(at)
	default:
		return d.doc.Skip(at)
	}
	return at
}

// The functions named own return the group of a schema to write to.

func (d *Document) ownDemands(s *Schema) *demands {
	if s.demands == noDemands {
		s.demands = d.free.demands.one()
	}
	return s.demands
}

func (d *Document) ownLimits(s *Schema) *limits {
	if s.limits == noLimits {
		s.limits = d.free.limits.one()
	}
	return s.limits
}

func (d *Document) ownBranches(s *Schema) *branches {
	if s.branches == noBranches {
		s.branches = d.free.branches.one()
	}
	return s.branches
}

func ownNotes(s *Schema) *notes {
	if s.notes == noNotes {
		n := *noNotes
		s.notes = &n
	}
	return s.notes
}

func (d *Document) keyword(s *Schema, k Keyword, at int) int {
	switch k {
	case Type:
		s.Types, at = d.types(at)
	case Ref:
		var text string
		text, at = d.text(at)
		s.ref = d.reference(text)
	case Properties:
		s.Properties, at = d.properties(at)
	case Items:
		s.Items, at = d.schema(at)
	case AdditionalProperties:
		s.AdditionalProperties, at = d.schema(at)
	case PatternProperties:
		var named []Property
		named, at = d.properties(at)
		s.PatternProperties = make([]PatternProperty, len(named))
		for i, p := range named {
			s.PatternProperties[i] = PatternProperty{d.patterns.get(p.Name), p.Schema}
		}
	case Enum, EnumCaseInsensitive:
		if d.doc.Kind(at) == format.Array {
			s.values = &enumeration{doc: d.doc, position: at}
		}
		return d.doc.Skip(at)
	case Required:
		s.Required, at = d.strings(at)
	case AllOf, AnyOf, OneOf, Not, If:
		return d.branch(d.ownBranches(s), k, at)
	case Const, Pattern, Format, MinLength, MaxLength, Minimum, Maximum, ExclusiveMinimum, ExclusiveMaximum, MultipleOf:
		return d.limit(d.ownLimits(s), k, at)
	case Contains, PrefixItems, PropertyNames, CfnLint, CfnContext, CfnGather, DynamicValidation, Tagging, Lifecycle:
		return d.note(ownNotes(s), k, at)
	default:
		return d.demand(d.ownDemands(s), k, at)
	}
	return at
}

func (d *Document) branch(b *branches, k Keyword, at int) int {
	switch k {
	case AllOf:
		b.AllOf, at = d.list(at)
	case AnyOf:
		b.AnyOf, at = d.list(at)
	case OneOf:
		b.OneOf, at = d.list(at)
	case Not:
		b.Not, at = d.schema(at)
	case If:
		b.If, at = d.schema(at)
	}
	return at
}

func (d *Document) limit(l *limits, k Keyword, at int) int {
	switch k {
	case Const:
		l.Const, at = d.doc.Node(at)
	case Pattern:
		var text string
		text, at = d.text(at)
		l.Pattern = d.patterns.get(text)
	case Format:
		l.Format, at = d.text(at)
	case MinLength:
		l.MinLength, at = d.whole(at)
	case MaxLength:
		l.MaxLength, at = d.whole(at)
	case Minimum:
		l.Minimum, at = d.number(at)
	case Maximum:
		l.Maximum, at = d.number(at)
	case ExclusiveMinimum:
		l.ExclusiveMinimum, at = d.number(at)
	case ExclusiveMaximum:
		l.ExclusiveMaximum, at = d.number(at)
	case MultipleOf:
		l.MultipleOf, at = d.number(at)
	}
	return at
}

func (d *Document) note(n *notes, k Keyword, at int) int {
	switch k {
	case Contains:
		n.Contains, at = d.schema(at)
	case PrefixItems:
		n.PrefixItems, at = d.list(at)
	case PropertyNames:
		n.PropertyNames, at = d.schema(at)
	case CfnLint:
		n.CfnLint, at = d.strings(at)
	case CfnContext:
		n.Context = d.context(at)
		return d.doc.Skip(at)
	case DynamicValidation:
		v, next := d.doc.Node(at)
		n.Dynamic = &Dynamic{Transform: v.Get("transformCheck").Str(), Names: v.Get("context").Str(), Path: v.Get("pathCheck").Str()}
		return next
	case CfnGather:
		n.Gather, at = d.doc.Node(at)
	case Tagging:
		n.Tagging, at = d.doc.Node(at)
	case Lifecycle:
		n.Lifecycle, at = d.doc.Node(at)
	}
	return at
}

func (d *Document) demand(m *demands, k Keyword, at int) int {
	switch k {
	case RequiredOr:
		m.RequiredOr, at = d.strings(at)
	case RequiredXor:
		m.RequiredXor, at = d.strings(at)
	case DependentRequired:
		m.DependentRequired, at = d.dependents(at)
	case DependentExcluded:
		m.DependentExcluded, at = d.dependents(at)
	case Dependencies:
		return d.dependencies(m, at)
	case MinItems:
		m.MinItems, at = d.whole(at)
	case MaxItems:
		m.MaxItems, at = d.whole(at)
	case MaxUniqueItems:
		m.MaxUniqueItems, at = d.whole(at)
	case MinProperties:
		m.MinProperties, at = d.whole(at)
	case MaxProperties:
		m.MaxProperties, at = d.whole(at)
	case UniqueItems:
		m.UniqueItems = d.doc.Kind(at) == format.True
		return d.doc.Skip(at)
	case UniqueKeys:
		m.UniqueKeys, at = d.strings(at)
	default:
		return d.doc.Skip(at)
	}
	return at
}
