package jsonschema_test

import (
	"slices"
	"strings"
	"testing"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// document builds a node of plain values; a pair list keeps the order of keys.
type pairs []any

func document(v any) *template.Node {
	switch v := v.(type) {
	case nil:
		return &template.Node{Kind: template.Null}
	case bool:
		return &template.Node{Kind: template.Bool, True: v}
	case int:
		return &template.Node{Kind: template.Number, Float: float64(v)}
	case string:
		return &template.Node{Kind: template.String, Text: v}
	case []any:
		n := &template.Node{Kind: template.List}
		for _, item := range v {
			n.Items = append(n.Items, document(item))
		}
		return n
	case pairs:
		n := &template.Node{Kind: template.Map}
		for i := 0; i < len(v); i += 2 {
			n.Entries = append(n.Entries, template.Entry{Key: v[i].(string), Value: document(v[i+1])})
		}
		return n
	}
	panic("unknown value")
}

func compile(t *testing.T, v any) *js.Schema {
	t.Helper()
	s, err := js.Compile(document(v), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeywords(t *testing.T) {
	s := compile(t, pairs{
		"type", []any{"string", "object"}, "required", []any{"b", "a"}, "minLength", 2, "maximum", 7, "pattern", "^x$", "format", "date-time",
		"enum", []any{"b", "a"}, "uniqueItems", true, "additionalProperties", false,
		"properties", pairs{"p", pairs{"type", "integer", "multipleOf", 5}, "q", true},
		"dependentRequired", pairs{"a", []any{"b"}}, "dependencies", pairs{"c", []any{"d"}, "e", pairs{"required", []any{"f"}}},
		"allOf", []any{pairs{"const", "x"}, pairs{"contains", pairs{}, "minContains", 2}},
		"if", pairs{}, "then", pairs{"minItems", 1}, "else", false,
	})
	checks := map[string]bool{
		"types":                 s.Types == js.String|js.Object,
		"required":              slices.Equal(s.Required, []string{"b", "a"}),
		"lengths":               s.MinLength == 2 && s.MaxLength == 0,
		"maximum":               s.Maximum == 7,
		"pattern":               s.Pattern.Match("x") && !s.Pattern.Match("y"),
		"format":                s.Format == "date-time",
		"unique":                s.UniqueItems,
		"closed":                s.AdditionalProperties == js.False,
		"property":              s.Property("p").Types == js.Integer && s.Property("p").MultipleOf == 5 && s.Property("q") == js.True && s.Property("r") == nil,
		"dependentRequired":     s.DependentRequired[0].Name == "a" && s.DependentRequired[0].Names[0] == "b",
		"dependencies":          s.DependencyNames[0].Name == "c" && s.DependencySchemas[0].Schema.Required[0] == "f",
		"allOf":                 s.AllOf[0].Const.Text == "x" && s.AllOf[1].MinContains == 2 && s.AllOf[1].MaxContains == -1,
		"if":                    s.If != nil && s.Then.MinItems == 1 && s.Else == js.False && s.Not == nil,
		"order":                 s.Keywords[0] == js.Type && s.Keywords[1] == js.Required && s.Keywords[2] == js.MinLength,
		"group":                 slices.Contains(s.Group(), js.Required) && !slices.Contains(s.Standard().Keywords, js.Required),
		"standard has the rest": slices.Contains(s.Standard().Keywords, js.Pattern),
		"constrained":           s.Constrained() && !compile(t, pairs{"type", "string"}).Constrained(),
		"no reference":          s.Target() == nil,
	}
	for what, ok := range checks {
		if !ok {
			t.Errorf("%s: %+v", what, s)
		}
	}
}

func TestEnum(t *testing.T) {
	many := []any{}
	for i := range 50 {
		many = append(many, strings.Repeat("z", 50-i)) // not sorted
	}
	for _, values := range [][]any{{"a", "b"}, {"b", "a"}, many} {
		s := compile(t, pairs{"enum", values})
		if has, all := s.EnumHas(values[1].(string)); !has || !all || len(s.Values()) != len(values) {
			t.Errorf("%v", values)
		}
		if has, _ := s.EnumHas("no"); has {
			t.Error("no")
		}
	}
	if has, all := compile(t, pairs{"enum", []any{"a", 1}}).EnumHas("a"); !has || all {
		t.Error("a number among the strings")
	}
}

func TestReferences(t *testing.T) {
	s := compile(t, pairs{
		"properties", pairs{"tree", pairs{"$ref", "#/definitions/Tree"}, "self", pairs{"$ref", "#/"}, "item", pairs{"$ref", "#/definitions/a~1b/allOf/1"}},
		"definitions", pairs{
			"Tree", pairs{"properties", pairs{"child", pairs{"$ref", "#/definitions/Tree"}}},
			"a/b", pairs{"allOf", []any{true, pairs{"type", "null"}}},
		},
	})
	tree := s.Property("tree").Target()
	if tree == nil || tree.Property("child").Target() != tree {
		t.Error("a recursive reference is its own target")
	}
	if s.Property("self").Target() != s && s.Property("self").Target().Property("tree") == nil {
		t.Error("#/ is the whole document")
	}
	if s.Property("item").Target().Types != js.Null {
		t.Error("a pointer through an escaped name and a list")
	}
}

func TestOtherDocuments(t *testing.T) {
	others := func(name string) *template.Node {
		if name != "policy" {
			return nil
		}
		return document(pairs{"definitions", pairs{"Action", pairs{"type", "string"}, "Indirect", pairs{"$ref", "#/definitions/Action"}}})
	}
	s, err := js.Compile(document(pairs{"items", pairs{"$ref", "policy#/definitions/Indirect"}}), "/items", others)
	if err != nil || s.Target().Target().Types != js.String {
		t.Errorf("%v %+v", err, s)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for name, v := range map[string]any{
		"#/definitions/Nope": pairs{"items", pairs{"$ref", "#/definitions/Nope"}},
		"other#/x":           pairs{"items", pairs{"$ref", "other#/x"}},
		"string":             pairs{"items", "text"},
		"array":              []any{},
	} {
		if _, err := js.Compile(document(v), "", nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := js.Compile(document(pairs{}), "/definitions/Nope", nil); err == nil {
		t.Error("a pointer that leads nowhere")
	}
	// A keyword of the wrong kind counts as absent.
	s := compile(t, pairs{"maxLength", "x", "enum", "x", "properties", []any{}, "required", 3, "allOf", "x", "items", pairs{}})
	if s.MaxLength != 0 || s.Values() != nil || len(s.Properties)+len(s.Required)+len(s.AllOf) > 0 || s.Items == nil {
		t.Errorf("%+v", s)
	}
}

func TestContext(t *testing.T) {
	s := compile(t, pairs{"cfnContext", pairs{"functions", []any{"Ref", "Fn::Sub"}, "pseudoParameters", []any{"AWS::Region"}, "references", []any{"Parameters"},
		"schema", pairs{"type", "string"}}, "cfnLint", []any{"Resources/X"}})
	c := s.Context
	if !c.Functions.Has(js.FnSub) || c.Functions.Has(js.FnIf) || !c.PseudoParameters["AWS::Region"] || !c.NoResources || c.Schema.Types != js.String || s.CfnLint[0] != "Resources/X" {
		t.Errorf("%+v", c)
	}
	open := compile(t, pairs{"cfnContext", pairs{}}).Context
	if open.Functions != nil || open.PseudoParameters != nil || open.NoResources || open.Schema != js.True {
		t.Errorf("%+v", open)
	}
}

func TestNothingSaidAboutWhatIsInside(t *testing.T) {
	s := compile(t, pairs{"type", []any{"object", "array"}}).Standard()
	if s.Items == nil || len(s.PatternProperties) != 1 {
		t.Error("the walk would end here")
	}
	if inner := s.Items.Standard(); inner.Items == nil {
		t.Error("the walk would end one level deeper")
	}
}
