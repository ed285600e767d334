//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newPlanCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "plan", Short: "Show a plan and its risk, or rate a change set",
		Args: usageArgs(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPlanShowCommand(a), newPlanAssessCommand(a))
	return cmd
}

// The forms in which a plan is shown.
const (
	formatText     = "text"
	formatMarkdown = "markdown"
	formatJSON     = "json"
)

func newPlanShowCommand(a *app) *cobra.Command {
	format := formatText
	cmd := &cobra.Command{
		Use: "show run [stage/stack]", Short: "Show what a run changes, or changed, and how it was rated",
		Long: `Show the plans of a run, or the one of a stage and stack. The beginning of the run's id is enough.
Secrets are hidden. As JSON, one named plan is an object, and all plans of a run are a list;
docs/risk.md lists the codes of the reasons.`,
		Example: "  evenkeel plan show 1f0c9a7b\n  evenkeel plan show 1f0c9a7b prod/data --format markdown > comment.md",
		Args:    usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 2 {
				name = args[1]
			}
			return a.planShow(cmd.Context(), args[0], name, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text, markdown or json")
	return cmd
}

func (a *app) planShow(ctx context.Context, given, name, format string) error {
	if a.json {
		format = formatJSON
	}
	if err := checkFormat(format); err != nil {
		return err
	}
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	reader, err := found.reader()
	if err != nil {
		return err
	}
	id, err := runID(ctx, reader, given)
	if err != nil {
		return err
	}
	report, err := reader.Run(ctx, id)
	if err != nil {
		return err
	}
	bucketName, err := found.output("Bucket")
	if err != nil {
		return err
	}
	plans, err := readPlans(ctx, objects.New(found.cfg, bucketName), report, name)
	if err != nil {
		return err
	}
	if format == formatJSON && name == "" {
		a.json = true
		return a.print(plans, nil)
	}
	for _, plan := range plans {
		if err := a.writePlan(plan, format); err != nil {
			return err
		}
	}
	return nil
}

// readPlans reads the plans of a run that exist, in the order of its stages.
func readPlans(ctx context.Context, files *objects.Bucket, report ledger.RunReport, name string) ([]deployment.Document, error) {
	plans, names := []deployment.Document{}, []string{}
	for _, stage := range report.Stages {
		for _, stack := range stage.Stacks {
			this := stage.Name + "/" + stack.Stack
			names = append(names, this)
			if name != "" && name != this {
				continue
			}
			plan, _, err := deployment.LoadDocument(ctx, files, deployment.DocumentKey(report.RunID, stage.Name, stack.Stack))
			if errors.Is(err, objects.ErrNotFound) {
				continue // not planned
			}
			if err != nil {
				return nil, err
			}
			plans = append(plans, plan)
		}
	}
	if len(plans) == 0 && name != "" {
		return nil, notFound("run %s has no plan of %s; it has: %s", report.RunID, name, strings.Join(names, ", "))
	}
	if len(plans) == 0 {
		return nil, notFound("run %s has no plan", report.RunID)
	}
	return plans, nil
}

func checkFormat(format string) error {
	switch format {
	case formatText, formatMarkdown, formatJSON:
		return nil
	}
	return usageError("--format %q is none of text, markdown, json", format)
}

// writePlan shows one plan.
func (a *app) writePlan(plan deployment.Document, format string) error {
	text := ""
	switch format {
	case formatMarkdown:
		text = plan.Markdown(deployment.MaxMarkdown)
	case formatJSON:
		data, err := json.MarshalIndent(plan, "", "  ")
		if err != nil {
			return err
		}
		text = string(data) + "\n"
	default:
		text = a.planText(plan)
	}
	_, err := io.WriteString(a.out, text)
	return err
}

// planText is a plan for this terminal.
func (a *app) planText(plan deployment.Document) string {
	if a.coloured() {
		return plan.ColorText()
	}
	return plan.Text()
}
