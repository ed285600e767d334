package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// schemaURL is the dialect of the schemas: what EventBridge's schema registry
// and every validator read.
const schemaURL = "https://json-schema.org/draft/2020-12/schema"

// object is a JSON object; encoding/json sorts its keys.
type object = map[string]any

// schema describes the detail of a fact. Unknown fields are allowed: a
// consumer of an old version reads the events of a new one.
func (c *comments) schema(fact events.Data) (object, error) {
	data, err := c.of(reflect.TypeOf(fact))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fact.DetailType(), err)
	}
	metadata, err := c.of(reflect.TypeOf(events.Metadata{}))
	if err != nil {
		return nil, err
	}
	return object{
		"$schema": schemaURL, "$id": "https://github.com/evenkeel/evenkeel/events/schemas/" + fact.DetailType() + ".json",
		"title": fact.DetailType(), "description": c.sentence(reflect.TypeOf(fact).Name()),
		"type": "object", "required": []string{"metadata", "data"}, "properties": object{"metadata": metadata, "data": data},
	}, nil
}

// of describes a Go type as encoding/json writes it.
func (c *comments) of(t reflect.Type) (object, error) {
	switch {
	case t == reflect.TypeOf(time.Time{}):
		return object{"type": "string", "format": "date-time"}, nil
	case t == reflect.TypeOf(time.Duration(0)):
		return object{"type": "integer"}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}, nil
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}, nil
	case reflect.Float64:
		return object{"type": "number"}, nil
	case reflect.Pointer:
		return c.of(t.Elem())
	case reflect.Slice:
		items, err := c.of(t.Elem())
		return object{"type": []string{"array", "null"}, "items": items}, err // a nil slice is written as null
	case reflect.Map:
		values, err := c.of(t.Elem())
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Struct:
		properties, required := object{}, []string{}
		err := c.fields(t, properties, &required)
		return object{"type": "object", "required": required, "properties": properties}, err
	}
	return nil, fmt.Errorf("the type %s has no JSON Schema here", t)
}

// fields adds a struct's fields; those of an embedded struct stand beside them.
func (c *comments) fields(t reflect.Type, properties object, required *[]string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if err := c.fields(f.Type, properties, required); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue // it is not published
		}
		if name == "" {
			return fmt.Errorf("field %s.%s has no JSON name", t.Name(), f.Name)
		}
		described, err := c.of(f.Type)
		if err != nil {
			return fmt.Errorf("field %s.%s: %w", t.Name(), f.Name, err)
		}
		if comment := c.field(t.Name(), f.Name); comment != "" {
			described["description"] = comment
		}
		properties[name] = described
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		}
	}
	return nil
}
