package rego_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
	"github.com/evenkeel/evenkeel/shared/template"
)

const document = `Parameters:
  Size:
    Type: Number
    Default: 3
Conditions:
  IsProd: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "logs-${Size}"
      Tags:
        - Key: size
          Value: !If [IsProd, !Ref Size, !Ref AWS::NoValue]
  Topic:
    Type: AWS::SNS::Topic
`

func parse(t *testing.T, text string) *template.Template {
	t.Helper()
	parsed, err := template.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func check(t *testing.T, text string, o rego.Options) rego.Result {
	t.Helper()
	p, err := rego.Load(map[string]string{"p.rego": text}, o)
	if err != nil {
		t.Fatal(err)
	}
	parsed := parse(t, document)
	result, err := p.Check(context.Background(), policy.NewInput(parsed, policy.Scope{}), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestCheck(t *testing.T) {
	type finding struct {
		rule     string
		severity policy.Severity
		line     int
		message  string
	}
	tests := []struct {
		name, policy string
		namespaces   []string
		want         []finding
		excepted     int
	}{
		{"text", `package main
deny contains "no" if { input.resources.Topic.type == "AWS::SNS::Topic" }`, nil, []finding{{"main.deny", "high", 1, "no"}}, 0},
		{"plain template, as conftest has it", `package main
deny contains msg if { some id, r in input.Resources; r.Type == "AWS::S3::Bucket"; msg := id }`, nil, []finding{{"main.deny", "high", 1, "Bucket"}}, 0},
		{"resolved values", `package main
warn contains {"msg": "name", "resource": "Bucket", "path": ["Properties", "BucketName"]} if { input.resources.Bucket.properties.BucketName == "logs-3" }`,
			nil, []finding{{"main.warn", "medium", 11, "name"}}, 0},
		{"position of a path as text, in metadata", `package main
deny_tags contains {"msg": "tag", "metadata": {"resource": "Bucket", "path": "Properties/Tags/0/Value"}}`, nil, []finding{{"main.deny_tags", "high", 14, "tag"}}, 0},
		{"a path that does not exist", `package main
deny contains {"msg": "x", "resource": "Topic", "path": "Properties.KmsMasterKeyId"}`, nil, []finding{{"main.deny", "high", 15, "x"}}, 0},
		{"violation with severity and id", `package main
violation contains {"msg": "v", "severity": "critical", "id": "ORG-1", "details": {"resource": "Topic"}}`, nil, []finding{{"ORG-1", "critical", 15, "v"}}, 0},
		{"exception of a named rule", `package main
deny_a contains "a"
deny_b contains "b"
exception contains rules if { rules := ["a"] }`, nil, []finding{{"main.deny_b", "high", 1, "b"}}, 1},
		{"exception of deny itself", `package main
deny contains "a"
exception contains [""]`, nil, nil, 1},
		{"other namespaces do not count", `package other
deny contains "a"`, []string{"main", "other"}, []finding{{"other.deny", "high", 1, "a"}}, 0},
		{"open condition", `package main
deny contains msg if { msg := input.resources.Bucket.properties.Tags[0].Value["Fn::If"][0] }`, nil, []finding{{"main.deny", "high", 1, "IsProd"}}, 0},
		{"nothing", `package main
deny contains "a" if { input.stage == "prod" }`, nil, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := check(t, tt.policy, rego.Options{Namespaces: tt.namespaces})
			var got []finding
			for _, f := range result.Findings {
				got = append(got, finding{f.Rule, f.Severity, f.Line, f.Message})
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if len(result.Excepted) != tt.excepted {
				t.Errorf("excepted %v", result.Excepted)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct{ name, policy, want string }{
		{"the old language", "package main\ndeny[msg] { msg := \"x\" }", "opa fmt"},
		{"a mistake", "package main\ndeny contains if {", "p.rego:2"},
		{"network", "package main\ndeny contains \"x\" if { http.send({\"method\": \"get\", \"url\": \"http://example.com\"}) }", "neither the network"},
		{"name server", "package main\ndeny contains \"x\" if { net.lookup_ip_addr(\"example.com\") }", "neither the network"},
		{"process", "package main\ndeny contains opa.runtime().env.HOME", "neither the network"},
		{"a number without bound", "package main\ndeny contains \"x\" if { bits.lsh(1, 10000000000) > 0 }", "no bound"},
		{"an unknown function", "package main\ndeny contains \"x\" if { nothing(1) }", "nothing"},
		{"no rule", "package main\nallow := true", "--namespace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rego.Load(map[string]string{"p.rego": tt.policy}, rego.Options{})
			if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCheckErrors(t *testing.T) {
	tests := []struct{ name, policy, want string }{
		{"an object without msg", "package main\ndeny contains {\"text\": 1}", "msg"},
		{"a number", "package main\ndeny contains 1", "text or an object"},
		{"results without end", "package main\ndeny contains sprintf(\"%d\", [i]) if { some i in numbers.range(1, 20000) }", "at most 10000"},
		{"a severity that is none", "package main\ndeny contains {\"msg\": \"x\", \"severity\": \"bad\"}", "critical, high, medium, low"},
		{"time", "package main\ndeny contains \"x\" if { some i in numbers.range(1, 100000000); some j in numbers.range(1, 100000000); i * j < 0 }", "longer than"},
		{"memory", "package main\ndeny contains \"x\" if { count([sprintf(\"%d %d\", [i, j]) | some i in numbers.range(1, 100000); some j in numbers.range(1, 100000)]) == 0 }", "memory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := rego.Options{Timeout: 20 * time.Second, Memory: 64 << 20}
			if tt.name == "time" {
				o = rego.Options{Timeout: 50 * time.Millisecond, Memory: 1 << 40}
			}
			p, err := rego.Load(map[string]string{"p.rego": tt.policy}, o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Check(context.Background(), policy.Input{}, nil)
			if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	p, err := rego.Load(map[string]string{"p.rego": "package main\ndeny contains \"x\""}, rego.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Check(ctx, policy.Input{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A plan's changes reach the policies.
func TestPlan(t *testing.T) {
	p, err := rego.Load(map[string]string{"p.rego": `package main
deny contains {"msg": "a database is replaced", "resource": c.resource} if {
	some c in input.changes
	startswith(c.type, "AWS::RDS::")
	c.replacement == "True"
}`}, rego.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := policy.Input{Changes: []policy.Change{
		{Resource: "DB", Type: "AWS::RDS::DBInstance", Action: "Modify", Replacement: "True"},
		{Resource: "Other", Type: "AWS::RDS::DBInstance", Action: "Modify", Replacement: "False"},
	}}
	result, err := p.Check(context.Background(), in, nil)
	if err != nil || len(result.Findings) != 1 || result.Findings[0].Resource() != "DB" {
		t.Errorf("got %v, %v", result, err)
	}
}

// A judge needs nothing but the template; the stage reaches the policies.
func TestJudge(t *testing.T) {
	judge, err := rego.NewJudge(map[string]string{
		"p.rego":      "package main\ndeny contains {\"msg\": input.file, \"resource\": \"Topic\"} if { input.stage == \"prod\" }",
		"p_test.rego": "package main\ntest_broken if { nothing() }",
	})
	if err != nil {
		t.Fatal(err)
	}
	parsed := parse(t, document)
	findings, err := judge.Judge("a.yaml", parsed, policy.Scope{Stage: "prod"})
	if err != nil || len(findings) != 1 || findings[0].Message != "a.yaml" || findings[0].Line != 15 {
		t.Errorf("got %v, %v", findings, err)
	}
	if findings, err := judge.Judge("a.yaml", parsed, policy.Scope{}); err != nil || len(findings) != 0 {
		t.Errorf("got %v, %v", findings, err)
	}
	if names := judge.Names(); len(names) != 1 || names[0] != "main.deny" {
		t.Errorf("names %v", names)
	}
}

// 100 rules over a template must stay far below what one template may cost.
func BenchmarkCheck(b *testing.B) {
	var text strings.Builder
	text.WriteString("package main\n")
	for i := range 100 {
		text.WriteString("deny_" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + " contains id if { some id, r in input.resources; r.type == \"AWS::S3::Bucket\"; r.properties.BucketName == \"x\" }\n")
	}
	p, err := rego.Load(map[string]string{"p.rego": text.String()}, rego.Options{})
	if err != nil {
		b.Fatal(err)
	}
	parsed, _ := template.Parse("t.yaml", []byte(document))
	in := policy.NewInput(parsed, policy.Scope{})
	for b.Loop() {
		if _, err := p.Check(context.Background(), in, parsed); err != nil {
			b.Fatal(err)
		}
	}
}
