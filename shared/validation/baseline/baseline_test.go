package baseline_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation/baseline"
)

func at(line int, rule, path string) baseline.Finding {
	return baseline.Finding{File: "a.yaml", Line: line, Rule: rule, Path: path}
}

func text(lines ...string) baseline.Source {
	return func(file string) []byte {
		if file != "a.yaml" {
			return nil
		}
		return []byte(strings.Join(lines, "\n"))
	}
}

func everyFile(string) bool { return true }

func TestApply(t *testing.T) {
	old := []baseline.Finding{
		at(1, "E1", "Resources/A"), at(2, "E2", "Resources/B/List/0"), at(3, "E2", "Resources/B/List/1"), at(4, "E3", ""), at(4, "E3", ""),
	}
	oldText := text("A: x", "- one", "- two", "no path")
	tests := []struct {
		name         string
		findings     []baseline.Finding
		source       baseline.Source
		fresh, fixed string
	}{
		{"the same", old, oldText, "", ""},
		{"lines moved", []baseline.Finding{at(11, "E1", "Resources/A"), at(12, "E2", "Resources/B/List/0"), at(13, "E2", "Resources/B/List/1"), at(14, "E3", ""), at(14, "E3", "")},
			text("", "", "", "", "", "", "", "", "", "", "A: x", "  - one", "  - two,", "no path"), "", ""},
		{"an item inserted before", []baseline.Finding{at(1, "E1", "Resources/A"), at(2, "E2", "Resources/B/List/0"), at(3, "E2", "Resources/B/List/1"), at(4, "E2", "Resources/B/List/2"), at(5, "E3", ""), at(5, "E3", "")},
			text("A: x", "- zero", "- one", "- two", "no path"), "2", ""},
		{"the value changed", old, text("A: y", "- three", "- four", "still no path"), "", ""},
		{"one more of the same", append([]baseline.Finding{at(4, "E3", "")}, old...), oldText, "4", ""},
		{"one fewer of the same", old[:4], oldText, "", "E3"},
		{"fixed", old[1:], oldText, "", "E1 Resources/A"},
		{"another rule at the same place", append([]baseline.Finding{at(1, "E9", "Resources/A")}, old...), oldText, "1", ""},
		{"another resource with the same text", []baseline.Finding{at(1, "E1", "Resources/Z")}, oldText, "1", "E1 Resources/A, E2 Resources/B/List/0, E2 Resources/B/List/1, E3 ×2"},
		{"nothing left", nil, oldText, "", "E1 Resources/A, E2 Resources/B/List/0, E2 Resources/B/List/1, E3 ×2"},
	}
	b := baseline.New(old, oldText)
	for _, tt := range tests {
		known, fixed := b.Apply(tt.findings, tt.source, everyFile)
		var lines, entries []string
		for i, f := range tt.findings {
			if !known[i] {
				lines = append(lines, fmt.Sprint(f.Line))
			}
		}
		for _, e := range fixed {
			entry := strings.TrimSpace(e.Rule + " " + e.Path)
			if e.Count > 1 {
				entry += fmt.Sprintf(" ×%d", e.Count)
			}
			entries = append(entries, entry)
		}
		if got := strings.Join(lines, " "); got != tt.fresh {
			t.Errorf("%s: new on lines %q, not %q", tt.name, got, tt.fresh)
		}
		if got := strings.Join(entries, ", "); got != tt.fixed {
			t.Errorf("%s: fixed %q, not %q", tt.name, got, tt.fixed)
		}
	}
}

// What a run did not look at is not fixed.
func TestOtherFilesStay(t *testing.T) {
	b := baseline.New([]baseline.Finding{at(1, "E1", "x")}, nil)
	if _, fixed := b.Apply(nil, nil, func(file string) bool { return file != "a.yaml" }); len(fixed) > 0 {
		t.Errorf("%+v", fixed)
	}
}

func TestWithout(t *testing.T) {
	findings := []baseline.Finding{at(1, "E1", "x"), at(2, "E1", "x"), at(3, "E1", "x"), at(4, "E2", "y")}
	b := baseline.New(findings, nil)
	_, fixed := b.Apply(findings[:1], nil, everyFile)
	if shrunk := b.Without(fixed); shrunk.Len() != 1 || b.Len() != 4 {
		t.Errorf("%d of %d are left", shrunk.Len(), b.Len())
	}
	if known, fixed := b.Without(fixed).Apply(findings[:1], nil, everyFile); !known[0] || len(fixed) > 0 {
		t.Errorf("%v %v", known, fixed)
	}
}

// The file is the same whatever the order of the findings, reads back, and
// has a line an entry.
func TestEncode(t *testing.T) {
	var findings []baseline.Finding
	for i := range 50 {
		findings = append(findings, at(i%7+1, fmt.Sprintf("E%d", i%5), fmt.Sprintf("Resources/<R%d>", i%11)))
	}
	source := text("a", "b", "c", "d", "e", "f", "g")
	b := baseline.New(findings, source)
	want, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		rand.Shuffle(len(findings), func(i, j int) { findings[i], findings[j] = findings[j], findings[i] })
		if got, err := baseline.New(findings, source).Encode(); err != nil || string(got) != string(want) {
			t.Fatal("the file depends on the order")
		}
	}
	again, err := baseline.Decode(want)
	if err != nil || !reflect.DeepEqual(again, b) || again.Len() != 50 {
		t.Errorf("%v: it does not read back", err)
	}
	if !strings.Contains(string(want), "<R1>") || strings.Count(string(want), "\n") != 50+5 {
		t.Errorf("%s", want)
	}
	empty, err := baseline.New(nil, nil).Encode()
	if err != nil || string(empty) != "{\n  \"version\": 1,\n  \"findings\": []\n}\n" {
		t.Errorf("%q", empty)
	}
}

func TestDecodeFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "cannot be read",
		"[]":                                "cannot be read",
		`{"version": 2, "findings": []}`:    "version 2",
		`{"version": 1, "finding": []}`:     "unknown field",
		`{"version": 1, "findings": [{}]}`:  "entry 1",
		`{"version": 1, "findings": ["a"]}`: "cannot be read",
		`{"findings": [{"file":"a"}]}`:      "version 0",
		"<<<<<<< HEAD\n{\"version\": 1}\n":  "cannot be read",
	} {
		if _, err := baseline.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever is known, findings are parted and none is lost; a baseline of the
// findings themselves knows them all.
func FuzzApply(f *testing.F) {
	f.Add([]byte("abcabc"), []byte("bca"), "x\ny\nz")
	f.Fuzz(func(t *testing.T, a, b []byte, source string) {
		make := func(bytes []byte) []baseline.Finding {
			var list []baseline.Finding
			for _, c := range bytes {
				list = append(list, at(int(c%5), fmt.Sprintf("E%d", c%3), fmt.Sprintf("A/%d/%d", c%4, c%2)))
			}
			return list
		}
		old, now := make(a), make(b)
		base := baseline.New(old, text(source))
		known, fixed := base.Apply(now, text(source), everyFile)
		left, matched := 0, 0
		for _, e := range fixed {
			left += max(e.Count, 1)
		}
		for _, k := range known {
			if k {
				matched++
			}
		}
		if len(known) != len(now) || matched+left != len(old) {
			t.Errorf("%d known of %d, %d left of %d", matched, len(now), left, len(old))
		}
		if known, fixed := base.Apply(old, text(source), everyFile); slices.Contains(known, false) || len(fixed) > 0 {
			t.Errorf("%v %v", known, fixed)
		}
		if base.Without(fixed).Len() != matched {
			t.Errorf("%d entries are left for %d findings", base.Without(fixed).Len(), matched)
		}
	})
}
