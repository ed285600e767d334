package template_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

const header = `Parameters:
  Name: {Type: String}
  Zones: {Type: CommaDelimitedList}
  Later: {Type: String}
Mappings:
  Sizes:
    test: {Instance: t3.micro, Zones: [a, b]}
Conditions:
  IsTest: !Equals [!Ref Name, test]
  IsProd: !Not [!Condition IsTest]
  Both: !And [!Condition IsTest, !Condition IsProd]
  Either: !Or [!Condition IsTest, !Condition IsProd]
  Open: !Equals [!Ref Later, x]
  Shortcut: !Or [!Condition IsTest, !Condition Open]
Resources:
  Bucket: {Type: AWS::S3::Bucket}
Metadata:
  V: `

func scope() *template.Scope {
	return &template.Scope{
		Parameters: map[string]any{"Name": "test", "Zones": []any{"a", "b"}, "Later": template.Unknown},
		Pseudo:     map[string]any{"AWS::Region": "us-east-1", "AWS::StackName": "shop"},
		Resource: func(id, attribute string) (any, error) {
			switch attribute {
			case "":
				return strings.ToLower(id), nil
			case "Arn":
				return template.Unknown, nil
			case "DomainName":
				return id + ".example.com", nil
			}
			return nil, errors.New("no attribute " + attribute)
		},
		Import: func(name string) (any, error) { return "imported:" + name, nil },
		Zones:  func(region string) ([]string, error) { return []string{region + "a", region + "b"}, nil },
		StackOutput: func(arg any) (any, error) {
			return arg.(map[string]any)["OutputName"], nil
		},
	}
}

func TestEvaluate(t *testing.T) {
	u := template.Unknown
	tests := []struct {
		expression string
		want       any
	}{
		{`!Ref Name`, "test"},
		{`!Ref Bucket`, "bucket"},
		{`!Ref AWS::Region`, "us-east-1"},
		{`!Ref AWS::AccountId`, u},
		{`!GetAtt Bucket.DomainName`, "Bucket.example.com"},
		{`!GetAtt [Bucket, DomainName]`, "Bucket.example.com"},
		{`!GetAtt Bucket.Arn`, u},
		{`!Sub "${Name}-${AWS::StackName}-${Bucket}-${Bucket.DomainName}-${!Keep}"`, "test-shop-bucket-Bucket.example.com-${Keep}"},
		{`!Sub ["${A}-${Name}", {A: !Ref Bucket}]`, "bucket-test"},
		{`!Sub "x${Bucket.Arn}"`, u},
		{`!Sub "open ${ brace"`, "open ${ brace"},
		{`!Join ["-", [a, 1, true, !Ref Name]]`, "a-1-true-test"},
		{`!Join [",", !Ref Zones]`, "a,b"},
		{`!Join ["", [a, !GetAtt Bucket.Arn]]`, u},
		{`!Join ["-", [a, !Ref "AWS::NoValue", b]]`, "a-b"},
		{`!Split ["|", "a||c"]`, []any{"a", "", "c"}},
		{`!Select [1, !Split [",", "x,y"]]`, "y"},
		{`!Select ["0", !Ref Zones]`, "a"},
		{`!FindInMap [Sizes, !Ref Name, Instance]`, "t3.micro"},
		{`!FindInMap [Sizes, test, Zones]`, []any{"a", "b"}},
		{`{"Fn::FindInMap": [Sizes, none, Instance, {DefaultValue: d}]}`, "d"},
		{`!If [IsTest, yes, no]`, true},
		{`!If [IsProd, a, !Ref AWS::NoValue]`, nil},
		{`!If [Open, a, b]`, u},
		{`{K: !If [IsProd, a, !Ref AWS::NoValue], L: [1, !If [IsProd, 2, !Ref AWS::NoValue]]}`, map[string]any{"L": []any{1.0}}},
		{`!Base64 hello`, "aGVsbG8="},
		{`!Cidr [10.0.0.0/16, 3, 8]`, []any{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"}},
		{`!Cidr ["2001:db8::/56", 2, 64]`, []any{"2001:db8::/64", "2001:db8:0:1::/64"}},
		{`!GetAZs ""`, []any{"us-east-1a", "us-east-1b"}},
		{`!ImportValue net`, "imported:net"},
		{`{"Fn::ImportValue": !Sub "${Name}-net"}`, "imported:test-net"},
		{`{"Fn::GetStackOutput": {StackName: s, OutputName: Vpc}}`, "Vpc"},
		{`{"Fn::Length": !Ref Zones}`, 2.0},
		{`{"Fn::ToJsonString": {b: [1, "<"], a: !Ref Name}}`, `{"a":"test","b":[1,"<"]}`},
		{`{"Fn::ToJsonString": {a: !GetAtt Bucket.Arn}}`, u},
		{`{Ref: Name, Other: x}`, map[string]any{"Ref": "Name", "Other": "x"}},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			tmpl := parse(t, header+tt.expression+"\n")
			got, err := tmpl.Evaluate(tmpl.Root.Get("Metadata").Get("V"), scope())
			if err != nil || !equal(got, tt.want) {
				t.Errorf("got %#v %v, want %#v", got, err, tt.want)
			}
		})
	}
}

func TestEvaluateErrors(t *testing.T) {
	tests := []struct{ expression, message string }{
		{`!Ref Nobody`, `t.yaml:18:6: "Nobody" is neither`},
		{`!GetAtt Bucket.Nothing`, "no attribute Nothing"},
		{`!GetAtt Bucket`, "logical id and an attribute"},
		{`!Select [5, [a]]`, "cannot select item 5 of 1"},
		{`!FindInMap [Sizes, prod, Instance]`, "no value for [prod, Instance]"},
		{`!If [Nobody, a, b]`, `no condition "Nobody"`},
		{`!Cidr [10.0.0.0/24, 300, 8]`, "no room"},
		{`!Cidr [10.0.0.0, 1, 8]`, "not a network"},
		{`!Sub [a, b, c]`, "a string and a map"},
		{`!Join [",", text]`, "a list of values"},
		{`!Join [",", [{a: b}]]`, "object"},
		{`{"Fn::Transform": {Name: AWS::Include}}`, "cannot be evaluated"},
	}
	for _, tt := range tests {
		tmpl := parse(t, header+tt.expression+"\n")
		_, err := tmpl.Evaluate(tmpl.Root.Get("Metadata").Get("V"), scope())
		if err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: %v", tt.expression, err)
		}
	}
}

func TestConditions(t *testing.T) {
	tmpl := parse(t, header+"x\n")
	got, err := tmpl.Conditions(scope())
	want := map[string]bool{"IsTest": true, "IsProd": false, "Both": false, "Either": true, "Shortcut": true}
	if err != nil || !equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	loop := parse(t, "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n")
	if _, err := loop.Conditions(&template.Scope{}); err == nil || !strings.Contains(err.Error(), "depends on itself") {
		t.Errorf("%v", err)
	}
}

func TestUnknownMarshals(t *testing.T) {
	b, err := json.Marshal(map[string]any{"A": template.Unknown})
	if err != nil || string(b) != `{"A":"{{changeSet:KNOWN_AFTER_APPLY}}"}` {
		t.Errorf("%s %v", b, err)
	}
	if !template.IsUnknown(map[string]any{"A": []any{template.Unknown}}) || template.IsUnknown("x") {
		t.Error("IsUnknown")
	}
}

func TestParameterValues(t *testing.T) {
	tmpl := parse(t, `Parameters:
  Text: {Type: String, Default: abc, AllowedPattern: "[a-z]+", MaxLength: 5}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: "10"}
  Ids: {Type: "List<AWS::EC2::Subnet::Id>"}
  Size: {Type: String, AllowedValues: [1, 2], Default: 1}
  Image: {Type: "AWS::SSM::Parameter::Value<String>", Default: /image}
  Secret: {Type: String, NoEcho: true, Default: "", MinLength: 0}
`)
	ssm := func(name string) (string, error) { return "ami-" + name, nil }
	got, err := tmpl.ParameterValues(map[string]string{"Ids": "subnet-1, subnet-2"}, ssm)
	want := map[string]any{"Text": "abc", "Count": 3.0, "Ids": []any{"subnet-1", "subnet-2"}, "Size": "1", "Image": "ami-/image", "Secret": ""}
	if err != nil || !equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	_, err = tmpl.ParameterValues(map[string]string{"Text": "ABC", "Count": "11", "Size": "3", "Other": "x"}, ssm)
	for _, part := range []string{"Text", "must match", "Count", "at most 10", "Size", "one of 1, 2", "Other is not in the template", "Ids has no value"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
}
