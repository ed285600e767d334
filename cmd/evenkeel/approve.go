//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/bus"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/tasks"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

// verdict is the flags of approve and reject.
type verdict struct {
	approve                    bool
	run, stage, stack, comment string
	yes                        bool
	verb, done, question       string
}

func newApproveCommand(a *app) *cobra.Command {
	v := &verdict{approve: true, verb: "approve", done: "approved", question: "Execute exactly this?"}
	cmd := newVerdictCommand(a, v, "Let a waiting run go on", `Shows who pushed what, and what the waiting plan will change, asks, and lets the run go on. The
approval is bound to this very change set, its template, parameters and settings, and to the stack as
it is: what you saw is what is executed, before the approval expires, or nothing is. An author of the
push may not approve it, unless the stage allows that (exit code 4). Without a run it lists what waits.`,
		`--comment "checked with the database team"`)
	cmd.Flags().StringVar(&v.comment, "comment", "", "why; kept in the ledger")
	return cmd
}

func newRejectCommand(a *app) *cobra.Command {
	v := &verdict{verb: "reject", done: "rejected", question: "Reject this?"}
	cmd := newVerdictCommand(a, v, "Stop a waiting run", `Shows what the waiting plan would change, asks, and ends the run without executing it. Whoever pushed
must know why: the reason is asked for, or given with --reason.`, `--reason "not before the migration"`)
	cmd.Flags().StringVar(&v.comment, "reason", "", "why; kept in the ledger and shown as the run's end")
	return cmd
}

func newVerdictCommand(a *app, v *verdict, short, long, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     v.verb + " [run]",
		Short:   short,
		Long:    long,
		Example: fmt.Sprintf("  evenkeel %[1]s\n  evenkeel %[1]s 3f2a91bc-0d41e2 %[2]s", v.verb, example),
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listPending(cmd.Context())
			}
			v.run = args[0]
			return a.decide(cmd.Context(), *v)
		},
	}
	cmd.Flags().StringVar(&v.stage, "stage", "", "stage of the plan, when several wait")
	cmd.Flags().StringVar(&v.stack, "stack", "", "stack of the plan, when several wait")
	cmd.Flags().BoolVarP(&v.yes, "yes", "y", false, "do not ask")
	return cmd
}

// approver is the deployment domain's own core over the installation.
func (a *app) approver(found *installation) (*deployment.Approver, *objects.Bucket, error) {
	var missing error
	output := func(name string) string {
		value, err := found.output(name)
		if err != nil {
			missing = err
		}
		return value
	}
	state := deploymentstate.New(found.cfg, output("StateTable"), a.now)
	approver := &deployment.Approver{
		Approvals: state.Approvals(), Runs: state.Runs(), Tasks: tasks.New(found.cfg), Publisher: bus.New(found.cfg, output("Bus")), Now: a.now,
	}
	return approver, objects.New(found.cfg, output("Bucket")), missing
}

// pending is a waiting plan as --json shows it, or one that was just decided on.
type pending struct {
	Run        string               `json:"run"`
	Repository string               `json:"repository"`
	Commit     string               `json:"commit"`
	PushedBy   string               `json:"pushedBy"`
	Authors    []string             `json:"authors"`
	Stage      string               `json:"stage"`
	Stack      string               `json:"stack"`
	Digest     string               `json:"digest"`
	Risk       string               `json:"risk"`
	Reasons    []string             `json:"reasons"`
	Expires    time.Time            `json:"expires"`
	Decision   *deployment.Decision `json:"decision,omitempty"`
}

func pendingOf(p deployment.Approval) pending {
	return pending{
		p.Run.RunID, p.Run.Repository, p.Run.Commit, p.Run.Actor, p.Authors.Names(), p.Target.Stage, p.Target.Stack, p.Digest, p.Risk, p.Reasons,
		p.Expires, p.Decision,
	}
}

func (a *app) listPending(ctx context.Context) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	approver, _, err := a.approver(found)
	if err != nil {
		return err
	}
	waiting, err := approver.Pending(ctx)
	if err != nil {
		return err
	}
	list := make([]pending, 0, len(waiting))
	for _, p := range waiting {
		list = append(list, pendingOf(p))
	}
	return a.print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "Nothing waits for approval.")
			return
		}
		t := table(w)
		fmt.Fprintln(t, "RUN\tPLAN\tRISK\tPUSHED BY\tCOMMIT\tEXPIRES")
		for _, p := range list {
			fmt.Fprintf(t, "%s\t%s/%s\t%s\t%s\t%.8s\t%s\n", p.Run, p.Stage, p.Stack, p.Risk, printable(p.PushedBy), p.Commit, a.expires(p.Expires))
		}
		_ = t.Flush()
	})
}

// expires is a time and how far away it is.
func (a *app) expires(at time.Time) string {
	return at.Local().Format(time.DateTime) + ", in " + at.Sub(a.now()).Truncate(time.Minute).String()
}

func (a *app) decide(ctx context.Context, v verdict) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	approver, bucket, err := a.approver(found)
	if err != nil {
		return err
	}
	waiting, err := approver.Pending(ctx)
	if err != nil {
		return err
	}
	plan, err := choose(waiting, v)
	if err != nil && v.stage != "" && v.stack != "" {
		// Decided already, perhaps by a first try that was interrupted: repeating
		// the same decision completes what that left undone.
		stored, ok, getErr := approver.Approvals.Get(ctx, v.run, v.stage, v.stack)
		if getErr != nil {
			return getErr
		}
		if ok && stored.Decision != nil {
			plan, err = stored, nil
		}
	}
	if err != nil {
		return err
	}
	by, err := session.Caller(ctx, found.cfg)
	if err != nil {
		return err
	}
	seen, err := a.show(ctx, bucket, plan)
	if err != nil {
		return err
	}
	if err := deployment.MayDecide(plan, by, v.approve); err != nil {
		return refused(err)
	}
	if err := a.sure(&v); err != nil {
		return err
	}
	// The digest of the plan that was shown: one that changed since is refused.
	decided, err := approver.Decide(ctx, deployment.Verdict{
		RunID: plan.Run.RunID, Stage: plan.Target.Stage, Stack: plan.Target.Stack, Approve: v.approve, Digest: plan.Digest, By: by, Comment: v.comment,
		Via: a.via(), Seen: seen,
	})
	if deployment.IsDuties(err) {
		return refused(err)
	}
	if err != nil {
		return err
	}
	return a.print(pendingOf(decided), func(w io.Writer) {
		fmt.Fprintf(w, "%s %s/%s of run %s as %s\n", a.green(v.done), plan.Target.Stage, plan.Target.Stack, plan.Run.RunID, by)
		if decided.Decision != nil && decided.Decision.Relation == approval.Unmapped {
			fmt.Fprintf(w, "%s nobody can tell whether you are an author of the push: register who is who with `evenkeel repo add … --identity login=session-name`\n", a.yellow("note:"))
		}
	})
}

// show shows what is decided on, and says what was shown. A document that is not
// the one that the run wrote is not shown to be decided on.
func (a *app) show(ctx context.Context, bucket *objects.Bucket, plan deployment.Approval) (deployment.Seen, error) {
	document, seen, err := deployment.LoadDocument(ctx, bucket, plan.Document)
	if err != nil {
		return seen, err
	}
	if seen.SHA256 != plan.Seen {
		return seen, fmt.Errorf("the plan %s is not the one that the run wrote: its SHA-256 is %.12s, not %.12s", plan.Document, seen.SHA256, plan.Seen)
	}
	if a.json {
		return deployment.Seen{}, nil // nothing is shown; the digest still binds the decision
	}
	fmt.Fprintf(a.out, "run %s of %s: %s pushed %.8s to %s\n", a.bold(plan.Run.RunID), plan.Run.Repository, printable(plan.Run.Actor), plan.Run.Commit, printable(plan.Run.Branch))
	fmt.Fprintf(a.out, "authors: %s\n", printable(strings.Join(plan.Authors.Names(), ", ")))
	fmt.Fprint(a.out, a.planText(document))
	fmt.Fprintf(a.out, "expires %s\n", a.expires(plan.Expires))
	return seen, nil
}

// sure asks for what a decision still lacks: a rejection's reason, and a yes.
func (a *app) sure(v *verdict) error {
	if !v.approve && strings.TrimSpace(v.comment) == "" {
		reason, err := a.ask("Why is it rejected?", "reason")
		if err != nil {
			return err
		}
		if v.comment = reason; reason == "" {
			return usageError("a rejection needs a reason: whoever pushed must know what to change")
		}
	}
	if v.yes {
		return nil
	}
	sure, err := a.confirm(v.question)
	if err == nil && !sure {
		return failed("nothing was decided")
	}
	return err
}

// choose finds the one plan that is meant. A run may be named by the start of
// its id.
func choose(waiting []deployment.Approval, v verdict) (deployment.Approval, error) {
	var matching []deployment.Approval
	for _, p := range waiting {
		if strings.HasPrefix(p.Run.RunID, v.run) && (v.stage == "" || v.stage == p.Target.Stage) && (v.stack == "" || v.stack == p.Target.Stack) {
			matching = append(matching, p)
		}
	}
	switch len(matching) {
	case 0:
		return deployment.Approval{}, notFound("nothing of run %s waits for approval; `evenkeel %s` lists what waits", v.run, v.verb)
	case 1:
		return matching[0], nil
	}
	names := []string{}
	for _, p := range matching {
		names = append(names, fmt.Sprintf("%s %s/%s (expires %s)", p.Run.RunID, p.Target.Stage, p.Target.Stack, p.Expires.UTC().Format(time.RFC3339)))
	}
	return deployment.Approval{}, usageError("several plans match: %s. Say which with --stage and --stack", strings.Join(names, ", "))
}
