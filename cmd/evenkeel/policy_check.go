package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/guard"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/template/sam"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// policyFlags is the command line of policy check.
type policyFlags struct {
	folders    []string
	namespaces []string
	guard      string
	stage      string
	parameters map[string]string
	changeSet  string
	failOn     string
	noBuiltin  bool
}

func newPolicyCheckCommand(a *app) *cobra.Command {
	f := &policyFlags{}
	cmd := &cobra.Command{
		Use:   "check [path...]",
		Short: "Check templates against the built-in rules and your own",
		Long: `Check templates against the built-in security rules, Rego policies (*.rego) and Guard rules (*.guard)
of the folder policies. Parameters, mappings and conditions are resolved; what only a deployment can
tell is not reported. Without a path, the current folder is checked. With --change-set the answer of
aws cloudformation describe-change-set is checked too, and policies see it as input.changes.

Exit code 1 when something of the severity --fail-on, or worse, was found.`,
		Example: `  evenkeel policy check
  evenkeel policy check templates/network.yaml --stage prod --parameter Size=3
  evenkeel policy check --policy org-policies --namespace main --namespace org
  aws cloudformation describe-change-set --stack-name app --change-set-name c --include-property-values |
    evenkeel policy check app.yaml --change-set -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return a.policyCheck(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&f.folders, "policy", "p", nil, "folders or files of policies (default: policies, where it exists)")
	flags.StringSliceVarP(&f.namespaces, "namespace", "n", nil, "packages whose Rego rules count (default main)")
	flags.StringVar(&f.guard, "guard", "", "the program cfn-guard (default: the one on PATH)")
	flags.StringVar(&f.stage, "stage", "", "stage that is deployed to: defaults of parameters then decide conditions")
	flags.StringToStringVar(&f.parameters, "parameter", nil, "value of a parameter: Name=value")
	flags.StringVar(&f.changeSet, "change-set", "", "file with the answer of describe-change-set, - for standard input")
	flags.StringVar(&f.failOn, "fail-on", string(policy.High), "least severity that fails: critical, high, medium, low or none")
	flags.BoolVar(&f.noBuiltin, "no-builtin", false, "leave the built-in rules out")
	return cmd
}

// fileFinding is a finding with its file.
type fileFinding struct {
	File string `json:"file"`
	policy.Finding
}

// policyReport is what policy check prints with --json.
type policyReport struct {
	Files    int           `json:"files"`
	Findings []fileFinding `json:"findings"`
	// Excepted are findings that an exception of a Rego policy takes back.
	Excepted []fileFinding        `json:"excepted"`
	Plan     []policy.PlanFinding `json:"plan,omitempty"`
	Notes    []string             `json:"notes,omitempty"`
	Partial  []string             `json:"incomplete,omitempty"` // files that were too large to be looked at completely
	Unread   []string             `json:"unread,omitempty"`     // files that are no templates, and why
}

// policyRun is one call of policy check.
type policyRun struct {
	flags  *policyFlags
	scope  policy.Scope
	rego   *rego.Policies
	guard  guard.Runner
	rules  map[string]string // Guard rules, by file name
	plan   *policy.Plan
	report policyReport
}

func (a *app) policyCheck(ctx context.Context, f *policyFlags, paths []string) error {
	if f.failOn != "none" && !slices.Contains(policy.Severities(), policy.Severity(f.failOn)) {
		return usageError("--fail-on %q is none of critical, high, medium, low, none", f.failOn)
	}
	run := &policyRun{flags: f, scope: policy.Scope{Stage: f.stage, Parameters: f.parameters, Region: a.region}}
	run.report.Findings, run.report.Excepted = []fileFinding{}, []fileFinding{}
	if err := run.load(a); err != nil {
		return err
	}
	templates := map[string][]byte{}
	for _, path := range paths {
		if err := readTemplates(path, templates); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		if err := run.check(ctx, name, templates[name]); err != nil {
			return err
		}
	}
	if run.plan != nil && !f.noBuiltin {
		run.report.Plan = policy.CheckPlan(*run.plan)
	}
	if err := a.print(run.report, func(w io.Writer) { a.policyFindings(w, run.report) }); err != nil {
		return err
	}
	if run.fails() {
		return failed("policies are broken")
	}
	return nil
}

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
	return r.readChangeSet(a)
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
	t, err := parseTemplate(name, data)
	if err != nil {
		r.report.Unread = append(r.report.Unread, err.Error())
		return nil
	}
	r.report.Files++
	if !r.flags.noBuiltin {
		findings, complete := policy.CheckWithin(t, r.scope, policy.MaxSteps)
		r.add(name, findings)
		if !complete {
			r.report.Partial = append(r.report.Partial, name)
		}
	}
	if r.rego == nil && r.guard == nil {
		return nil
	}
	in := policy.NewInput(t, r.scope)
	in.File = name
	if r.plan != nil {
		in.Changes = r.plan.Changes
	}
	if r.rego != nil {
		result, err := r.rego.Check(ctx, in, t)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.add(name, result.Findings)
		for _, f := range result.Excepted {
			r.report.Excepted = append(r.report.Excepted, fileFinding{name, f})
		}
	}
	if r.guard != nil {
		findings, err := guard.Check(ctx, r.guard, r.rules, in, t)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.add(name, findings)
	}
	return nil
}

// parseTemplate applies the transforms that are known, as validation does.
func parseTemplate(name string, data []byte) (*template.Template, error) {
	parsed, err := template.Parse(name, data)
	if err != nil {
		return nil, err
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
		return parsed, nil
	}
	return template.New(name, root)
}

func (r *policyRun) add(name string, findings []policy.Finding) {
	for _, f := range findings {
		r.report.Findings = append(r.report.Findings, fileFinding{name, f})
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

func (a *app) policyFindings(w io.Writer, r policyReport) {
	counts := map[policy.Severity]int{}
	for _, f := range r.Findings {
		counts[f.Severity]++
		when := ""
		if f.Condition != "" {
			when = " (when " + f.Condition + ")"
		}
		fmt.Fprintf(w, "%s:%d:%d: %s %s: %s%s\n", f.File, f.Line, f.Column, a.policySeverity(f.Severity), f.Rule, printable(f.Message), when)
	}
	for _, f := range r.Plan {
		counts[f.Severity]++
		fmt.Fprintf(w, "plan: %s %s %s: %s\n", f.Resource, a.policySeverity(f.Severity), f.Rule, printable(f.Message))
	}
	for _, reason := range r.Unread {
		fmt.Fprintf(w, "%s\n", printable(reason))
	}
	for _, file := range r.Partial {
		fmt.Fprintf(w, "%s: too large to be looked at completely\n", file)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	var parts []string
	for _, s := range policy.Severities() {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	summary := strings.Join(parts, ", ")
	if summary == "" {
		summary = "nothing found"
	}
	if len(r.Excepted) > 0 {
		summary += fmt.Sprintf(", %d excepted", len(r.Excepted))
	}
	fmt.Fprintf(w, "%s checked: %s\n", count(r.Files, "template"), summary)
}
