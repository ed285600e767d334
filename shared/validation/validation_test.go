package validation_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation"
)

func validate(t testing.TB, text string) validation.Result {
	t.Helper()
	return validation.Validate(map[string][]byte{"t.yaml": []byte(text)})
}

func validateWith(t testing.TB, o validation.Options, text string) validation.Result {
	t.Helper()
	return validation.ValidateWith(map[string][]byte{"t.yaml": []byte(text)}, o)
}

func rules(r validation.Result) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.Rule)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestGoodTemplates(t *testing.T) {
	for name, text := range read(t, "good") {
		r := validation.Validate(map[string][]byte{name: text})
		for _, f := range r.Findings {
			if f.Severity != validation.Info {
				t.Errorf("%+v", f)
			}
		}
	}
}

// limits are the rules that need a template too long to keep as a file.
var limits = map[string]string{
	"EK0007": "Parameters:\n" + repeat(201, "  P%d: {Type: String}\n") + "Resources: {A: {Type: AWS::SQS::Queue}}\n",
	"E2011":  "Parameters:\n  " + strings.Repeat("P", 256) + ": {Type: String}\nResources: {A: {Type: AWS::SQS::Queue}}\n",
	"E3010":  "Resources:\n" + repeat(501, "  A%d: {Type: AWS::SQS::Queue}\n"),
	"E6010":  "Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs:\n" + repeat(201, "  O%d: {Value: x}\n"),
	"E6011":  "Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs:\n  " + strings.Repeat("O", 256) + ": {Value: x}\n",
	"E7002":  "Resources: {A: {Type: AWS::SQS::Queue}}\nMappings:\n  " + strings.Repeat("M", 256) + ": {a: {b: c}}\n",
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// Every rule is fired by the template that is named after it. The rules of
// package rules have fixtures of their own there.
func TestEveryRuleFires(t *testing.T) {
	fired := map[string]bool{}
	for name, text := range read(t, "bad") {
		rule, _, _ := strings.Cut(strings.TrimPrefix(name, "bad/"), "-")
		r := validation.Validate(map[string][]byte{name: text})
		if !slices.Contains(rules(r), rule) {
			t.Errorf("%s fires %v", name, rules(r))
		}
		fired[rule] = true
	}
	for rule, text := range limits {
		if !slices.Contains(rules(validate(t, text)), rule) {
			t.Errorf("%s does not fire on its template", rule)
		}
		fired[rule] = true
	}
	ids := map[string]bool{}
	for _, rule := range validation.Rules() {
		if ids[rule.ID] {
			t.Errorf("%s is there twice", rule.ID)
		}
		ids[rule.ID] = true
		if rule.Title == "" || !strings.HasPrefix(rule.Link, "https://") || rule.Severity == "" {
			t.Errorf("%+v", rule)
		}
	}
}

func TestPositions(t *testing.T) {
	r := validate(t, "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties:\n      BuketName: x\n")
	want := validation.Finding{File: "t.yaml", Line: 5, Column: 7, EndLine: 5, EndColumn: 16, Rule: "E3002", Severity: validation.Error,
		Message: `"BuketName" is not allowed here; did you mean BucketName?`, Path: "Resources/Bucket/Properties/BuketName"}
	if len(r.Findings) != 1 || r.Findings[0] != want || r.Valid() {
		t.Errorf("%+v", r)
	}
}

// The faulty branch of Fn::If is named, not the other; that the tags have one
// key twice if C holds is a fault of the list's item.
func TestBranchPosition(t *testing.T) {
	r := validate(t, `Conditions:
  C: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Tags:
        - Key: a
          Value: b
        - !If
          - C
          - {Key: a, Value: b}
          - {Kex: a, Value: b}
`)
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%d %s %s", f.Line, f.Rule, f.Path))
	}
	want := []string{"10 E3024 Resources/Queue/Properties/Tags/1", "13 E3003 Resources/Queue/Properties/Tags/1/Fn::If/2", "13 E3002 Resources/Queue/Properties/Tags/1/Fn::If/2/Kex"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// What a macro makes of a template is not known: a note says so, and what the
// text itself gets wrong is still found, as cfn-lint finds it.
func TestMacrosAreLeftAlone(t *testing.T) {
	for _, transform := range []string{"Transform: [MyMacro]", "Transform: MyMacro"} {
		r := validateWith(t, validation.Options{Settings: validation.Settings{IncludeChecks: []string{"I"}}}, transform+"\nResources:\n  A: {Type: AWS::SQS::Queue}\n")
		if r.Errors != 0 || !slices.Contains(rules(r), "EK0001") {
			t.Errorf("%+v", r.Findings)
		}
	}
}

// A serverless template is translated first: its implicit role and API exist,
// and what is wrong in the source is found where it is written.
func TestServerless(t *testing.T) {
	const function = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n" +
		"      InlineCode: x\n      Handler: index.handler\n      Runtime: python3.13\n      %s\n" +
		"      Events: {Get: {Type: Api, Properties: {Path: /, Method: get}}}\nOutputs:\n  R: {Value: !Sub '${FRole.Arn} ${ServerlessRestApi}'}\n"
	if r := validate(t, fmt.Sprintf(function, "MemorySize: 256")); r.Errors != 0 {
		t.Errorf("%+v", r.Findings)
	}
	r := validate(t, fmt.Sprintf(function, "MemorySize: 1"))
	if !slices.ContainsFunc(r.Findings, func(f validation.Finding) bool { return f.Rule == "E3034" && f.Line == 9 }) {
		t.Errorf("%+v", r.Findings)
	}
	r = validate(t, strings.Replace(fmt.Sprintf(function, "MemorySize: 1"), "Handler", "Handlers", 1))
	if !slices.Equal(rules(r), []string{"E0001"}) {
		t.Errorf("%+v", r.Findings)
	}
}

func TestDeterministic(t *testing.T) {
	files := read(t, "good", "bad")
	first := validation.Validate(files)
	for range 3 {
		if again := validation.Validate(files); !reflect.DeepEqual(first, again) {
			t.Fatal("two runs differ")
		}
	}
	if !slices.IsSortedFunc(first.Findings, func(a, b validation.Finding) int { return strings.Compare(a.File, b.File) }) {
		t.Error("not sorted by file")
	}
}

func TestLooksLikeTemplate(t *testing.T) {
	tests := map[string]bool{
		"AWSTemplateFormatVersion: 2010-09-09\n":               true,
		"Resources: {A: {Type: AWS::S3::Bucket}}":              true,
		"{\"Resources\": {\"A\": {\"Type\": \"Custom::X\"}}}":  true,
		"Resources:\n  A:\n    Type: AWS::S3::Bucket\n   B: x": true,
		"apiVersion: v1\nkind: Pod\n":                          false,
		"Resources: [a]\n":                                     false,
		"version: 1\nstacks: {}\n":                             false,
		"":                                                     false,
	}
	for text, want := range tests {
		if got := validation.LooksLikeTemplate([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
