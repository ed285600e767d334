//go:build !validator

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func newHealCommand(a *app) *cobra.Command {
	limit := 20
	list := func(cmd *cobra.Command, _ []string) error { return a.healList(cmd.Context(), limit) }
	cmd := &cobra.Command{
		Use: "heal", Short: "Show which security groups were closed, undo it, and set the mode",
		Args: usageArgs(cobra.NoArgs), RunE: list,
	}
	listing := &cobra.Command{Use: "list", Short: "List the last heals", Args: usageArgs(cobra.NoArgs), RunE: list}
	listing.Flags().IntVar(&limit, "limit", limit, "how many")
	cmd.AddCommand(listing, newHealShowCommand(a), newHealUndoCommand(a), newHealModeCommand(a), newHealPlanCommand(a),
		newHealPolicyCommand(a), newHealExceptCommand(a), newHealUnexceptCommand(a), newHealExceptionsCommand(a), newHealBenchmarkCommand(a))
	return cmd
}

func newHealShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show heal", Short: "Show one heal: who opened what, and what was closed", Example: "  evenkeel heal show heal-38bff999680b8b88",
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.healShow(cmd.Context(), args[0]) },
	}
}

func newHealUndoCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use: "undo heal", Short: "Open again what a heal closed, for a limited time",
		Long: "Give a rule in quarantine its source back, so that it is exactly what it was, or make a revoked one anew, with its description and tags " +
			"and under a new id. The healer leaves it alone for the time that its policy allows. A quarantined rule that somebody has changed or deleted since is not touched.",
		Example: "  evenkeel heal undo heal-38bff999680b8b88",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.healUndo(cmd.Context(), args[0], yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) records(ctx context.Context) (*installation, *ledger.Reader, error) {
	found, err := a.installation(ctx)
	if err != nil {
		return nil, nil, err
	}
	reader, err := found.reader()
	return found, reader, err
}

func (a *app) healList(ctx context.Context, limit int) error {
	if limit < 1 {
		return usageError("--limit %d is not at least 1", limit)
	}
	_, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	views, err := reader.Heals(ctx, limit)
	if err != nil {
		return err
	}
	return a.print(views, func(w io.Writer) {
		if len(views) == 0 {
			fmt.Fprintln(w, "no security group was too open yet")
			return
		}
		t := table(w)
		fmt.Fprintln(t, "HEAL\tSTATE\tSEVERITY\tGROUP\tRULE\tACCOUNT\tREGION\tHOW\tOPEN FOR\tBY\tWHEN")
		for _, v := range views {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.HealID, v.State, cmp.Or(v.Severity, "-"), v.GroupID, rulesText(v.Rules), v.Account, v.Region,
				cmp.Or(how(v), "-"), openFor(v), openedBy(v.Trigger), ago(a.now(), v.Time))
		}
		_ = t.Flush()
	})
}

// rulesText is the rule of a heal, or of several the first one and how many more.
func rulesText(rules []events.Removal) string {
	switch len(rules) {
	case 0:
		return "-"
	case 1:
		return shownKey(healing.RuleKey(rules[0].Rule))
	}
	return fmt.Sprintf("%s +%d", shownKey(healing.RuleKey(rules[0].Rule)), len(rules)-1)
}

// shownKey is a rule's key as a command line takes it: -1, every protocol, would
// be a flag there.
func shownKey(key string) string {
	if rest, ok := strings.CutPrefix(key, "-1/"); ok {
		key = "all/" + rest
	}
	return printable(key)
}

// openedBy is who opened the rule, where that is known. Facts of sweeps had the
// healer there, before they said how a rule was found.
func openedBy(t events.Trigger) string {
	if t.EventName == "Sweep" && t.Found == "" {
		return "-"
	}
	return cmp.Or(t.Principal, "-")
}

// openFor is the time from the opening to the closing, where there was one.
func openFor(v ledger.HealView) string {
	if v.Exposure == 0 {
		return "-"
	}
	return v.Exposure.Round(10 * time.Millisecond).String()
}

func (a *app) healShow(ctx context.Context, id string) error {
	_, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	report, err := reader.Heal(ctx, id)
	if errors.Is(err, ledger.ErrUnknown) {
		return notFound("no heal %s; see `evenkeel heal list`", id)
	}
	if err != nil {
		return err
	}
	return a.print(report, func(w io.Writer) { a.healText(w, report) })
}

func (a *app) healUndo(ctx context.Context, id string, yes bool) error {
	found, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	report, err := reader.Heal(ctx, id)
	if errors.Is(err, ledger.ErrUnknown) {
		return notFound("no heal %s; see `evenkeel heal list`", id)
	}
	if err != nil {
		return err
	}
	if report.State == ledger.HealObserved || report.State == ledger.HealStopped {
		return fmt.Errorf("%s only reported: nothing was closed, so that there is nothing to undo", id)
	}
	if !yes {
		a.healText(a.err, report)
		agreed, err := a.confirm("Open these rules again?")
		if err != nil || !agreed {
			return err
		}
	}
	by, err := session.Caller(ctx, found.cfg)
	if err != nil {
		return err
	}
	var undone events.SecurityGroupHealUndone
	request := map[string]string{"action": "undo", "healId": id, "by": by}
	if err := found.invoke(ctx, "HealingFunction", request, &undone); err != nil {
		return err
	}
	return a.print(undone, func(w io.Writer) {
		fmt.Fprintf(w, "opened again until %s:\n", undone.Until.UTC().Format(time.RFC3339))
		for _, r := range undone.Restored {
			fmt.Fprintf(w, "  + %s%s\n", ruleText(r), formerly(report.Rules, r))
		}
	})
}

// invoke calls the function of an output and decodes its answer. A function's
// own error becomes an error with its message.
func (i *installation) invoke(ctx context.Context, function string, request, answer any) error {
	name, err := i.output(function)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(request)
	if err != nil {
		return err
	}
	out, err := lambda.NewFromConfig(i.cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(name), Payload: payload})
	if err != nil {
		return awserr.Classify("invoke "+name, err)
	}
	if out.FunctionError == nil {
		return json.Unmarshal(out.Payload, answer)
	}
	var failure struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(out.Payload, &failure); err != nil {
		return fmt.Errorf("%s failed: %s", name, out.Payload)
	}
	message := printable(failure.ErrorMessage)
	if failure.ErrorType == "InvalidError" {
		return notFound("%s", message)
	}
	return &functionError{failure.ErrorType, message}
}

// functionError is a function's own error: a fault's kind, or what the runtime
// calls the end of a function that did not come to an answer.
type functionError struct{ kind, message string }

func (e *functionError) Error() string { return e.kind + ": " + e.message }
