//go:build !validator

package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// assessFlags is the command line of plan assess.
type assessFlags struct {
	template, previous string
	protect, stateful  []string
	healing            string
	format, failOn     string
	newStack           bool
}

func newPlanAssessCommand(a *app) *cobra.Command {
	f := &assessFlags{format: formatText, failOn: risk.Dangerous}
	cmd := &cobra.Command{
		Use: "assess file", Short: "Rate a change set: how dangerous it is, and why",
		Long: `Rate the answer of aws cloudformation describe-change-set, - for standard input. It speaks to
nobody. Ask CloudFormation with --include-property-values, and give the templates before and
after where you have them: what cannot be told is rated higher. docs/risk.md says how.

Exit code 1 when the risk is --fail-on or worse.`,
		Example: `  evenkeel plan assess change-set.json --previous-template deployed.yaml --template app.yaml
  aws cloudformation describe-change-set --stack-name app --change-set-name c --include-property-values |
    evenkeel plan assess - --fail-on review --format markdown`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return a.planAssess(args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.template, "template", "", "template that the change set deploys")
	flags.StringVar(&f.previous, "previous-template", "", "template that is deployed")
	flags.BoolVar(&f.newStack, "new-stack", false, "nothing is deployed yet")
	flags.StringSliceVar(&f.protect, "protect", nil, "logical ids that must not be removed or replaced")
	flags.StringSliceVar(&f.stateful, "stateful", nil, "further resource types that hold data")
	flags.StringVar(&f.healing, "healing-policy", "", "healing policy, JSON or YAML, that security groups are judged by")
	flags.StringVar(&f.format, "format", f.format, "text, markdown or json")
	flags.StringVar(&f.failOn, "fail-on", f.failOn, "least risk that fails: review, dangerous, blocked or none")
	return cmd
}

func (a *app) planAssess(file string, f *assessFlags) error {
	if a.json {
		f.format = formatJSON
	}
	if err := checkFormat(f.format); err != nil {
		return err
	}
	if !slices.Contains([]string{risk.Review, risk.Dangerous, risk.Blocked, "none"}, f.failOn) {
		return usageError("--fail-on %q is none of review, dangerous, blocked, none", f.failOn)
	}
	data, err := a.readInput(file)
	if err != nil {
		return err
	}
	set, err := changeset.Parse(data)
	if err != nil {
		return usageError("%s: %w", file, err)
	}
	templates, err := f.templates()
	if err != nil {
		return err
	}
	policy := risk.Policy{Protect: f.protect, Stateful: f.stateful, Now: time.Now()}
	if policy.Exposure, err = f.exposure(); err != nil {
		return err
	}
	rated := risk.Assess(set, templates, nil, policy)
	if err := a.writeAssessment(set, rated, f.format); err != nil {
		return err
	}
	if f.failOn != "none" && risk.AtLeast(rated.Level, f.failOn) {
		return failed("the risk is " + rated.Level)
	}
	return nil
}

// readInput reads a file, or standard input for -.
func (a *app) readInput(file string) ([]byte, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(a.in, changeset.MaxBytes+1))
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, usageError("%w", err)
	}
	return data, nil
}

// exposure reads the healing policy; none is given by nil.
func (f *assessFlags) exposure() (*healing.Policy, error) {
	if f.healing == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	data, err := os.ReadFile(f.healing)
	if err != nil {
		return nil, usageError("%w", err)
	}
	policy, err := healing.DecodePolicy(data)
	if err != nil {
		return nil, usageError("%s: %w", f.healing, err)
	}
	return &policy, nil
}

func (f *assessFlags) templates() (found risk.Templates, err error) {
	if f.newStack && f.previous != "" {
		return found, usageError("--new-stack and --previous-template exclude each other")
	}
	if f.newStack {
		if found.Before, err = template.Parse("", nil); err != nil {
			return found, err
		}
	}
	if f.previous != "" {
		if found.Before, err = readTransformed(f.previous); err != nil {
			return found, err
		}
	}
	if f.template != "" {
		found.After, err = readTransformed(f.template)
	}
	return found, err
}

// readTransformed reads a template with the transforms that are known here
// applied.
func readTransformed(file string) (*template.Template, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError("%w", err)
	}
	_, t, err := parseTemplate(file, data)
	if err != nil {
		return nil, usageError("%w", err)
	}
	return t, nil
}

func (a *app) writeAssessment(set changeset.Set, rated risk.Assessment, format string) error {
	if format == formatJSON {
		a.json = true
		return a.print(rated, nil)
	}
	arn := strings.SplitN(set.StackID, ":", 6)
	plan := deployment.NewDocument(set, rated, "")
	plan.Target = events.Target{StackName: set.StackName, Stack: set.StackName}
	if len(arn) == 6 {
		plan.Target.Region, plan.Target.Account = arn[3], arn[4]
	}
	return a.writePlan(plan, format)
}
