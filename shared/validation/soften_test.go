package validation_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// TestWhatIsNewerThanTheSchemas: the schemas are those of a release of cfn-lint;
// what AWS published since is a note, and what nobody knows an error.
func TestWhatIsNewerThanTheSchemas(t *testing.T) {
	if len(schema.FreshTypes()) == 0 {
		t.Fatal("no type is newer than the schemas")
	}
	tests := []struct {
		name, template, rule string
		severity             validation.Severity
	}{
		{"new type", "Resources:\n  A:\n    Type: " + schema.FreshTypes()[0] + "\n", "EK0001", validation.Info},
		{"no type", "Resources:\n  A:\n    Type: AWS::S3::Bucketeer\n", "E3006", validation.Error},
		{"new property", freshProperty(t), "EK0001", validation.Info},
		{"no property", "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties:\n      Bucketeer: 1\n", "E3002", validation.Error},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := validation.ValidateWith(map[string][]byte{"t.yaml": []byte(tt.template)}, validation.Options{Settings: validation.Settings{IncludeChecks: []string{"I"}}})
			if !slices.ContainsFunc(r.Findings, func(f validation.Finding) bool { return f.Rule == tt.rule && f.Severity == tt.severity && f.Path != "" }) {
				t.Errorf("findings %+v", r.Findings)
			}
			if other := map[string]string{"EK0001": "E3002"}[tt.rule]; slices.ContainsFunc(r.Findings, func(f validation.Finding) bool { return f.Rule == other || tt.rule == "EK0001" && f.Rule == "E3006" }) {
				t.Errorf("an error stands: %+v", r.Findings)
			}
		})
	}
}

// freshProperty is a template with a top-level property that is newer than the schema of its type.
func freshProperty(t *testing.T) string {
	t.Helper()
	for _, typ := range schema.Types() {
		for _, p := range schema.FreshProperties(typ) {
			if names := schema.Names(p); len(names) == 1 {
				return fmt.Sprintf("Resources:\n  A:\n    Type: %s\n    Properties:\n      %s: x\n", typ, names[0])
			}
		}
	}
	t.Fatal("no property is newer than the schemas")
	return ""
}
