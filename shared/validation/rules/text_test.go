package rules_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation/check"
	"github.com/evenkeel/evenkeel/shared/validation/rules"
)

// A rule says what is wrong and what to do, in sentences of its own, and where
// to read more. The severity is what the id says.
func TestRulesAreDescribed(t *testing.T) {
	severities := map[byte]check.Severity{'E': check.Error, 'W': check.Warning, 'I': check.Info}
	for _, r := range rules.Registry().Rules() {
		if r.Title == "" || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s: the title %q", r.ID, r.Title)
		}
		if len(r.Description) < 20 || !strings.HasSuffix(r.Description, ".") {
			t.Errorf("%s: the description %q", r.ID, r.Description)
		}
		if !strings.HasPrefix(r.Link, "https://") {
			t.Errorf("%s: the link %q", r.ID, r.Link)
		}
		if !strings.HasPrefix(r.ID, "EK") && severities[r.ID[0]] != r.Severity {
			t.Errorf("%s: severity %d", r.ID, r.Severity)
		}
	}
}
