package jsonschema

import (
	"regexp"
	"strings"
	"testing"
)

// The wanted answers are those of Python's regex module.
func TestRegexpMeansWhatPythonMeans(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{`^[a-z]+$`, "abc", true},
		{`^[a-z]+$`, "abc\n", true}, // $ matches before a line feed at the end
		{`^[a-z]+$`, "abc\n\n", false},
		{`^[a-z]+\Z`, "abc\n", false},
		{`^.{1,3}$`, "abc\n", true},
		{`^[^x]{4}$`, "abc\n", true},
		{`^\w+$`, "naïve", true}, // \w, \d and \s are Unicode's
		{`^\d+$`, "١٢", true},
		{`^\s$`, "\u00a0", true},
		{`^\S$`, "\u00a0", false},
		{`^[\w\s]{0,2048}$`, strings.Repeat("a ", 1024), true},
		{`^[\w\s]{0,2048}$`, strings.Repeat("a ", 1025), false},
		{`b+`, "abc", true}, // anywhere
		{`b{2}`, "abc", false},
		{`^a*ab?c$`, "aaac", true},
		{`^[a-z0-9]{2,5}[a-z]$`, "ab1c", true},
		{`^[a-z0-9]{2,5}[a-z]$`, "abcdefg", false},
		{`^[Aa][Ww][Ss]$`, "aWs", true},
		{`^[[a]+$`, "[a", true},
		{`^(?!aws:)[a-z:]+$`, "aws:x", false},
		{`^(?!aws:)[a-z:]+$`, "mine:x", true},
		{`^\p{Print}+$`, "a b é", true},
		{`^\p{Print}+$`, "a\tb", false},
		{`^[\p{Graph}\x20]*$`, "a b", true},
		{`^[\u0020-\uD7FF]+$`, "é", true},
		{`^[]a]+$`, "]a", true},
		{`^\_x$`, "_x", true},
		{`.*`, "", true},
		{`(`, "nobody understands it: it matches", true},
	}
	for _, tt := range tests {
		if got := NewRegexp(tt.pattern).Match(tt.text); got != tt.want {
			t.Errorf("%q on %.20q: %v", tt.pattern, tt.text, got)
		}
	}
}

// A sequence must agree with Go's engine on the same translated source.
func FuzzSequence(f *testing.F) {
	f.Add(`^[a-c]{1,3}b*c$`, "abcbbc")
	f.Add(`a?b+.{0,2}`, "xxab\n")
	f.Add(`^\w+-\d{2,}`, "a-12")
	f.Add(`[^é]{2}$`, "éab\n")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		for _, full := range []bool{false, true} {
			if !full && !isPlain(text) {
				continue
			}
			translated := translate(pattern, full)
			s := parseSequence(translated)
			if s == nil {
				continue
			}
			r, err := regexp.Compile(translated)
			if err != nil {
				continue // more than 1000 repetitions
			}
			if got, want := s.match(text), r.MatchString(text); got != want {
				t.Errorf("%q (%q) on %q: %v, Go says %v", pattern, translated, text, got, want)
			}
		}
	})
}

func BenchmarkRegexpFirstMatch(b *testing.B) {
	for _, p := range []string{`^[a-zA-Z0-9_-]{1,255}$`, `^arn:aws[a-z-]*:iam::\d{12}:role/.+$`, `^(a|b|c)[a-z]*$`, `^(?!aws:)[a-z:]+$`} {
		b.Run(p, func(b *testing.B) {
			for b.Loop() {
				NewRegexp(p).Match("arn:aws:iam::123456789012:role/some-role-name")
			}
		})
	}
}
