package main

import (
	"maps"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evenkeel/evenkeel/shared/policy/guard"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// addPolicies makes judges of the folders that the command line names, and of
// those that evenkeel.yaml in the current folder does.
func (c *checkRun) addPolicies(f *validateFlags) error {
	c.options.LoadPolicies = func(files map[string]string) (validation.Judge, error) { return rego.NewJudge(files) }
	judges, err := c.load(f.policies)
	if err != nil {
		return err
	}
	c.options.Judges = judges
	c.judges, err = c.load(existing(c.pipeline.Policies))
	return err
}

// load reads the policies of folders, without their tests.
func (c *checkRun) load(folders []string) ([]validation.Judge, error) {
	if len(folders) == 0 {
		return nil, nil
	}
	var judges []validation.Judge
	texts, err := readPolicies(folders, ".rego")
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(texts, func(name, _ string) bool { return strings.HasSuffix(name, "_test.rego") })
	if len(texts) > 0 {
		judge, err := rego.NewJudge(texts)
		if err != nil {
			return nil, err
		}
		judges = append(judges, judge)
	}
	rules, err := readPolicies(folders, ".guard")
	if err != nil || len(rules) == 0 {
		return judges, err
	}
	if program, err := exec.LookPath("cfn-guard"); err == nil {
		return append(judges, guard.Judge{Run: runGuard(program), Rules: rules}), nil
	}
	c.app.progress("%s for Guard left out: cfn-guard is not installed", count(len(rules), "file"))
	return judges, nil
}

// existing leaves out folders that are not there: evenkeel.yaml may be ahead of
// the folder, and a push says so.
func existing(folders []string) []string {
	var found []string
	for _, folder := range folders {
		if folderExists(filepath.FromSlash(folder)) {
			found = append(found, folder)
		}
	}
	return found
}
