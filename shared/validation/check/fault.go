package check

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Fault is one way in which a template breaks a schema or a rule.
type Fault struct {
	Rule    string             // id; "" until the rule whose walk it is claims it
	Keyword jsonschema.Keyword // None if a rule itself found it
	Path    Path               // of what is wrong
	// Override replaces the path when the fault is reported, as when a value
	// comes from the default of a parameter.
	Override Path
	Message  string
	// Like is the message without the value that a call resolved to, "" if it did
	// not come from one: findings that are alike at one place are one.
	Like    string
	Context []Fault // why each alternative of anyOf or oneOf failed
	// Unknown says that there may be a fault, depending on a value that is not
	// known before deployment. It is never reported.
	Unknown bool

	node   *template.Node
	schema *jsonschema.Schema
}

// Node is the value that is wrong.
func (f *Fault) Node() *template.Node { return f.node }

// Schema is the schema that the value breaks.
func (f *Fault) Schema() *jsonschema.Schema { return f.schema }

// At appends steps to the path.
func (f *Fault) At(steps ...Step) *Fault {
	f.Path = append(f.Path, steps...)
	return f
}

// AtKey appends keys to the path.
func (f *Fault) AtKey(names ...string) *Fault {
	for _, n := range names {
		f.Path = append(f.Path, Key(n))
	}
	return f
}

// By sets the rule.
func (f *Fault) By(rule string) *Fault {
	f.Rule = rule
	return f
}

// faults collects. A quiet collection only learns whether there is any.
type faults struct {
	list    []Fault
	quiet   bool
	any     bool
	unknown bool
}

// maxFaults bounds the faults of one template, those that are discarded again
// included: they take memory, and nobody reads so many.
const maxFaults = 20_000

// Fault reports a fault at the path of the walk. The result may be changed
// until the next one is reported.
func (v *Validator) Fault(format string, args ...any) *Fault {
	v.out.any = true
	if v.out.quiet {
		v.scratch = Fault{Path: v.scratch.Path[:0]}
		return &v.scratch
	}
	if v.faults++; v.faults > maxFaults {
		v.steps = -1
		v.stop()
		return &Fault{}
	}
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	v.out.list = append(v.out.list, Fault{Path: slices.Clone(v.path), Message: message})
	return &v.out.list[len(v.out.list)-1]
}

// Unknown reports that a fault can be neither seen nor excluded.
func (v *Validator) Unknown() {
	v.out.any, v.out.unknown = true, true
	if !v.out.quiet {
		v.out.list = append(v.out.list, Fault{Path: slices.Clone(v.path), Unknown: true})
	}
}

// Add passes on faults that were collected before.
func (v *Validator) Add(list ...Fault) {
	for i := range list {
		v.out.any = true
		v.out.unknown = v.out.unknown || list[i].Unknown
	}
	if !v.out.quiet {
		v.out.list = append(v.out.list, list...)
	}
}

// Collect runs a part of the walk and returns its faults instead of reporting
// them.
func (v *Validator) Collect(walk func()) []Fault {
	inner := v.collect(false, walk)
	list := inner.list
	v.spare = append(v.spare, inner)
	return list
}

// Test runs a part of the walk and returns whether it found a fault and whether
// one of them is unknown. It is cheaper than Collect.
func (v *Validator) Test(walk func()) (any, unknown bool) {
	inner := v.collect(true, walk)
	v.spare = append(v.spare, inner)
	return inner.any, inner.unknown
}

// collect runs a part of the walk into a collection of its own.
func (v *Validator) collect(quiet bool, walk func()) *faults {
	outer, inner := v.out, (*faults)(nil)
	if last := len(v.spare) - 1; last >= 0 {
		inner, v.spare = v.spare[last], v.spare[:last]
		*inner = faults{quiet: quiet}
	} else {
		inner = &faults{quiet: quiet}
	}
	v.out = inner
	walk()
	v.out = outer
	return inner
}

// HasUnknown reports whether one of the faults is unknown.
func HasUnknown(list []Fault) bool {
	return slices.ContainsFunc(list, func(f Fault) bool { return f.Unknown })
}

// Known returns the faults that are not unknown.
func Known(list []Fault) []Fault {
	return slices.DeleteFunc(list, func(f Fault) bool { return f.Unknown })
}

// relevance orders faults as JSON Schema libraries do to name the one that
// explains best: one higher up in the value says that more is wrong with it.
// The rank is compared element by element.
func relevance(f *Fault, base int) [4]int {
	rank := [4]int{-(len(f.Path) - base), 1, 0, 1}
	if f.Keyword == jsonschema.AnyOf || f.Keyword == jsonschema.OneOf {
		rank[1] = 0
	}
	if f.schema != nil && f.schema.Has(jsonschema.Type) && isAny(f.node, f.schema.Types) {
		rank[3] = 0
	}
	return rank
}

func compareRank(a, b [4]int) int { return slices.Compare(a[:], b[:]) }

// bestMatch picks the fault that explains best why a value at the path base is
// wrong. Below an anyOf or oneOf it picks the deepest fault of the alternatives,
// and names it relative to base, as cfn-lint does.
func bestMatch(list []Fault, base Path) (Fault, bool) {
	if len(list) == 0 {
		return Fault{}, false
	}
	best := &list[0]
	for i := range list[1:] {
		if compareRank(relevance(&list[i+1], len(base)), relevance(best, len(base))) > 0 {
			best = &list[i+1]
		}
	}
	result, at := *best, best.Path
	for len(result.Context) > 0 {
		inner, ok := leastRelevant(result.Context, len(at))
		if !ok {
			break
		}
		relative := inner.Path[min(len(at), len(inner.Path)):]
		at = inner.Path
		result = inner
		result.Path = base.With(relative...)
	}
	return result, true
}

// leastRelevant returns the fault of the lowest rank, and false if two share it.
func leastRelevant(list []Fault, base int) (Fault, bool) {
	least, tie := 0, false
	for i := 1; i < len(list); i++ {
		switch compareRank(relevance(&list[i], base), relevance(&list[least], base)) {
		case -1:
			least, tie = i, false
		case 0:
			tie = true
		}
	}
	return list[least], !tie
}
