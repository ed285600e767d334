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
	return newVerdictCommand(a, &verdict{approve: true, verb: "approve", done: "approved", question: "Execute exactly this?"},
		"Let a waiting run go on", `Shows what the waiting plan will change, asks, and lets the run go on. The approval is bound to
this very change set: what you saw is what is executed, or nothing is. Without a run it lists what waits.`)
}

func newRejectCommand(a *app) *cobra.Command {
	return newVerdictCommand(a, &verdict{verb: "reject", done: "rejected", question: "Reject this?"},
		"Stop a waiting run", "Shows what the waiting plan would change, asks, and ends the run without executing it.")
}

func newVerdictCommand(a *app, v *verdict, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     v.verb + " [run]",
		Short:   short,
		Long:    long,
		Example: fmt.Sprintf("  evenkeel %[1]s\n  evenkeel %[1]s 3f2a91bc-0d41e2 --comment \"checked with the database team\"", v.verb),
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
	cmd.Flags().StringVar(&v.comment, "comment", "", "why; kept in the ledger")
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

// pending is a waiting plan as --json shows it.
type pending struct {
	Run     string    `json:"run"`
	Stage   string    `json:"stage"`
	Stack   string    `json:"stack"`
	Digest  string    `json:"digest"`
	Risk    string    `json:"risk"`
	Reasons []string  `json:"reasons"`
	Expires time.Time `json:"expires"`
}

func pendingOf(p deployment.Approval) pending {
	return pending{p.Run.RunID, p.Target.Stage, p.Target.Stack, p.Digest, p.Risk, p.Reasons, p.Expires}
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
		}
		for _, p := range list {
			fmt.Fprintf(w, "%s  %s/%s  risk %s  expires %s\n", p.Run, p.Stage, p.Stack, p.Risk, p.Expires.Local().Format(time.DateTime))
		}
	})
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
	if err != nil {
		return err
	}
	document, err := deployment.LoadDocument(ctx, bucket, plan.Document)
	if err != nil {
		return err
	}
	if !a.json {
		fmt.Fprint(a.out, document.Text())
	}
	if !v.yes {
		sure, err := a.confirm(v.question)
		if err != nil {
			return err
		}
		if !sure {
			return failed("nothing was decided")
		}
	}
	by, err := session.Caller(ctx, found.cfg)
	if err != nil {
		return err
	}
	// The digest of the plan that was shown: one that changed since is refused.
	_, err = approver.Decide(ctx, deployment.Verdict{
		RunID: plan.Run.RunID, Stage: plan.Target.Stage, Stack: plan.Target.Stack, Approve: v.approve, Digest: plan.Digest, By: by, Comment: v.comment,
	})
	if err != nil {
		return err
	}
	return a.print(pendingOf(plan), func(w io.Writer) {
		fmt.Fprintf(w, "%s %s/%s of run %s as %s\n", a.green(v.done), plan.Target.Stage, plan.Target.Stack, plan.Run.RunID, by)
	})
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
		names = append(names, p.Run.RunID+" "+p.Target.Stage+"/"+p.Target.Stack)
	}
	return deployment.Approval{}, usageError("several plans match: %s. Say which with --stage and --stack", strings.Join(names, ", "))
}
