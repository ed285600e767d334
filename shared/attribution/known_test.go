package attribution_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/attribution"
)

func TestKnownOf(t *testing.T) {
	for _, tt := range []struct {
		paths []string
		path  string
		want  bool
	}{
		{nil, "/A", true},
		{[]string{"/A/B"}, "", true},
		{[]string{"/A"}, "/A", true},
		{[]string{"/A"}, "/A/0/X", true},
		{[]string{"/A/0/X"}, "/A", true},
		{[]string{"/A", "/B"}, "/B", true},
		{[]string{"/A"}, "/AB", false},
		{[]string{"/A/0"}, "/A/1", false},
	} {
		if got := (attribution.Known{Paths: tt.paths}).Of(tt.path); got != tt.want {
			t.Errorf("%v of %s: %v", tt.paths, tt.path, got)
		}
	}
}
