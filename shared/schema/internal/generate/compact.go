package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// noise lists the keywords that no check and no decision reads.
var noise = []string{
	"$schema", "$comment", "title", "description", "examples", "sourceUrl", "documentationUrl", "resourceLink",
}

// compact returns the schema without noise, in the smallest JSON text, with
// patterns that Go's regular expression engines understand.
func compact(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // keep the numbers as they are written
	var schema map[string]any
	if err := dec.Decode(&schema); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	strip(schema)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(schema); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}

// strip cleans one schema and the schemas in it. It follows the keywords that
// hold schemas, so that a property named like a keyword stays.
func strip(s map[string]any) {
	for _, k := range noise {
		delete(s, k)
	}
	if p, ok := s["pattern"].(string); ok {
		s["pattern"] = portable(p)
	}
	for _, k := range []string{"properties", "definitions"} {
		if m, ok := s[k].(map[string]any); ok {
			for _, v := range m {
				stripValue(v)
			}
		}
	}
	if m, ok := s["patternProperties"].(map[string]any); ok {
		renamed := make(map[string]any, len(m))
		for p, v := range m {
			stripValue(v)
			renamed[portable(p)] = v
		}
		s["patternProperties"] = renamed
	}
	for _, k := range []string{"items", "additionalProperties", "not", "if", "then", "else", "contains"} {
		stripValue(s[k])
	}
	for _, k := range []string{"allOf", "anyOf", "oneOf", "prefixItems"} {
		if l, ok := s[k].([]any); ok {
			for _, v := range l {
				stripValue(v)
			}
		}
	}
}

func stripValue(v any) {
	if m, ok := v.(map[string]any); ok {
		strip(m)
	}
}

// classes are the two POSIX classes of Java (java.util.regex.Pattern) that no Go
// engine knows, as ranges of ASCII.
var classes = map[string]string{`\p{Graph}`: `\x21-\x7E`, `\p{Print}`: `\x20-\x7E`}

// portable rewrites those classes, with brackets of their own where they do not
// stand in a bracket expression.
func portable(pattern string) string {
	var b strings.Builder
	brackets := false
	for i := 0; i < len(pattern); i++ {
		if name, ranges, ok := classAt(pattern[i:]); ok {
			if !brackets {
				ranges = "[" + ranges + "]"
			}
			b.WriteString(ranges)
			i += len(name) - 1
			continue
		}
		switch pattern[i] {
		case '\\':
			if i+1 < len(pattern) {
				b.WriteByte(pattern[i])
				i++
			}
		case '[':
			brackets = true
		case ']':
			brackets = false
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

func classAt(s string) (name, ranges string, ok bool) {
	for name, ranges := range classes {
		if strings.HasPrefix(s, name) {
			return name, ranges, true
		}
	}
	return "", "", false
}
