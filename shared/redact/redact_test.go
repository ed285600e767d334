package redact_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/redact"
)

func TestValue(t *testing.T) {
	tests := []struct{ name, path, value, want string }{
		{"plain", "/Name", "db", "db"},
		{"a password", "/MasterUserPassword", "hunter2", "****"},
		{"an environment variable", "/Environment/Variables/DB_PASSWORD", "hunter2", "****"},
		{"with hyphens", "/Tags/client-secret", "hunter2", "****"},
		{"an access key", "/Environment/Variables/AWS_SECRET_ACCESS_KEY", "hunter2", "****"},
		{"no value", "/MasterUserPassword", "", ""},
		{"a dynamic reference", "/AuthToken", "{{resolve:secretsmanager:db}}", "{{resolve:secretsmanager:db}}"},
		{"more than a dynamic reference", "/AuthToken", "{{resolve:ssm:a}}hunter2}}", "****"},
		{"inside an object", "/Environment", `{"Variables":{"DB_PASSWORD":"hunter2","SIZE":10000000000000001}}`, `{"Variables":{"DB_PASSWORD":"****","SIZE":10000000000000001}}`},
		{"inside a list of pairs", "/ContainerDefinitions/0/Environment", `[{"Name":"API_KEY","Value":"hunter2"},{"Name":"SIZE","Value":"1"}]`, `[{"Name":"API_KEY","Value":"****"},{"Name":"SIZE","Value":"1"}]`},
		{"an object without a secret keeps its form", "/Policy", `{"b": 1, "a": "x"}`, `{"b": 1, "a": "x"}`},
		{"a secret's name as a value", "/Name", "password", "password"},
		{"where a password policy stands", "/Policies/PasswordPolicy", `{"MinimumLength":8}`, `{"MinimumLength":8}`},
		{"with separators in a word", "/X", `{"Pass-Word_":"hunter2"}`, `{"Pass-Word_":"****"}`},
		{"a name with escapes", "/X", `{"\u0050assword":"hunter2"}`, `{"Password":"****"}`},
		{"a name that folds", "/X", `{"paſſword":"hunter2"}`, `{"paſſword":"****"}`},
		{"broken JSON", "/X", `{"a":`, `{"a":`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := redact.Value(tt.path, tt.value); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// FuzzValue: whatever the value is, a secret is not in what is shown.
func FuzzValue(f *testing.F) {
	f.Add(`{"Variables":{"DB_PASSWORD":"hunter2"}}`)
	f.Add(`[{"Name":"TOKEN","Value":"hunter2"}]`)
	f.Fuzz(func(t *testing.T, value string) {
		if got := redact.Value("/MasterUserPassword", value); got != "" && got != redact.Hidden && !strings.HasPrefix(got, "{{resolve:") {
			t.Errorf("shown: %q", got)
		}
		_ = redact.Value("/X", value)
	})
}
