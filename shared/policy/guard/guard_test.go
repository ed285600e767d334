package guard_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/guard"
	"github.com/evenkeel/evenkeel/shared/template"
)

const document = `Parameters:
  Name:
    Type: String
    Default: logs
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Ref Name
      Tags: []
`

// report has the kinds of clauses that cfn-guard 3.2 writes.
const report = `[{"name": "DATA_STDIN[1]", "metadata": {}, "status": "FAIL", "not_compliant": [
{"Rule": {"name": "LOGGING", "metadata": {}, "messages": {"custom_message": null, "error_message": null}, "checks": [
 {"Clause": {"Unary": {"context": " %buckets[*].Properties.LoggingConfiguration EXISTS  ", "messages": {"custom_message": "\n  Violation: no log.\n  Fix: log.\n", "error_message": "Check was not compliant"},
  "check": {"UnResolved": {"value": {"traversed_to": {"path": "/Resources/Bucket/Properties", "value": {}}, "remaining_query": "LoggingConfiguration", "reason": "x"}, "comparison": ["Exists", false]}}}}},
 {"Disjunctions": {"checks": [
  {"Clause": {"Binary": {"context": " BucketName EQUALS \"x\"", "messages": {"custom_message": "", "error_message": "e"},
   "check": {"Resolved": {"from": {"path": "/Resources/Bucket/Properties/BucketName", "value": "logs"}, "to": {"path": "x", "value": "x"}, "comparison": ["Eq", false]}}}}},
  {"Clause": {"Unary": {"context": " Tags not EMPTY", "messages": {"custom_message": null, "error_message": null},
   "check": {"Resolved": {"value": {"path": "/Resources/Bucket/Properties/Tags", "value": []}, "comparison": ["Empty", true]}}}}}]}},
 {"Block": {"context": "GuardBlock", "messages": {"custom_message": null, "error_message": "q"}, "unresolved": {"traversed_to": {"path": "/Resources/Bucket", "value": {}}, "remaining_query": "Metadata.owner", "reason": "x"}}}
]}},
{"Rule": {"name": "RULES_STDIN[1]/default", "metadata": {}, "messages": {}, "checks": [
 {"Clause": {"Binary": {"context": "", "messages": {"custom_message": null, "error_message": "Check was not compliant as property [X] is missing. Value traversed to [Path=[L:0,C:0]"},
  "check": {"UnResolved": {"value": {"traversed_to": {"path": "", "value": {}}, "remaining_query": "", "reason": "x"}, "comparison": ["Eq", false]}}}}}]}}
], "not_applicable": [], "compliant": []}]`

func parse(t *testing.T) (*template.Template, policy.Input) {
	t.Helper()
	parsed, err := template.Parse("t.yaml", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return parsed, policy.NewInput(parsed, policy.Scope{})
}

func TestCheck(t *testing.T) {
	parsed, in := parse(t)
	run := func(_ context.Context, stdin []byte, args ...string) ([]byte, []byte, int, error) {
		var payload struct{ Data, Rules []string }
		if err := json.Unmarshal(stdin, &payload); err != nil {
			t.Fatal(err)
		}
		if len(payload.Data) != 1 || !strings.Contains(payload.Data[0], `"BucketName":"logs"`) {
			t.Errorf("the rules see %v, not the resolved template", payload.Data)
		}
		if !slices.Equal(payload.Rules, []string{"rule a", "rule b"}) {
			t.Errorf("rules %v", payload.Rules)
		}
		if !slices.Contains(args, "--payload") || !slices.Contains(args, "--structured") {
			t.Errorf("arguments %v", args)
		}
		return []byte(report), nil, 19, nil
	}
	findings, err := guard.Check(context.Background(), run, map[string]string{"b.guard": "rule b", "a.guard": "rule a"}, in, parsed)
	if err != nil {
		t.Fatal(err)
	}
	type brief struct {
		rule    string
		line    int
		message string
	}
	want := []brief{
		{"guard.default", 1, "Check was not compliant as property [X] is missing"},
		{"LOGGING", 6, "GuardBlock: Metadata.owner is missing"},
		{"LOGGING", 8, "Violation: no log. Fix: log."},
		{"LOGGING", 9, `BucketName EQUALS "x"`},
		{"LOGGING", 10, "Tags not EMPTY"},
	}
	var got []brief
	for _, f := range findings {
		got = append(got, brief{f.Rule, f.Line, f.Message})
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestCheckErrors(t *testing.T) {
	parsed, in := parse(t)
	rules := map[string]string{"a.guard": "rule"}
	tests := []struct {
		name   string
		run    guard.Runner
		kind   string
		reason string
	}{
		{"rules that cannot be read", func(context.Context, []byte, ...string) ([]byte, []byte, int, error) {
			return nil, []byte("Parser Error when parsing `x`\nmore"), 5, nil
		}, fault.InvalidError, "Parser Error"},
		{"no program", func(context.Context, []byte, ...string) ([]byte, []byte, int, error) {
			return nil, nil, 0, errors.New("no such file")
		}, fault.PermanentError, "no such file"},
		{"not a report", func(context.Context, []byte, ...string) ([]byte, []byte, int, error) {
			return []byte("hello"), nil, 0, nil
		}, fault.PermanentError, "cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := guard.Check(context.Background(), tt.run, rules, in, parsed)
			if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %v", err)
			}
		})
	}
	judge := guard.Judge{Run: tests[0].run, Rules: rules}
	if _, err := judge.Judge("t.yaml", parsed, policy.Scope{}); !fault.Is(err, fault.InvalidError) {
		t.Errorf("a judge says %v", err)
	}
	if findings, err := guard.Check(context.Background(), nil, nil, in, parsed); findings != nil || err != nil {
		t.Errorf("without rules nothing runs: %v, %v", findings, err)
	}
}
