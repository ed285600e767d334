package glob

import (
	"path"
	"strings"
	"testing"
)

func TestParts(t *testing.T) {
	match := func(pattern, part string) bool {
		ok, err := path.Match(pattern, part)
		return err == nil && ok
	}
	for _, tt := range []struct {
		patterns, parts string
		all, within     bool
	}{
		{"a/b", "a/b", true, false},
		{"a/*", "a/b", true, false},
		{"a/*/c", "a/b", false, true},
		{"a/b", "a/b/c", false, false},
		{"a/b", "x", false, false},
		{"**", "a/b", true, false},
		{"a/**", "a", true, false},
		{"a/**/z", "a/b/c/z", true, false},
		{"**/b/c", "a/b/b/c", true, false},
		{"**/z", "a/b", false, false},
		{"a/**/z", "a", false, true},
	} {
		all, within := Parts(strings.Split(tt.patterns, "/"), strings.Split(tt.parts, "/"), match)
		if all != tt.all || within != tt.within {
			t.Errorf("%s on %s: %t, %t", tt.patterns, tt.parts, all, within)
		}
	}
}
