//go:build !validator

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func newHealExceptCommand(a *app) *cobra.Command {
	var e healing.Exception
	expires, yes := "", false
	cmd := &cobra.Command{
		Use:   "except group rule",
		Short: "Let a rule stay although it is too open, until a day",
		Long: `Record an exception: the healer leaves the rule of the group alone until it expires. The rule is what it
admits, protocol/ports/source, whatever its id, such as all/all/10.0.0.0/8 for every protocol; "*" is every
rule of the group. An exception ends within 366 days. Who may invoke the healing function may do this; the exception and the function's log say who it was.`,
		Example: `  evenkeel heal except sg-0a1b2c3d4e5f60001 tcp/22/203.0.113.0/24 --owner net@example.com --reason "course" --expires 2027-01-31
  evenkeel heal except sg-0a1b2c3d4e5f60001 "*" --owner net@example.com --reason "migration, see #214" --expires 2027-01-31`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Group, e.Rule = args[0], args[1]
			return a.healExcept(cmd.Context(), e, expires, yes)
		},
	}
	cmd.Flags().StringVar(&e.Owner, "owner", "", "who answers for it")
	cmd.Flags().StringVar(&e.Reason, "reason", "", "why it must stay")
	cmd.Flags().StringVar(&expires, "expires", "", "the last day, 2027-01-31, or an instant in RFC 3339")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newHealUnexceptCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "unexcept group rule",
		Short:   "End a recorded exception now",
		Long:    "End a recorded exception. The next event or sweep closes its rule, if it is too open still.",
		Example: `  evenkeel heal unexcept sg-0a1b2c3d4e5f60001 tcp/22/203.0.113.0/24`,
		Args:    usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeException(cmd.Context(), "unexcept", healing.Exception{Group: args[0], Rule: args[1]})
		},
	}
}

func newHealExceptionsCommand(a *app) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "exceptions [group]",
		Short: "List the rules that stay although they are too open",
		Args:  usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.healExceptions(cmd.Context(), strings.Join(args, ""), all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that are over, too")
	return cmd
}

// healExcept checks all that needs no AWS before it asks.
func (a *app) healExcept(ctx context.Context, e healing.Exception, expires string, yes bool) error {
	key, err := healing.CanonicalKey(e.Rule)
	if err != nil {
		return usageError("%w", err)
	}
	if !strings.HasPrefix(e.Group, "sg-") {
		return usageError("%q is no security group id, such as sg-0123456789abcdef0", e.Group)
	}
	for _, question := range []struct {
		answer         *string
		question, flag string
	}{{&e.Owner, "Who answers for it?", "owner"}, {&e.Reason, "Why must it stay?", "reason"}, {&expires, "Until which day?", "expires"}} {
		if strings.TrimSpace(*question.answer) != "" {
			continue
		}
		if *question.answer, err = a.ask(question.question, question.flag); err != nil {
			return err
		}
		if *question.answer == "" {
			return usageError("an exception has an owner, a reason and an end: say --%s", question.flag)
		}
	}
	e.Rule = key
	if e.Expires, err = parseExpires(expires); err != nil {
		return err
	}
	if e.Expires.After(a.now().Add(healing.LongestException)) {
		return usageError("--expires %s is too far off: an exception ends within 366 days", expires)
	}
	if !yes {
		fmt.Fprintf(a.err, "%s of %s stays open until %s, although the policy would close it\n", shownKey(key), e.Group, e.Expires.Format(time.RFC3339))
		agreed, err := a.confirm("Leave it open?")
		if err != nil || !agreed {
			return err
		}
	}
	return a.changeException(ctx, "except", e)
}

// parseExpires is an instant; a day counts to its end in UTC.
func parseExpires(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageError("--expires %q is neither a day such as 2027-01-31 nor an instant in RFC 3339", text)
	}
	return instant.UTC(), nil
}

func (a *app) changeException(ctx context.Context, action string, e healing.Exception) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	by, err := session.Caller(ctx, found.cfg)
	if err != nil {
		return err
	}
	var done healing.Exception
	request := map[string]any{"action": action, "by": by, "exception": e}
	if err := found.invoke(ctx, "HealingFunction", request, &done); err != nil {
		return err
	}
	return a.print(done, func(w io.Writer) {
		if action == "unexcept" {
			fmt.Fprintf(w, "%s of %s is closed by the next event or sweep, if it is too open still\n", shownKey(done.Rule), done.Group)
			return
		}
		fmt.Fprintf(w, "%s of %s stays until %s\n", shownKey(done.Rule), done.Group, done.Expires.UTC().Format(time.RFC3339))
	})
}

// listedException is an exception and where it is written.
type listedException struct {
	healing.Exception
	In   string `json:"in"` // policy or recorded
	Over bool   `json:"over"`
}

func (a *app) healExceptions(ctx context.Context, group string, all bool) error {
	policies, err := a.healPolicies(ctx)
	if err != nil {
		return err
	}
	_, policy, err := policies.read(ctx)
	if err != nil {
		return err
	}
	recorded, err := a.recordedExceptions(ctx, group)
	if err != nil {
		return err
	}
	list := []listedException{}
	add := func(in string, exceptions []healing.Exception) {
		for _, e := range exceptions {
			over := !a.now().Before(e.Expires)
			if (group == "" || e.Group == group) && (all || !over) {
				list = append(list, listedException{e, in, over})
			}
		}
	}
	add("policy", policy.Exceptions)
	add("recorded", recorded)
	slices.SortFunc(list, func(a, b listedException) int {
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.In, b.In))
	})
	return a.print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "there is no exception")
			return
		}
		t := table(w)
		fmt.Fprintln(t, "GROUP\tRULE\tEXPIRES\tOWNER\tREASON\tBY\tIN")
		for _, e := range list {
			expires := e.Expires.UTC().Format(time.RFC3339)
			if e.Over {
				expires += " (over)"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Group, shownKey(e.Rule), expires, printable(e.Owner), printable(e.Reason), cmp.Or(printable(e.By), "-"), e.In)
		}
		_ = t.Flush()
	})
}

func (a *app) recordedExceptions(ctx context.Context, group string) ([]healing.Exception, error) {
	found, err := a.installation(ctx)
	if err != nil {
		return nil, err
	}
	stateTable, err := found.output("StateTable")
	if err != nil {
		return nil, err
	}
	state := healingstate.New(found.cfg, stateTable, "", a.now)
	if group != "" {
		return state.Exceptions(ctx, group)
	}
	return state.AllExceptions(ctx)
}
