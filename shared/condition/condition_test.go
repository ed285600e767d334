package condition

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// load parses a template and returns its set and tree.
func load(t testing.TB, text string) (*Set, *template.Node) {
	t.Helper()
	parsed, err := template.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	root := parsed.Root
	return New(root.Get("Conditions"), root.Get("Rules"), root.Get("Parameters")), root
}

func TestSmoke(t *testing.T) {
	s, root := load(t, `
Parameters:
  Env: {Type: String, AllowedValues: [dev, prod]}
Conditions:
  Dev: !Equals [!Ref Env, dev]
  Prod: !Equals [!Ref Env, prod]
  Both: !And [!Condition Dev, !Condition Prod]
Resources:
  A: !If [Dev, {X: 1}, {Y: 2}]
`)
	r := s.Root()
	dev, ok := r.Evolve("Dev", true)
	if !ok {
		t.Fatal("Dev")
	}
	if _, ok := dev.Evolve("Prod", true); ok {
		t.Fatal("Dev and Prod")
	}
	if _, ok := r.Evolve("Both", true); ok {
		t.Fatal("Both")
	}
	for n, st := range r.Instances(root.Get("Resources"), Functions{true, true}) {
		t.Log(n.Get("A").Entries, st.Scenario())
	}
	if s.Implies(Scenario{{"Dev", true}}, "Prod") || s.Implies(Scenario{{"Dev", false}}, "Prod") != true {
		t.Fatal("implies")
	}
}
