package deployment

import (
	"context"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// Verify confirms that the stack is complete, lists it for drift detection and
// announces it. It also ends the step of an empty plan, whose failed change set
// would keep its name and its place for ever.
func (s *Service) Verify(ctx context.Context, r Release) (Release, error) {
	to, err := target(r)
	if err != nil {
		return r, err
	}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return r, err
	}
	if kind := planning(stack.Status); kind == planBusy {
		return r, fault.Conflict("the stack %s is busy (%s) right after its deployment", to.StackName, stack.Status)
	} else if kind != planUpdate {
		return r, fault.Permanent("the stack %s is in %s after its deployment; next: %s", to.StackName, stack.Status, remedy(stack.Status, to.StackName, to.Region))
	}
	if r.Plan.Empty {
		if err := s.discard(ctx, to, r.Plan.ChangeSetID); err != nil {
			return r, err
		}
	}
	ref := events.StackRef{
		StackID: stack.ID, StackName: to.StackName, Account: to.Account, Region: to.Region,
		Repository: r.Repository, Stage: to.Stage, RunID: r.RunID,
	}
	if err := s.Registry.Record(ctx, ref); err != nil {
		return r, err
	}
	deployed := events.StackDeployed{
		Run: r.Run(), Target: to, ChangeSetID: r.Plan.ChangeSetID, Unchanged: r.Plan.Empty, Outputs: shownOutputs(stack.Outputs),
	}
	if err := s.Publisher.Publish(ctx, s.fact(r, deployed, to.Stage, to.Stack)); err != nil {
		return r, err
	}
	r.Plan.Verified = true
	return r, nil
}

// shownOutputs hides the outputs whose name tells of a secret: whoever may read
// the ledger need not be allowed to read the stack.
func shownOutputs(outputs map[string]string) map[string]string {
	shown := make(map[string]string, len(outputs))
	for name, value := range outputs {
		shown[name] = redact.Value("/Outputs/"+name, value)
	}
	return shown
}
