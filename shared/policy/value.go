package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// state says what is known of a value.
type state uint8

const (
	known   state = iota
	partial       // a string of which some parts are known; hole stands for the others
	absent        // not written, or AWS::NoValue
	unknown       // only the deployment can tell
)

// hole stands for an unknown part of a partial string.
const hole = "\x00"

// Value is one value that a property may have, with the place it has in the
// template and what must hold for it.
type Value struct {
	r     *run
	node  *template.Node
	state state
	// refers is the logical id of the resource that an unknown value comes from.
	refers string
	place
}

// place is where a value is and what it depends on.
type place struct {
	path         *link
	line, column int
	when         *assumption
	choice       choice
	fixed        bool   // inside a text: the path and position stay those of the text
	fallback     string // parameter whose default gave the value
}

// link is one step of a path. Paths share their beginnings, so that a step
// costs one small allocation and nothing is copied before a finding.
type link struct {
	up  *link
	key string
}

func (l *link) keys() []string {
	n := 0
	for at := l; at != nil; at = at.up {
		n++
	}
	keys := make([]string, n)
	for at := l; at != nil; at = at.up {
		n--
		keys[n] = at.key
	}
	return keys
}

// assumption is a condition with the value that is assumed for it.
type assumption struct {
	up        *assumption
	condition string
	holds     bool
}

// choice is one of the values that a parameter or a mapping offers where
// nothing decides which. A finding counts only if all of them are at fault.
type choice struct {
	name string
	of   int // number of alternatives, 0 if there is no choice
}

func (p place) entry(e *template.Entry) place {
	if p.fixed {
		return p
	}
	p.path, p.line, p.column = &link{p.path, e.Key}, e.Line, e.Column
	return p
}

func (p place) item(i int, n *template.Node) place {
	if p.fixed {
		return p
	}
	p.path, p.line, p.column = &link{p.path, strconv.Itoa(i)}, n.Line, n.Column
	return p
}

// Absent reports whether the property is not there.
func (v Value) Absent() bool { return v.state == absent }

// Known reports whether the value is there and known, though things inside it
// may not be.
func (v Value) Known() bool { return v.state == known }

// Text is the text of a known scalar.
func (v Value) Text() (text string, ok bool) {
	if v.state != known || v.node.Kind == template.List || v.node.Kind == template.Map {
		return "", false
	}
	return v.node.Text, true
}

// Pattern is like Text, but unknown parts of the text are a NUL character.
func (v Value) Pattern() (text string, ok bool) {
	if v.state == partial {
		return v.node.Text, true
	}
	return v.Text()
}

// Is reports whether the value is known to be one of the texts.
func (v Value) Is(texts ...string) bool {
	text, ok := v.Text()
	if !ok {
		return false
	}
	for _, t := range texts {
		if text == t {
			return true
		}
	}
	return false
}

// Off reports whether the value is known to be false.
func (v Value) Off() bool { return v.truth("false") }

// On reports whether the value is known to be true.
func (v Value) On() bool { return v.truth("true") }

func (v Value) truth(want string) bool {
	text, ok := v.Text()
	if ok && v.node.Kind == template.Bool {
		return v.node.True == (want == "true")
	}
	return ok && strings.EqualFold(text, want)
}

// Number is the value of a known number, which may be written as text.
func (v Value) Number() (number float64, ok bool) {
	text, ok := v.Text()
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return number, err == nil
}

// At calls visit for every value that the property at the path below v may
// have, absent and unknown ones included. "*" stands for every item of a list:
// of an absent list there is none. visit returns false to end.
func (v Value) At(path []string, visit func(Value) bool) bool {
	if len(path) == 0 {
		return visit(v)
	}
	switch {
	case v.state == absent:
		return slices.Contains(path, "*") || visit(v)
	case v.state != known:
		return visit(v.as(unknown))
	case path[0] == "*":
		return v.items(func(item Value) bool { return item.At(path[1:], visit) })
	case v.node.Kind != template.Map:
		return visit(v.as(unknown))
	}
	e := v.node.Entry(path[0])
	if e == nil {
		if v.node.Entry("Fn::Transform") != nil {
			return visit(v.as(unknown))
		}
		return v.as(absent).At(path[1:], visit)
	}
	return v.r.resolve(e.Value, v.entry(e), func(child Value) bool { return child.At(path[1:], visit) })
}

func (v Value) as(s state) Value {
	v.state = s
	return v
}

// items visits the values of a list's items. One value that stands where a
// list is expected is its own item, as services read it.
func (v Value) items(visit func(Value) bool) bool {
	if v.node.Kind != template.List {
		return visit(v)
	}
	for i, item := range v.node.Items {
		ok := v.r.resolve(item, v.item(i, item), func(child Value) bool {
			if child.state == known && child.node.Kind == template.List {
				return child.items(visit) // Ref to a list parameter, or an Fn::If of lists
			}
			return child.state == absent || visit(child)
		})
		if !ok {
			return false
		}
	}
	return true
}

// Each calls visit for every item of the list at the path, unknown ones too.
func (v Value) Each(path []string, visit func(Value)) {
	v.At(path, func(list Value) bool {
		switch list.state {
		case known:
			list.items(func(item Value) bool { visit(item); return true })
		case partial, unknown:
			visit(list)
		}
		return true
	})
}

// Any reports whether test holds for some value at the path.
func (v Value) Any(path []string, test func(Value) bool) bool {
	found := false
	v.At(path, func(child Value) bool {
		found = test(child)
		return !found
	})
	return found
}

// Has reports whether the property at the path may be there.
func (v Value) Has(path ...string) bool {
	return v.Any(path, func(child Value) bool { return !child.Absent() })
}

// May reports whether some item of the list at the path is, or could be, one of
// the texts.
func (v Value) May(path []string, texts ...string) bool {
	found := false
	v.Each(path, func(item Value) { found = found || item.state == unknown || item.Is(texts...) })
	return found
}
