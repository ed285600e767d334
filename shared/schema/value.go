package schema

import (
	"maps"
	"slices"
	"strconv"
)

// ValueKind is the kind of a Value.
type ValueKind uint8

// The kinds of values.
const (
	Opaque ValueKind = iota // not known here; every check passes
	Absent                  // not there after all (AWS::NoValue)
	Choice                  // one of several values, which one is not known
	NullValue
	BoolValue
	NumberValue
	StringValue
	ListValue
	MapValue
)

// Value is what a schema is checked against: a resolved model or a part of a
// template, in which some values are not known and others depend on a condition.
type Value interface {
	Kind() ValueKind
	Bool() bool
	Number() float64
	Text() string                      // of a string; the written form of a bool or number
	Len() int                          // of a list or map
	Item(i int) Value                  // of a list
	Entry(i int) (key string, v Value) // of a map
	Get(key string) (Value, bool)      // of a map
	Open() bool                        // a map that may hold more than its entries
	Branches() []Value                 // of a Choice
}

// plain is a Value of encoding/json's types. Anything else is Opaque.
type plain struct {
	v    any
	keys []string
}

// Plain makes a Value of plain JSON values: nil, bool, float64, string, []any,
// map[string]any. A value of any other type is Opaque.
func Plain(v any) Value {
	p := plain{v: v}
	if m, ok := v.(map[string]any); ok {
		p.keys = slices.Sorted(maps.Keys(m))
	}
	return p
}

func (p plain) Kind() ValueKind {
	switch p.v.(type) {
	case nil:
		return NullValue
	case bool:
		return BoolValue
	case float64, int, int64:
		return NumberValue
	case string:
		return StringValue
	case []any:
		return ListValue
	case map[string]any:
		return MapValue
	}
	return Opaque
}

func (p plain) Bool() bool { b, _ := p.v.(bool); return b }

func (p plain) Number() float64 {
	switch n := p.v.(type) {
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

func (p plain) Text() string {
	switch v := p.v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64, int, int64:
		return strconv.FormatFloat(p.Number(), 'f', -1, 64)
	}
	return ""
}

func (p plain) Len() int {
	if l, ok := p.v.([]any); ok {
		return len(l)
	}
	return len(p.keys)
}

func (p plain) Item(i int) Value            { return Plain(p.v.([]any)[i]) }
func (p plain) Entry(i int) (string, Value) { return p.keys[i], Plain(p.v.(map[string]any)[p.keys[i]]) }
func (p plain) Open() bool                  { return false }
func (p plain) Branches() []Value           { return nil }

func (p plain) Get(key string) (Value, bool) {
	v, ok := p.v.(map[string]any)[key]
	return Plain(v), ok
}

// presence says whether a value is there.
type presence uint8

const (
	missing presence = iota
	possible
	present
)

func presenceOf(v Value, ok bool) presence {
	if !ok {
		return missing
	}
	switch v.Kind() {
	case Absent:
		return missing
	case Choice:
		least, most := present, missing
		for _, b := range v.Branches() {
			p := presenceOf(b, true)
			least, most = min(least, p), max(most, p)
		}
		if least == most {
			return least
		}
		return possible
	}
	return present
}
