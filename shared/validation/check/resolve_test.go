package check

import (
	"slices"
	"testing"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

const resolveTemplate = `
Parameters:
  Plain: {Type: String}
  Default: {Type: String, Default: abc}
  Choice: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Number: {Type: Number, Default: 5, MinValue: 1}
  List: {Type: CommaDelimitedList, Default: "a, b"}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /path}
  Index: {Type: Number, AllowedValues: [0, 1]}
Mappings:
  Map:
    dev: {name: x, list: [a, b]}
    prod: {name: y}
Conditions:
  IsDev: !Equals [!Ref Choice, dev]
  NotDev: !Not [!Condition IsDev]
Resources:
  R: {Type: "AWS::SNS::Topic"}
`

func walk(t *testing.T, text string) *Validator {
	t.Helper()
	root, err := template.ParseNode("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := NewRegistry([]Rule{{ID: RootRule, Severity: Error}})
	v := r.NewValidator(NewTemplate("t.yaml", root, Options{}))
	v.Allow(js.AllFunctions)
	return v
}

func parse(t *testing.T, text string) *template.Node {
	t.Helper()
	n, err := template.ParseNode("t.yaml", []byte("X: "+text))
	if err != nil {
		t.Fatal(err)
	}
	return n.Get("X")
}

func values(v *Validator, n *template.Node) (got []string, faults int) {
	v.Resolve(n, func(value *template.Node, fault *Fault) bool {
		if fault != nil {
			faults++
		} else {
			got = append(got, printed(value))
		}
		return true
	})
	return got, faults
}

func TestResolve(t *testing.T) {
	for expression, want := range map[string][]string{
		`text`:                                   {"text"},
		`!Ref Plain`:                             nil,
		`!Ref Default`:                           {"abc"},
		`!Ref Choice`:                            {"dev", "prod"},
		`!Ref Number`:                            {"5", "1"},
		`!Ref List`:                              {"['a', 'b']"},
		`!Ref Stored`:                            nil,
		`!Ref R`:                                 nil,
		`!Ref AWS::Region`:                       {"us-east-1"},
		`!Ref AWS::NoValue`:                      nil,
		`!If [IsDev, a, b]`:                      {"a", "b"},
		`!If [IsDev, !Ref Choice, z]`:            {"dev", "z"},
		`!If [IsDev, !If [NotDev, a, b], c]`:     {"b", "c"},
		`!FindInMap [Map, dev, name]`:            {"x"},
		`!FindInMap [Map, !Ref Choice, name]`:    {"x", "y"},
		`!FindInMap [Map, !Ref Plain, name]`:     nil,
		`!Join ["-", [a, !Ref Choice]]`:          {"a-dev", "a-prod"},
		`!Join [",", !Ref List]`:                 {"a,b"},
		`!Join ["", [a, !Ref Plain]]`:            nil,
		`!Select [1, [a, b]]`:                    {"b"},
		`!Select ["0", !Ref List]`:               {"a"},
		`!Select [-1, [a, b]]`:                   {"b"},
		`!Select [2, [a, b]]`:                    nil,
		`!Select [!Ref Index, [a, b]]`:           {"a"},
		`!Split ["-", a-b]`:                      {"['a', 'b']"},
		`!Select [1, !Split ["-", a-b]]`:         {"b"},
		`!Sub "x-${Default}"`:                    {"x-abc"},
		`!Sub "${Choice}-${AWS::Region}"`:        {"dev-us-east-1", "prod-us-east-1"},
		`!Sub ["${A}${!B}", {A: !Ref Choice}]`:   {"dev${!B}", "prod${!B}"},
		`!Sub "${R}"`:                            nil,
		`!Sub ["${Default}", {Default: given}]`:  {"given"},
		`{"Fn::ToJsonString": {a: !Ref Choice}}`: {`{"a":{"Ref":"Choice"}}`},
		`!Base64 a`:                              nil,
		`!GetAtt R.TopicName`:                    nil,
	} {
		v := walk(t, resolveTemplate)
		before := v.state
		if got, _ := values(v, parse(t, expression)); !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", expression, got, want)
		}
		if v.path.String() != before.path.String() || v.refs != before.refs || v.Conditions != before.Conditions || v.FromParameters {
			t.Errorf("%s leaves the walk elsewhere", expression)
		}
	}
}

func TestFindInMapMisses(t *testing.T) {
	for expression, want := range map[string]int{
		`!FindInMap [Nope, dev, name]`:                              1,
		`!FindInMap [Map, nope, name]`:                              1,
		`!FindInMap [Map, dev, nope]`:                               1,
		`!FindInMap [Map, !Ref Choice, list]`:                       0, // one of the two has it
		`!FindInMap [Map, nope, name, {DefaultValue: d}]`:           0,
		`!FindInMap [Map, !Ref "AWS::Region", name]`:                1,
		`!FindInMap [!Ref "AWS::Region", dev, name]`:                0,
		`!FindInMap [Map, {"Fn::If": [IsDev, dev, nope]}, "name"]`:  0,
		`!FindInMap [Map, {"Fn::If": [IsDev, nope, nope2]}, name]`:  2,
		`!FindInMap [Map, dev, !If [IsDev, nope, nope2]]`:           2,
		`!FindInMap [Map, dev, !Ref "AWS::AccountId"]`:              0,
		`!FindInMap [!If [IsDev, Nope, Nope2], dev, name]`:          2,
		`!FindInMap [!Sub "${Default}", dev, name]`:                 1,
		`!FindInMap [!Ref Plain, dev, name]`:                        0,
		`!FindInMap [Map, dev]`:                                     0,
		`!FindInMap [Map, prod, list, {DefaultValue: !Ref Plain}]`:  0,
		`!FindInMap [Map, prod, list, {NotTheDefault: !Ref Plain}]`: 1,
	} {
		v := walk(t, resolveTemplate)
		if _, got := values(v, parse(t, expression)); got != want {
			t.Errorf("%s: %d faults, want %d", expression, got, want)
		}
	}
}

// What a value is resolved from is known where it counts, and nowhere else.
func TestResolveState(t *testing.T) {
	for expression, want := range map[string]struct {
		from bool
		path string
	}{
		`!Ref Default`:                     {true, "Parameters/Default/Default"},
		`!Sub "${Default}"`:                {false, ""},
		`!Join ["", [!Ref Default]]`:       {true, ""},
		`!Select [!Ref Index, [a, b]]`:     {false, ""},
		`!Select [0, !Ref List]`:           {true, "Parameters/List/Default"},
		`!FindInMap [Map, dev, name]`:      {false, "Mappings/Map/dev/name"},
		`!If [IsDev, a, !Ref AWS::Region]`: {false, "1"},
	} {
		v := walk(t, resolveTemplate)
		v.Resolve(parse(t, expression), func(*template.Node, *Fault) bool {
			if v.FromParameters != want.from || v.ValuePath().String() != want.path || !v.Resolved {
				t.Errorf("%s: from parameters %t, at %q; want %+v", expression, v.FromParameters, v.ValuePath(), want)
			}
			return false
		})
	}
}

func TestParameterValues(t *testing.T) {
	for text, want := range map[string][]string{
		`{Type: String, Default: 0x10}`:                                   {"16"},
		`{Type: String, Default: true}`:                                   {"True"},
		`{Type: String, Default: {Ref: x}}`:                               {"{'Ref': 'x'}"},
		`{Type: String, AllowedValues: ab}`:                               {"a", "b"},
		`{Type: String, AllowedValues: [], Default: a}`:                   {"a"},
		`{Type: List<Number>, Default: "1, 2"}`:                           {"['1', '2']"},
		`{Type: List<Number>, Default: 1}`:                                {"['1']"},
		`{Type: CommaDelimitedList, AllowedValues: ["a,b", c]}`:           {"['a', 'b']", "['c']"},
		`{Type: Number, Default: 1, MinValue: 0, MaxValue: 9}`:            {"1", "0", "9"},
		`{Type: "AWS::SSM::Parameter::Value<String>", Default: /a}`:       nil,
		`{Type: String, Default: null}`:                                   nil,
		`{Type: String, AllowedValues: [1, 2], MinValue: 0, MaxValue: 9}`: {"1", "2"},
	} {
		p := newParameter(template.Entry{Key: "P", Value: parse(t, text)})
		var got []string
		for _, value := range p.values {
			got = append(got, printed(value.node))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{`{}`, `{Type: [String]}`, `text`} {
		if newParameter(template.Entry{Key: "P", Value: parse(t, text)}) != nil {
			t.Errorf("%s counts as a parameter", text)
		}
	}
}
