package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFront builds the program that validates alone and hands the rest over.
func TestFront(t *testing.T) {
	dir := t.TempDir()
	front, suite := filepath.Join(dir, "evenkeel"), filepath.Join(dir, "evenkeel-suite")
	if out, err := exec.Command("go", "build", "-tags", "validator", "-o", front, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	template, err := filepath.Abs("../../testdata/templates/good/data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		suite string // script in place of the suite; "" for none
		args  []string
		code  int
		want  string
	}{
		{"its own command", "exit 7", []string{"validate", template}, 0, ""},
		{"its own command alone", "", []string{"schema", "AWS::SQS::Queue"}, 0, "FifoQueue"},
		{"a command of the suite", `echo "suite: $*"; exit 3`, []string{"runs", "show", "a b"}, 3, "suite: runs show a b"},
		{"help of everything", `echo "suite: $*"`, []string{"--help"}, 0, "suite: --help"},
		{"nothing", `echo "suite: $#"`, nil, 0, "suite: 0"},
		{"help alone", "", []string{"--help"}, 0, "validate"},
		{"a command that is not there", "", []string{"runs"}, exitNotFound, `"runs" is no command of the validator (validate, schema, policy), and evenkeel-suite`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.suite == "" {
				_ = os.Remove(suite)
			} else if err := os.WriteFile(suite, []byte("#!/bin/sh\n"+test.suite+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(front, test.args...)
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("exit code %d, want %d; %q is not in:\n%s", cmd.ProcessState.ExitCode(), test.code, test.want, out)
			}
		})
	}
}
