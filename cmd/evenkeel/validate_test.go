package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// folder writes files into a new folder and works there.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	okPipeline = `version: 1
stacks:
  queue: {template: queue.tmpl}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`
	okTemplate  = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n"
	badTemplate = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Visibility: 30\n"
)

func TestValidateARepository(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"evenkeel.yaml": okPipeline, "queue.tmpl": okTemplate, "image.bin": "x", ".git/config.yaml": badTemplate, "node_modules/a/b.yaml": badTemplate})
	c.run("validate").want(0, "1 template checked: 0 errors")
	folder(t, map[string]string{"shop/evenkeel.yaml": okPipeline, "shop/queue.tmpl": badTemplate, "shop/templates/other.yml": badTemplate})
	for _, path := range []string{"shop", "shop/", "./shop/evenkeel.yaml"} {
		c.run("validate", path).want(2, "shop/queue.tmpl:5:7: error E3002", "5 |       Visibility: 30", "shop/templates/other.yml:5:7: error E3002")
	}
	c.run("validate", "--json", "shop").want(2)
	matches := decoded[[]struct {
		Filename string
		Rule     struct{ ID string }
	}](c)
	if len(matches) != 2 || matches[0].Filename != "shop/queue.tmpl" || matches[0].Rule.ID != "E3002" {
		t.Errorf("%+v", matches)
	}
}

func TestValidateFilesAndFolders(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"a/good.yaml": okTemplate, "a/notes.yaml": "a: 1\n", "b/bad.json": `{"Resources": {"Q": {"Type": "AWS::SQS::Kueue"}}}`, "notes.yaml": "a: 1\n",
		"c/d/deep.yaml": okTemplate, "c/top.yaml": okTemplate, "c/.hidden/x.yaml": badTemplate, "c/x.txt": "x"})
	c.run("validate", "a").want(0, "1 template checked")
	c.run("validate", "a", "b/bad.json").want(2, "b/bad.json:1:", "2 templates checked")
	c.run("validate", "notes.yaml").want(2, "notes.yaml") // named, so it is meant as one
	c.run("validate", "c/**/*.yaml").want(0, "2 templates checked")
	c.run("validate", "c/*.yaml").want(0, "1 template checked")
	c.run("validate", "?/*.yaml", "--ignore-templates", "a/no*").want(0, "2 templates checked")
	c.run("validate", filepath.Join(must(t, os.Getwd), "c", "**", "top.yaml")).want(0, "1 template checked")
	c.run("validate", "--list-templates", "c", "a").want(0, "a/good.yaml\nc/d/deep.yaml\nc/top.yaml\n")
	for _, missing := range []string{"missing", "missing.yaml", "c/*.json", "missing/**/*.yaml"} {
		c.run("validate", missing).want(2, missing, "E0003")
		c.run("validate", missing, "-b").want(0, "0 templates")
	}
}

func must[T any](t *testing.T, f func() (T, error)) T {
	t.Helper()
	v, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestValidateStandardInput(t *testing.T) {
	c := newCLI(t)
	folder(t, nil)
	c.app.in = strings.NewReader(badTemplate)
	c.run("validate", "-").want(2, "stdin:5:7: error E3002")
	c.app.in = strings.NewReader(okTemplate)
	c.run("validate", "-").want(0)
}

// The codes are cfn-lint's: a bit a severity, 1 for wrong usage, 32 for regions.
func TestValidateExitCodes(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"ok.yaml": okTemplate, "bad.yaml": badTemplate, "warn.yaml": strings.Replace(okTemplate, "    UpdateReplacePolicy: Retain\n", "", 1),
		"note.yaml": "Resources:\n  A: {Type: Custom::X, Properties: {ServiceToken: a}}\n", "broken.yaml": "a: [\n"})
	tests := []struct {
		code int
		args string
	}{
		{0, "ok.yaml"}, {2, "bad.yaml"}, {4, "warn.yaml"}, {6, "bad.yaml warn.yaml"}, {2, "broken.yaml"},
		{0, "note.yaml"}, {8, "note.yaml -c I"}, {8, "note.yaml --info"}, {10, "note.yaml bad.yaml -I"}, {14, "note.yaml bad.yaml warn.yaml -I"},
		{2, "bad.yaml warn.yaml --non-zero-exit-code error"}, {0, "warn.yaml --non-zero-exit-code error"}, {4, "warn.yaml note.yaml -I --non-zero-exit-code warning"},
		{0, "bad.yaml --non-zero-exit-code none"}, {0, "bad.yaml -i E3"}, {2, "bad.yaml -i E3 -m E3002"}, {0, "broken.yaml -b"}, {0, "broken.yaml -i E0000"},
		{1, "ok.yaml --format xml"}, {1, "ok.yaml --nonsense"}, {1, "ok.yaml --non-zero-exit-code fatal"}, {1, "ok.yaml -x nonsense"}, {1, "ok.yaml --parameters x"},
		{1, "ok.yaml --config-file missing"}, {32, "ok.yaml -r nowhere-1"}, {0, "ok.yaml -r eu-west-1,ALL_REGIONS"},
	}
	for _, tt := range tests {
		if c.run(append([]string{"validate"}, strings.Fields(tt.args)...)...); c.code != tt.code {
			t.Errorf("%s: %d, not %d\n%s%s", tt.args, c.code, tt.code, c.out.String(), c.err.String())
		}
	}
	c.run("validate", "ok.yaml", "--format", "xml").want(1, "github, json, junit")
	c.app.getenv = func(name string) string { return map[string]string{"AWS_REGION": "nowhere-1"}[name] }
	c.run("validate", "ok.yaml").want(32, "nowhere-1")
}

func TestValidateOutputs(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"bad.yaml": badTemplate})
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	c.run("validate", "bad.yaml", "--format", "text", "--format", "sarif", "--output", "a.sarif", "--format", "junit", "--output", "b.xml").want(2, "error E3002")
	if !strings.Contains(read("a.sarif"), `"2.1.0"`) || !strings.Contains(read("b.xml"), "<testsuites") || strings.Contains(c.out.String(), "<testsuites") {
		t.Error("the reports are not where they should be")
	}
	c.run("validate", "bad.yaml", "--output", "c.json", "--format", "json").want(2)
	if c.out.Len() > 0 || !strings.Contains(c.err.String(), "1 error") || !json.Valid([]byte(read("c.json"))) {
		t.Errorf("%s %s", c.out.String(), c.err.String())
	}
	c.run("validate", "bad.yaml", "-q").want(2)
	if c.out.String() != "bad.yaml:5:7: error E3002: \"Visibility\" is not allowed here\n" {
		t.Errorf("%q", c.out.String())
	}
	c.run("validate", "bad.yaml", "-f", "pretty").want(2, "1 template checked")
	c.run("validate", "bad.yaml", "-f", "github").want(2, "::error file=bad.yaml,line=5")
	c.run("validate", "bad.yaml", "--output", "missing/x").want(1, "missing")
}

// Options of cfn-lint that mean nothing here do no harm.
func TestOptionsWithoutMeaning(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"ok.yaml": okTemplate})
	c.run("validate", "-a", "rules", "-s", "x,y", "-z", "custom", "-o", "spec", "-e", "-D", "-g", "-t", "ok.yaml").want(0, "--append-rules is not used", "--override-spec is not used", "1 template")
	c.run("validate", "--help").want(0, "--show-suppressed")
	if strings.Contains(c.out.String(), "append-rules") {
		t.Error("the help offers what is not used")
	}
}

func TestListRules(t *testing.T) {
	c := newCLI(t)
	folder(t, nil)
	c.run("validate", "--list-rules").want(0, "E0003", "E3002", "P0001")
	c.run("validate", "--list-rules", "--json").want(0, `"id": "E3002"`)
}

func TestValidateSuppressions(t *testing.T) {
	c := newCLI(t)
	const section = "validation:\n  ignore:\n    - {rule: E3002, resource: Queue, reason: later, until: 2026-01-02}\n"
	folder(t, map[string]string{"evenkeel.yaml": okPipeline + section, "queue.tmpl": badTemplate})
	c.run("validate", "--show-suppressed").want(0, "0 errors", "1 suppressed", "[evenkeel.yaml, line 8, until 2026-01-02: later]")
	c.run("validate", "queue.tmpl", "--show-suppressed").want(0, "1 suppressed")
	c.run("validate", "-m", "E3002").want(2)
	c.app.now = func() time.Time { return time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC) }
	c.run("validate", "-I").want(10, "expired on 2026-01-02", "evenkeel.yaml:8:7: info EK0004")
	folder(t, map[string]string{"evenkeel.yaml": okPipeline + "validation: {ignore: [{rule: W1}]}\n", "queue.tmpl": okTemplate})
	c.run("validate", "--report-unused").want(8, "evenkeel.yaml:6:23: info EK0005")
	c.run("validate", "queue.tmpl").want(0)
	folder(t, map[string]string{"evenkeel.yaml": "validation: {ignores: []}\n", "queue.tmpl": okTemplate})
	c.run("validate", "queue.tmpl").want(1, "evenkeel.yaml:1:14", "ignores")
}

// Old findings do not fail, new ones do, and what is fixed is said.
func TestBaseline(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"t/a.yaml": badTemplate, "t/b.yaml": okTemplate})
	c.run("validate", "t", "--write-baseline", ".evenkeel-baseline.json").want(0, "1 finding in .evenkeel-baseline.json")
	c.run("validate", "t").want(0, "0 errors", "1 in the baseline")
	c.run("validate", "t", "--baseline", "none").want(2)
	c.run("validate", "t", "--show-suppressed").want(0, "suppressed E3002", "[baseline]")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("t/a.yaml", "# moved\n"+badTemplate+"      Another: 1\n")
	write("t/b.yaml", badTemplate)
	c.run("validate", "t").want(2, "2 errors", "t/a.yaml:7:7", "t/b.yaml:5:7", "1 in the baseline")
	t.Chdir("t")
	c.run("validate", "a.yaml", "--baseline", "../.evenkeel-baseline.json").want(2, "1 error,", "a.yaml:7:7", "1 in the baseline")
	t.Chdir("..")
	c.run("validate", "t/b.yaml").want(2)
	if strings.Contains(c.out.String(), "fixed") {
		t.Error("a file that was not checked is not fixed")
	}
	write("t/a.yaml", okTemplate)
	c.run("validate", "t/a.yaml", "--show-suppressed").want(0, "1 of the baseline fixed", "t/a.yaml: fixed E3002 Resources/Queue/Properties/Visibility")
	write("evenkeel.yaml", strings.Replace(okPipeline, "queue.tmpl", "t/a.yaml", 1)+"validation: {baseline: known.json}\n")
	write("t/a.yaml", badTemplate)
	c.run("validate").want(1, "known.json")
	c.run("validate", "--write-baseline", "known.json").want(0)
	c.run("validate").want(0, "1 in the baseline")
	if strings.Contains(c.out.String(), "fixed") {
		t.Error(c.out.String())
	}
	write("t/a.yaml", okTemplate)
	c.run("validate").want(0, "1 of the baseline fixed")
	t.Chdir("t")
	c.run("validate", "..").want(0, "1 of the baseline fixed")
	if err := os.Remove("../known.json"); err != nil {
		t.Fatal(err)
	}
	c.run("validate", "..").want(2, "P0002", "known.json is not in the repository")
	t.Chdir("..")
	write("known.json", "[]")
	c.run("validate").want(1, "known.json: the baseline cannot be read")
}

func TestFix(t *testing.T) {
	c := newCLI(t)
	const text = "# ours\nResources:\n  Queue:\n    Type: AWS::SQS::Queue # a queue\n    Properties:\n      QueueName: !Sub orders\n      Visibility: 30\n"
	files := map[string]string{"t/a.yaml": text, "t/ok.yaml": okTemplate}
	folder(t, files)
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	c.run("validate", "t", "--fix", "--dry-run").want(0, "--- a/t/a.yaml\n+++ b/t/a.yaml\n@@ -3,5 +3,5 @@", "-      QueueName: !Sub orders\n+      QueueName: orders\n", "1 finding in 1 file can be fixed")
	if read("t/a.yaml") != text {
		t.Error("a dry run changes the file")
	}
	c.run("validate", "t", "--fix").want(2, "fixed t/a.yaml: 1 finding (W1020)", "1 error, 0 warnings")
	if fixed := read("t/a.yaml"); fixed != strings.Replace(text, "!Sub ", "", 1) || read("t/ok.yaml") != okTemplate {
		t.Error(fixed)
	}
	c.run("validate", "t", "--fix").want(2)
	if strings.Contains(c.out.String()+c.err.String(), "fixed") {
		t.Error("a second run fixes again")
	}
	folder(t, map[string]string{"evenkeel.yaml": okPipeline, "queue.tmpl": text, "outside/x.yaml": text})
	if err := os.Symlink("outside/x.yaml", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	c.run("validate", "link.yaml", "--fix").want(6, "link.yaml is a symbolic link")
	if read("outside/x.yaml") != text {
		t.Error("the file behind a link is changed")
	}
	c.run("validate", ".", "--fix").want(2, "fixed queue.tmpl: 1 finding (W1020)")
	folder(t, map[string]string{"shop/evenkeel.yaml": okPipeline + "validation: {ignore: [{rule: W1020, paths: [queue.tmpl]}]}\n", "shop/queue.tmpl": text + "      DelaySeconds: '5'\n"})
	c.run("validate", "shop", "--fix", "-x", "E3012:strict=true").want(2, "fixed shop/queue.tmpl: 1 finding (E3012)")
	if fixed := read("shop/queue.tmpl"); fixed != text+"      DelaySeconds: 5\n" {
		t.Errorf("a finding that the repository suppresses is fixed: %s", fixed)
	}
	c.app.in = strings.NewReader(text)
	c.run("validate", "-", "--fix", "--dry-run").want(0, "+++ b/stdin")
	c.run("validate", "--dry-run").want(1)
	c.run("validate", "--fix", "--watch").want(1)
}

// A cloud assembly is checked by its manifest; findings name the construct.
func TestCloudAssembly(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{
		"cdk.out/manifest.json": `{"version": "36.0.0", "artifacts": {
			"Site": {"type": "aws:cloudformation:stack", "environment": "aws://222222222222/eu-west-1", "properties": {"templateFile": "Site.template.json"},
				"metadata": {"/Site/Queue/Resource": [{"type": "aws:cdk:logicalId", "data": "Queue"}]}},
			"Gone": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "Gone.template.json"}}}}`,
		"cdk.out/Site.template.json":  `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Visibility": 30, "QueueName": {"Fn::Sub": "x"}}}}}`,
		"cdk.out/Stale.template.json": `{"Resources": {"Queue": {"Type": "AWS::SQS::Kueue"}}}`,
	})
	for _, path := range []string{"cdk.out", "cdk.out/", "./cdk.out/manifest.json"} {
		c.run("validate", path).want(6, "cdk.out/Site.template.json:1:", "E3002", "(construct Site/Queue/Resource)", "cdk.out/Gone.template.json:1:1: error E0003", "1 template checked")
		if strings.Contains(c.out.String(), "Stale") {
			t.Error("a template that the manifest does not name is checked")
		}
	}
	c.run("validate", "cdk.out", "--fix").want(6, "W1020")
	c.run("validate", "cdk.out", "--format", "sarif").want(6, `"fullyQualifiedName": "Site/Queue/Resource"`)
}

// A repository whose stacks come from a cloud assembly is checked with it when
// it is there, and without it before it is built.
func TestRepositoryWithAnAssembly(t *testing.T) {
	c := newCLI(t)
	const stacks = `version: 1
build: {commands: [npx cdk synth]}
stacks: {site: {artifact: Site}}
stages: [{name: test, branch: main, account: "222222222222", region: eu-west-1, approval: never}]
`
	folder(t, map[string]string{"evenkeel.yaml": stacks})
	c.run("validate", ".").want(0, "0 templates checked")
	folder(t, map[string]string{
		"evenkeel.yaml":              stacks,
		"cdk.out/manifest.json":      `{"version": "36.0.0", "artifacts": {"Site": {"type": "aws:cloudformation:stack", "environment": "aws://222222222222/eu-west-1", "properties": {"templateFile": "Site.template.json"}}}}`,
		"cdk.out/Site.template.json": `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Visibility": 30}, "Metadata": {"aws:cdk:path": "Site/Queue/Resource"}}}}`,
	})
	c.run("validate", ".").want(2, "cdk.out/Site.template.json:1:", "E3002", "(construct Site/Queue/Resource)", "1 template checked")
}

func TestValidatePolicies(t *testing.T) {
	c := newCLI(t)
	const deny = "package main\n\nimport rego.v1\n\ndeny contains \"no queues here\" if input.Resources[_].Type == \"AWS::SQS::Queue\"\n"
	folder(t, map[string]string{"rules/a.rego": deny, "rules/a_test.rego": "not rego", "queue.tmpl": okTemplate, "evenkeel.yaml": okPipeline + "validation: {policies: [rules]}\n"})
	c.run("validate", "queue.tmpl").want(2, "no queues here")
	c.run("validate", ".").want(2, "no queues here")
	if err := os.Remove("evenkeel.yaml"); err != nil {
		t.Fatal(err)
	}
	c.run("validate", "queue.tmpl").want(0)
	c.run("validate", "queue.tmpl", "--policy", "rules").want(2, "no queues here")
	c.run("validate", "queue.tmpl", "--policy", "missing").want(1, "missing")
}

// The day decides which runtimes have ended.
func TestDate(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"t.yaml": strings.Replace(okTemplate, "    Type", "    # evenkeel:ignore E3002 until=2026-06-30\n    Properties: {Visibility: 1}\n    Type", 1)})
	c.run("validate", "t.yaml", "--date", "2026-06-30").want(0)
	c.run("validate", "t.yaml", "--date", "2026-07-01").want(2, "expired on 2026-06-30")
	c.run("validate", "t.yaml", "--date", "today").want(1, "is not a day")
}

func TestCfnlintrc(t *testing.T) {
	c := newCLI(t)
	home := t.TempDir()
	c.app.getenv = func(name string) string { return map[string]string{"HOME": home}[name] }
	if err := os.WriteFile(filepath.Join(home, ".cfnlintrc"), []byte("ignore_checks: [W3011]\nformat: quiet\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	warn := strings.Replace(okTemplate, "    UpdateReplacePolicy: Retain\n", "", 1)
	folder(t, map[string]string{"t/a.yaml": warn, "t/b.yaml": badTemplate})
	c.run("validate", "t").want(2)
	if strings.Contains(c.out.String(), "W3011") || strings.Contains(c.out.String(), "checked") {
		t.Error(c.out.String())
	}
	rc := func(text string) {
		t.Helper()
		if err := os.WriteFile(".cfnlintrc.yml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rc("templates: ['t/*.yaml']\nignore_templates: [t/a.yaml]\nignore_checks: [E3002]\nappend_rules: [x]\n")
	c.run("validate", "--show-suppressed").want(0, "append_rules is not used", ".cfnlintrc")
	rc("ignore_checks: []\nmandatory_checks: [W3011]\nnon_zero_exit_code: error\nconfigure_rules: {E3012: {strict: true}}\nparameters: [{A: b}]\nregions: [eu-west-1]\nmerge_configs: true\n")
	c.run("validate", "t/a.yaml").want(0, "W3011")
	for text, want := range map[string]string{
		"ignore_checks: W1\n":     ".cfnlintrc.yml:1: ignore_checks must be a list of strings",
		"a: 1\n":                  ".cfnlintrc.yml:1: a is no setting",
		"\nmerge_configs: [x]\n":  ".cfnlintrc.yml:2: merge_configs must be true or false",
		"parameters: {}\n":        "parameters must be a list of mappings",
		"configure_rules: [a]\n":  "configure_rules must be a mapping",
		"- a\n":                   "must be a mapping",
		"a: [\n":                  ".cfnlintrc.yml",
		"format: xml\n":           `"xml" is no format`,
		"parameter_files: [no]\n": "no such parameter file",
	} {
		rc(text)
		c.run("validate", "t/a.yaml").want(1, want)
	}
}

func TestParameterFiles(t *testing.T) {
	folder(t, map[string]string{"p.json": `[{"ParameterKey": "A", "ParameterValue": "b"}]`, "bad.json": `{"A": "b"}`})
	f := &validateFlags{parameters: []string{"C=d=e"}, parameterFiles: []string{"p*.json"}}
	sets, err := f.parameterSets()
	if err != nil || len(sets) != 2 || sets[0]["A"] != "b" || sets[1]["C"] != "d=e" {
		t.Errorf("%v %v", sets, err)
	}
	if _, err := readParameterFiles([]string{"bad.json"}); err == nil || !strings.Contains(err.Error(), "bad.json") {
		t.Error(err)
	}
}

// watched is where a watch writes while the test reads.
type watched struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *watched) until(t *testing.T, text string) {
	t.Helper()
	for range 200 {
		w.mu.Lock()
		found := strings.Contains(w.b.String(), text)
		w.mu.Unlock()
		if found {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("%q does not come:\n%s", text, w.b.String())
}

// A watch prints what is new and what is gone, and ends without a fault.
func TestWatch(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"t/a.yaml": okTemplate})
	var out watched
	c.app.out, c.app.err = &out, &out
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int)
	go func() { done <- run(ctx, c.app, []string{"validate", "t", "--watch"}) }()
	out.until(t, "watching")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("t/a.yaml", "# moved\n"+badTemplate)
	out.until(t, "+ t/a.yaml:6:7: error E3002")
	write("t/new.yaml", badTemplate)
	out.until(t, "+ t/new.yaml:5:7")
	write("t/a.yaml", okTemplate)
	out.until(t, "- t/a.yaml:6:7: error E3002")
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("the code is %d", code)
	}
	c.run("validate", "-", "--watch").want(1)
}

func TestSARIF(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"evenkeel.yaml": strings.Replace(okPipeline, "queue.tmpl}", "queue.tmpl, parameters: {X: 1}}", 1), "queue.tmpl": badTemplate})
	c.run("validate", "--format", "sarif").want(2, `"uri": "queue.tmpl"`, "P0003", "E3002")
	folder(t, map[string]string{"t.yaml": okTemplate})
	c.run("validate", "t.yaml", "--format", "sarif").want(0, `"results": []`)
}
