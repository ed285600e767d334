package simulator

import (
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// conform converts scalars to the type that the schema asks for, as
// CloudFormation does with template values (CFN-22). Other values pass. The
// value's maps and lists are changed in place.
func conform(s *schema.Schema, value any) any {
	if s == nil {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if property, ok := s.Step(name); ok {
				v[name] = conform(property, inner)
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = conform(s.Items, v[i])
		}
		return v
	}
	if len(s.Types) != 1 {
		return value
	}
	return convert(s.Types[0], value)
}

func convert(kind string, value any) any {
	switch v := value.(type) {
	case string:
		switch kind {
		case "integer", "number":
			if n, err := strconv.ParseFloat(v, 64); err == nil {
				return n
			}
		case "boolean":
			switch strings.ToLower(v) {
			case "true":
				return true
			case "false":
				return false
			}
		}
	case float64:
		if kind == "string" {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case int:
		return convert(kind, float64(v))
	case int64:
		return convert(kind, float64(v))
	case bool:
		if kind == "string" {
			return strconv.FormatBool(v)
		}
	}
	return value
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}
