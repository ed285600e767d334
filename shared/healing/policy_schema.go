package healing

import (
	"encoding/json"
	"maps"
)

type schema = map[string]any

var (
	textSchema     = schema{"type": "string", "minLength": 1}
	portSchema     = schema{"type": []string{"string", "integer"}, "pattern": `^([0-9]+(-[0-9]+)?|all|-1)(/(tcp|udp))?$`, "minimum": 0, "maximum": lastPort}
	protocolSchema = schema{"type": []string{"string", "integer"}, "minLength": 1}
	cidrSchema     = schema{"type": "string", "pattern": `^[0-9A-Fa-f:.]+/[0-9]+$`}
)

func listOf(items schema) schema { return schema{"type": "array", "items": items} }

func rangeSchema(low, high int) schema {
	return schema{"type": "integer", "minimum": low, "maximum": high}
}

func enumSchema[T ~string](values []T) schema { return schema{"enum": words(values)} }

func object[T any](fields []field[T]) schema {
	properties, required := schema{}, []string{}
	for _, f := range fields {
		described := maps.Clone(f.schema)
		described["description"] = f.about
		properties[f.name] = described
		if f.required {
			required = append(required, f.name)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// PolicySchema returns the JSON Schema of the policy document for editors, made
// from the tables that DecodePolicy uses. docs/healing-policy.schema.json is
// this text.
func PolicySchema() ([]byte, error) {
	s := object(policyFields())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Evenkeel healing policy"
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}
