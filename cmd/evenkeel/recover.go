//go:build !validator

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// recoverFlags are the flags of recover.
type recoverFlags struct {
	skip             []string
	stage, stack     string // of the run, when several stacks of it failed
	role, repository string
	yes              bool
	wait             time.Duration
}

func newRecoverCommand(a *app) *cobra.Command {
	f := &recoverFlags{wait: time.Hour}
	cmd := &cobra.Command{
		Use:   "recover run|account/region/stack",
		Short: "Bring a stack back that a failed deployment left",
		Long: `Show how the stack stands and which resources are left, ask, and do what recovers it: continue a
rollback that failed, roll back what failed with rollback disabled, or delete what a failed creation
or deletion left. It is done by the deployment function under the stack's lock, and recorded with your name.

--skip leaves a resource as it is. A continued rollback takes it as restored although it is not: mend
it by hand afterwards. A deletion leaves it behind, without a stack. Ctrl-C stops the waiting only.
Exit code 1 when the stack is not in order at the end.`,
		Example: `  evenkeel recover 1f0c9a7b
  evenkeel recover 222222222222/us-east-1/shop-data-test --skip Table`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.recoverStack(cmd.Context(), args[0], *f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.skip, "skip", nil, "logical id of a resource that is left as it is; may be repeated")
	flags.StringVar(&f.stage, "stage", "", "stage of the run's stack, when several failed")
	flags.StringVar(&f.stack, "stack", "", "name of the run's stack, when several failed")
	flags.StringVar(&f.role, "role", "", "the role of the stage, when evenkeel.yaml names one")
	flags.StringVar(&f.repository, "repository", "", "the repository that the stack is deployed for, with --role")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.DurationVar(&f.wait, "timeout", f.wait, "how long to wait for the end")
	return cmd
}

func (a *app) recoverStack(ctx context.Context, which string, f recoverFlags) error {
	found, reader, err := a.records(ctx)
	if err != nil {
		return err
	}
	request, err := recoveryOf(ctx, reader, which, f)
	if err != nil {
		return err
	}
	answer, err := found.recover(ctx, request)
	if err != nil {
		return err
	}
	if answer.State == deployment.RecoveryNeeded {
		if !f.yes {
			a.recoveryText(a.err, request, answer)
			agreed, err := a.confirm(question(request, answer))
			if err != nil {
				return err
			}
			if !agreed {
				return failed("nothing was changed")
			}
		}
		if request.By, err = session.Caller(ctx, found.cfg); err != nil {
			return err
		}
		request.Begin, request.Operation = true, answer.Operation
	}
	if answer, err = a.followRecovery(ctx, found, request, answer, f.wait); err != nil {
		return err
	}
	if err := a.print(answer, func(w io.Writer) { a.recoveryText(w, request, answer) }); err != nil {
		return err
	}
	if answer.State != deployment.RecoveryDone {
		return failed("the stack is not in order")
	}
	return nil
}

func (i *installation) recover(ctx context.Context, request deployment.Recovery) (deployment.Recovered, error) {
	var answer deployment.Recovered
	err := i.invoke(ctx, "DeploymentFunction", deployment.Request{Action: deployment.ActionRecover, Recovery: request}, &answer)
	return answer, err
}

// followRecovery asks again until the recovery has ended. Each question keeps
// the stack's lock.
func (a *app) followRecovery(ctx context.Context, found *installation, request deployment.Recovery, answer deployment.Recovered, wait time.Duration) (deployment.Recovered, error) {
	told := ""
	for waited := time.Duration(0); answer.State == deployment.RecoveryRunning || answer.State == deployment.RecoveryNeeded; waited += recoverEvery {
		if waited >= wait {
			return answer, fmt.Errorf("the recovery of %s still runs after %s; it goes on without this command", request.Target.StackName, wait)
		}
		if waited > 0 {
			if err := sleep(ctx, recoverEvery); err != nil {
				return answer, fmt.Errorf("stopped waiting; the recovery of %s goes on: %w", request.Target.StackName, err)
			}
		}
		var err error
		if answer, err = found.recover(ctx, request); err != nil {
			return answer, err
		}
		if answer.State == deployment.RecoveryNeeded && (!request.Begin || answer.Operation != request.Operation) {
			return answer, fmt.Errorf("the stack %s is in %s now, which needs something else; run evenkeel recover again", request.Target.StackName, answer.Status)
		}
		if answer.Status != told && answer.State == deployment.RecoveryRunning {
			told = answer.Status
			a.progress("%s: %s", request.Target.StackName, told)
		}
	}
	return answer, nil
}

// recoverEvery is how often the function is asked: it asks CloudFormation in
// turn, which throttles.
const recoverEvery = 2 * time.Second

var stackPath = regexp.MustCompile(`^([0-9]{12})/([a-z0-9-]+)/([a-zA-Z][a-zA-Z0-9-]*)$`)

// recoveryOf finds the stack that is meant: named in full, or by its run.
func recoveryOf(ctx context.Context, reader *ledger.Reader, which string, f recoverFlags) (deployment.Recovery, error) {
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return deployment.Recovery{}, err
	}
	request := deployment.Recovery{ID: hex.EncodeToString(id), Skip: append([]string{}, f.skip...), Repository: f.repository}
	if parts := stackPath.FindStringSubmatch(which); parts != nil {
		request.Target = events.Target{Account: parts[1], Region: parts[2], StackName: parts[3], Role: f.role}
		return request, nil
	}
	run, err := runID(ctx, reader, which)
	if err != nil {
		return request, err
	}
	report, err := reader.Run(ctx, run)
	if err != nil {
		return request, err
	}
	request.RunID, request.Repository = run, report.Repository
	request.Target, err = failedStack(report, f)
	return request, err
}

// failedStack is the one stack of the run that failed.
func failedStack(report ledger.RunReport, f recoverFlags) (events.Target, error) {
	var targets []events.Target
	for _, stage := range report.Stages {
		for _, stack := range stage.Stacks {
			if (f.stage == "" || stage.Name == f.stage) && (f.stack == "" || stack.Stack == f.stack) && (stack.Failure != nil || f.stack != "") {
				targets = append(targets, stack.Target)
			}
		}
	}
	switch len(targets) {
	case 1:
		return targets[0], nil
	case 0:
		return events.Target{}, notFound("the run %s has no stack that failed; name it in full: account/region/stack", report.RunID)
	}
	names := []string{}
	for _, t := range targets {
		names = append(names, t.Stage+"/"+t.Stack)
	}
	slices.Sort(names)
	return events.Target{}, usageError("several stacks of run %s failed: %s; say which with --stage and --stack", report.RunID, strings.Join(names, ", "))
}

// question says what agreeing does.
func question(request deployment.Recovery, answer deployment.Recovered) string {
	what := map[string]string{
		deployment.OperationContinue: "Continue its rollback",
		deployment.OperationRollback: "Roll it back",
		deployment.OperationDelete:   "Delete the stack",
	}[answer.Operation]
	if len(request.Skip) > 0 {
		what += ", and leave " + strings.Join(request.Skip, ", ") + " as it is"
	}
	return what + "?"
}

func (a *app) recoveryText(w io.Writer, request deployment.Recovery, r deployment.Recovered) {
	t, status := request.Target, r.Status
	if status == "" {
		status = "gone"
	}
	line := fmt.Sprintf("%s in %s/%s: %s, %s", a.bold(t.StackName), t.Account, t.Region, status, a.recoveryState(r.State))
	if r.Reason != "" {
		line += ": " + printable(r.Reason)
	}
	fmt.Fprintln(w, line)
	for _, resource := range r.Resources {
		fmt.Fprintf(w, "  %s  %s  %s  %s %s\n", resource.LogicalID, resource.Type, resource.PhysicalID, resource.Status, printable(resource.Reason))
	}
	if r.Next != "" {
		fmt.Fprintln(w, "next: "+r.Next)
	}
}

func (a *app) recoveryState(state string) string {
	switch state {
	case deployment.RecoveryDone:
		return a.green("in order")
	case deployment.RecoveryStuck:
		return a.red("a person is needed")
	default:
		return a.yellow("to be recovered")
	}
}
