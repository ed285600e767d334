package pipeline_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

const section = `validation:
  ignore:
    - {rule: EK1003, paths: [templates/site.yaml, "templates/**/*.json"], resource: Site*, reason: "a public site", until: 2027-01-31}
    - rule: CKV_AWS_18
  include: [I, EK0004]
  policies: [policies, security/rego]
  baseline: .evenkeel-baseline.json
`

func TestDecodeValidation(t *testing.T) {
	p, err := pipeline.Decode(pipeline.FileName, []byte(good+section), all)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := pipeline.DecodeValidation(pipeline.FileName, []byte("anything: 1\n"+section))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Validation.Ignore) != 2 || p.Validation.Ignore[0].At().Line != strings.Count(good, "\n")+3 || alone.Ignore[1].At() != (pipeline.Position{Line: 5, Column: 7}) {
		t.Errorf("%+v", p.Validation)
	}
	i := alone.Ignore[0]
	if i.Rule != "EK1003" || len(i.Paths) != 2 || i.Resource != "Site*" || i.Reason != "a public site" || i.Until != "2027-01-31" {
		t.Errorf("%+v", i)
	}
	if !reflect.DeepEqual(alone.Include, []string{"I", "EK0004"}) || !reflect.DeepEqual(alone.Policies, []string{"policies", "security/rego"}) || alone.Baseline != ".evenkeel-baseline.json" {
		t.Errorf("%+v", alone)
	}
}

func TestFailOn(t *testing.T) {
	p, err := pipeline.Decode(pipeline.FileName, []byte(strings.Replace(good, "approval: always", "approval: always\n    failOn: warning", 1)), all)
	if err != nil {
		t.Fatal(err)
	}
	if stages := p.For("main"); stages[0].FailOn != "" || stages[1].FailOn != pipeline.FailOnWarning {
		t.Errorf("%+v", stages)
	}
}

func TestBadValidation(t *testing.T) {
	tests := []struct{ text, want string }{
		{"validation: x", "validation must be a mapping"},
		{"validation: {ignores: []}", `unknown key "ignores" in validation; allowed are ignore, include, policies, baseline`},
		{"validation: {ignore: EK1}", "ignore must be a list"},
		{"validation: {ignore: [{reason: x}]}", `lacks the key "rule"`},
		{"validation: {ignore: [{rule: 'a b'}]}", "is not the id of a rule"},
		{"validation: {ignore: [{rule: E1, until: tomorrow}]}", `until "tomorrow" is not a day`},
		{"validation: {ignore: [{rule: E1, until: 2027-02-30}]}", "is not a day"},
		{"validation: {ignore: [{rule: E1, paths: ['[a']}]}", "is not a glob"},
		{"validation: {ignore: [{rule: E1, resource: 'a/b'}]}", "is not a logical id"},
		{"validation: {include: [1]}", "is not the id of a rule"},
		{"validation: {policies: [../x]}", "is not a path inside the repository"},
		{"validation: {baseline: /x}", "is not a path inside the repository"},
	}
	for _, tt := range tests {
		if _, err := pipeline.DecodeValidation("evenkeel.yaml", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.text, err)
		}
		if _, err := pipeline.Decode("evenkeel.yaml", []byte(good+tt.text+"\n"), all); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s in a whole file: %v", tt.text, err)
		}
	}
	if _, err := pipeline.Decode("evenkeel.yaml", []byte(strings.Replace(good, "approval: always", "approval: always\n    failOn: never", 1)), all); err == nil || !strings.Contains(err.Error(), "failOn") {
		t.Errorf("failOn: %v", err)
	}
}
