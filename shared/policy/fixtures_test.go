package policy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

const fixtures = "../../testdata/policies"

// expected reads the findings that a fixture asks for: "# EK1003" at the end of
// the line that a finding is about.
var expected = regexp.MustCompile(`#((?: EK\d{4})+)$`)

func wanted(text string) map[string]bool {
	want := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		if m := expected.FindStringSubmatch(strings.TrimRight(line, " \r")); m != nil {
			for _, id := range strings.Fields(m[1]) {
				want[fmt.Sprintf("%d %s", i+1, id)] = true
			}
		}
	}
	return want
}

func load(t testing.TB, file string) (*template.Template, string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, string(data)
}

func files(t testing.TB, kind string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(fixtures, "*", kind, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s fixtures: %v", kind, err)
	}
	return found
}

// A bad fixture fires exactly the rules that its lines name; every rule has one.
func TestBadFixtures(t *testing.T) {
	fired := map[string]bool{}
	for _, file := range files(t, "bad") {
		t.Run(strings.TrimPrefix(file, fixtures+"/"), func(t *testing.T) {
			parsed, text := load(t, file)
			want, got := wanted(text), map[string]bool{}
			for _, f := range policy.Check(parsed, policy.Scope{}) {
				key := fmt.Sprintf("%d %s", f.Line, f.Rule)
				got[key], fired[f.Rule] = true, true
				if !want[key] {
					t.Errorf("line %s at %s: %s (%s)", key, strings.Join(f.Path, "/"), f.Message, f.Condition)
				}
				if f.Message == "" || f.Column < 1 || len(f.Path) == 0 {
					t.Errorf("incomplete finding %+v", f)
				}
			}
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if !got[key] {
					t.Errorf("line %s: no finding", key)
				}
			}
		})
	}
	for _, rule := range policy.Rules() {
		if !fired[rule.ID] {
			t.Errorf("%s fires on no bad fixture", rule.ID)
		}
	}
}

// A good fixture fires nothing; every type of every rule is in one.
func TestGoodFixtures(t *testing.T) {
	types := map[string]bool{}
	for _, file := range files(t, "good") {
		t.Run(strings.TrimPrefix(file, fixtures+"/"), func(t *testing.T) {
			parsed, _ := load(t, file)
			for _, f := range policy.Check(parsed, policy.Scope{}) {
				t.Errorf("%d: %s at %s: %s (%s)", f.Line, f.Rule, strings.Join(f.Path, "/"), f.Message, f.Condition)
			}
			for _, r := range parsed.Resources.All() {
				types[r.Type] = true
			}
		})
	}
	for _, rule := range policy.Rules() {
		covered := slices.ContainsFunc(rule.Types, func(name string) bool { return types[name] }) || rule.Template != nil
		// What the type itself is reported for has no good form.
		if !covered && !slices.Equal(rule.Types, []string{"AWS::IAM::AccessKey"}) {
			t.Errorf("%s is silent on no good fixture", rule.ID)
		}
	}
}
