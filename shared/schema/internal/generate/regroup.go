package main

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// manyBranches is from how many alternatives on regroup changes a schema.
const manyBranches = 100

// regroup rewrites a schema that is one long list of "if a property has this
// constant and …, then …" into a list with one branch for each constant, behind
// which a definition holds the original branches. Whatever fulfils an original
// condition fulfils the one of its group, and groups have nothing to add: the
// same values pass. Only the definition of the constant at hand is decoded and
// walked, of nine hundred branches some fifty.
func regroup(v any) any {
	m, ok := v.(format.Map)
	all, _ := m.Get("allOf").([]any)
	if !ok || len(m) != 1 || len(all) < manyBranches {
		return v
	}
	property := sharedConstant(all)
	if property == "" {
		return v
	}
	var constants []string
	branches := map[string][]any{}
	for _, b := range all {
		c := constantOf(b, property)
		if branches[c] == nil {
			constants = append(constants, c)
		}
		branches[c] = append(branches[c], b)
	}
	groups, definitions := []any{}, format.Map{}
	for _, c := range constants {
		groups = append(groups, format.Map{
			{Key: "if", Value: format.Map{
				{Key: "properties", Value: format.Map{{Key: property, Value: propertyOf(branches[c][0], property)}}},
				{Key: "required", Value: []any{property}},
			}},
			{Key: "then", Value: format.Map{{Key: "$ref", Value: "#/definitions/" + c}}},
		})
		definitions = append(definitions, format.Member{Key: c, Value: format.Map{{Key: "allOf", Value: branches[c]}}})
	}
	return format.Map{{Key: "allOf", Value: groups}, {Key: "definitions", Value: definitions}}
}

// sharedConstant returns the property that every branch demands and compares
// with a constant, "" if there is none.
func sharedConstant(all []any) string {
	first, _ := condition(all[0]).Get("properties").(format.Map)
	for _, candidate := range first {
		if !slices.ContainsFunc(all, func(b any) bool { return constantOf(b, candidate.Key) == "" }) {
			return candidate.Key
		}
	}
	return ""
}

func condition(branch any) format.Map {
	m, _ := branch.(format.Map)
	c, _ := m.Get("if").(format.Map)
	return c
}

// propertyOf returns the schema of a property in the condition of a branch.
func propertyOf(branch any, property string) format.Map {
	properties, _ := condition(branch).Get("properties").(format.Map)
	s, _ := properties.Get(property).(format.Map)
	return s
}

// constantOf returns the constant that the condition of a branch compares a
// property with, "" if it does not, or does not demand the property.
func constantOf(branch any, property string) string {
	required, _ := condition(branch).Get("required").([]any)
	constant, _ := propertyOf(branch, property).Get("const").(string)
	if m, ok := branch.(format.Map); !ok || m.Get("else") != nil || !slices.Contains(required, any(property)) {
		return ""
	}
	return constant
}
