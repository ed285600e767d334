package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The commands of the pre-commit hooks are run on files that their patterns
// choose, as pre-commit does: the binary that `go install` makes is named after
// the folder of its package.
func TestPreCommitHooks(t *testing.T) {
	var hooks []struct {
		ID, Name, Entry, Language, Files string
		RequireSerial                    bool `yaml:"require_serial"`
	}
	readYAML(t, ".pre-commit-hooks.yaml", &hooks)
	if len(hooks) != 2 {
		t.Fatalf("%+v", hooks)
	}
	for _, hook := range hooks {
		words := strings.Fields(hook.Entry)
		if _, err := os.Stat(filepath.Join("..", words[0], "main.go")); err != nil || hook.Language != "golang" || !hook.RequireSerial || hook.Name == "" {
			t.Errorf("%+v: %v", hook, err)
		}
		chosen := regexp.MustCompile(hook.Files)
		var files []string
		for _, name := range []string{"t/a.yaml", "b.yml", "c.json", "d.template", "notes.yaml", "README.md", "x.yamlx"} {
			if chosen.MatchString(name) {
				files = append(files, name)
			}
		}
		if len(files) != 5 {
			t.Errorf("%s chooses %v", hook.ID, files)
		}
		t.Run(hook.ID, func(t *testing.T) {
			c := newCLI(t)
			const sub = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Sub orders\n"
			folder(t, map[string]string{"t/a.yaml": okTemplate, "b.yml": sub, "c.json": `{"a": 1}`, "d.template": okTemplate, "notes.yaml": "a: 1\n"})
			code := 4
			if slices.Contains(words, "--fix") {
				code = 0
			}
			c.run(append(words[1:], files...)...).want(code, "3 templates checked")
			folder(t, map[string]string{"t/a.yaml": badTemplate})
			c.run(append(words[1:], "t/a.yaml")...).want(2, "t/a.yaml:5:7: error E3002")
		})
	}
}

type action struct {
	Inputs map[string]struct {
		Description string
		Default     *string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Name, Uses, If, Shell, Run string
			WorkingDirectory               string `yaml:"working-directory"`
			With, Env                      map[string]string
		}
	}
}

var expression = regexp.MustCompile(`\$\{\{\s*([\w.-]+)\s*\}\}`)

// runAction runs the steps of the action that are scripts, with the runner's
// values for the expressions, and returns the outputs, the log and the summary.
func runAction(t *testing.T, a action, repository, temp string, inputs map[string]string) (outputs map[string]string, log, summary string) {
	t.Helper()
	values := map[string]string{"github.action_path": repository, "runner.temp": temp}
	for name, input := range a.Inputs {
		values["inputs."+name] = *input.Default
	}
	for name, value := range inputs {
		values["inputs."+name] = value
	}
	expand := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(match string) string {
			name := expression.FindStringSubmatch(match)[1]
			value, ok := values[name]
			if !ok {
				t.Fatalf("the runner has no %s", name)
			}
			return value
		})
	}
	files := t.TempDir()
	output, steps := filepath.Join(files, "output"), filepath.Join(files, "summary")
	var text strings.Builder
	for _, step := range a.Runs.Steps {
		if step.Run == "" {
			continue
		}
		if strings.Contains(step.Run, "${{") || step.Shell != "bash" {
			t.Errorf("the step %s takes values by its text, or has another shell: %s", step.Name, step.Shell)
		}
		script := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
		script.Dir = expand(step.WorkingDirectory)
		script.Env = append(os.Environ(), "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+steps)
		for name, value := range step.Env {
			script.Env = append(script.Env, name+"="+expand(value))
		}
		out, err := script.CombinedOutput()
		text.Write(out)
		if err != nil && step.ID != "validate" {
			t.Fatalf("%s: %v\n%s", step.Name, err, out)
		}
	}
	outputs = map[string]string{}
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		name, value, _ := strings.Cut(line, "=")
		outputs[name] = value
	}
	page, _ := os.ReadFile(steps) // there may be none
	return outputs, text.String(), string(page)
}

// The scripts of the GitHub action are run as the runner runs them.
func TestAction(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	var a action
	readYAML(t, "action.yml", &a)
	for name, input := range a.Inputs {
		if input.Description == "" || input.Default == nil {
			t.Errorf("the input %s lacks a description or a default", name)
		}
	}
	if a.Runs.Using != "composite" || len(a.Outputs) != 2 {
		t.Errorf("%+v", a.Runs)
	}
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir() // one binary for all runs
	folder(t, map[string]string{"t/a.yaml": badTemplate, "t/b c.yaml": okTemplate, "w.yaml": strings.Replace(okTemplate, "    UpdateReplacePolicy: Retain\n", "", 1)})
	outputs, log, summary := runAction(t, a, repository, temp, map[string]string{"paths": "t w.yaml", "sarif": "out.sarif"})
	if outputs["exit-code"] != "2" || outputs["sarif"] != "out.sarif" {
		t.Errorf("%v\n%s", outputs, log)
	}
	for _, part := range []string{"::error file=t/a.yaml,line=5,endLine=5,col=7", "::warning file=w.yaml", "3 templates checked"} {
		if !strings.Contains(log, part) {
			t.Errorf("%q is not in\n%s", part, log)
		}
	}
	if data, err := os.ReadFile("out.sarif"); err != nil || !strings.Contains(string(data), `"2.1.0"`) || !strings.Contains(summary, "#### `t/a.yaml`") {
		t.Errorf("%v\n%s", err, summary)
	}
	outputs, log, summary = runAction(t, a, repository, temp, map[string]string{"paths": "**/[w]*.yaml", "annotations": "false", "summary": "false"})
	if outputs["exit-code"] != "0" || !strings.Contains(log, "w.yaml:2:3: warning W3011") || summary != "" {
		t.Errorf("%v\n%s%s", outputs, log, summary)
	}
	outputs, log, _ = runAction(t, a, repository, temp, map[string]string{"paths": "w.yaml\nt/a.yaml", "severity": "warning", "args": "--ignore-checks E3002", "upload-sarif": "true"})
	if outputs["exit-code"] != "4" || !strings.HasSuffix(outputs["sarif"], "/evenkeel.sarif") {
		t.Errorf("%v\n%s", outputs, log)
	}
}
