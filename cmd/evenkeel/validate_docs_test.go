package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	fileName  = regexp.MustCompile(`^# ([\w./-]+)\n`)
)

// The examples of the guide are run in order: a block of YAML that begins with a
// file's name is written to that file, and the commands of a console block have
// to print what stands below them.
func TestGuide(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	guide, err := os.ReadFile("../../docs/validation.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "evenkeel"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	folder(t, nil)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	commands := 0
	for _, block := range codeBlock.FindAllStringSubmatch(string(guide), -1) {
		switch language, text := block[1], block[2]; language {
		case "yaml":
			name := fileName.FindStringSubmatch(text)
			if name == nil {
				t.Fatalf("the block has no file name:\n%s", text)
			}
			writeExample(t, name[1], text)
		case "console":
			commands += runExample(t, text)
		}
	}
	if commands < 8 {
		t.Errorf("%d commands were run", commands)
	}
}

func writeExample(t *testing.T, name, text string) {
	t.Helper()
	var plain yaml.Node
	if err := yaml.Unmarshal([]byte(text), &plain); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runExample runs the lines that begin with $ in one shell, which keeps the exit
// code of the last one, and compares what it prints.
func runExample(t *testing.T, text string) (commands int) {
	t.Helper()
	var script strings.Builder
	script.WriteString("exec 2>&1\n")
	for _, line := range strings.SplitAfter(text, "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			script.WriteString("last=$?; echo " + quoteForShell(strings.TrimSuffix(line, "\n")) + "; (exit $last)\n" + command)
			commands++
		}
	}
	out, _ := exec.Command("bash", "-c", script.String()).Output() // validate's exit codes are not failures
	if string(out) != text {
		t.Errorf("the guide says\n%s\nand the program\n%s", text, out)
	}
	return commands
}

func quoteForShell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
