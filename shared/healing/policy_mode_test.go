package healing_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestWithMode(t *testing.T) {
	for document, want := range map[string]string{
		"":                                    `{"mode":"enforce"}`,
		"{}":                                  `{"mode": "enforce"}`,
		`{"maxIPv4": 8}`:                      `{"mode": "enforce", "maxIPv4": 8}`,
		"{\n\t\"maxIPv4\": 8\n}":              "{\"mode\": \"enforce\", \n\t\"maxIPv4\": 8\n}",
		`{"maxIPv4": 8, "mode":"observe" }`:   `{"maxIPv4": 8, "mode":"enforce" }`,
		"# ours\nmaxIPv4: 8 # wide\n":         "# ours\nmode: enforce\nmaxIPv4: 8 # wide\n",
		"mode: observe # for now\nmaxIPv4: 8": "mode: \"enforce\" # for now\nmaxIPv4: 8",
		"maxIPv4: 8\nmode: 'observe'\n":       "maxIPv4: 8\nmode: \"enforce\"\n",
		"undoFor: 1h # für\nmode: enforce\n":  "undoFor: 1h # für\nmode: \"enforce\"\n",
		"scopes: [{name: a, regions: [x], mode: observe}]": "mode: enforce\nscopes: [{name: a, regions: [x], mode: observe}]",
	} {
		if got, err := healing.WithMode(document, healing.Enforce); err != nil || got != want {
			t.Errorf("%q:\n%q, %v, want\n%q", document, got, err, want)
		}
	}
	for _, document := range []string{"mode: enforced", "mode: !!str observe", "mode: >-\n  observe"} {
		if got, err := healing.WithMode(document, healing.Enforce); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%q: %q, %v", document, got, err)
		}
	}
}
