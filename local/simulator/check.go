package simulator

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// violation is one way in which properties do not fit their schema.
type violation struct {
	Path    string // such as /Tags/0/Key; empty for the whole
	Message string
}

func (v violation) String() string { return "#" + v.Path + ": " + v.Message }

// checkProperties checks evaluated properties against the provider schema, in
// the words of CloudFormation's own validation (CFN-21). Read-only properties
// cannot be set. Values that are not known yet pass.
func checkProperties(t *schema.Type, properties map[string]any) []violation {
	if t == nil {
		return nil
	}
	var c checker
	c.object(t.Root, properties, "")
	for _, pointer := range t.ReadOnly {
		path := pointerPath(pointer)
		if _, set := lookup(properties, path); set && !contains(t.CreateOnly, path) {
			c.add("", "extraneous key [%s] is not permitted", strings.Join(path, "/"))
		}
	}
	return c.found
}

func describeViolations(logicalID string, found []violation) string {
	var lines []string
	for _, v := range found {
		lines = append(lines, v.String())
	}
	return fmt.Sprintf("Properties validation failed for resource %s with message:\n[%s]", logicalID, strings.Join(lines, ", "))
}

type checker struct{ found []violation }

func (c *checker) add(path, format string, args ...any) {
	c.found = append(c.found, violation{path, fmt.Sprintf(format, args...)})
}

func (c *checker) value(s *schema.Schema, value any, path string) {
	if s == nil || isUnknown(value) {
		return
	}
	if len(s.Types) > 0 && !slices.ContainsFunc(s.Types, func(name string) bool { return typeIs(name, value) }) {
		c.add(path, "expected type: %s, found: %s", expectedType(s.Types), foundType(value))
		return
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(value) }) {
		c.add(path, "%v is not a valid enum value", value)
	}
	switch v := value.(type) {
	case map[string]any:
		c.object(s, v, path)
	case []any:
		c.list(s, v, path)
	case string:
		c.text(s, v, path)
	case float64:
		c.number(s, v, path)
	}
}

func (c *checker) object(s *schema.Schema, value map[string]any, path string) {
	for _, required := range s.Required {
		if _, ok := value[required]; !ok {
			c.add(path, "required key [%s] not found", required)
		}
	}
	for _, name := range sortedKeys(value) {
		property, known := s.Step(name)
		switch {
		case known:
			c.value(property, value[name], path+"/"+name)
		case s.Closed:
			c.add(path, "extraneous key [%s] is not permitted", name)
		}
	}
}

func (c *checker) list(s *schema.Schema, value []any, path string) {
	if s.MinItems != nil && len(value) < *s.MinItems {
		c.add(path, "expected minimum item count: %d, found: %d", *s.MinItems, len(value))
	}
	if s.MaxItems != nil && len(value) > *s.MaxItems {
		c.add(path, "expected maximum item count: %d, found: %d", *s.MaxItems, len(value))
	}
	for i, element := range value {
		c.value(s.Items, element, fmt.Sprintf("%s/%d", path, i))
	}
}

func (c *checker) text(s *schema.Schema, value, path string) {
	if s.MinLength != nil && len(value) < *s.MinLength {
		c.add(path, "expected minLength: %d, actual: %d", *s.MinLength, len(value))
	}
	if s.MaxLength != nil && len(value) > *s.MaxLength {
		c.add(path, "expected maxLength: %d, actual: %d", *s.MaxLength, len(value))
	}
	if s.Pattern != nil && !s.Pattern.Match(value) {
		c.add(path, "string [%s] does not match pattern %s", value, s.Pattern)
	}
}

func (c *checker) number(s *schema.Schema, value float64, path string) {
	if s.Minimum != nil && value < *s.Minimum {
		c.add(path, "%v is not greater or equal to %v", value, *s.Minimum)
	}
	if s.Maximum != nil && value > *s.Maximum {
		c.add(path, "%v is not less or equal to %v", value, *s.Maximum)
	}
}

func typeIs(name string, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	}
	return true
}

var typeNames = map[string]string{
	"object": "JSONObject", "array": "JSONArray", "string": "String", "boolean": "Boolean", "integer": "Integer", "number": "Number",
}

func expectedType(types []string) string {
	var names []string
	for _, one := range types {
		names = append(names, typeNames[one])
	}
	return strings.Join(names, " or ")
}

func foundType(value any) string {
	switch value.(type) {
	case map[string]any:
		return "JSONObject"
	case []any:
		return "JSONArray"
	case string:
		return "String"
	case bool:
		return "Boolean"
	}
	return "Number"
}
