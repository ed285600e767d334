package template_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

func value(t *testing.T, yaml string) *template.Node {
	t.Helper()
	n, err := template.ParseNode("t.yaml", []byte("V: "+yaml+"\n"))
	if err != nil {
		t.Fatalf("%q: %v", yaml, err)
	}
	return n.Get("V")
}

func TestShortForms(t *testing.T) {
	tests := []struct {
		yaml string
		want any
	}{
		{"!Ref 5", map[string]any{"Ref": "5"}},
		{"!Ref", map[string]any{"Ref": ""}},
		{"!Condition yes", map[string]any{"Condition": "yes"}},
		{"!<!Ref> A", map[string]any{"Ref": "A"}},
		{"! 5", 5.0},
		{"! '5'", 5.0},
		{"!", ""},
		{"!GetAtt A", map[string]any{"Fn::GetAtt": []any{"A"}}},
		{"!GetAtt A.B.C", map[string]any{"Fn::GetAtt": []any{"A", "B.C"}}},
		{"!GetAtt [A, B, C]", map[string]any{"Fn::GetAtt": []any{"A", "B", "C"}}},
		{"!GetAtt {}", map[string]any{"Fn::GetAtt": []any{}}},
		{"!Sub\n  - a\n  - {b: 1}", map[string]any{"Fn::Sub": []any{"a", map[string]any{"b": 1.0}}}},
		{"!If [a, !Ref b, !If [c, d, !Ref 'AWS::NoValue']]", map[string]any{"Fn::If": []any{"a", map[string]any{"Ref": "b"},
			map[string]any{"Fn::If": []any{"c", "d", map[string]any{"Ref": "AWS::NoValue"}}}}}},
		{"!Transform {Name: AWS::Include, Name: b}", map[string]any{"Fn::Transform": map[string]any{"Name": "b"}}},
		{"!Sub |\n    a\n    b", map[string]any{"Fn::Sub": "a\nb\n"}},
		{"!Foo::Bar a", map[string]any{"Fn::Foo::Bar": "a"}},
	}
	for _, tt := range tests {
		if got := value(t, tt.yaml); !equal(got.Value(), tt.want) {
			t.Errorf("%q is %v, want %v", tt.yaml, got.Value(), tt.want)
		}
	}
}

func TestTypes(t *testing.T) {
	tests := []struct {
		yaml string
		kind template.Kind
		form template.Form
		text string // Decimal of a number, else Text
	}{
		{"1", template.Number, template.FormInteger, "1"},
		{"1.0", template.Number, template.FormNone, "1"},
		{"0x1F", template.Number, template.FormInteger, "31"},
		{"-0b11", template.Number, template.FormInteger, "-3"},
		{"010", template.Number, template.FormInteger, "8"},
		{"1:30:00", template.Number, template.FormInteger, "5400"},
		{"1:30.5", template.Number, template.FormNone, "90.5"},
		{"123456789012345678901234567890", template.Number, template.FormInteger, "123456789012345678901234567890"},
		{"1e3", template.String, template.FormNone, "1e3"},
		{"1.5e3", template.String, template.FormNone, "1.5e3"},
		{"2012-10-17", template.String, template.FormDate, "2012-10-17"},
		{"'2012-10-17'", template.String, template.FormNone, "2012-10-17"},
		{"2001-12-14t21:59:43.10-05:00", template.String, template.FormTime, "2001-12-14t21:59:43.10-05:00"},
		{"2012-1-7", template.String, template.FormNone, "2012-1-7"},
		{"!!timestamp 2012-1-7", template.String, template.FormDate, "2012-1-7"},
		{"!!binary aGk=", template.String, template.FormBinary, "hi"},
		{"!!int '7'", template.Number, template.FormInteger, "7"},
		{"!!float 7", template.Number, template.FormNone, "7"},
		{"!!set {a}", template.Map, template.FormSet, ""},
	}
	for _, tt := range tests {
		n := value(t, tt.yaml)
		text := n.Text
		if n.Kind == template.Number {
			text = n.Decimal()
		}
		if n.Kind != tt.kind || n.Form != tt.form || text != tt.text {
			t.Errorf("%s: %s, form %d, %q", tt.yaml, n.Kind, n.Form, text)
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct{ yaml, want string }{
		{"a\n  b\n\n  c", "a b\nc"},
		{"a # comment", "a"},
		{"a#b:c", "a#b:c"},
		{"'it''s'", "it's"},
		{"\"a\\\n   b\\tc\\x41\\u00e9\\\\\"", "ab\tcAé\\"},
		{"\"a  \n\n  b\"", "a\nb"},
		{">\n  a\n  b\n\n  c\n   d\n  e\n", "a b\nc\n d\ne\n"},
		{">-\n\n  a\n", "\na"},
		{"|+\n  a\n\n", "a\n\n\n"},
		{"|2\n   a\n", " a\n"},
		{"|-\n  # no comment\n", "# no comment"},
		{"a\u0085\n  b", "a\nb"},
	}
	for _, tt := range tests {
		if got := value(t, tt.yaml); got.Str() != tt.want {
			t.Errorf("%q is %q, want %q", tt.yaml, got.Text, tt.want)
		}
	}
}

func TestKeysThatAreNoStrings(t *testing.T) {
	n := value(t, "{012: a, yes: b, 1.5: c, '1': d}")
	var got []string
	for _, e := range n.Entries {
		kind := "string"
		if e.KeyNode != nil {
			kind = e.KeyNode.Kind.String() + " " + e.KeyNode.Text
		}
		got = append(got, e.Key+": "+kind)
	}
	if want := []string{"012: number 012", "yes: boolean yes", "1.5: number 1.5", "1: string"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, same := range []string{"{1: a, 01: b}", "{1: a, yes: b}", "{1: a, 1.0: b}", "{2012-10-17: a, 2012-10-17: b}"} {
		if _, err := template.ParseNode("t.yaml", []byte(same)); err == nil || !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("%s: %v", same, err)
		}
	}
}

func TestMergeKeys(t *testing.T) {
	const base = "A: &a {x: 1, y: 2}\nB: &b {y: 3, z: 4}\nV: "
	tests := []struct {
		yaml   string
		want   map[string]any
		order  string
		merged bool
	}{
		{"{w: 0, <<: *a}", map[string]any{"x": 1.0, "y": 2.0, "w": 0.0}, "x y w", true},
		{"{y: 0, <<: *a}", map[string]any{"x": 1.0, "y": 0.0}, "x y", true},
		{"{<<: [*a, *b]}", map[string]any{"x": 1.0, "y": 2.0, "z": 4.0}, "y z x", true},
		{"{<<: *a, <<: *b}", map[string]any{"x": 1.0, "y": 3.0, "z": 4.0}, "x y z", true},
		{"{<<: *a, w: 1, w: 2}", map[string]any{"x": 1.0, "y": 2.0, "w": 2.0}, "x y w", true},
		{"{<<: {u: 1, u: 2}}", map[string]any{"u": 2.0}, "u", true},
		{"{'<<': 1}", map[string]any{"<<": 1.0}, "<<", false},
	}
	for _, tt := range tests {
		root, err := template.ParseNode("t.yaml", []byte(base+tt.yaml))
		if err != nil {
			t.Errorf("%s: %v", tt.yaml, err)
			continue
		}
		n := root.Get("V")
		var order []string
		for _, e := range n.Entries {
			order = append(order, e.Key)
		}
		if !equal(n.Value(), tt.want) || strings.Join(order, " ") != tt.order || n.Merged != tt.merged {
			t.Errorf("%s: %v in order %q, merged %t", tt.yaml, n.Value(), order, n.Merged)
		}
	}
}

func TestEmptyTemplates(t *testing.T) {
	for _, text := range []string{"", "  \n", "# comment", "~", "---\n", "---\n...\n", "\ufeff"} {
		tmpl, err := template.Parse("t.yaml", []byte(text))
		if err != nil || tmpl.Root.Kind != template.Map || len(tmpl.Root.Entries) != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, text := range []string{
		"%YAML 1.1\n---\na: 1\n...\n", "%TAG !e! !\n---\na: !e!Ref b\n", "{\"a\": 1,}", "{\"a\":\t[1,\n2,]}", "a:\r\n  b: c\r\n",
		"a:\rb:\r", "? a\n: b", "a:\n- b\n- c\n", "\"a\": b", "a: {b, c: d}", "a: [b: c]", "{\n\"a\":1}\n\n",
	} {
		if _, err := template.Parse("t.yaml", []byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEnds(t *testing.T) {
	n, err := template.ParseNode("t.yaml", []byte("Käse: ['ü', b]\nB:\n  C: |\n    x\n  D: \"y\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := template.ParseNode("t.json", []byte("{\"Käse\": [\"ü\",\n 12]}"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name           string
		n              *template.Node
		line, col      int
		endLine, endCl int32
	}{
		{"flow list", n.Get("Käse"), 1, 7, 1, 15},
		{"item", n.Get("Käse").Items[0], 1, 8, 1, 11},
		{"block map", n.Get("B"), 3, 3, 5, 9},
		{"literal", n.Get("B").Get("C"), 3, 6, 4, 6},
		{"JSON list", j.Get("Käse"), 1, 10, 2, 5},
		{"JSON number", j.Get("Käse").Items[1], 2, 2, 2, 4},
	}
	for _, tt := range tests {
		if tt.n.Line != tt.line || tt.n.Column != tt.col || tt.n.EndLine != tt.endLine || tt.n.EndColumn != tt.endCl {
			t.Errorf("%s: %d:%d to %d:%d", tt.name, tt.n.Line, tt.n.Column, tt.n.EndLine, tt.n.EndColumn)
		}
	}
	if e := n.Entry("Käse"); e.EndColumn != 5 {
		t.Errorf("key ends at %d", e.EndColumn)
	}
	if e := j.Entry("Käse"); e.EndColumn != 8 {
		t.Errorf("JSON key ends at %d", e.EndColumn)
	}
}
