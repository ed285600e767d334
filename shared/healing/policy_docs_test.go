package healing

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPolicyReference: docs/healing.md has a row for each field, and its
// examples are policies.
func TestPolicyReference(t *testing.T) {
	data, err := os.ReadFile("../../docs/healing.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	var rows []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|[^|]*\\|[^|]*\\|$").FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Split(row[1], ", ") {
			rows = append(rows, strings.Trim(name, "`"))
		}
	}
	for _, name := range names(policyFields()) {
		if !slices.Contains(rows, name) {
			t.Errorf("no row for %s", name)
		}
	}
	for _, name := range rows {
		if !slices.Contains(names(policyFields()), name) {
			t.Errorf("%s is no field", name)
		}
	}
	for _, name := range names(scopeFields()) {
		if name != "name" && !strings.Contains(text[strings.Index(text, "## Scopes"):], "`"+name+"`") {
			t.Errorf("scopes do not mention %s", name)
		}
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(examples) < 2 {
		t.Errorf("%d examples", len(examples))
	}
	for _, example := range examples {
		if _, err := DecodePolicy([]byte(example[1])); err != nil {
			t.Errorf("%s%v", example[1], err)
		}
	}
}
