package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

const dir = "../.."

func TestTheGeneratedFilesAreCurrent(t *testing.T) {
	files, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(events.Facts())+1 {
		t.Fatalf("%d files", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("events/%s is not current (%v): run go generate ./events", name, err)
		}
	}
}

// The schema is checked against the sample by a small reading of the schema:
// type, required and properties are all that it uses.
func TestSamplesFitTheirSchemas(t *testing.T) {
	c, err := readComments(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range events.Facts() {
		described, err := c.schema(fact)
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		encoded, err := json.Marshal(described)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &schema); err != nil {
			t.Fatal(err)
		}
		sample, err := os.ReadFile(filepath.Join(dir, "../testdata/events", fact.DetailType()+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var envelope struct{ Detail any }
		if err := json.Unmarshal(sample, &envelope); err != nil {
			t.Fatal(err)
		}
		for _, problem := range misfits(schema, envelope.Detail, "detail") {
			t.Errorf("%s: %s", fact.DetailType(), problem)
		}
		broken := map[string]any{"metadata": map[string]any{}, "data": "text"}
		if problems := misfits(schema, broken, "detail"); len(problems) < 2 {
			t.Errorf("%s: the schema accepts %v", fact.DetailType(), broken)
		}
	}
}

func misfits(schema map[string]any, value any, at string) (problems []string) {
	if !fits(schema["type"], value) {
		return []string{at + " is no " + strings.Trim(strings.Join(strings.Fields(toText(schema["type"])), " "), "\"")}
	}
	switch v := value.(type) {
	case map[string]any:
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				problems = append(problems, at+" has no "+name.(string))
			}
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, inner := range v {
			if described, ok := properties[name].(map[string]any); ok {
				problems = append(problems, misfits(described, inner, at+"."+name)...)
			} else if schema["additionalProperties"] == nil {
				problems = append(problems, at+"."+name+" is not described")
			}
		}
	case []any:
		for _, inner := range v {
			problems = append(problems, misfits(schema["items"].(map[string]any), inner, at+"[]")...)
		}
	}
	return problems
}

func toText(value any) string {
	encoded, _ := json.Marshal(value) // a JSON value always encodes
	return string(encoded)
}

func fits(kind, value any) bool {
	if several, ok := kind.([]any); ok {
		for _, one := range several {
			if fits(one, value) {
				return true
			}
		}
		return false
	}
	switch value := value.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && value == float64(int64(value))
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}

func TestTypesWithoutASchemaAreRefused(t *testing.T) {
	c := &comments{}
	for _, value := range []any{struct{ X string }{}, struct {
		C chan int `json:"c"`
	}{}, []func(){}} {
		if described, err := c.of(reflect.TypeOf(value)); err == nil {
			t.Errorf("%T: %v", value, described)
		}
	}
	if described, err := c.of(reflect.TypeOf(time.Time{})); err != nil || described["format"] != "date-time" {
		t.Errorf("time: %v, %v", described, err)
	}
}
