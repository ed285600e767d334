package healing_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/evenkeel/evenkeel/shared/healing"
)

// TestPolicySchemaDecides: an editor that knows the schema accepts what
// DecodePolicy does, and refuses what is plainly wrong.
func TestPolicySchemaDecides(t *testing.T) {
	text, err := healing.PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("policy.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../testdata/policies/healing.json")
	if err != nil {
		t.Fatal(err)
	}
	for policy, valid := range map[string]bool{
		string(example):                       true,
		`{}`:                                  true,
		`{"protectedPorts":["all",22]}`:       true,
		`{"protectedPorts":["22/icmp"]}`:      false,
		`{"maxIPv4":33}`:                      false,
		`{"maxActions":0}`:                    false,
		`{"Mode":"observe"}`:                  false,
		`{"mode":null}`:                       false,
		`{"scopes":[{"mode":"enforce"}]}`:     false,
		`{"severities":[{"ports":["22"]}]}`:   false,
		`{"allowedSources":["10.0.0.0"]}`:     false,
		`{"scopes":[{"name":"a","tags":{}}]}`: false,
	} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(policy)))
		if err != nil {
			t.Fatal(err)
		}
		err = schema.Validate(value)
		if _, wrong := healing.DecodePolicy([]byte(policy)); (err == nil) != valid || (wrong == nil) != valid {
			t.Errorf("%s: valid is %v; the schema says %v, the decoder %v", policy, valid, err, wrong)
		}
	}
}
