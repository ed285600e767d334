package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/guard"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/template/sam"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// load reads policies, Guard rules and the change set.
func (r *policyRun) load(a *app) error {
	folders := r.flags.folders
	if len(folders) == 0 && folderExists(policyFolder) {
		folders = []string{policyFolder}
	}
	files, err := readPolicies(folders, ".rego")
	if err != nil {
		return err
	}
	if len(files) > 0 {
		if r.rego, err = rego.Load(files, rego.Options{Namespaces: r.flags.namespaces}); err != nil {
			return err
		}
	}
	if r.rules, err = readPolicies(folders, ".guard"); err != nil {
		return err
	}
	if len(r.rules) > 0 {
		if err := r.findGuard(); err != nil {
			return err
		}
	}
	if err := r.readSuppressions(a); err != nil {
		return err
	}
	return r.readChangeSet(a)
}

// readSuppressions reads those of evenkeel.yaml in the current folder.
func (r *policyRun) readSuppressions(a *app) error {
	r.options = validation.Options{Now: a.now}
	data, err := os.ReadFile(pipeline.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := pipeline.DecodeValidation(pipeline.FileName, data)
	r.options = r.options.WithPipeline(v, pipeline.FileName)
	return err
}

// findGuard looks for the program. Rules without a program are a note: who
// checks out a repository need not have it.
func (r *policyRun) findGuard() error {
	program := r.flags.guard
	if program == "" {
		program = "cfn-guard"
	}
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		r.guard = runGuard(path)
	case r.flags.guard != "":
		return usageError("--guard: %w", err)
	default:
		r.rules = nil
		r.report.Notes = append(r.report.Notes, guard.Missing)
	}
	return nil
}

// runGuard runs cfn-guard without a shell.
func runGuard(path string) guard.Runner {
	return func(ctx context.Context, stdin []byte, args ...string) (stdout, stderr []byte, exit int, err error) {
		cmd := exec.CommandContext(ctx, path, args...)
		var out, complaints bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaints
		err = cmd.Run()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return out.Bytes(), complaints.Bytes(), failed.ExitCode(), nil
		}
		return out.Bytes(), complaints.Bytes(), 0, err
	}
}

func (r *policyRun) readChangeSet(a *app) error {
	if r.flags.changeSet == "" {
		return nil
	}
	var data []byte
	var err error
	if r.flags.changeSet == "-" {
		data, err = io.ReadAll(a.in)
	} else {
		data, err = os.ReadFile(r.flags.changeSet)
	}
	if err != nil {
		return usageError("--change-set: %w", err)
	}
	plan, err := policy.ParseChangeSet(data)
	plan.Stage = r.flags.stage
	r.plan = &plan
	return err
}

// readTemplates reads a file, or the templates in a folder.
func readTemplates(path string, into map[string][]byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return usageError("%w", err)
	}
	if info.IsDir() {
		return walk(path, func(name string, entry fs.DirEntry) error {
			if !validation.IsTemplateName(name) || entry.Type()&fs.ModeSymlink != 0 {
				return nil
			}
			data, err := os.ReadFile(name)
			if err == nil && validation.LooksLikeTemplate(data) {
				into[filepath.ToSlash(filepath.Clean(name))] = data
			}
			return err
		})
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return usageError("%w", err)
	}
	into[filepath.ToSlash(filepath.Clean(path))] = data
	return nil
}

func (r *policyRun) check(ctx context.Context, name string, data []byte) error {
	parsed, t, err := parseTemplate(name, data)
	if err != nil {
		r.report.Unread = append(r.report.Unread, err.Error())
		return nil //nolint:nilerr // it is in the report
	}
	r.report.Files++
	findings, err := r.judge(ctx, name, t)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.add(parsed, name, data, findings)
	return nil
}

// judge gives the findings of all policies in a template.
func (r *policyRun) judge(ctx context.Context, name string, t *template.Template) (found []policy.Finding, err error) {
	if !r.flags.noBuiltin {
		findings, complete := policy.CheckWithin(t, r.scope, policy.MaxSteps)
		found = append(found, findings...)
		if !complete {
			r.report.Partial = append(r.report.Partial, name)
		}
	}
	if r.rego == nil && r.guard == nil {
		return found, nil
	}
	in := policy.NewInput(t, r.scope)
	in.File = name
	if r.plan != nil {
		in.Changes = r.plan.Changes
	}
	if r.rego != nil {
		result, err := r.rego.Check(ctx, in, t)
		if err != nil {
			return nil, err
		}
		found = append(found, result.Findings...)
		for _, f := range result.Excepted {
			r.report.Excepted = append(r.report.Excepted, fileFinding{name, f})
		}
	}
	if r.guard != nil {
		findings, err := guard.Check(ctx, r.guard, r.rules, in, t)
		if err != nil {
			return nil, err
		}
		found = append(found, findings...)
	}
	policy.Sort(found)
	return found, nil
}

// parseTemplate applies the transforms that are known, as validation does.
func parseTemplate(name string, data []byte) (parsed, transformed *template.Template, err error) {
	if parsed, err = template.Parse(name, data); err != nil {
		return nil, nil, err
	}
	root := parsed.Root
	if slices.Contains(parsed.Transforms, "AWS::LanguageExtensions") {
		if expanded, problems := template.ExpandLanguageExtensions(root); len(problems) == 0 {
			root = expanded
		}
	}
	if sam.Needed(root) {
		if translated, problems := sam.Translate(root, sam.Options{}); len(problems) == 0 {
			root = translated
		}
	}
	if root == parsed.Root {
		return parsed, parsed, nil
	}
	transformed, err = template.New(name, root)
	return parsed, transformed, err
}

// add parts the findings of one file into those that stand and those that are
// suppressed.
func (r *policyRun) add(parsed *template.Template, name string, data []byte, findings []policy.Finding) {
	all := make([]validation.Finding, len(findings))
	byKey := make(map[validation.Finding]policy.Finding, len(findings))
	for i, f := range findings {
		// The severity decides nothing here, but notes would be left out.
		all[i] = validation.Finding{File: name, Line: f.Line, Column: f.Column, Rule: f.Rule, Severity: validation.Error, Path: strings.Join(f.Path, "/"), Message: f.Message + f.Condition}
		byKey[all[i]] = f
	}
	kept, suppressed := validation.Suppress(parsed, name, data, all, r.options)
	for _, f := range kept {
		if own, ok := byKey[f]; ok {
			r.report.Findings = append(r.report.Findings, fileFinding{name, own})
		}
	}
	for _, f := range suppressed {
		f.Suppression = nil
		if own, ok := byKey[f]; ok {
			r.report.Suppressed = append(r.report.Suppressed, fileFinding{name, own})
		}
	}
}

// fails reports whether something is as severe as --fail-on.
func (r *policyRun) fails() bool {
	if len(r.report.Unread) > 0 {
		return true
	}
	if r.flags.failOn == "none" {
		return false
	}
	least := policy.Severity(r.flags.failOn)
	return slices.ContainsFunc(r.report.Findings, func(f fileFinding) bool { return worst(f.Severity, least) <= 0 }) ||
		slices.ContainsFunc(r.report.Plan, func(f policy.PlanFinding) bool { return worst(f.Severity, least) <= 0 })
}
