package pipeline

import "encoding/json"

// JSONSchema returns the JSON Schema of evenkeel.yaml for editors, made from
// the tables that the decoder uses. docs/evenkeel.schema.json is this text.
func JSONSchema() ([]byte, error) {
	schema := object(topKeys)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = FileName
	schema["$defs"] = merge(merge(verifySchemas(), rolloutSchemas()), map[string]any{
		"stack":      object(stackKeys),
		"stage":      object(stageKeys),
		"window":     object(windowKeys),
		"freeze":     object(freezeKeys),
		"validation": object(validationKeys),
		"ignore":     object(ignoreKeys),
		"build":      object(buildKeys),
		"variable": map[string]any{"anyOf": []any{
			scalar,
			merge(object(variableKeys), map[string]any{"minProperties": 1, "maxProperties": 1}),
		}},
		"parameter": map[string]any{"anyOf": []any{
			scalar,
			merge(object(parameterKeys), oneKey),
		}},
	})
	data, err := json.MarshalIndent(schema, "", "  ")
	return append(data, '\n'), err
}

func object(keys []key) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, k := range keys {
		properties[k.name] = merge(k.schema, map[string]any{"description": k.about})
		if k.required {
			required = append(required, k.name)
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

func merge(a, b map[string]any) map[string]any {
	all := map[string]any{}
	for k, v := range a {
		all[k] = v
	}
	for k, v := range b {
		all[k] = v
	}
	return all
}
