package condition

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// recorded is what cfn-lint answered for one random template; see
// testdata/README.md. Pairs and triples of the recording are lists of any.
type recorded struct {
	Template  json.RawMessage            `json:"template"`
	Sorted    map[string]json.RawMessage `json:"sorted"`
	Names     []string                   `json:"names"`
	Valid     []string                   `json:"valid"`
	Evolve    [][]json.RawMessage        `json:"evolve"`
	Implies   [][]json.RawMessage        `json:"implies"`
	Region    [][]json.RawMessage        `json:"region"`
	Scenarios [][]json.RawMessage        `json:"scenarios"`
	Instances json.RawMessage            `json:"instances"`
	Objects   json.RawMessage            `json:"objects"`
	Part      json.RawMessage            `json:"part"`
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return v
}

func assumptions(m map[string]bool) Scenario {
	var s Scenario
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s = append(s, Assumption{name, m[name]})
	}
	return s
}

func asMap(s Scenario) map[string]bool {
	m := map[string]bool{}
	for _, a := range s {
		m[a.Name] = a.Value
	}
	return m
}

type refMap map[string]string

func (r refMap) Empty() bool { return len(r) == 0 }
func (r refMap) Ref(name string) (*template.Node, bool) {
	v, ok := r[name]
	return &template.Node{Kind: template.String, Text: v}, ok
}

// TestAgainstRecording compares every answer with the recorded one.
// EVENKEEL_CONDITION_RECORDING names a larger recording.
func TestAgainstRecording(t *testing.T) {
	file := "testdata/recorded.json"
	if other := os.Getenv("EVENKEEL_CONDITION_RECORDING"); other != "" {
		file = other
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cases := decode[[]recorded](t, data)
	if len(cases) < 50 {
		t.Fatalf("%d cases recorded", len(cases))
	}
	for i, c := range cases {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			c.check(t)
			if t.Failed() {
				t.Logf("template: %s", c.Template)
			}
		})
	}
}

func (c recorded) check(t *testing.T) {
	root, err := template.ParseNode("t.json", c.Template)
	if err != nil {
		t.Fatal(err)
	}
	s := New(root.Get("Conditions"), root.Get("Rules"), root.Get("Parameters"))
	if !slices.Equal(s.Names(), c.Names) {
		t.Errorf("names %v, want %v", s.Names(), c.Names)
	}
	for _, name := range c.Names {
		if got, want := s.Valid(name), slices.Contains(c.Valid, name); got != want {
			t.Errorf("Valid(%s) = %v", name, got)
		}
	}
	c.checkOrder(t, s, root.Get("Conditions"))
	c.checkEvolve(t, s)
	c.checkImplies(t, s)
	c.checkRegion(t, s)
	c.checkScenarios(t, s)
	properties := root.Get("Resources").Get("T").Get("Properties")
	c.checkInstances(t, s, properties)
	checkObjects(t, "Objects", c.Objects, s.Objects(properties))
	checkObjects(t, "Objects of a, b", c.Part, s.Objects(properties, "a", "b"))
}

func (c recorded) checkOrder(t *testing.T, s *Set, conditions *template.Node) {
	var swap func(n *template.Node) any
	swap = func(n *template.Node) any {
		v := n.Value()
		if n.IsList() {
			out := v.([]any)
			for i := range out {
				out[i] = swap(n.Items[i])
			}
			if s.Swapped(n) {
				out[0], out[1] = out[1], out[0]
			}
		}
		if n.IsMap() {
			for _, e := range n.Entries {
				v.(map[string]any)[e.Key] = swap(e.Value)
			}
		}
		return v
	}
	for _, e := range conditions.Entries {
		if got, want := swap(e.Value), decode[any](t, c.Sorted[e.Key]); !reflect.DeepEqual(got, want) {
			t.Errorf("order of %s: %v, want %v", e.Key, got, want)
		}
	}
}

func (c recorded) checkEvolve(t *testing.T, s *Set) {
	for _, e := range c.Evolve {
		asked := assumptions(decode[map[string]bool](t, e[0]))
		status, ok := s.Root().EvolveAll(asked...)
		want := decode[map[string]bool](t, e[1])
		if ok != (want != nil) {
			t.Errorf("EvolveAll(%v) = %v, want %v", asked, ok, want)
			continue
		}
		if !ok {
			continue
		}
		if got := asMap(status.Scenario()); !maps.Equal(got, want) {
			t.Errorf("EvolveAll(%v) = %v, want %v", asked, got, want)
		}
		for _, q := range decode[[][]json.RawMessage](t, e[2]) {
			refs, want := decode[refMap](t, q[0]), decode[string](t, q[1])
			if got := [...]string{"Unknown", "No", "Yes"}[status.Satisfiable(refs)]; got != want {
				t.Errorf("Satisfiable(%v, %v) = %v, want %v", status.Scenario(), refs, got, want)
			}
		}
	}
}

func (c recorded) checkImplies(t *testing.T, s *Set) {
	for _, q := range c.Implies {
		assumed, name, want := assumptions(decode[map[string]bool](t, q[0])), decode[string](t, q[1]), decode[bool](t, q[2])
		if got := s.Implies(assumed, name); got != want {
			t.Errorf("Implies(%v, %s) = %v", assumed, name, got)
		}
	}
}

func (c recorded) checkRegion(t *testing.T, s *Set) {
	for _, q := range c.Region {
		name, region, want := decode[string](t, q[0]), decode[string](t, q[1]), decode[[]bool](t, q[2])
		canBeTrue, canBeFalse := s.Region(name, region)
		if canBeTrue != slices.Contains(want, true) || canBeFalse != slices.Contains(want, false) {
			t.Errorf("Region(%s, %s) = %v, %v; want %v", name, region, canBeTrue, canBeFalse, want)
		}
	}
}

func (c recorded) checkScenarios(t *testing.T, s *Set) {
	for _, q := range c.Scenarios {
		var wanted []Wanted
		asked := decode[map[string][]bool](t, q[0])
		for _, name := range slices.Sorted(maps.Keys(asked)) {
			wanted = append(wanted, Wanted{name, slices.Contains(asked[name], true), slices.Contains(asked[name], false)})
		}
		var got []string
		for _, scenario := range s.Scenarios(wanted...) {
			got = append(got, show(asMap(scenario)))
		}
		var want []string
		for _, m := range decode[[]map[string]bool](t, q[1]) {
			want = append(want, show(m))
		}
		compare(t, "Scenarios "+show(asked), got, want)
	}
}

func (c recorded) checkInstances(t *testing.T, s *Set, n *template.Node) {
	if strings.HasPrefix(string(c.Instances), `"`) {
		return
	}
	for range 2 { // the second time from memory
		var got, want []string
		for v, status := range s.Root().Instances(n, Functions{If: true, Ref: true}) {
			got = append(got, show(v.Value())+" "+show(asMap(status.Scenario())))
		}
		for _, pair := range decode[[][]any](t, c.Instances) {
			if pair[0] != nil {
				want = append(want, show(pair[0])+" "+show(pair[1]))
			}
		}
		compare(t, "Instances", got, want)
	}
}

func checkObjects(t *testing.T, what string, recorded json.RawMessage, objects []Object) {
	if recorded == nil || strings.HasPrefix(string(recorded), `"`) {
		return
	}
	var got, want []string
	for _, o := range objects {
		if o.Scenario == nil {
			got = append(got, show(o.Node.Value())+" null")
			continue
		}
		got = append(got, show(o.Node.Value())+" "+show(asMap(o.Scenario)))
	}
	for _, pair := range decode[[][]any](t, recorded) {
		want = append(want, show(pair[1])+" "+show(pair[0]))
	}
	compare(t, what, got, want)
}

func show(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// compare ignores order, since cfn-lint's depends on the hash of strings, and
// repetition: it yields each scenario twice for a name that is no condition.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	want = slices.Compact(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
