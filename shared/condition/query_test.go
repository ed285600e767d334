package condition

import (
	"fmt"
	"testing"
)

const strictText = `
Parameters:
  Env: {Type: String, AllowedValues: [dev, prod]}
  Size: {Type: String}
Rules:
  Big:
    RuleCondition: !Equals [!Ref Env, prod]
    Assertions: [{Assert: !Equals [!Ref Size, big]}]
  Ignored:
    Assertions: [{Assert: {Fn::Contains: [[a], !Ref Size]}}]
Conditions:
  Dev: !Equals [!Ref Env, dev]
  Prod: !Equals [!Ref Env, prod]
  Stage: !Equals [!Ref Env, stage]
  Big: !Equals [!Ref Size, big]
  Small: !Equals [!Ref Size, small]
  Home: !Equals [!Ref AWS::Region, us-east-1]
  HomeProd: !And [!Condition Home, !Condition Prod]
  Opaque: !Equals [!FindInMap [a, b, c], x]
Resources:
  Always: {Type: T}
  OnlyProd: {Type: T, Condition: Prod}
  Reader:
    Type: T
    Condition: HomeProd
    Properties: {A: !If [Dev, {B: 1}, {C: 2}]}
`

func TestImplies(t *testing.T) {
	s, _ := load(t, strictText)
	for _, c := range []struct {
		assumed, name string
		want          bool
	}{
		{"HomeProd", "Prod", true},
		{"HomeProd", "Big", true}, // by the rule
		{"Prod", "Home", false},
		{"!Dev", "Prod", true},  // the only other allowed value
		{"Stage", "Home", true}, // impossible, so it implies everything
		{"Dev", "Nobody", true}, // not valid
		{"Nobody", "Dev", true},
		{"!Dev", "Dev", false},
		{"", "Dev", false},
	} {
		if got := s.Implies(parseAssumptions(c.assumed), c.name); got != c.want {
			t.Errorf("%q implies %s: %v", c.assumed, c.name, got)
		}
	}
}

func TestSatisfiable(t *testing.T) {
	s, _ := load(t, strictText)
	for _, c := range []struct {
		assumed string
		refs    refMap
		want    Truth
	}{
		{"", nil, Yes},
		{"Dev", refMap{"Env": "dev"}, Yes},
		{"Dev", refMap{"Env": "prod"}, No},
		{"!Dev", refMap{"Env": "prod"}, Yes},
		{"HomeProd", refMap{"AWS::Region": "eu-west-1"}, No},
		{"HomeProd", refMap{"AWS::Region": "us-east-1", "Env": "prod"}, Yes},
		{"Small", refMap{"AWS::Region": "us-east-1"}, Yes},
		{"Opaque", refMap{"AWS::Region": "us-east-1"}, Unknown},
		{"Opaque", nil, Yes},
	} {
		status, ok := s.Root().EvolveAll(parseAssumptions(c.assumed)...)
		if !ok {
			t.Fatalf("%q", c.assumed)
		}
		if got := status.Satisfiable(c.refs); got != c.want {
			t.Errorf("%q with %v: %v, want %v", c.assumed, c.refs, got, c.want)
		}
	}
}

// TestLoop: a condition that depends on itself is not valid, nor is what uses
// it; for the walk, one that contradicts itself makes every step impossible.
func TestLoop(t *testing.T) {
	s, _ := load(t, `
Conditions:
  Fine: !Equals [!Ref A, a]
  Loop: !Not [!Condition Loop]
  Uses: !Or [!Condition Loop, !Condition Fine]
`)
	if s.Valid("Loop") || s.Valid("Uses") || !s.Valid("Fine") {
		t.Error("validity")
	}
	if _, ok := s.Root().Evolve("Fine", true); ok {
		t.Error("the walk's model can be satisfied")
	}
	if !s.Implies(Scenario{{"Fine", true}}, "Loop") || s.Implies(nil, "Fine") {
		t.Error("implied")
	}
}

func TestRegion(t *testing.T) {
	s, _ := load(t, strictText)
	for _, c := range []struct {
		name, region          string
		canBeTrue, canBeFalse bool
	}{
		{"Home", "us-east-1", true, false},
		{"Home", "eu-west-1", false, true},
		{"HomeProd", "us-east-1", true, true},
		{"HomeProd", "eu-west-1", false, true},
		{"Dev", "us-east-1", true, true},
		{"Nobody", "us-east-1", true, true},
	} {
		for range 2 {
			if a, b := s.Region(c.name, c.region); a != c.canBeTrue || b != c.canBeFalse {
				t.Errorf("%s in %s: %v, %v", c.name, c.region, a, b)
			}
		}
	}
}

func TestScenarios(t *testing.T) {
	s, _ := load(t, strictText)
	for _, c := range []struct {
		wanted []Wanted
		want   string
	}{
		{[]Wanted{{Name: "Prod"}, {Name: "Small"}}, "[[{Prod true} {Small false}] [{Prod false} {Small true}] [{Prod false} {Small false}]]"},
		{[]Wanted{{Name: "Prod", True: true}, {Name: "Big"}}, "[[{Big true} {Prod true}]]"},
		{[]Wanted{{Name: "Stage", True: true}}, "[]"},
		{[]Wanted{{Name: "Dev"}, {Name: "Nobody"}}, "[]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(s.Scenarios(c.wanted...)); got != c.want {
			t.Errorf("%v: %s", c.wanted, got)
		}
	}
}

func TestUnavailable(t *testing.T) {
	s, root := load(t, strictText)
	for _, c := range []struct {
		path     []string
		resource string
		want     string
	}{
		{[]string{"Resources", "Always", "Properties"}, "OnlyProd", "[[{Prod false}]]"},
		{[]string{"Resources", "Reader", "Properties"}, "OnlyProd", "[]"},
		{[]string{"Resources", "Reader", "Properties", "A", "Fn::If", "1"}, "Always", "[]"},
		{[]string{"Resources", "OnlyProd", "Properties"}, "Reader", "[[{HomeProd false} {Prod true}]]"},
		{[]string{"Resources", "OnlyProd"}, "OnlyProd", "[]"},
	} {
		if got := fmt.Sprint(s.Unavailable(root, c.path, c.resource)); got != c.want {
			t.Errorf("%v needs %s: %s", c.path, c.resource, got)
		}
	}
	path := []string{"Resources", "Reader", "Properties", "A", "Fn::If", "2", "C"}
	if got := fmt.Sprint(PathConditions(root, path)); got != "[{Dev false true} {HomeProd true false}]" {
		t.Error(got)
	}
}
