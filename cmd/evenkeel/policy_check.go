package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/guard"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
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

func newPolicyInputCommand(a *app) *cobra.Command {
	f := &policyFlags{}
	cmd := &cobra.Command{
		Use:     "input template",
		Short:   "Print what Rego policies see of a template",
		Long:    `Print the document input that Rego policies see of a template, as JSON.`,
		Example: `  evenkeel policy input app.yaml --stage prod > input.json`,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return usageError("%w", err)
			}
			_, t, err := parseTemplate(args[0], data)
			if err != nil {
				return err
			}
			in := policy.NewInput(t, policy.Scope{Stage: f.stage, Parameters: f.parameters, Region: a.region})
			a.json = true
			return a.print(in, nil)
		},
	}
	cmd.Flags().StringVar(&f.stage, "stage", "", "stage that is deployed to: defaults of parameters then decide conditions")
	cmd.Flags().StringToStringVar(&f.parameters, "parameter", nil, "value of a parameter: Name=value")
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
	Excepted []fileFinding `json:"excepted"`
	// Suppressed are findings that a template, a comment or evenkeel.yaml switches off.
	Suppressed []fileFinding        `json:"suppressed"`
	Plan       []policy.PlanFinding `json:"plan,omitempty"`
	Notes      []string             `json:"notes,omitempty"`
	Partial    []string             `json:"incomplete,omitempty"` // files that were too large to be looked at completely
	Unread     []string             `json:"unread,omitempty"`     // files that are no templates, and why
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
	// options say which findings are suppressed, as for evenkeel validate.
	options validation.Options
}

func (a *app) policyCheck(ctx context.Context, f *policyFlags, paths []string) error {
	if f.failOn != "none" && !slices.Contains(policy.Severities(), policy.Severity(f.failOn)) {
		return usageError("--fail-on %q is none of critical, high, medium, low, none", f.failOn)
	}
	run := &policyRun{flags: f, scope: policy.Scope{Stage: f.stage, Parameters: f.parameters, Region: a.region}}
	run.report.Findings, run.report.Excepted, run.report.Suppressed = []fileFinding{}, []fileFinding{}, []fileFinding{}
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
	if len(r.Suppressed) > 0 {
		summary += fmt.Sprintf(", %d suppressed", len(r.Suppressed))
	}
	if len(r.Excepted) > 0 {
		summary += fmt.Sprintf(", %d excepted", len(r.Excepted))
	}
	fmt.Fprintf(w, "%s checked: %s\n", count(r.Files, "template"), summary)
}
