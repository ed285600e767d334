package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
	"github.com/evenkeel/evenkeel/shared/policy/rego/regotest"
	"github.com/evenkeel/evenkeel/shared/template"
)

func TestCurrent(t *testing.T) {
	data, err := os.ReadFile("../../../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != document() {
		t.Error("docs/policies.md is not what the rules say: run go generate ./shared/policy")
	}
}

// The policies in the document work.
func TestExamples(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```rego\n(.*?)```").FindAllStringSubmatch(document(), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	files := map[string]string{"queue.rego": blocks[0][1], "plan.rego": blocks[1][1], "queue_test.rego": blocks[2][1]}
	report, err := regotest.Run(context.Background(), files, regotest.Options{})
	if err != nil || report.Passed != 1 || report.Failed != 0 {
		t.Errorf("tests: %+v, %v", report, err)
	}
	p, err := rego.Load(files, rego.Options{})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Parse("t.yaml", []byte("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := policy.NewInput(parsed, policy.Scope{})
	in.Changes = []policy.Change{{Resource: "DB", Type: "AWS::RDS::DBInstance", Action: "Modify", Replacement: "Conditional"}}
	result, err := p.Check(context.Background(), in, parsed)
	if err != nil || len(result.Findings) != 2 {
		t.Errorf("got %v", fmt.Sprint(result, err))
	}
}
