package main

import (
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

func branch(constant string, n int) any {
	v, err := parse([]byte(fmt.Sprintf(`{"if": {"properties": {"N": {"const": "%d"}, "E": {"const": %q, "type": "string"}}, "required": ["E"]}, "then": {"minItems": %d}}`, n, constant, n)))
	if err != nil {
		panic(err)
	}
	return v
}

func TestRegroup(t *testing.T) {
	var all []any
	for i := range manyBranches {
		all = append(all, branch([]string{"x", "y", "z"}[i%3], i))
	}
	got := regroup(format.Map{{Key: "allOf", Value: all}}).(format.Map)
	groups := got.Get("allOf").([]any)
	definitions := got.Get("definitions").(format.Map)
	if len(groups) != 3 || len(definitions) != 3 {
		t.Fatalf("%d groups, %d definitions", len(groups), len(definitions))
	}
	if ref := groups[1].(format.Map).Get("then").(format.Map).Get("$ref"); ref != "#/definitions/y" || definitions[1].Key != "y" {
		t.Errorf("%v", ref)
	}
	n := 0
	for _, d := range definitions {
		for _, b := range d.Value.(format.Map).Get("allOf").([]any) {
			if constantOf(b, "E") != d.Key {
				t.Errorf("%s holds %v", d.Key, b)
			}
			n++
		}
	}
	if n != manyBranches {
		t.Errorf("%d of %d branches are left", n, manyBranches)
	}
}

func TestRegroupLeavesTheRest(t *testing.T) {
	var all []any
	for i := range manyBranches {
		all = append(all, branch("x", i))
	}
	odd := append(append([]any{}, all...), format.Map{{Key: "required", Value: []any{"E"}}})
	withElse := append(append([]any{}, all...), append(branch("x", 1).(format.Map), format.Member{Key: "else", Value: false}))
	for name, v := range map[string]any{
		"few":            format.Map{{Key: "allOf", Value: all[:5]}},
		"another branch": format.Map{{Key: "allOf", Value: odd}},
		"else":           format.Map{{Key: "allOf", Value: withElse}},
		"more keywords":  format.Map{{Key: "allOf", Value: all}, {Key: "type", Value: "object"}},
	} {
		if got := regroup(v); got.(format.Map).Get("definitions") != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
