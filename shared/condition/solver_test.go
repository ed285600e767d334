package condition

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// formula is a random boolean formula read from bytes, for the truth table.
type formula struct {
	data  []byte
	atoms int
}

func (f *formula) next() byte {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return b
}

// expression writes a condition and returns how to evaluate it.
func (f *formula) expression(depth int, before []func(uint) bool, b *strings.Builder) func(uint) bool {
	kind := f.next() % 8
	switch {
	case depth == 0 || kind < 3:
		at := uint(f.next()) % uint(f.atoms)
		fmt.Fprintf(b, "!Equals [!Ref P%d, a]", at)
		return func(row uint) bool { return row>>at&1 == 1 }
	case kind == 3 && len(before) > 0:
		at := int(f.next()) % len(before)
		fmt.Fprintf(b, "!Condition C%d", at)
		return before[at]
	case kind == 4 || kind == 3:
		b.WriteString("!Not [")
		x := f.expression(depth-1, before, b)
		b.WriteString("]")
		return func(row uint) bool { return !x(row) }
	}
	and := kind < 7
	b.WriteString(map[bool]string{true: "!And [", false: "!Or ["}[and])
	var parts []func(uint) bool
	for i := range 2 + f.next()%2 {
		if i > 0 {
			b.WriteString(", ")
		}
		parts = append(parts, f.expression(depth-1, before, b))
	}
	b.WriteString("]")
	return func(row uint) bool {
		for _, p := range parts {
			if p(row) != and {
				return !and
			}
		}
		return and
	}
}

// FuzzAgainstTruthTable compares both models with all rows of a truth table.
// The parameters have no AllowedValues and one comparison each, so the models
// must agree.
func FuzzAgainstTruthTable(f *testing.F) {
	f.Add([]byte{3, 5, 5, 1, 6, 3, 2, 200, 4, 1, 7, 7, 7, 3, 9, 12, 3, 3, 3, 5})
	f.Add([]byte("interdependent conditions of all kinds, each with another shape"))
	for i := range 60 {
		seed := make([]byte, 120)
		x := uint32(i*2654435761 + 1)
		for j := range seed {
			x = x*1664525 + 1013904223
			seed[j] = byte(x >> 24)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := &formula{data: data, atoms: 6}
		var b strings.Builder
		b.WriteString("Conditions:\n")
		var evaluate []func(uint) bool
		for i := range 2 + int(src.next()%6) {
			fmt.Fprintf(&b, "  C%d: ", i)
			evaluate = append(evaluate, src.expression(3, evaluate, &b))
			b.WriteString("\n")
		}
		s, _ := load(t, b.String())
		for pattern := range uint(27) { // each of the last three: free, true, false
			var assumed Scenario
			rest := pattern
			for i := max(0, len(evaluate)-3); i < len(evaluate); i++ {
				if rest%3 > 0 {
					assumed = append(assumed, Assumption{fmt.Sprintf("C%d", i), rest%3 == 1})
				}
				rest /= 3
			}
			checkTable(t, s, assumed, evaluate, b.String())
		}
	})
}

func checkTable(t *testing.T, s *Set, assumed Scenario, evaluate []func(uint) bool, text string) {
	possible, implied := false, true
	for row := range uint(1 << 6) {
		holds := true
		for _, a := range assumed {
			var i int
			fmt.Sscanf(a.Name, "C%d", &i)
			holds = holds && evaluate[i](row) == a.Value
		}
		possible = possible || holds
		implied = implied && (!holds || evaluate[0](row))
	}
	if _, ok := s.Root().EvolveAll(assumed...); ok != possible {
		t.Fatalf("EvolveAll(%v) = %v in\n%s", assumed, ok, text)
	}
	if v, known := assumed.Get("C0"); known && !v {
		return
	}
	if got := s.Implies(assumed, "C0"); got != implied {
		t.Fatalf("Implies(%v, C0) = %v in\n%s", assumed, got, text)
	}
}

// FuzzShapes feeds any text as sections: nothing panics or takes long.
func FuzzShapes(f *testing.F) {
	f.Add(environments)
	f.Add(strictText)
	f.Add("Conditions: {A: !Condition B, B: !And [!Condition A, !Condition B], C: {Fn::Or: []}}\nResources: {T: {Properties: !If [A, !If [C], !Ref AWS::NoValue]}}")
	f.Add("Conditions: [1]\nParameters: {A: {Type: [], AllowedValues: {}}}\nRules: {R: {Assertions: [1, {}], RuleCondition: x}}")
	f.Fuzz(func(t *testing.T, text string) {
		root := parseAny(text)
		if root == nil {
			return
		}
		s := New(root.Get("Conditions"), root.Get("Rules"), root.Get("Parameters"))
		status := s.Root()
		for _, name := range s.Names() {
			if next, ok := status.Evolve(name, len(name)%2 == 0); ok {
				status = next
			}
			s.Region(name, "us-east-1")
			s.Implies(status.Scenario(), name)
			s.Unavailable(root, []string{"Resources", name, "Fn::If", "1"}, name)
		}
		status.Satisfiable(refMap{"AWS::Region": "us-east-1", "Env": "dev"})
		for n := range s.Root().Instances(root, Functions{true, true}) {
			s.Objects(n)
		}
		for _, e := range root.Entries {
			s.Objects(e.Value, "A", "B")
			s.Swapped(e.Value)
		}
	})
}

// chained is n conditions, each defined by the two before it.
func chained(n int) string {
	var b strings.Builder
	b.WriteString("Parameters: {E: {Type: String, AllowedValues: [v0, v1, v2, v3]}}\nConditions:\n")
	for i := range n {
		own := fmt.Sprintf("!Equals [!Ref E, v%d]", i%5)
		if i%3 == 0 {
			own = fmt.Sprintf("!Equals [!Ref P%d, x]", i)
		}
		switch {
		case i < 2:
			fmt.Fprintf(&b, "  C%d: %s\n", i, own)
		case i%2 == 0:
			fmt.Fprintf(&b, "  C%d: !Or [!And [!Condition C%d, %s], !And [!Not [!Condition C%d], !Not [!Condition C%d]]]\n", i, i-1, own, i-1, i-2)
		default:
			fmt.Fprintf(&b, "  C%d: !And [!Or [!Condition C%d, !Not [!Condition C%d]], !Not [%s]]\n", i, i-1, i-2, own)
		}
	}
	return b.String()
}

// conditionalItems is a list of n items, each under its own condition.
func conditionalItems(n int) string {
	var b strings.Builder
	b.WriteString(chained(n) + "Body:\n  List:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - !If [C%d, item%d, !Ref AWS::NoValue]\n", i, i)
	}
	return b.String()
}

// TestHardBounds holds the promise for 24 interdependent conditions and 24
// conditional items in steps of the solver, which do not depend on the machine:
// a million take some twenty milliseconds (go test -bench Interdependent shows
// the time). Far beyond, the budget ends the search and the gaps are counted.
func TestHardBounds(t *testing.T) {
	tests := []struct{ conditions, steps int }{{24, 1_000_000}, {400, DefaultLimit}}
	for _, test := range tests {
		s, root := load(t, conditionalItems(test.conditions))
		count := work(s, root.Get("Body").Get("List").Items[0], root)
		steps := DefaultLimit - s.steps
		t.Logf("%d conditions: %d instances, %d gaps, %d steps", test.conditions, count, s.Gaps(), steps)
		if count == 0 || count > 4*MaxScenarios {
			t.Errorf("%d instances", count)
		}
		// One propagation is finished before the budget is looked at again.
		if steps == 0 || steps > test.steps+test.steps/100 {
			t.Errorf("%d conditions take %d steps, at most %d are expected", test.conditions, steps, test.steps)
		}
	}
}

func parseAny(text string) *template.Node {
	root, err := template.ParseNode("t.yaml", []byte(text))
	if err != nil {
		return nil
	}
	return root
}
