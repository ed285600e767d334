package template_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

const loops = `
Parameters:
  Env: {Type: String, Default: Prod}
  AccountIds: {Type: CommaDelimitedList}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Open: {Type: String}
Mappings:
  M:
    Prod: {List: [x, y], One: 1}
    Dev: {List: [p, q, r], One: 2}
`

func TestLanguageExtensions(t *testing.T) {
	tests := []struct {
		name, section string
		want          map[string]any
	}{
		{"list", `{Fn::ForEach::A: [I, [a, b-c], {"X${I}": {N: !Sub "n-${I}", R: !Ref I}}]}`,
			map[string]any{"Xa": map[string]any{"N": "n-a", "R": "a"}, "Xb-c": map[string]any{"N": "n-b-c", "R": "b-c"}}},
		{"only letters and digits", `{Fn::ForEach::A: [I, [b-c], {"X&{I}": !Sub "&{I}"}]}`, map[string]any{"Xbc": "bc"}},
		{"parameter", `{Fn::ForEach::A: [I, !Ref Names, {"X${I}": 1}]}`, map[string]any{"Xa": 1.0, "Xb": 1.0}},
		{"list parameter without default", `{Fn::ForEach::A: [I, !Ref AccountIds, {"X${I}": !Ref I}]}`, map[string]any{
			"Xa72a": map[string]any{"Fn::Select": []any{0.0, map[string]any{"Ref": "AccountIds"}}},
			"X5096": map[string]any{"Fn::Select": []any{1.0, map[string]any{"Ref": "AccountIds"}}}}},
		{"mapping", `{Fn::ForEach::A: [I, !FindInMap [M, !Ref Env, List], {"X${I}": 1}]}`, map[string]any{"Xx": 1.0, "Xy": 1.0}},
		{"longest list of a mapping", `{Fn::ForEach::A: [I, !FindInMap [M, !Ref Open, List], {"X${I}": 1}]}`,
			map[string]any{"Xp": 1.0, "Xq": 1.0, "Xr": 1.0}},
		{"default of a mapping", `{Fn::ForEach::A: [I, !FindInMap [M, Prod, None, {DefaultValue: [d]}], {"X${I}": 1}]}`, map[string]any{"Xd": 1.0}},
		{"nested", `{Fn::ForEach::A: [I, [a, b], {Fn::ForEach::B: [J, ["1", "2"], {"X${I}${J}": !GetAtt [!Sub "Y${I}", !Ref J]}]}]}`,
			map[string]any{"Xa1": getAtt("Ya", "1"), "Xa2": getAtt("Ya", "2"), "Xb1": getAtt("Yb", "1"), "Xb2": getAtt("Yb", "2")}},
		{"in properties", `{R: {Properties: {Fn::ForEach::P: [I, [a], {"K${I}": v}], L: w}}}`,
			map[string]any{"R": map[string]any{"Properties": map[string]any{"L": "w", "Ka": "v"}}}},
		{"name of a condition stays", `{Fn::ForEach::A: [I, [a], {"X${I}": !If ["C${I}", !Ref I, 2]}]}`,
			map[string]any{"Xa": map[string]any{"Fn::If": []any{"C${I}", "a", 2.0}}}},
		{"sub without variables", `{A: !Sub text, B: !Sub "${AWS::Region}", C: !Sub ["${v}", {v: 1}]}`, map[string]any{
			"A": "text", "B": map[string]any{"Fn::Sub": "${AWS::Region}"}, "C": map[string]any{"Fn::Sub": []any{"${v}", map[string]any{"v": 1.0}}}}},
		{"find in map outside of loops", `{A: !FindInMap [M, Dev, One], B: !FindInMap [M, !Ref Open, One], C: !FindInMap [M, Dev, None, {DefaultValue: x}]}`,
			map[string]any{"A": 2.0, "B": 2.0, "C": map[string]any{"Fn::FindInMap": []any{"M", "Dev", "None", map[string]any{"DefaultValue": "x"}}}}},
		{"null entries go", `{A: {B: null, C: [null]}}`, map[string]any{"A": map[string]any{"C": []any{nil}}}},
		{"JSON string stays", `{A: {Fn::ToJsonString: {B: null, C: !Sub x}}}`,
			map[string]any{"A": map[string]any{"Fn::ToJsonString": map[string]any{"B": nil, "C": map[string]any{"Fn::Sub": "x"}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root, err := template.ParseNode("t.yaml", []byte(loops+"Resources: "+tt.section+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			before := root.Value()
			out, problems := template.ExpandLanguageExtensions(root)
			if problems != nil {
				t.Fatal(problems)
			}
			if got := out.Get("Resources").Value(); !equal(got, tt.want) {
				t.Errorf("%v\nwant %v", got, tt.want)
			}
			if !equal(root.Value(), before) {
				t.Error("the source has changed")
			}
		})
	}
}

func getAtt(id, attribute string) any { return map[string]any{"Fn::GetAtt": []any{id, attribute}} }

func TestUnknownCollections(t *testing.T) {
	root, err := template.ParseNode("t.yaml", []byte(loops+`Resources:
  Fn::ForEach::A: [I, !Ref Open, {"X${I}": !Ref I}]
Outputs:
  Fn::ForEach::B: [I, !Ref Open, {"X${I}": !Ref I}]
`))
	if err != nil {
		t.Fatal(err)
	}
	out, problems := template.ExpandLanguageExtensions(root)
	if problems != nil {
		t.Fatal(problems)
	}
	r, o := out.Get("Resources").Value(), out.Get("Outputs").Value()
	if len(r.(map[string]any)) != 2 || !equal(r, o) {
		t.Errorf("%v and %v", r, o)
	}
}

func TestExpansionKeepsPositions(t *testing.T) {
	root, _ := template.ParseNode("t.yaml", []byte("Resources:\n  Fn::ForEach::A:\n    - I\n    - [a, b]\n    - X${I}:\n        Type: !Sub T${I}\n"))
	out, _ := template.ExpandLanguageExtensions(root)
	e := out.Get("Resources").Entry("Xb")
	if e == nil || e.Line != 5 || e.Column != 7 || e.Value.Get("Type").Line != 6 || e.Value.Get("Type").Text != "Tb" {
		t.Errorf("%+v", e)
	}
}

func TestExpansionProblems(t *testing.T) {
	tests := []struct {
		name, resources, message string
		line                     int
	}{
		{"no list", "Fn::ForEach::A: x", "takes a list", 3},
		{"two items", "Fn::ForEach::A: [I, [a]]", "takes a list", 3},
		{"collection", "Fn::ForEach::A: [I, a, {}]", "collection", 3},
		{"empty collection", "Fn::ForEach::A: [I, [], {}]", "empty", 3},
		{"body", "Fn::ForEach::A: [I, [a], []]", "body", 3},
		{"twice", "Fn::ForEach::A: [I, [a, b], {X: 1}]", "twice", 3},
		{"collection is no list", "Fn::ForEach::A: [I, !Ref AWS::Region, {X: 1}]", "not a list", 3},
		{"number in a name", "Fn::ForEach::A: [I, [1], {'X${I}': 1}]", "cannot become part of a text", 3},
		{"key", "1: a", "not a string", 3},
	}
	for _, tt := range tests {
		root, err := template.ParseNode("t.yaml", []byte("# loops\nResources:\n  "+tt.resources+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		out, problems := template.ExpandLanguageExtensions(root)
		if out != nil || len(problems) != 1 || problems[0].Line != tt.line || !strings.Contains(problems[0].Message, tt.message) {
			t.Errorf("%s: %+v", tt.name, problems)
		}
	}
}

// Loops in loops and long texts are cut off.
func TestExpansionBombs(t *testing.T) {
	items := "[a0,a1,a2,a3,a4,a5,a6,a7,a8,a9]"
	body := `{"${A}${B}${C}${D}${E}${F}${G}": 1}`
	for _, name := range strings.Split("G F E D C B A", " ") {
		body = "{Fn::ForEach::" + name + ": [" + name + ", " + items + ", " + body + "]}"
	}
	long := strings.Repeat("x", 100_000)
	text := `{Fn::ForEach::A: [I, [` + long + `], {"K${I}": !Sub "` + strings.Repeat("${I}", 50_000) + `"}]}`
	for name, resources := range map[string]string{"loops": body, "text": text} {
		root, err := template.ParseNode("t.yaml", []byte("Resources: "+resources))
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := template.ExpandLanguageExtensions(root); len(problems) != 1 || !strings.Contains(problems[0].Message, "expands to more") {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
