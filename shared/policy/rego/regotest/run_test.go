package regotest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy/rego/regotest"
)

var files = map[string]string{
	"bucket.rego": `package main

deny contains msg if {
	input.public
	msg := "public"
}

warn contains "never" if {
	input.never
}
`,
	"bucket_test.rego": `package main

test_public if {
	count(deny) == 1 with input as {"public": true}
}

test_private if {
	count(deny) == 1 with input as {"public": false}
}

test_printed if {
	print("seen")
}

todo_test_later if {
	false
}
`,
}

func TestRun(t *testing.T) {
	report, err := regotest.Run(context.Background(), files, regotest.Options{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed != 2 || report.Failed != 1 || report.Skipped != 1 {
		t.Errorf("got %+v", report)
	}
	for i, want := range []struct {
		name   string
		line   int
		passed bool
	}{{"test_public", 3, true}, {"test_private", 7, false}, {"test_printed", 11, true}, {"todo_test_later", 15, false}} {
		got := report.Results[i]
		if !strings.HasSuffix(want.name, got.Name) && got.Name != want.name || got.Line != want.line || got.Passed != want.passed || got.File != "bucket_test.rego" {
			t.Errorf("result %d: got %+v, want %+v", i, got, want)
		}
	}
	if !strings.HasPrefix(report.Results[1].Failed, "bucket_test.rego:8") {
		t.Errorf("the failing expression is %q", report.Results[1].Failed)
	}
	if report.Results[2].Output != "seen\n" {
		t.Errorf("output %q", report.Results[2].Output)
	}
	if report.Coverage < 40 || report.Coverage > 80 || len(report.Uncovered) == 0 || !strings.HasPrefix(report.Uncovered[0], "bucket.rego:") {
		t.Errorf("coverage %v, uncovered %v", report.Coverage, report.Uncovered)
	}
}

func TestMatch(t *testing.T) {
	report, err := regotest.Run(context.Background(), files, regotest.Options{Match: "test_public$"})
	if err != nil || len(report.Results) != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
	if _, err := regotest.Run(context.Background(), files, regotest.Options{Match: "("}); !fault.Is(err, fault.InvalidError) {
		t.Errorf("got %v", err)
	}
}

func TestErrors(t *testing.T) {
	for _, text := range []string{"package main\ntest_x if { http.send({}) }", "package main\ntest_x if {", "package main\ntest_x { true }"} {
		if _, err := regotest.Run(context.Background(), map[string]string{"x_test.rego": text}, regotest.Options{}); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
