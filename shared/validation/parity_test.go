package validation_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation"
)

const (
	templates = "../../testdata/templates"
	recorded  = templates + "/cfn-lint-1.51.0.json"
)

var record = flag.Bool("record", false, "run cfn-lint 1.51.0 and record its findings")

// oracle is a finding of cfn-lint.
type oracle struct {
	File string `json:"file"`
	Rule string `json:"rule"`
	Line int    `json:"line"`
}

func (o oracle) String() string { return fmt.Sprintf("%s:%d %s", o.File, o.Line, o.Rule) }

// deviations are the findings on which we differ from cfn-lint, with the reason.
var deviations = map[string]string{
	"bad/E0000-duplicate-key.yaml:5 E0000": "they report both keys, we report the second and name the line of the first",
}

// TestParity compares findings (file, rule, line) with those recorded from
// cfn-lint 1.51.0 on the project's own templates. Info findings and our own
// security pack have no counterpart.
func TestParity(t *testing.T) {
	if *record {
		recordOracle(t)
	}
	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	var theirs []oracle
	if err := json.Unmarshal(text, &theirs); err != nil {
		t.Fatal(err)
	}
	if len(theirs) < 80 {
		t.Fatalf("only %d findings recorded", len(theirs))
	}
	seen := map[string]int{}
	for _, o := range theirs {
		seen[o.String()] |= 1
	}
	for _, f := range validation.Validate(read(t, "good", "bad")).Findings {
		if !strings.HasPrefix(f.Rule, "EK") {
			seen[oracle{f.File, f.Rule, f.Line}.String()] |= 2
		}
	}
	for key, who := range seen {
		reason, known := deviations[key]
		switch {
		case who != 3 && !known:
			t.Errorf("%s is reported by %s only", key, [...]string{"", "cfn-lint", "us"}[who])
		case who == 3 && known:
			t.Errorf("%s is no deviation any more (%s)", key, reason)
		}
	}
	for key := range deviations {
		if seen[key] == 0 {
			t.Errorf("deviation %s does not occur", key)
		}
	}
}

func recordOracle(t *testing.T) {
	var names []string
	for name := range read(t, "good", "bad") {
		names = append(names, name)
	}
	slices.Sort(names)
	cmd := exec.Command("cfn-lint", append([]string{"--format", "json"}, names...)...)
	cmd.Dir = templates
	out, err := cmd.Output() // it exits non-zero when it finds something
	if len(out) == 0 {
		t.Fatalf("cfn-lint: %v", err)
	}
	var findings []struct {
		Filename string
		Rule     struct{ ID string }
		Location struct{ Start struct{ LineNumber int } }
	}
	if err := json.Unmarshal(out, &findings); err != nil {
		t.Fatal(err)
	}
	var all []oracle
	for _, f := range findings {
		if !strings.HasPrefix(f.Rule.ID, "I") {
			all = append(all, oracle{f.Filename, f.Rule.ID, f.Location.Start.LineNumber})
		}
	}
	slices.SortFunc(all, func(a, b oracle) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
	})
	all = slices.Compact(all)
	var buf bytes.Buffer
	buf.WriteString("[\n")
	for i, o := range all {
		b, _ := json.Marshal(o)
		buf.Write(b)
		if i < len(all)-1 {
			buf.WriteByte(',')
		}
		buf.WriteByte('\n')
	}
	buf.WriteString("]\n")
	if err := os.WriteFile(recorded, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read returns the templates of some folders, named "good/network.yaml".
func read(t testing.TB, folders ...string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(templates, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(templates, folder, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[folder+"/"+e.Name()] = b
		}
	}
	if len(files) < 8 {
		t.Fatalf("only %d templates", len(files))
	}
	return files
}
