package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// two corpora of one template each: rule E1000 agrees once and is missed once,
// E2000 is at another path, W3000 is extra, EK is nobody's business.
func example() *comparison {
	c := &comparison{}
	theirs := map[string]answer{
		"a.yaml": {answered: true, Findings: []finding{{"E1000", "Resources/A/0", 3, ""}, {"E2000", "Outputs/A", 9, ""}}},
		"b.yaml": {answered: true, Findings: []finding{{"E1000", "Resources/B", 3, ""}}},
		"c.yaml": {answered: true, Error: "AttributeError"},
		"d.yaml": {answered: true, Findings: []finding{}},
	}
	ours := map[string]answer{
		"a.yaml": {answered: true, Findings: []finding{{"E1000", "Resources/A/0", 4, "x"}, {"E1000", "Resources/A/0", 4, "y"}, {"E2000", "Outputs/A/Value", 9, "z"}, {"EK1000", "", 1, ""}}},
		"b.yaml": {answered: true, Error: "crash: exit status 2"},
		"d.yaml": {answered: true, Incomplete: true, Findings: []finding{{"W3000", "", 1, "extra"}}},
	}
	c.add(corpus{name: "x", files: []string{"a.yaml", "b.yaml", "c.yaml", "d.yaml", "unknown.yaml"}}, theirs, ours)
	return c
}

func TestCompare(t *testing.T) {
	c := example()
	for rule, want := range map[string][3]int{"E1000": {1, 0, 1}, "E2000": {0, 1, 1}, "W3000": {0, 1, 0}} {
		if s := c.Rules[rule]; s == nil || [3]int{s.TP, s.FP, s.FN} != want {
			t.Errorf("%s: %+v, want tp, fp, fn = %v", rule, s, want)
		}
	}
	if len(c.Rules) != 3 || c.Templates != 3 || len(c.Lines["E1000"]) != 1 {
		t.Errorf("%d rules, %d templates, %d other lines", len(c.Rules), c.Templates, len(c.Lines))
	}
	if crashes, unfinished, theirs := c.failed(); crashes != 1 || unfinished != 1 || theirs != 1 {
		t.Errorf("%d crashes, %d unfinished, %d of theirs", crashes, unfinished, theirs)
	}
	if d := c.Rules["E2000"].Differ; len(d) != 2 || d[0].Near != "Outputs/A/Value" || d[1].Near != "Outputs/A" {
		t.Errorf("the two sides of E2000 are not paired: %+v", d)
	}
}

// E1000 has recall 1/2 and precision 1, E2000 none of either.
func TestAveragesCountRulesNotFindings(t *testing.T) {
	a := example().averages('E')
	if a.Rules != 2 || math.Abs(a.Recall-0.25) > 1e-9 || math.Abs(a.Precision-0.5) > 1e-9 {
		t.Errorf("%+v", a)
	}
	if w := example().averages('W'); w.Rules != 0 || w.Precision != 0 {
		t.Errorf("%+v", w)
	}
}

func TestWorstFirst(t *testing.T) {
	all := example().worst()
	if all[0].Rule != "E2000" || all[1].Rule != "W3000" || all[2].Rule != "E1000" {
		t.Errorf("%s, %s, %s", all[0].Rule, all[1].Rule, all[2].Rule)
	}
}

func TestPrint(t *testing.T) {
	var b strings.Builder
	example().print(&b, options{show: -1, rules: "E2,W", info: true}, verdicts{{Rule: "W3000", Verdict: "theirs", Reason: "because"}})
	for _, want := range []string{
		"E2000       0      1      1    0.0%      0.0%",
		"- missing x/a.yaml:9 Outputs/A   (other side: Outputs/A/Value)",
		"+ extra   x/d.yaml:1 (template)   \"extra\"   [theirs]",
		"FAILED x/b.yaml: crash: exit status 2",
	} {
		if !strings.Contains(strings.ReplaceAll(b.String(), "extra    x", "extra   x"), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "E1000") {
		t.Errorf("E1000 was not asked for:\n%s", b.String())
	}
}

func TestVerdictsApply(t *testing.T) {
	d := disagreement{Corpus: "x", File: "bad/a.yaml", Rule: "E1000", Path: "Resources/A/Properties/B"}
	tests := []struct {
		v    verdict
		want bool
	}{
		{verdict{Rule: "E1000"}, true},
		{verdict{Rule: "E1001"}, false},
		{verdict{Rule: "E1000", Side: "missing"}, true},
		{verdict{Rule: "E1000", Side: "extra"}, false},
		{verdict{Rule: "E1000", File: "x/bad/*.yaml"}, true},
		{verdict{Rule: "E1000", File: "y/**"}, false},
		{verdict{Rule: "E1000", Path: "Resources/*/Properties/*"}, true},
		{verdict{Rule: "E1000", Path: "Resources/*/Properties"}, false},
		{verdict{Rule: "E1000", Path: "Resources/**"}, true},
		{verdict{Rule: "E1000", Path: "Outputs/**"}, false},
		{verdict{Rule: "E1000", Path: "Resources/*/Prop**"}, true},
		{verdict{Rule: "E1000", Path: "Resources/*/Meta**"}, false},
		{verdict{Rule: "E1000", Path: "**"}, true},
	}
	for _, tt := range tests {
		if got := (verdicts{tt.v}).of(d) != nil; got != tt.want {
			t.Errorf("%+v applies: %t", tt.v, got)
		}
	}
}

func TestVerdictsOfThisRepository(t *testing.T) {
	if _, err := readVerdicts("verdicts.yaml"); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		"- {rule: E1, verdict: theirs, reason: x}", "- {rule: E1000, verdict: maybe, reason: x}",
		"- {rule: E1000, verdict: theirs}", "- {rule: E1000, verdict: theirs, reason: x, side: left}",
		"- {rule: E1000, verdict: theirs, reason: x, path: '['}", "- [",
	} {
		name := filepath.Join(t.TempDir(), "v.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := readVerdicts(name); err == nil {
			t.Errorf("%s is accepted: %+v", text, v)
		}
	}
}

func TestDocs(t *testing.T) {
	name := filepath.Join(t.TempDir(), "parity.md")
	begin, end := marks("own")
	if err := os.WriteFile(name, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := verdicts{{Rule: "W3000", Verdict: "deliberate", Reason: "two\nlines"}}
	if err := writeDocs(name, "own", example(), table, true); err == nil {
		t.Error("what is old counts as current")
	}
	if err := writeDocs(name, "own", example(), table, false); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(name, "own", example(), table, true); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"before\n", "after\n", "| errors | 2 | 25.0 % | 50.0 % | 1 | 2 | 1 |", "**deliberate**: two lines",
		"| E1000 | missing | 1 | `b.yaml` at `Resources/B` | **open** |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if writeDocs(name, "public", example(), table, false) == nil {
		t.Error("a section that is not there is written")
	}
}

func TestReferenceFilesAreReadAsTheyAreWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.ref.json")
	answers := map[string]answer{
		"a.yaml": {Findings: []finding{{"E1000", "Resources/A/0", 3, ""}}},
		"b.yaml": {Error: "timeout"},
		"c.yaml": {Findings: []finding{}},
	}
	if err := writeRef(name, answers); err != nil {
		t.Fatal(err)
	}
	got, err := readRef(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got["a.yaml"].Findings[0] != answers["a.yaml"].Findings[0] || got["b.yaml"].Error != "timeout" || !got["c.yaml"].known() {
		t.Errorf("%+v", got)
	}
}
