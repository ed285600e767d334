package benchmark_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
)

var update = flag.Bool("update", false, "write the schema and the table of the corpus")

const corpus = "../../../testdata/evasion"

var loaded = sync.OnceValues(func() ([]benchmark.Case, error) { return benchmark.Load(os.DirFS(corpus)) })

func load(t *testing.T) []benchmark.Case {
	t.Helper()
	cases, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(cases)
}

// score puts every case to the healer.
func score(t *testing.T, h benchmark.Healer) (benchmark.Score, []benchmark.Verdict) {
	t.Helper()
	var s benchmark.Score
	var all []benchmark.Verdict
	for _, c := range load(t) {
		v := benchmark.Run(t.Context(), c, h)
		s.Add(v)
		all = append(all, v)
	}
	return s, all
}

func TestCorpus(t *testing.T) {
	s, verdicts := score(t, benchmark.Evenkeel{})
	for _, v := range verdicts {
		for _, fault := range v.Faults {
			t.Errorf("%s (%s): %s", v.ID, v.Title, fault)
		}
	}
	if s.MustFire.Cases < 80 || s.MustBeSilent.Cases < 50 {
		t.Errorf("the corpus has %+v cases", s)
	}
	t.Log(s)
}

type answer func(c benchmark.Case) benchmark.Answer

func (f answer) Heal(_ context.Context, c benchmark.Case) (benchmark.Answer, error) { return f(c), nil }

// TestCorpusTells: whoever does nothing passes nothing that must be closed, and
// whoever closes all ingress of the groups passes nothing that must be left.
func TestCorpusTells(t *testing.T) {
	silent, _ := score(t, answer(func(benchmark.Case) benchmark.Answer { return benchmark.Answer{Action: benchmark.None} }))
	if silent.MustFire.Passed != 0 || silent.MustBeSilent.Passed != silent.MustBeSilent.Cases || silent.MustFire.Fired != 0 {
		t.Errorf("who does nothing: %v", silent)
	}
	every, _ := score(t, answer(func(c benchmark.Case) benchmark.Answer {
		a := benchmark.Answer{Action: benchmark.Close}
		for _, r := range c.Question().After.Rules {
			if !r.Egress {
				a.Rules = append(a.Rules, r.RuleID)
			}
		}
		return a
	}))
	if every.MustFire.Passed != 0 || every.MustBeSilent.Passed != 0 {
		t.Errorf("who closes everything: %v", every)
	}
}

// TestQuestion: a question does not give the answer away.
func TestQuestion(t *testing.T) {
	for _, c := range load(t) {
		question, err := json.Marshal(c.Question())
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{`"expected"`, `"kind"`, `"why"`, `"title"`, string(c.Kind)} {
			if bytes.Contains(question, []byte(word)) {
				t.Errorf("%s: the question has %s", c.ID, word)
			}
		}
	}
}

// TestAfter: what is stated is what replay derives, unless the case says why
// not. Decode refuses anything else; here both kinds have to exist.
func TestAfter(t *testing.T) {
	derived, stated := 0, 0
	for _, c := range load(t) {
		if c.After == nil {
			derived++
		} else {
			stated++
		}
	}
	if derived < 100 || stated < 10 {
		t.Errorf("%d cases derive the state after the event, %d state it", derived, stated)
	}
	c := read(t, "halves")
	c["after"] = map[string]any{"groups": c["before"].(map[string]any)["groups"], "rules": c["before"].(map[string]any)["rules"]}
	if _, err := decode(t, "halves", c); err == nil || !strings.Contains(err.Error(), `"cidrIpv4": "128.0.0.0/1"`) {
		t.Errorf("a wrong after: %v", err)
	}
}

func read(t *testing.T, id string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, id+".json"))
	if err != nil {
		t.Fatal(err)
	}
	c := map[string]any{}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func decode(t *testing.T, id string, c map[string]any) (benchmark.Case, error) {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return benchmark.Decode(id, data)
}

// TestDecodeIsStrict changes one thing of a good case.
func TestDecodeIsStrict(t *testing.T) {
	for name, test := range map[string]struct {
		change func(c map[string]any)
		want   string
	}{
		"an unknown key":             {func(c map[string]any) { c["expect"] = 1 }, "expect"},
		"another id":                 {func(c map[string]any) { c["id"] = "other" }, "other"},
		"no reason":                  {func(c map[string]any) { c["why"] = "" }, "why"},
		"a kind that does not fit":   {func(c map[string]any) { c["kind"] = "must-be-silent" }, "does not go with"},
		"an unknown kind":            {func(c map[string]any) { c["kind"] = "maybe" }, "does not go with"},
		"a policy with a typing":     {func(c map[string]any) { c["policy"] = map[string]any{"modes": "enforce"} }, "modes"},
		"an unknown delivery":        {func(c map[string]any) { c["delivery"] = "thrice" }, "delivery"},
		"a rule that is not there":   {func(c map[string]any) { expected(c)["rules"] = []any{"sgr-00000000000000000"} }, "no rule"},
		"no rules":                   {func(c map[string]any) { delete(expected(c), "rules") }, "expected.rules"},
		"an unknown way":             {func(c map[string]any) { expected(c)["how"] = "delete" }, "expected.how"},
		"afterBecause without after": {func(c map[string]any) { c["afterBecause"] = "x" }, "afterBecause"},
		"a rule of no group":         {func(c map[string]any) { rule(c)["groupId"] = "sg-00000000000000000" }, "no group"},
		"a rule without source":      {func(c map[string]any) { delete(rule(c), "cidrIpv4") }, "one source"},
		"a CIDR as typed":            {func(c map[string]any) { rule(c)["cidrIpv4"] = "192.0.2.1/0" }, "EC2 shows"},
	} {
		c := read(t, "halves")
		test.change(c)
		if _, err := decode(t, "halves", c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func expected(c map[string]any) map[string]any { return c["expected"].(map[string]any) }

func rule(c map[string]any) map[string]any {
	return c["before"].(map[string]any)["rules"].([]any)[0].(map[string]any)
}

// TestSchema: the schema is the one that the types make, and every case is
// valid by it.
func TestSchema(t *testing.T) {
	want, err := benchmark.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(corpus, "format", "case.schema.json"), want)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("case.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("case.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range load(t) {
		if err := schema.Validate(read(t, c.ID)); err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
	}
	wrong := read(t, "halves")
	wrong["kind"] = "maybe"
	if err := schema.Validate(wrong); err == nil {
		t.Error("the schema takes any kind")
	}
}

const tableBegin, tableEnd = "<!-- table: go test ./shared/healing/benchmark -update -->\n", "<!-- end of table -->"

// TestTable: the table in the corpus's README lists every case.
func TestTable(t *testing.T) {
	name := filepath.Join(corpus, "README.md")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatal("README.md has no place for the table")
	}
	golden(t, name, []byte(before+tableBegin+benchmark.Table(load(t))+tableEnd+after))
}

func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: go test ./shared/healing/benchmark -update", name)
	}
}

// TestFormat: files end with a line feed and have no line longer than a screen.
func TestFormat(t *testing.T) {
	for _, c := range load(t) {
		data, err := os.ReadFile(filepath.Join(corpus, c.ID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(data), "\n")
		if lines[len(lines)-1] != "" || slices.ContainsFunc(lines, func(l string) bool { return len(l) > 400 }) {
			t.Errorf("%s: want lines of at most 400 bytes and one at the end", c.ID)
		}
	}
}
