//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// deed is a command that changes a rollout.
type deed struct {
	command, done string // rollout.CommandPromote, "promoted"
	short, long   string
	fits          func(rollout.Record) bool // whether there is anything to do
}

func deeds() []deed {
	in := func(phases ...rollout.Phase) func(rollout.Record) bool {
		return func(r rollout.Record) bool {
			for _, p := range phases {
				if r.State.Phase == p {
					return true
				}
			}
			return false
		}
	}
	return []deed{
		{rollout.CommandPromote, "promoted", "Give the new side all traffic now", `Give the new side all traffic now, whatever steps and measurements are left, and make it the live one. A
rollout that is being aborted is not promoted: push again.`, in(rollout.Stepping, rollout.Paused)},
		{rollout.CommandPause, "paused", "Hold a rollout where it is", `Keep the weights as they are until somebody resumes, promotes or aborts the rollout. Nobody does for the
rollout's pauseTimeout: it is aborted.`, in(rollout.Stepping)},
		{rollout.CommandResume, "resumed", "Let a paused rollout go on", `Let a rollout go on that waits for a person, or that somebody paused: with its next step, or with its
promotion when there is none.`, in(rollout.Paused)},
		{rollout.CommandAbort, "aborted", "Give the traffic back", `Give all traffic back to the live side, now; the run ends RolledBack. Of a promoted rollout, while its old
side is kept, it is the switch back: the old side is the live one again, at once and without a deployment.`, in(rollout.Stepping, rollout.Paused, rollout.Promoting, rollout.Promoted)},
	}
}

// deedFlags are the flags of a deed.
type deedFlags struct {
	reason string
	yes    bool
	wait   time.Duration
}

// followFor is how long a deed is followed: Route 53 takes up to a minute to
// have a change everywhere.
const followFor = 2 * time.Minute

func newDeedCommand(a *app, d deed) *cobra.Command {
	f := &deedFlags{wait: followFor}
	cmd := &cobra.Command{
		Use:   d.command + " stage/stack|account/region/stack|run",
		Short: d.short,
		Long: d.long + `

It shows the weights before and after, asks, does it through the rollout function with your name in the
ledger, and prints the weights that are in force at the end. Ctrl-C stops the waiting only.`,
		Example:           fmt.Sprintf("  evenkeel rollout %[1]s prod/api\n  evenkeel rollout %[1]s 333333333333/us-east-1/shop-api-prod --yes --reason \"seen by the team\"", d.command),
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: a.rolloutNames(d.fits),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.act(cmd.Context(), d, args[0], *f) },
	}
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; kept in the ledger")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().DurationVar(&f.wait, "timeout", f.wait, "how long to wait until the weights are in force")
	return cmd
}

// acted is what became of a deed.
type acted struct {
	Command string      `json:"command"`
	By      string      `json:"by,omitempty"`
	Changed bool        `json:"changed"` // false: it was so already
	Before  []share     `json:"before"`
	Rollout rolloutView `json:"rollout"`
}

func (a *app) act(ctx context.Context, d deed, which string, f deedFlags) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	records, _, err := found.rollouts()
	if err != nil {
		return err
	}
	all, err := records.List(ctx)
	if err != nil {
		return err
	}
	before, err := oneRollout(all, which)
	if err != nil {
		return err
	}
	plan, err := effectOf(d.command, before)
	if err != nil {
		return err
	}
	result := acted{Command: d.command, Before: shares(before)}
	after := before
	if !plan.already {
		if err := a.agree(before, plan, f.yes); err != nil {
			return err
		}
		if result.By, err = session.Caller(ctx, found.cfg); err != nil {
			return err
		}
		command := rollout.Command{Name: d.command, By: result.By, Via: a.via(), Reason: f.reason, At: a.now().UTC()}
		request := rollout.CommandRequest{Action: rollout.ActionCommand, ID: before.ID, Target: before.Request.Target, Command: command}
		if err := found.invoke(ctx, "RolloutFunction", request, &after); err != nil {
			return err
		}
		result.Changed = true
	}
	if after, err = a.follow(ctx, records, after, f.wait); err != nil {
		return err
	}
	result.Rollout = a.rolloutView(after)
	return a.print(result, func(w io.Writer) { a.actedText(w, d, plan, result, after) })
}

// agree shows what is about to change, and asks.
func (a *app) agree(r rollout.Record, plan effect, yes bool) error {
	if !a.json {
		a.effectText(a.err, r, plan)
	}
	if yes {
		return nil
	}
	agreed, err := a.confirm(plan.question)
	if err == nil && !agreed {
		return failed("nothing was changed")
	}
	return err
}

// effectText shows the weights before and after.
func (a *app) effectText(w io.Writer, r rollout.Record, plan effect) {
	fmt.Fprintf(w, "%s  %s, rollout %s\n", a.bold(rolloutName(r)), a.phase(r.State.Phase, phaseText(r)), r.ID)
	if r.State.Why != "" {
		fmt.Fprintln(w, "  "+printable(r.State.Why))
	}
	t := table(w)
	now, then := shares(r), sharesAt(r, plan.weight)
	for i, s := range now {
		fmt.Fprintf(t, "  %s\t%3d %%\t→ %3d %%\t%s\t%.8s\n", s.Side, s.Weight, then[i].Weight, s.Stack, s.Commit)
	}
	_ = t.Flush()
	if plan.then != "" {
		fmt.Fprintln(w, "  "+plan.then)
	}
}

// follow reads the record until the weights that are wanted are in force.
func (a *app) follow(ctx context.Context, records rollout.Records, r rollout.Record, wait time.Duration) (rollout.Record, error) {
	for waited := time.Duration(0); !settled(r); waited += pollEvery {
		if waited >= wait {
			return r, fmt.Errorf("%s: the router has %d %% of the traffic at %s after %s, and %d %% is wanted; it goes on without this command: evenkeel rollout status %s",
				rolloutName(r), r.State.Weight, r.Request.Candidate.Name, wait, r.State.Target, rolloutPath(r))
		}
		if waited == 0 {
			a.progress("%s: waiting until the weights are in force", rolloutName(r))
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return r, fmt.Errorf("stopped waiting; the rollout of %s goes on: %w", rolloutName(r), err)
		}
		now, ok, err := records.Read(ctx, r.Request.Target)
		switch {
		case err != nil:
			return r, err
		case !ok || now.ID != r.ID:
			return r, fmt.Errorf("a newer rollout has begun in %s; evenkeel rollout status %s", rolloutName(r), rolloutPath(r))
		}
		r = now
	}
	return r, nil
}

func (a *app) actedText(w io.Writer, d deed, plan effect, result acted, after rollout.Record) {
	if result.Changed {
		done := d.done
		if plan.done != "" {
			done = plan.done
		}
		fmt.Fprintf(w, "%s %s as %s\n", a.green(done), rolloutName(after), result.By)
	} else {
		fmt.Fprintf(w, "%s: nothing to do, it is %s already\n", rolloutName(after), phases[after.State.Phase])
	}
	a.sharesText(w, after)
	n := nextOf(after, a.now())
	line := printable(n.What)
	if n.At != nil {
		line += "; " + a.at(*n.At)
	}
	wrapped(w, a.columns(), "next: ", "      ", line)
}
