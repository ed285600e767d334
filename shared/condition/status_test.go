package condition

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
)

// load parses a template and returns its set and tree.
func load(t testing.TB, text string) (*Set, *template.Node) {
	t.Helper()
	root, err := template.ParseNode("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return New(root.Get("Conditions"), root.Get("Rules"), root.Get("Parameters")), root
}

const environments = `
Parameters:
  Env: {Type: String, AllowedValues: [dev, test, prod]}
  Other: {Type: String}
Conditions:
  Dev: !Equals [!Ref Env, dev]
  Test: !Equals [!Ref Env, test]
  Prod: !Equals [prod, !Ref Env]
  NotProd: !Not [!Condition Prod]
  Both: !And [!Condition Dev, !Condition Prod]
  X: !Equals [!Ref Other, x]
  Y: !Equals [!Ref Other, y]
  Constant: !Equals [a, b]
  Missing: !Not [!Condition Nowhere]
  Self: !Not [!Condition Self2]
  Broken: !Equals [a]
  Broken2: !Or notalist
`

func TestEvolve(t *testing.T) {
	// Self2 does not exist in this template, so Self is free.
	for _, c := range []struct {
		assumed string
		want    bool
	}{
		{"Dev", true},
		{"Dev Test", false},
		{"Dev !Test !Prod", true},
		{"!Dev !Test !Prod", false},
		{"!Dev !Test Prod", true},
		{"Both", false},
		{"Prod NotProd", false},
		{"!Prod !NotProd", false},
		{"X Y", true},         // no AllowedValues: nothing is known of Other
		{"Constant", true},    // constants are not evaluated here
		{"Missing", true},     // depends on what does not exist
		{"Broken Self", true}, // broken ones are free …
		{"Broken !Broken2", false},
		{"Broken Broken2", true}, // … but all have one value
		{"Dev !Dev", false},
		{"Nobody Dev", true},
	} {
		t.Run(c.assumed, func(t *testing.T) {
			s, _ := load(t, environments)
			status, ok := s.Root().EvolveAll(parseAssumptions(c.assumed)...)
			if ok != c.want {
				t.Fatalf("got %v", ok)
			}
			if !ok && status != s.Root() {
				t.Error("a refused step must leave the status")
			}
			if s.Gaps() != 0 {
				t.Error("the budget was not enough")
			}
		})
	}
}

func parseAssumptions(text string) Scenario {
	var out Scenario
	for _, word := range strings.Fields(text) {
		name, no := strings.CutPrefix(word, "!")
		out = append(out, Assumption{name, !no})
	}
	return out
}

func TestStatusIsComparable(t *testing.T) {
	s, _ := load(t, environments)
	a, _ := s.Root().EvolveAll(parseAssumptions("Dev X")...)
	b, _ := s.Root().EvolveAll(parseAssumptions("X Dev Dev")...)
	if a != b {
		t.Error("one set of assumptions, two statuses")
	}
	c, _ := s.Root().EvolveAll(parseAssumptions("Dev !X")...)
	if a == c {
		t.Error("two sets of assumptions, one status")
	}
	if got := fmt.Sprint(c.Scenario()); got != "[{Dev true} {X false}]" {
		t.Error(got)
	}
	if v, known := c.Value("X"); v || !known {
		t.Error("X")
	}
	if _, known := c.Value("Y"); known || c.Len() != 2 {
		t.Error("Y")
	}
}

func TestZeroStatus(t *testing.T) {
	var s Status
	if next, ok := s.Evolve("A", true); !ok || next != s || s.Satisfiable(nil) != Yes || s.Len() != 0 {
		t.Error("the zero status knows no condition")
	}
	empty := New(nil, nil, nil)
	if empty.Root() != s || empty.Names() != nil || empty.Known("A") || empty.Scenarios(Wanted{Name: "A"}) != nil {
		t.Error("a template without conditions")
	}
	_, root := load(t, `{A: !If [C, 1, !Ref AWS::NoValue], B: !Ref AWS::NoValue}`)
	for n := range s.Instances(root, Functions{If: true, Ref: true}) {
		if len(n.Entries) != 1 || n.Get("A") != root.Get("A") {
			t.Errorf("%v", n.Value())
		}
	}
}

func TestInstances(t *testing.T) {
	s, root := load(t, environments+`
Body:
  A: !If [Dev, {Deep: !If [X, 1, 2]}, !Ref AWS::NoValue]
  B: [!If [Prod, [inner], plain], !Ref AWS::NoValue]
  C: kept
`)
	body := root.Get("Body")
	var got []string
	for n, status := range s.Root().Instances(body, Functions{If: true, Ref: true}) {
		got = append(got, fmt.Sprint(status.Scenario(), " ", show(n.Value())))
		if n.Line != body.Line {
			t.Error("an instance stands where its node stands")
		}
		if v := n.Get("A"); v != nil && v != body.Get("A").Entries[0].Value.Items[1] {
			t.Error("a branch is the node of the template")
		}
	}
	want := []string{
		`[{Dev true} {Prod false}] {"A":{"Deep":{"Fn::If":["X",1,2]}},"B":["plain"],"C":"kept"}`,
		`[{Dev false} {Prod true}] {"B":[["inner"]],"C":"kept"}`,
		`[{Dev false} {Prod false}] {"B":["plain"],"C":"kept"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	prod, _ := s.Root().Evolve("Prod", true)
	count := 0
	for n := range prod.Instances(body, Functions{}) { // no function means anything here
		count++
		if len(n.Entries) != 3 || !isIf(n.Get("A")) {
			t.Errorf("%v", n.Value())
		}
	}
	if count != 1 { // Dev cannot be true
		t.Errorf("%d instances", count)
	}
}

func TestPlainInstanceIsFree(t *testing.T) {
	s, root := load(t, environments+"\nBody: {A: {Fn::Sub: x}, B: [1, {C: !If [Dev, 1, 2]}], D: !Ref Env}\n")
	body, status := root.Get("Body"), s.Root()
	if n := testing.AllocsPerRun(100, func() {
		for n, st := range status.Instances(body, Functions{If: true, Ref: true}) {
			if n != body || st != status {
				t.Fatal("changed")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { status.Evolve("Dev", true) }); n != 0 {
		t.Errorf("%v allocations for a known step", n)
	}
}

func TestSwapped(t *testing.T) {
	s, root := load(t, `
Conditions:
  Yes: !Equals [!Ref A, abc]
  No: !Equals [abc, !Ref A]
  Refs: !Equals [!Ref B, !Ref A]
  Twice: !Equals [!GetAtt A.x, !GetAtt B.x]
  Uses: !Condition Twice
  Never: !And [!Equals [1], !Equals [!Ref A, abc]]
`)
	c := root.Get("Conditions")
	for name, want := range map[string]bool{"Yes": true, "No": false, "Refs": true, "Twice": false} {
		if got := s.Swapped(c.Get(name).Entries[0].Value); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	sorted := s.Sorted()
	if got := show(sorted.Get("Yes").Value()); got != `{"Fn::Equals":["abc",{"Ref":"A"}]}` || sorted.Get("No") != c.Get("No") {
		t.Error(got)
	}
	if c.Get("Yes").Entries[0].Value.Items[1].Text != "abc" {
		t.Error("the template itself must not change")
	}
	if s.Swapped(c.Get("Never").Entries[0].Value.Items[1].Entries[0].Value) {
		t.Error("what follows a broken operand is not sorted")
	}
}

// TestVoided: cfn-lint gives up on all conditions when AllowedValues is a scalar.
func TestVoided(t *testing.T) {
	s, _ := load(t, `
Parameters: {P: {Type: String, AllowedValues: one}}
Conditions: {C: !Equals [!Ref P, one]}
`)
	if s.Known("C") || len(s.Names()) != 0 {
		t.Error("C is known")
	}
	if next, ok := s.Root().Evolve("C", true); !ok || next != s.Root() {
		t.Error("C is followed")
	}
	if !s.Valid("C") {
		t.Error("the template's model knows C")
	}
}

// TestRepeatedAllowedValue: a value listed twice must be compared with twice
// before it counts as covered.
func TestRepeatedAllowedValue(t *testing.T) {
	for conditions, possible := range map[string]bool{
		"A: !Equals [!Ref P, x]":                           true,
		"A: !Equals [!Ref P, x]\n  B: !Not [!Condition A]": false,
	} {
		s, _ := load(t, "Parameters: {P: {Type: String, AllowedValues: [x, x]}}\nConditions:\n  "+conditions+"\n")
		if _, ok := s.Root().Evolve("A", false); ok != possible {
			t.Errorf("%s: %v", conditions, ok)
		}
	}
}

func TestBudget(t *testing.T) {
	s, _ := load(t, pigeons(9))
	s.Limit(20_000)
	start := time.Now()
	if _, ok := s.Root().Evolve("All", true); !ok {
		t.Error("what is not decided must be followed")
	}
	if s.Gaps() == 0 {
		t.Error("a gap that nobody hears of")
	}
	if s.Implies(Scenario{{"All", true}}, "Nothing") || s.Scenarios(Wanted{Name: "All", True: true}) == nil {
		t.Error("undecided")
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Error(d)
	}
}

// pigeons is the statement that n+1 pigeons fit in n holes, hard to refute.
func pigeons(n int) string {
	var b strings.Builder
	b.WriteString("Conditions:\n")
	at := func(p, h int) string { return fmt.Sprintf("!Equals [!Ref P%dx%d, a]", p, h) }
	var all []string
	for p := range n + 1 {
		var or []string
		for h := range n {
			or = append(or, at(p, h))
		}
		all = append(all, "!Or ["+strings.Join(or, ", ")+"]")
	}
	for h := range n {
		for p := range n + 1 {
			for q := range p {
				all = append(all, "!Not [!And ["+at(p, h)+", "+at(q, h)+"]]")
			}
		}
	}
	fmt.Fprintf(&b, "  All: !And [%s]\n  Nothing: !Equals [!Ref Q, a]\n", strings.Join(all, ", "))
	return b.String()
}
