package validation_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
	all "github.com/evenkeel/evenkeel/shared/validation/rules"
)

// today is the clock of the fixtures, unless one names a day of its own.
const today = "2026-11-01"

// fixtures is where the templates of the rules are. The test stands here since
// a fixture goes the whole way: transforms, rules, suppressions.
const fixtures = "rules/testdata"

// fixture is a template that fires a rule, as <ID>.yaml holds it: the
// first comment says what is wrong, a line "# want: ID path" names a path at
// which the rule must fire, and "# today: date" sets the clock.
type fixture struct {
	name string
	text []byte
	want []string // "ID path"
	now  time.Time
}

func readFixture(t *testing.T, path string) fixture {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{name: path, text: text, now: day(t, today)}
	if !strings.HasPrefix(string(text), "# ") {
		t.Errorf("%s: the first line must be a comment that says what is wrong", path)
	}
	for line := range strings.Lines(string(text)) {
		comment, is := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !is {
			break
		}
		if want, ok := strings.CutPrefix(comment, "want: "); ok {
			f.want = append(f.want, strings.TrimSpace(want))
		}
		if date, ok := strings.CutPrefix(comment, "today: "); ok {
			f.now = day(t, date)
		}
	}
	slices.Sort(f.want)
	return f
}

func day(t *testing.T, date string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// found validates a template and returns "ID path" of every finding of the
// rules of this package, sorted.
func found(name string, text []byte, now time.Time) []string {
	result := validation.ValidateWith(map[string][]byte{name: text}, validation.Options{
		Now: func() time.Time { return now }, ReadFile: os.ReadFile,
		Settings: validation.Settings{IncludeChecks: []string{"I"}},
	})
	var out []string
	for _, f := range result.Findings {
		if all.Registry().Rule(f.Rule) != nil {
			out = append(out, strings.TrimSpace(f.Rule+" "+f.Path))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// silent are the rules that cannot fire on a template of their own.
var silent = map[string]string{
	"E1103": "each format has a rule of its own, which takes the fault",
	"E2003": "a parameter with such a name is a fault of E2001's",
	"E2010": "the limit is a fault of E2001's",
	"E3008": "a fault of an item belongs to the item's own rule",
	"E3011": "a logical id of such a length is a fault of E3001's",
	"E3652": "the reference's list of instance types is empty",
	"E6004": "an output with such a name is a fault of E6001's",
	"E8002": "the rule of the place that names the condition takes the fault",
	"E8007": "E8001 takes the fault",
	"I2010": "the reference knows this note and never writes it",
	"I2011": "the reference knows this note and never writes it",
	"I7002": "the reference knows this note and never writes it",
	"W2031": "a value of a parameter is a fault of W1030's",
	"W3034": "a value of a parameter is a fault of W1030's",
}

// generated are the rules about sizes: their templates are too large to be kept.
var generated = map[string]struct {
	text string
	want string
}{
	"E1002":  {"Resources:\n  A: {Type: 'AWS::SNS::Topic'}\n" + strings.Repeat("#"+strings.Repeat(" ", 98)+"\n", 11_000), "Template"},
	"I1002":  {"Resources:\n  A: {Type: 'AWS::SNS::Topic'}\n" + strings.Repeat("#"+strings.Repeat(" ", 98)+"\n", 9_500), "Template"},
	"E3010":  {topics(501), "Resources"},
	"I3010":  {topics(500), "Resources"},
	"I3012":  {"Resources:\n  " + strings.Repeat("N", 255) + ": {Type: 'AWS::SNS::Topic'}\n", "Resources/" + strings.Repeat("N", 255)},
	"EK0007": {"Mappings:\n" + mappings(201) + topics(1), "Mappings"},
	"E3697":  {function("          LONG: " + strings.Repeat("x", 4096) + "\n"), "Resources/Function/Properties/Environment/Variables"},
}

func topics(n int) string {
	var b strings.Builder
	b.WriteString("Resources:\n")
	for i := range n {
		fmt.Fprintf(&b, "  Topic%d: {Type: 'AWS::SNS::Topic'}\n", i)
	}
	return b.String()
}

func mappings(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  M%d: {A: {B: c}}\n", i)
	}
	return b.String()
}

func function(variables string) string {
	return `Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/orders
      Code:
        ZipFile: 'def handler(event, context): pass'
      Environment:
        Variables:
` + variables
}

// Every rule fires on its fixture, at the paths that the fixture names and at
// no other.
func TestEveryRuleHasAFixtureThatFiresIt(t *testing.T) {
	for _, r := range all.Registry().Rules() {
		path := filepath.Join(fixtures, r.ID+".yaml")
		_, err := os.Stat(path)
		large, isLarge := generated[r.ID]
		switch {
		case silent[r.ID] != "":
			if err == nil || isLarge {
				t.Errorf("%s is said to be silent and has a fixture", r.ID)
			}
		case isLarge:
			if got := of(r.ID, found("generated", []byte(large.text), day(t, today))); !slices.Equal(got, []string{r.ID + " " + large.want}) {
				t.Errorf("%s: want %s, got %v", r.ID, large.want, got)
			}
		case err != nil:
			t.Errorf("%s has no fixture %s", r.ID, path)
		default:
			f := readFixture(t, path)
			if got := of(r.ID, found(f.name, f.text, f.now)); len(f.want) == 0 || !slices.Equal(got, f.want) {
				t.Errorf("%s: want %q, got %q", r.ID, f.want, got)
			}
		}
	}
}

// of returns the findings of one rule.
func of(id string, findings []string) []string {
	return slices.DeleteFunc(findings, func(f string) bool { return strings.Fields(f)[0] != id })
}

// A fixture without a rule is a rule that was lost or misspelt.
func TestEveryFixtureHasARule(t *testing.T) {
	paths, err := filepath.Glob(fixtures + "/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		id := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		if all.Registry().Rule(id) == nil {
			t.Errorf("%s: no such rule", path)
		}
	}
}

// Good templates are good: no error, no warning.
func TestGoodFixtures(t *testing.T) {
	paths, err := filepath.Glob(fixtures + "/good/*.yaml")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d good templates, %v", len(paths), err)
	}
	for _, path := range paths {
		f := readFixture(t, path)
		for _, got := range found(path, f.text, f.now) {
			if got[0] != 'I' {
				t.Errorf("%s: %s", path, got)
			}
		}
	}
}
