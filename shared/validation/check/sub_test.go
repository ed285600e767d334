package check

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSubParameters(t *testing.T) {
	for text, want := range map[string][]string{
		"":                            nil,
		"plain":                       nil,
		"${A}":                        {"A"},
		"a${ A }b${\tB.C }":           {"A", "B.C"},
		"${!A}${B}":                   {"B"},
		"${}":                         nil,
		"${}x}":                       {"}x"},
		"${A":                         nil,
		"${A\nB}":                     nil,
		"${A\n}":                      {"A"},
		"${A\nB} ${C}":                {"C"},
		"${${A}":                      {"${A"},
		strings.Repeat("${", 300_000): nil,
	} {
		if got := SubParameters(text); !slices.Equal(got, want) {
			t.Errorf("SubParameters(%.20q) = %q, want %q", text, got, want)
		}
	}
}

func TestNextVariable(t *testing.T) {
	for text, want := range map[string]string{
		"a${B}c": "${B}", "${!A}${B}": "${B}", "${ A }": "${ A }", "${A\nB}${C}": "${C}", "${A": "", "$A": "", "${}": "",
	} {
		got := ""
		if start, end := nextVariable(text); start >= 0 {
			got = text[start : end+1]
		}
		if got != want {
			t.Errorf("nextVariable(%q) finds %q, want %q", text, got, want)
		}
	}
}

// FuzzSubParameters compares the scan with the regular expression that it stands for.
func FuzzSubParameters(f *testing.F) {
	for _, seed := range []string{"${A}", "${ A }${!B}${C\n}", "${}}", "${${A}}", "$ {A}", "${\xff}"} {
		f.Add(seed)
	}
	expression := regexp.MustCompile(`\$\{\s*([^!\s].*?)\s*\}`)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsRune(text, '\v') { // a space for Python, not for Go
			return
		}
		var want []string
		for _, m := range expression.FindAllStringSubmatch(text, -1) {
			want = append(want, m[1])
		}
		if got := SubParameters(text); !slices.Equal(got, want) {
			t.Errorf("SubParameters(%q) = %q, want %q", text, got, want)
		}
	})
}
