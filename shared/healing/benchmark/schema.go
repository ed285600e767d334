package benchmark

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema returns the JSON Schema of a case file for editors, made from the
// types that Decode uses. testdata/evasion/format/case.schema.json is this text.
func Schema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[Case]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Case of the evasion benchmark"
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

type schema = map[string]any

func schemaOf(t reflect.Type) schema {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return schema{}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	}
	switch t.Kind() {
	case reflect.Struct:
		return objectOf(t)
	case reflect.Slice:
		return schema{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.String:
		return schema{"type": "string"}
	}
	return schema{"type": "integer"}
}

// objectOf reads the fields' tags: json, about, pattern, enum and type.
func objectOf(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		property := schemaOf(field.Type)
		property["description"] = field.Tag.Get("about")
		if values := field.Tag.Get("enum"); values != "" {
			property["enum"] = strings.Split(values, ",")
		}
		for _, key := range []string{"pattern", "type"} {
			if value := field.Tag.Get(key); value != "" {
				property[key] = value
			}
		}
		if options != "omitempty" {
			required = append(required, name)
		}
		properties[name] = property
	}
	return schema{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}
