package template_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
)

// largest is CloudFormation's limit of a template.
const largest = 1 << 20

// Texts that make a careless parser slow. Each is as large as a template may be.
func TestHostileTexts(t *testing.T) {
	fill := func(head, piece, tail string) string {
		n := (largest - len(head) - len(tail)) / len(piece)
		return head + strings.Repeat(piece, n) + tail
	}
	numbered := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < largest-40; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	deep := strings.Repeat("[", 240)
	tests := map[string]string{
		"items deep inside":      fill("a: "+deep+"\n", "1,\n", strings.Repeat("]", 240)),
		"items on one line":      fill("a: "+deep, "1,", strings.Repeat("]", 240)),
		"open lists":             fill("a: ", "[", ""),
		"open maps":              fill("", "{a: ", ""),
		"dashes":                 fill("", "- ", ""),
		"keys":                   numbered("k%d: 1\n"),
		"keys that are numbers":  numbered("%d: 1\n"),
		"keys in flow style":     "{" + numbered("k%d, ") + "}",
		"JSON":                   "{" + numbered("\"k%d\": [],\n") + "\"x\": 1}",
		"blank lines in a text":  fill("a: \"b", "\n ", "c\""),
		"lines of a plain text":  fill("a: b", "\n c", "\n"),
		"lines of a block":       fill("a: >", "\n  c", "\n"),
		"wide characters":        fill("a: \"", "ü", "\""),
		"wide keys":              numbered("ü%d: ü\n"),
		"anchors":                numbered("k%d: &a%[1]d [1]\n"),
		"merge keys":             "a: &a {" + strings.Repeat("k", 100) + ": 1}\n" + numbered("k%d: {<<: *a}\n")[:largest-200],
		"quotes":                 fill("a: ", "'", ""),
		"escapes":                fill("a: \"", "\\x41", "\""),
		"tags":                   fill("a: !", "x", " y"),
		"empty lists":            fill("a: [", "[],", "]"),
		"big number":             fill("a: ", "9", ""),
		"big octal number":       fill("a: 0", "7", ""),
		"sexagesimal number":     fill("a: 1", ":5", ""),
		"comment":                fill("a: 1 #", "#", ""),
		"lines of comments":      fill("", "#\n", ""),
		"tabs":                   fill("{\"a\": ", "\t", "1}"),
		"carriage returns":       fill("a: 1", "\r", ""),
		"exotic breaks":          fill("a: b", "\u2028 c", "\n"),
		"unfinished simple keys": fill("", "? a\n", ""),
	}
	for name, text := range tests {
		begin := time.Now()
		_, err := template.Parse("t.yaml", []byte(text))
		// A linear parser needs some 30 ms, a quadratic one minutes: the bound tells
		// them apart on a busy machine too.
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %s (%v)", name, took, err)
		}
		if testing.Verbose() {
			t.Log(name, time.Since(begin), err)
		}
	}
}
