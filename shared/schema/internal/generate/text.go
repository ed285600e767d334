package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// parse decodes JSON and keeps the order of the members: findings come in the
// order of the keywords.
func parse(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

func parseValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		l := []any{}
		for dec.More() {
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, err = dec.Token()
		return l, err
	case json.Delim('{'):
		m := format.Map{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, fmt.Errorf("a key is %v", key)
			}
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			m = append(m, format.Member{Key: name, Value: v})
		}
		_, err = dec.Token()
		return m, err
	}
	return token, nil
}

// noise are the keywords that no check and no decision reads.
var noise = map[string]bool{
	"$schema": true, "$comment": true, "title": true, "description": true, "examples": true,
	"sourceUrl": true, "documentationUrl": true, "resourceLink": true,
}

// strip returns a schema without noise. It follows the keywords that hold
// schemas, so that a property named like a keyword stays.
func strip(v any) any {
	m, ok := v.(format.Map)
	if !ok {
		return v
	}
	out := make(format.Map, 0, len(m))
	for _, member := range m {
		if noise[member.Key] {
			continue
		}
		switch member.Key {
		case "properties", "definitions", "patternProperties", "dependencies", "dependentSchemas":
			member.Value = each(member.Value)
		case "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "schema",
			"allOf", "anyOf", "oneOf", "prefixItems", "cfnContext":
			if l, ok := member.Value.([]any); ok {
				member.Value = stripAll(l)
			} else {
				member.Value = strip(member.Value)
			}
		}
		out = append(out, member)
	}
	return out
}

func stripAll(l []any) []any {
	out := make([]any, len(l))
	for i, v := range l {
		out[i] = strip(v)
	}
	return out
}

// each strips the schemas that stand under names.
func each(v any) any {
	m, ok := v.(format.Map)
	if !ok {
		return v
	}
	out := make(format.Map, len(m))
	for i, member := range m {
		out[i] = format.Member{Key: member.Key, Value: strip(member.Value)}
	}
	return out
}
