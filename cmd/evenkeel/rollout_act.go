//go:build !validator

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// deed is a command that changes a rollout.
type deed struct {
	done        string // "promoted"
	short, long string
	phases      []rollout.Phase // in which there is something to do
}

// deeds are the commands by their names.
func deeds() map[string]deed {
	return map[string]deed{
		rollout.CommandPromote: {"promoted", "Give the new side all traffic now", `Give the new side all traffic at once and make it the live one, whatever steps and measurements are left.
A rollout that is being aborted is not promoted: push again.`, []rollout.Phase{rollout.Stepping, rollout.Paused}},
		rollout.CommandPause: {"paused", "Hold a rollout where it is", `Keep the weights as they are until somebody resumes, promotes or aborts the rollout. When nobody does for
its pauseTimeout, it is aborted.`, []rollout.Phase{rollout.Stepping}},
		rollout.CommandResume: {"resumed", "Let a paused rollout go on", `Let a rollout go on that waits for a person. Where evenkeel.yaml wants a person, and where the metrics said
neither yes nor no, it goes on with the next step; after any other pause the step is watched anew.`, []rollout.Phase{rollout.Paused}},
		rollout.CommandAbort: {"aborted", "Give the traffic back, or switch back", `Give all traffic back to the live side, now; the run ends RolledBack. Of a promoted rollout, while its old
side is kept, it is the switch back: the old side is the live one again, at once and without a deployment.`,
			[]rollout.Phase{rollout.Stepping, rollout.Paused, rollout.Promoting, rollout.Promoted}},
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

func newDeedCommand(a *app, name string, d deed) *cobra.Command {
	f := &deedFlags{wait: followFor}
	cmd := &cobra.Command{
		Use:   name + " stage/stack|account/region/stack|run",
		Short: d.short,
		Long: d.long + `

It shows the weights before and after, asks, does it through the rollout function with your name in the
ledger, and prints the weights that are in force at the end. Ctrl-C stops the waiting only.`,
		Example:           fmt.Sprintf("  evenkeel rollout %[1]s prod/api\n  evenkeel rollout %[1]s 333333333333/us-east-1/shop-api-prod --yes --reason \"seen by the team\"", name),
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: a.rolloutNames(func(r rollout.Record) bool { return slices.Contains(d.phases, r.State.Phase) }),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.act(cmd.Context(), name, args[0], *f) },
	}
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; kept in the ledger")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().DurationVar(&f.wait, "timeout", f.wait, "how long to wait until the weights are in force")
	return cmd
}

// acted is what became of a deed.
type acted struct {
	Command string      `json:"command"`
	By      string      `json:"by"`
	Changed bool        `json:"changed"` // false: it was so already
	Before  []share     `json:"before"`
	Rollout rolloutView `json:"rollout"`
}

func (a *app) act(ctx context.Context, name, which string, f deedFlags) error {
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
	command := rollout.Command{Name: name, Via: a.via(), Reason: f.reason, At: a.now().UTC()}
	plan, err := effectOf(command, before)
	if err != nil {
		return err
	}
	if !plan.already {
		if err := a.agree(before, plan, f.yes); err != nil {
			return err
		}
	}
	if command.By, err = session.Caller(ctx, found.cfg); err != nil {
		return err
	}
	// What is so already is ordered all the same: that completes what an
	// interrupted first try left undone.
	request := rollout.CommandRequest{Action: rollout.ActionCommand, ID: before.ID, Target: before.Request.Target, Command: command}
	after, err := a.order(ctx, found, request)
	if err != nil {
		return err
	}
	if after, err = a.follow(ctx, records, after, f.wait); err != nil {
		return err
	}
	result := acted{Command: name, By: command.By, Changed: !plan.already, Before: shares(before), Rollout: a.rolloutView(after)}
	return a.print(result, func(w io.Writer) { a.actedText(w, plan, result, after) })
}

// orders is how often a command is given that the function could not finish.
const orders = 5

// order gives the command, again when it was written down and not done: the
// workflow would do it at its next look only, and that may be hours away.
func (a *app) order(ctx context.Context, found *installation, request rollout.CommandRequest) (after rollout.Record, err error) {
	pause := pollEvery
	for i := range orders {
		err = found.invoke(ctx, "RolloutFunction", request, &after)
		var failure *functionError
		if !errors.As(err, &failure) || failure.kind == fault.ConflictError || failure.kind == fault.PermanentError || i == orders-1 {
			break
		}
		a.progress("%v; trying again", err)
		if err := sleep(ctx, pause); err != nil {
			return after, fmt.Errorf("stopped before the %s was done: evenkeel rollout status %s: %w", request.Command.Name, targetPath(request.Target), err)
		}
		pause *= 2
	}
	return after, err
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

func (a *app) actedText(w io.Writer, plan effect, result acted, after rollout.Record) {
	if result.Changed {
		fmt.Fprintf(w, "%s %s as %s\n", a.green(plan.done), rolloutName(after), result.By)
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
