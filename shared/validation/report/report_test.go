package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/baseline"
	"github.com/evenkeel/evenkeel/shared/validation/report"
)

var update = flag.Bool("update", false, "write the golden files")

const source = `Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Visibility: 30
	# a tab, an umlaut: ü
  Open: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: x}}
`

var rules = []report.Rule{
	{ID: "E3002", Severity: validation.Error, Title: "Properties are known", Description: "A resource has the properties of its type.", Link: "https://example.com/a(b)"},
	{ID: "EK1001", Severity: validation.Warning, Title: "No port is open", Link: "https://example.com/ports", Security: 8, Tags: []string{"FSBP:EC2.19"}},
	{ID: "I1022", Severity: validation.Info, Title: "Sub instead of Join"},
}

// sample has a finding of every kind, and texts that every format has to escape.
func sample() *report.Report {
	findings := []validation.Finding{
		{File: "a b/site,1.yaml", Line: 5, Column: 7, EndLine: 5, EndColumn: 17, Rule: "E3002", Severity: validation.Error,
			Message: `the property "Visibility" is <not> allowed | here: 100%` + "\nreally", Path: "Resources/Queue/Properties/Visibility"},
		{File: "a b/site,1.yaml", Line: 7, Column: 16, Rule: "EK1001", Severity: validation.Warning, Message: "port 22 is open", Path: "Resources/Open/Properties/SecurityGroupIngress/0",
			Construct: "Site/Open/Resource"},
		{File: "b.yaml", Line: 1, Column: 1, Rule: "I1022", Severity: validation.Info, Message: "use Sub \x1b[31m", Path: ""},
	}
	known := findings[1]
	known.Line, known.Suppression = 9, &validation.Suppression{By: validation.ByCfnNag, Reason: "a | bastion", Until: "2027-01-31", Line: 3}
	old := findings[0]
	old.Line, old.Suppression = 10, &validation.Suppression{By: validation.ByBaseline}
	return &report.Report{
		Result: validation.Result{Files: 4, Errors: 1, Warnings: 1, Infos: 1, Findings: findings, Suppressed: []validation.Finding{known, old}, Incomplete: []string{"huge.json"}},
		Rules:  func() []report.Rule { return rules }, Version: "1.2.3", Fixed: []baseline.Entry{{File: "c.yaml", Rule: "E1", Path: "Resources/A"}, {File: "c.yaml", Rule: "E2"}}, ShowSuppressed: true,
		Source: func(file string) []byte {
			if file == "a b/site,1.yaml" {
				return []byte(source)
			}
			return nil
		},
	}
}

func written(t *testing.T, r *report.Report, format report.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, format := range report.Formats() {
		t.Run(format, func(t *testing.T) {
			got := written(t, sample(), report.Format(format))
			name := filepath.Join("testdata", format+".golden")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil || got != string(want) {
				t.Errorf("run go test -update and look at the change\n%v\n%s", err, got)
			}
			if strings.Contains(got, "\x1b") {
				t.Error("an escape sequence reaches the output")
			}
		})
	}
}

func TestColour(t *testing.T) {
	r := sample()
	r.Colour = true
	if got := written(t, r, report.Text); !strings.Contains(got, "\x1b[31merror\x1b[0m") || strings.Contains(got, "Sub \x1b") {
		t.Error(got)
	}
}

func TestUnknownFormat(t *testing.T) {
	if err := sample().Write(&bytes.Buffer{}, "xml"); err == nil || !strings.Contains(err.Error(), "github, json, junit") {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriterErrors(t *testing.T) {
	for _, format := range report.Formats() {
		if err := sample().Write(broken{}, report.Format(format)); err == nil {
			t.Errorf("%s says nothing", format)
		}
	}
}

// The carets stand below what was found, whatever is before it.
func TestExcerpt(t *testing.T) {
	long := strings.Repeat("ä", 5000) + `"Bucket"` + strings.Repeat("x", 5000)
	tests := []struct {
		name, line string
		finding    validation.Finding
		want       string
	}{
		{"a word", "  Type: AWS::S3", validation.Finding{Line: 1, Column: 3}, "  Type: AWS::S3\n^^^^@3"},
		{"an end", "ab cd ef", validation.Finding{Line: 1, Column: 4, EndLine: 1, EndColumn: 9}, "ab cd ef\n^^^^^@4"},
		{"quotes", `{"a b": 1}`, validation.Finding{Line: 1, Column: 2}, "{\"a b\": 1}\n^^^^^@2"},
		{"tabs", "\t\tx: y", validation.Finding{Line: 1, Column: 3}, "  x: y\n^@3"},
		{"beyond the line", "x", validation.Finding{Line: 1, Column: 9}, "x\n^@9"},
		{"no such line", "x", validation.Finding{Line: 7, Column: 1}, ""},
		{"blank", "   ", validation.Finding{Line: 1, Column: 1}, ""},
	}
	for _, tt := range tests {
		r := report.Report{Result: validation.Result{Findings: []validation.Finding{tt.finding}}, Source: func(string) []byte { return []byte(tt.line) }}
		if got := carets(written(t, &r, report.Text)); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
	r := report.Report{Result: validation.Result{Findings: []validation.Finding{{Line: 1, Column: 5001}}}, Source: func(string) []byte { return []byte(long) }}
	lines := strings.Split(written(t, &r, report.Text), "\n")
	shown, marks := []rune(lines[1]), []rune(lines[2])
	at := strings.IndexRune(string(marks), '^')
	if len(shown) > 140 || string(shown[at:at+8]) != `"Bucket"` || strings.Count(lines[2], "^") != 8 {
		t.Errorf("%s\n%s", lines[1], lines[2])
	}
}

// carets reduces an excerpt to the line, the carets and the column they start at.
func carets(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || !strings.Contains(lines[1], "| ") {
		return ""
	}
	const gutter = len("  xxxxx | ")
	marks := lines[2][gutter:]
	return lines[1][gutter:] + "\n" + strings.TrimSpace(marks) + fmt.Sprintf("@%d", strings.IndexByte(marks, '^')+1)
}

func TestSARIFIsValid(t *testing.T) {
	schema := jsonschema.NewCompiler()
	sch, err := schema.Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*report.Report{sample(), {Result: validation.Result{Files: 1}}} {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, r, report.SARIF)))
		if err != nil {
			t.Fatal(err)
		}
		if err := sch.Validate(document); err != nil {
			t.Error(err)
		}
	}
	if sch.Validate(map[string]any{"version": "2.1.0"}) == nil {
		t.Error("the schema takes anything")
	}
}

// What GitHub code scanning asks for beyond the schema.
func TestSARIFForCodeScanning(t *testing.T) {
	r := &report.Report{Rules: func() []report.Rule { return rules }}
	for i := range 25010 {
		r.Findings = append(r.Findings, validation.Finding{File: "x.yaml", Line: i + 1, Column: 1, Rule: "EK1001", Severity: validation.Warning, Message: "m", Path: "Resources/A"})
	}
	r.Findings = append(r.Findings, validation.Finding{File: "y.yaml", Line: 1, Column: 1, Rule: "E3002", Severity: validation.Error, Message: "m"})
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID         string
						Properties map[string]any
					}
				}
			}
			Results []struct {
				RuleID              string
				RuleIndex           int
				PartialFingerprints map[string]string
			}
			Invocations []struct{ ToolExecutionNotifications []any }
		}
	}
	if err := json.Unmarshal([]byte(written(t, r, report.SARIF)), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != 25000 || run.Results[0].RuleID != "E3002" || len(run.Invocations[0].ToolExecutionNotifications) != 1 {
		t.Errorf("%d results, %+v", len(run.Results), run.Invocations)
	}
	security := run.Tool.Driver.Rules[1].Properties
	if score, ok := security["security-severity"].(string); !ok || score != "8.0" || run.Tool.Driver.Rules[0].Properties["security-severity"] != nil {
		t.Errorf("%+v", run.Tool.Driver.Rules)
	}
	seen := map[string]bool{}
	for _, result := range run.Results {
		print := result.PartialFingerprints["primaryLocationLineHash"]
		if !regexp.MustCompile(`^[0-9a-f]{16}:\d+$`).MatchString(print) || seen[print] {
			t.Fatalf("fingerprint %q", print)
		}
		seen[print] = true
		if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
			t.Fatalf("%+v", result)
		}
	}
}

// A fingerprint does not depend on lines or messages.
func TestFingerprintsAreStable(t *testing.T) {
	prints := func(line int, message, path string) string {
		r := &report.Report{Result: validation.Result{Findings: []validation.Finding{{File: "a", Line: line, Column: 1, Rule: "E3002", Message: message, Path: path}}}}
		return regexp.MustCompile(`primaryLocationLineHash": "(.*)"`).FindStringSubmatch(written(t, r, report.SARIF))[1]
	}
	if prints(1, "a", "Resources/A") != prints(9, "b", "Resources/A") || prints(1, "a", "Resources/A") == prints(1, "a", "Resources/B") {
		t.Error("fingerprints follow lines, or not paths")
	}
}

// cfn-lint's own output of the same two findings, with the values that differ
// by intention left out: the shape is what editors rely on.
const cfnlint = `[{"Filename": "t.yaml", "Id": "*", "Level": "Error", "Location": {"End": {"ColumnNumber": 17, "LineNumber": 5}, "Path": ["Resources", "Q", "Properties", "Tags", 0],
 "Start": {"ColumnNumber": 7, "LineNumber": 5}}, "Message": "m", "ParentId": null, "Rule": {"Description": "d", "Id": "E3002", "ShortDescription": "s", "Source": "https://x"}},
 {"Filename": "t.yaml", "Id": "*", "Level": "Informational", "Location": {"End": {"ColumnNumber": 2, "LineNumber": 6}, "Path": null,
 "Start": {"ColumnNumber": 1, "LineNumber": 6}}, "Message": "m", "ParentId": null, "Rule": {"Description": "I1", "Id": "I1", "ShortDescription": "I1", "Source": ""}}]`

func TestJSONIsThatOfCfnLint(t *testing.T) {
	r := &report.Report{
		Rules: func() []report.Rule {
			return []report.Rule{{ID: "E3002", Title: "s", Description: "d", Link: "https://x"}}
		},
		Result: validation.Result{Findings: []validation.Finding{
			{File: "t.yaml", Line: 5, Column: 7, EndLine: 5, EndColumn: 17, Rule: "E3002", Severity: validation.Error, Message: "m", Path: "Resources/Q/Properties/Tags/0"},
			{File: "t.yaml", Line: 6, Column: 1, Rule: "I1", Severity: validation.Info, Message: "m"},
		}},
	}
	text := written(t, r, report.JSON)
	ids := regexp.MustCompile(`"Id": "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`)
	if len(ids.FindAllString(text, -1)) != 2 {
		t.Error(text)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal([]byte(ids.ReplaceAllString(text, `"Id": "*"`)), &got), json.Unmarshal([]byte(cfnlint), &want)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\n%v", got, want)
	}
	if empty := written(t, &report.Report{}, report.JSON); empty != "[]\n" {
		t.Errorf("no findings are %q", empty)
	}
}

// The counts of a JUnit report are those of its cases: build servers refuse or
// misreport others.
func TestJUnitCounts(t *testing.T) {
	type suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Class   string    `xml:"classname,attr"`
			Failure *struct{} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	}
	var all struct {
		XMLName  xml.Name `xml:"testsuites"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Suites   []suite  `xml:"testsuite"`
	}
	text := written(t, sample(), report.JUnit)
	if err := xml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	tests, failures := 0, 0
	for _, s := range all.Suites {
		failed, skipped := 0, 0
		for _, c := range s.Cases {
			if c.Failure != nil {
				failed++
			}
			if c.Skipped != nil {
				skipped++
			}
			if c.Name == "" || c.Class == "" {
				t.Errorf("%+v", c)
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != failed || s.Skipped != skipped {
			t.Errorf("%+v", s)
		}
		tests, failures = tests+s.Tests, failures+s.Failures
	}
	if all.Tests != tests || all.Failures != failures || tests != 7 || failures != 3 {
		t.Errorf("%d tests, %d failures\n%s", tests, failures, text)
	}
}

// A comment on GitHub takes 65,536 characters.
func TestMarkdownIsBounded(t *testing.T) {
	r := &report.Report{}
	for i := range 5000 {
		r.Findings = append(r.Findings, validation.Finding{File: "x.yaml", Line: i, Rule: "E1", Severity: validation.Error, Message: strings.Repeat("m", 100)})
	}
	if got := written(t, r, report.Markdown); len(got) > 65536 || !strings.Contains(got, "findings more are not shown") {
		t.Errorf("%d characters: …%s", len(got), got[len(got)-200:])
	}
}

// Nothing in a finding ends its line, its attribute or its table cell.
func FuzzWrite(f *testing.F) {
	f.Add("a.yaml", "E1", "a message", "Resources/A/0", 1, 1, 0, 0, source)
	f.Add("::error::\n", "%", "| <b>\x00\xff", "//", -3, 1<<30, 7, -1, "\xff\xff")
	f.Fuzz(func(t *testing.T, file, rule, message, path string, line, column, endLine, endColumn int, text string) {
		finding := validation.Finding{File: file, Rule: rule, Message: message, Path: path, Line: line, Column: column, EndLine: endLine, EndColumn: endColumn, Severity: validation.Error}
		r := &report.Report{Result: validation.Result{Files: 1, Errors: 1, Findings: []validation.Finding{finding}}, Source: func(string) []byte { return []byte(text) }}
		if got := strings.TrimSuffix(written(t, r, report.GitHub), "\n"); strings.Count(got, "\n") != 1 {
			t.Errorf("github: %q", got)
		}
		if got := strings.TrimSuffix(written(t, r, report.Quiet), "\n"); !strings.Contains(rule, "\n") && strings.Contains(got, "\n") {
			t.Errorf("quiet: %q", got)
		}
		var v any
		for _, format := range []report.Format{report.JSON, report.SARIF} {
			if err := json.Unmarshal([]byte(written(t, r, format)), &v); err != nil {
				t.Error(err)
			}
		}
		if err := xml.Unmarshal([]byte(written(t, r, report.JUnit)), &struct{}{}); err != nil {
			t.Error(err)
		}
		written(t, r, report.Text)
		written(t, r, report.Markdown)
	})
}
