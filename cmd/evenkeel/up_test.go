package main

import (
	"strings"
	"testing"
)

// TestUpNeedsACheckout: nothing is started, and nothing is made, in a folder
// that is no checkout.
func TestUpNeedsACheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"up"}, {"demo"}} {
		var out, diagnostics strings.Builder
		a := &app{in: strings.NewReader(""), out: &out, err: &diagnostics, getenv: func(string) string { return "" }}
		if code := run(t.Context(), a, args); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d", args, code, exitUsage)
		}
		if !strings.Contains(diagnostics.String(), "make build") {
			t.Errorf("%v does not say what to do: %s", args, diagnostics.String())
		}
	}
}
