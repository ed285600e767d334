package condition

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// work asks a set everything that a validation asks.
func work(s *Set, item, root *template.Node) int {
	count := 0
	list := root.Get("Body").Get("List")
	for range s.Root().Instances(list, Functions{If: true, Ref: true}) {
		count++
	}
	names := s.Names()
	wanted := make([]Wanted, len(names))
	status := s.Root()
	for i, name := range names {
		wanted[i] = Wanted{Name: name}
		s.Region(name, "us-east-1")
		s.Implies(Scenario{{names[(i+7)%len(names)], true}}, name)
		if next, ok := status.Evolve(name, i%2 == 0); ok {
			status = next
			status.Satisfiable(refMap{"AWS::Region": "us-east-1", "E": "v1"})
		}
	}
	return count + len(s.Scenarios(wanted...)) + len(s.Objects(list))
}

func BenchmarkInterdependent(b *testing.B) {
	for _, n := range []int{6, 12, 24, 48, 96} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, root := load(b, conditionalItems(n))
			gaps := 0
			for b.Loop() {
				s := New(root.Get("Conditions"), nil, root.Get("Parameters"))
				work(s, nil, root)
				gaps = s.Gaps()
			}
			b.ReportMetric(float64(gaps), "gaps")
		})
	}
}

// BenchmarkIndependentItems is the case that other validators hang on: n list
// items, each under a condition of its own parameter.
func BenchmarkIndependentItems(b *testing.B) {
	for _, n := range []int{8, 16, 24, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("Conditions:\n")
			for i := range n {
				fmt.Fprintf(&text, "  C%d: !Equals [!Ref P%d, x]\n", i, i)
			}
			text.WriteString("Body: {List: [")
			for i := range n {
				fmt.Fprintf(&text, "!If [C%d, a, !Ref AWS::NoValue], ", i)
			}
			text.WriteString("]}\n")
			_, root := load(b, text.String())
			for b.Loop() {
				s := New(root.Get("Conditions"), nil, nil)
				for range s.Root().Instances(root.Get("Body").Get("List"), Functions{If: true, Ref: true}) {
				}
			}
		})
	}
}

func BenchmarkSmallTemplate(b *testing.B) {
	_, root := load(b, environments)
	for b.Loop() {
		s := New(root.Get("Conditions"), nil, root.Get("Parameters"))
		s.Root().Evolve("Dev", true)
		s.Implies(Scenario{{"Dev", true}}, "NotProd")
	}
}

func BenchmarkKnownStep(b *testing.B) {
	s, _ := load(b, environments)
	status := s.Root()
	for b.Loop() {
		status.Evolve("Dev", true)
	}
}
