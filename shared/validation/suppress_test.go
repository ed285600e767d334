package validation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// faulty has a warning (W3011) and an error (E3002) in A, an error in B.
const faulty = `Metadata:
  cfn-lint: {config: {ignore_checks: [%s]}}
Resources:
  A:
    Type: AWS::SQS::Queue
    Metadata: {cfn-lint: {config: {ignore_checks: [%s]}}}
    DeletionPolicy: Retain
    Properties: {Nonsense: 1}
  B:
    Type: AWS::SQS::Queue
    Properties: {Nonsense: 1}
`

// suppress makes up the findings of the rules that the tests name, and applies
// the suppressions of the text to them.
func suppress(t testing.TB, o validation.Options, text string) validation.Result {
	t.Helper()
	parsed, err := template.Parse("t.yaml", []byte(text))
	if err != nil {
		return validation.SuppressAll(nil, "t.yaml", []byte(text), []validation.Finding{{File: "t.yaml", Line: 1, Column: 1, Rule: "E0000", Severity: validation.Error}}, o)
	}
	var findings []validation.Finding
	add := func(e *template.Entry, rule string, severity validation.Severity, path string) {
		if e != nil {
			findings = append(findings, validation.Finding{File: "t.yaml", Line: e.Line, Column: e.Column, Rule: rule, Severity: severity, Path: path})
		}
	}
	for id, r := range parsed.Resources.All() {
		path := "Resources/" + id
		add(r.Properties.Entry("Nonsense"), "E3002", validation.Error, path+"/Properties/Nonsense")
		add(r.Node.Entry("DeletionPolicy"), "W3011", validation.Warning, path+"/DeletionPolicy")
		if strings.HasPrefix(r.Type, "Custom::") {
			add(r.Node.Entry("Type"), "EK0001", validation.Info, path+"/Type")
		}
	}
	return validation.SuppressAll(parsed, "t.yaml", []byte(text), findings, o)
}

func ids(findings []validation.Finding) string {
	var list []string
	for _, f := range findings {
		list = append(list, f.Rule+f.Resource())
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// The expectations are what cfn-lint 1.51.0 does with these settings.
func TestMetadataOfCfnLint(t *testing.T) {
	set := func(ignore, mandatory string) validation.Settings {
		return validation.Settings{IgnoreChecks: strings.Fields(ignore), MandatoryChecks: strings.Fields(mandatory)}
	}
	tests := []struct {
		name, all, one    string
		line, file        validation.Settings
		merge             bool
		want, switchedOff string
	}{
		{name: "nothing", want: "E3002A E3002B W3011A"},
		{name: "a class for all", all: "W", want: "E3002A E3002B", switchedOff: "W3011A"},
		{name: "a rule for all, another for A", all: "E3002", one: "W3011", switchedOff: "E3002A E3002B W3011A"},
		{name: "a rule for A", one: "E3002", want: "E3002B W3011A", switchedOff: "E3002A"},
		{name: "no beginnings in a resource", one: "E", want: "E3002A E3002B W3011A"},
		{name: "an empty id", all: "''", one: "''", want: "E3002A E3002B W3011A"},
		{name: "the command line stands before the template", all: "E3002", line: set("W", ""), want: "E3002A E3002B"},
		{name: "but not before a resource", one: "E3002", line: set("W", ""), want: "E3002B", switchedOff: "E3002A"},
		{name: "merged", all: "E3002", line: set("W", ""), merge: true, switchedOff: "E3002A E3002B"},
		{name: "the file comes last", all: "W", file: set("E", ""), want: "E3002A E3002B", switchedOff: "W3011A"},
		{name: "the file", file: set("E", ""), want: "W3011A", switchedOff: "E3002A E3002B"},
		{name: "merged with the file", all: "W", file: set("E", ""), merge: true, switchedOff: "E3002A E3002B W3011A"},
		{name: "mandatory", all: "W", one: "E3002", line: set("", "E30"), want: "E3002A E3002B", switchedOff: "W3011A"},
		{name: "mandatory on the command line", line: set("E W", "W3"), want: "W3011A"},
		{name: "mandatory in the file", all: "W,E", file: set("", "W"), want: "W3011A", switchedOff: "E3002A E3002B"},
	}
	for _, tt := range tests {
		r := suppress(t, validation.Options{Settings: tt.line, Defaults: tt.file, Merge: tt.merge}, fmt.Sprintf(faulty, tt.all, tt.one))
		if got := ids(r.Findings); got != tt.want {
			t.Errorf("%s: %s stands", tt.name, got)
		}
		if got := ids(r.Suppressed); got != tt.switchedOff {
			t.Errorf("%s: %s is suppressed", tt.name, got)
		}
	}
}

func clock(day string) func() time.Time {
	return func() time.Time {
		now, err := time.Parse(time.DateOnly, day)
		if err != nil {
			panic(err)
		}
		return now.Add(23 * time.Hour)
	}
}

// Every form, each in a template that breaks E3002 in A and B.
func TestForms(t *testing.T) {
	const resources = "Resources:\n  A:\n    Type: AWS::SQS::Queue\n%s    Properties:\n      Nonsense: 1%s\n  B:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nonsense: 1\n"
	inA := func(metadata string) string { return fmt.Sprintf(resources, "    Metadata: "+metadata+"\n", "") }
	tests := []struct{ name, text, by, reason string }{
		{"cfn_nag", inA("{cfn_nag: {rules_to_suppress: [{id: W99, reason: why}]}}"), validation.ByCfnNag, "why"},
		{"cdk_nag", inA("{cdk_nag: {rules_to_suppress: [{id: AwsSolutions-S1, reason: d2h5, is_reason_encoded: true}]}}"), validation.ByCDKNag, "why"},
		{"guard", inA("{guard: {SuppressedRules: [NO_NONSENSE]}}"), validation.ByGuard, ""},
		{"guard with a reason", inA("{guard: {SuppressedRules: [{NO_NONSENSE: why}]}}"), validation.ByGuard, "why"},
		{"checkov's metadata", inA("{checkov: {skip: [{id: CKV_AWS_18, comment: why}]}}"), validation.ByCheckov, "why"},
		{"our own id in another's form", inA("{cfn_nag: {rules_to_suppress: [{id: E3002}]}}"), validation.ByCfnNag, ""},
		{"a date in it", inA("{cfn_nag: {rules_to_suppress: [{id: W99, reason: why, until: 2027-01-01}]}}"), validation.ByCfnNag, "why"},
		{"a comment on the line", fmt.Sprintf(resources, "", " # evenkeel:ignore E3002 why"), validation.ByComment, "why"},
		{"a comment with a date", fmt.Sprintf(resources, "", " # evenkeel:ignore W1,E3002 why until=2027-01-01"), validation.ByComment, "why"},
		{"a comment above the resource", strings.Replace(fmt.Sprintf(resources, "", ""), "  A:", "  # evenkeel:ignore E3002\n\n  # more\n  A:", 1), validation.ByComment, ""},
		{"a comment above the property", strings.Replace(fmt.Sprintf(resources, "", ""), "      Nonsense: 1", "      # evenkeel:ignore E30*\n      Nonsense: 1", 1), validation.ByComment, ""},
		{"checkov's comment", fmt.Sprintf(resources, "    # checkov:skip=CKV_AWS_18:why\n", ""), validation.ByComment, "why"},
		{"checkov's comment on the key", strings.Replace(fmt.Sprintf(resources, "", ""), "  A:", "  A: #checkov:skip=CKV_AWS_18:why", 1), validation.ByComment, "why"},
		{"trivy's comment", fmt.Sprintf(resources, "", " #trivy:ignore:AVD-AWS-0001"), validation.ByComment, ""},
	}
	o := validation.Options{Now: clock("2026-12-31"), Aliases: map[string][]string{
		"W99": {"E3002"}, "AwsSolutions-S1": {"EK1", "E3002"}, "NO_NONSENSE": {"E3002"}, "CKV_AWS_18": {"E3002"}, "AVD-AWS-0001": {"E3002"},
	}}
	for _, tt := range tests {
		r := suppress(t, o, tt.text)
		if ids(r.Findings) != "E3002B" || ids(r.Suppressed) != "E3002A" {
			t.Errorf("%s: %v stand, %v are suppressed\n%s", tt.name, ids(r.Findings), ids(r.Suppressed), tt.text)
			continue
		}
		if s := r.Suppressed[0].Suppression; s.By != tt.by || s.Reason != tt.reason || s.Line == 0 || !s.InSource() {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}

// Other catalogues' ids stand for the rules of the security pack.
func TestAliases(t *testing.T) {
	text := "Resources:\n  A: {Type: AWS::S3::Bucket, Metadata: {checkov: {skip: [{id: %s}]}}}\n"
	for id, want := range map[string]string{"CKV_AWS_18": "", "S3.9": "", "AwsSolutions-S1": "", "CT.S3.PR.2": "", "CKV_AWS_21": "EK1016A"} {
		parsed, err := template.Parse("t.yaml", fmt.Appendf(nil, text, id))
		if err != nil {
			t.Fatal(err)
		}
		finding := validation.Finding{File: "t.yaml", Line: 2, Column: 3, Rule: "EK1016", Severity: validation.Warning, Path: "Resources/A"}
		if got := ids(validation.SuppressAll(parsed, "t.yaml", nil, []validation.Finding{finding}, validation.Options{}).Findings); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
}

// What only looks like a suppression is none.
func TestNoForms(t *testing.T) {
	for _, text := range []string{
		"Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: '# evenkeel:ignore E3002'\n      Nonsense: 1\n",
		"Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nonsense: |\n        # evenkeel:ignore E3002\n        # checkov:skip=E3002\n",
		"Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nonsense: x#evenkeel:ignore E3002\n",
		"Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nonsense: 1 # evenkeel:ignored E3002\n",
		"Resources:\n  A:\n    Type: AWS::SQS::Queue # evenkeel:ignore E3002\n    Properties:\n      Nonsense: 1\n",
		"# checkov:skip=E3002\nResources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nonsense: 1\n",
	} {
		if r := suppress(t, validation.Options{}, text); ids(r.Findings) != "E3002A" || len(r.Suppressed) > 0 {
			t.Errorf("%v stand, %v are suppressed\n%s", ids(r.Findings), ids(r.Suppressed), text)
		}
	}
}

func TestIgnores(t *testing.T) {
	text := fmt.Sprintf(faulty, "", "")
	tests := []struct {
		ignore validation.Ignore
		want   string
	}{
		{validation.Ignore{Rule: "E3002"}, "W3011A"},
		{validation.Ignore{Rule: "E3*"}, "W3011A"},
		{validation.Ignore{Rule: "*"}, "E3002A E3002B W3011A"},
		{validation.Ignore{Rule: "E3002", Resource: "B"}, "E3002A W3011A"},
		{validation.Ignore{Rule: "E3002", Resource: "[BC]*"}, "E3002A W3011A"},
		{validation.Ignore{Rule: "E3002", Paths: []string{"**/*.yaml"}}, "W3011A"},
		{validation.Ignore{Rule: "E3002", Paths: []string{"other/*.yaml"}}, "E3002A E3002B W3011A"},
		{validation.Ignore{Rule: "E3002", Until: "2026-12-31"}, "W3011A"},
		{validation.Ignore{Rule: "E3002", Until: "2026-12-30"}, "E3002A E3002B W3011A"},
	}
	for _, tt := range tests {
		if r := suppress(t, validation.Options{Ignores: []validation.Ignore{tt.ignore}, Now: clock("2026-12-31")}, text); ids(r.Findings) != tt.want {
			t.Errorf("%+v: %s", tt.ignore, ids(r.Findings))
		}
	}
}

// An expired suppression suppresses nothing, and both the finding and a note say so.
func TestExpiry(t *testing.T) {
	o := validation.Options{
		Settings: validation.Settings{IncludeChecks: []string{"EK0004"}}, Now: clock("2027-01-02"),
		Ignores: []validation.Ignore{{Rule: "W3011", Until: "2027-01-01", File: "evenkeel.yaml", Line: 7, Column: 3}},
	}
	r := suppress(t, o, strings.Replace(fmt.Sprintf(faulty, "", ""), "  B:", "  # evenkeel:ignore E3002 until=2027-01-01\n  B:", 1))
	if got := ids(r.Findings); got != "E3002A E3002B EK0004 EK0004 W3011A" {
		t.Fatal(got)
	}
	said := 0
	for _, f := range r.Findings {
		if strings.Contains(f.Message, "expired on 2027-01-01") {
			said++
		}
		if f.Rule == "EK0004" && f.File+fmt.Sprint(f.Line) != "evenkeel.yaml7" && f.File+fmt.Sprint(f.Line) != "t.yaml9" {
			t.Errorf("%+v", f)
		}
	}
	if said != 4 {
		t.Errorf("%+v", r.Findings)
	}
}

func TestUnused(t *testing.T) {
	o := validation.Options{ReportUnused: true, Ignores: []validation.Ignore{{Rule: "E9999", File: "evenkeel.yaml", Line: 7}, {Rule: "E3002"}}}
	r := suppress(t, o, strings.Replace(fmt.Sprintf(faulty, "E9999", "W3011"), "  B:", "  # evenkeel:ignore W1\n  B:", 1))
	if got := ids(r.Findings); got != "EK0005 EK0005 EK0005" {
		t.Errorf("%s: %+v", got, r.Findings)
	}
}

// Notes are shown to those who ask for them.
func TestIncludeChecks(t *testing.T) {
	const text = "Resources:\n  A: {Type: Custom::Thing, Properties: {ServiceToken: arn}}\n"
	for include, want := range map[string]string{"": "", "I": "EK0001A", "EK00": "EK0001A", "I3": ""} {
		o := validation.Options{Settings: validation.Settings{IncludeChecks: strings.Fields(include)}}
		if got := ids(suppress(t, o, text).Findings); got != want {
			t.Errorf("%q: %s", include, got)
		}
	}
}

func TestIgnoreBadTemplate(t *testing.T) {
	for _, o := range []validation.Options{
		{Settings: validation.Settings{IgnoreBadTemplate: true}}, {Settings: validation.Settings{IgnoreChecks: []string{"E0"}}},
	} {
		if r := suppress(t, o, "a: [\n"); len(r.Findings) > 0 {
			t.Errorf("%+v", r.Findings)
		}
	}
}

// Ten thousand suppressions and findings take no more than a look at each.
func TestManySuppressions(t *testing.T) {
	var text strings.Builder
	text.WriteString("Resources:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  A%d:\n    Type: AWS::SQS::Queue\n    Metadata: {cfn_nag: {rules_to_suppress: [{id: E3002}]}}\n    Properties: {Nonsense: 1} # evenkeel:ignore E1\n", i)
	}
	parsed, err := template.Parse("t.yaml", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	var findings []validation.Finding
	for id, r := range parsed.Resources.All() {
		findings = append(findings, validation.Finding{File: "t.yaml", Line: r.Line, Column: 1, Rule: "E3002", Severity: validation.Error, Path: "Resources/" + id + "/Properties"})
	}
	begin := processorTime(t)
	r := validation.SuppressAll(parsed, "t.yaml", []byte(text.String()), findings, validation.Options{})
	if took := processorTime(t) - begin; took > time.Second || len(r.Suppressed) != 10_000 {
		t.Errorf("%s, %d suppressed", took, len(r.Suppressed))
	}
}

func TestMatchPath(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"a/*.yaml", "a/b.yaml", true},
		{"a/*.yaml", "a/b/c.yaml", false},
		{"a/**", "a/b/c.yaml", true},
		{"**/c.yaml", "c.yaml", true},
		{"**/c.yaml", "a/b/c.yaml", true},
		{"**/b/**/*.yaml", "a/b/x/y/c.yaml", true},
		{"**/b/**/*.yml", "a/b/x/y/c.yaml", false},
		{"./a.yaml", "a.yaml", true},
		{"[", "[", false},
		{"**", "", true},
		{strings.Repeat("**/", 40) + "x", strings.Repeat("y/", 200) + "z", false},
	}
	for _, tt := range tests {
		if got := validation.MatchPath(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q %q: %v", tt.pattern, tt.name, got)
		}
	}
}

// Any comment in any text is found in time, and only where there are lines.
func FuzzComments(f *testing.F) {
	f.Add("Resources:\n  A: # checkov:skip=E1:x\n    # evenkeel:ignore E1\n    B: |\n      x\n")
	f.Add("# evenkeel:ignore E1\n\n- a\n- b # trivy:ignore:X\n")
	f.Add(strings.Repeat("# evenkeel:ignore E1\n", 2000))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		suppress(t, validation.Options{ReportUnused: true}, text)
	})
}
