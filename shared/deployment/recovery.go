package deployment

import (
	"context"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// recovering asks for an operation that puts the stack in order, a few times.
func recovering(r Release, to events.Target, stack Stack, operation string) (Release, error) {
	if r.Plan.Recoveries >= maxRecoveries {
		return r, fault.Permanent("the stack %s is in %s again, after %s on it. Next: %s",
			to.StackName, stack.Status, count(maxRecoveries, "operation"), remedy(stack.Status, to))
	}
	r.Plan.StackID, r.Plan.Recoveries = stack.ID, r.Plan.Recoveries+1
	return operate(r, operation), nil
}

// recovery begins an operation that ends what a failed one left, on a stack
// that is planned in the way wanted. One that was begun before is awaited; so is
// one that is under way and has no rows yet that tell whose it is: had somebody
// else begun it, the wait times out and the history decides.
func recovery(wanted string, begin func(*Service, context.Context, Release, events.Target, Stack) error) func(context.Context, *Service, Release, events.Target, func() error) (bool, error) {
	return func(ctx context.Context, s *Service, r Release, to events.Target, before func() error) (bool, error) {
		rows, err := s.Stacks.Events(ctx, to, r.Plan.StackID, token(r))
		if err != nil || len(rows) > 0 {
			return len(rows) > 0, err
		}
		stack, err := s.Stacks.Describe(ctx, to)
		switch {
		case err != nil:
			return false, err
		case stack.ID == r.Plan.StackID && planning(stack.Status) == planBusy:
			return true, nil
		case stack.ID != r.Plan.StackID || planning(stack.Status) != wanted:
			return false, fault.Conflict("the stack %s is in %s meanwhile; somebody else works on it", to.StackName, shownStatus(stack.Status))
		}
		if err := before(); err != nil {
			return false, err
		}
		return false, begin(s, ctx, r, to, stack)
	}
}

func shownStatus(status string) string {
	if status == "" {
		return "no status: it is gone"
	}
	return status
}

// deleteRemains deletes what a failed creation or deletion left, when nothing
// is there any more that could be lost.
func (s *Service) deleteRemains(ctx context.Context, r Release, to events.Target, stack Stack) error {
	if err := s.nothingLeft(ctx, to, stack); err != nil {
		return err
	}
	return s.Recoveries.Delete(ctx, to, token(r), nil)
}

func (s *Service) rollBack(ctx context.Context, r Release, to events.Target, _ Stack) error {
	return s.Recoveries.Rollback(ctx, to, token(r))
}

// goOn continues a rollback. It skips no resource: a skipped one is taken as
// restored although it is not, which only a person can answer for.
func (s *Service) goOn(ctx context.Context, r Release, to events.Target, _ Stack) error {
	return s.Recoveries.Continue(ctx, to, token(r), nil)
}

// nothingLeft refuses to delete a stack that still has resources, or that is
// protected: a person has to look at what would be lost.
func (s *Service) nothingLeft(ctx context.Context, to events.Target, stack Stack) error {
	if stack.Protected {
		return fault.Permanent("the stack %s is in %s and must be deleted before it can be created again, but it has termination protection. Next: %s",
			to.StackName, stack.Status, unprotect(to))
	}
	resources, err := s.Recoveries.Resources(ctx, to, stack.ID)
	if err != nil {
		return err
	}
	if left := remaining(resources); len(left) > 0 {
		return fault.Permanent("the stack %s is in %s and must be deleted before it can be created again, but has %s still: %s. Save what is needed. Next: %s",
			to.StackName, stack.Status, count(len(left), "resource"), listed(left), RecoverCommand(to))
	}
	return nil
}

// unprotect is the command that lets a person delete the stack.
func unprotect(to events.Target) string {
	return "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name " + to.StackName + " --region " + to.Region
}

// remaining lists the resources that exist although the stack's creation or
// deletion failed: retained ones (DELETE_SKIPPED) and those that could not be
// deleted. One without a physical id never came to be.
func remaining(resources []Resource) []Resource {
	left := []Resource{}
	for _, resource := range resources {
		if resource.PhysicalID != "" && resource.Status != "DELETE_COMPLETE" {
			left = append(left, resource)
		}
	}
	return left
}

// maxListed bounds the resources that one message names.
const maxListed = 10

func listed(resources []Resource) string {
	var names []string
	for i, resource := range resources {
		if i == maxListed {
			names = append(names, "… and "+count(len(resources)-maxListed, "other"))
			break
		}
		names = append(names, resource.LogicalID+" ("+resource.Type+" "+resource.PhysicalID+", "+resource.Status+")")
	}
	return strings.Join(names, ", ")
}

// RecoverCommand is what a person types to recover the stack.
func RecoverCommand(to events.Target) string {
	command := "evenkeel recover " + to.Account + "/" + to.Region + "/" + to.StackName
	if to.Role != "" {
		command += " --role " + to.Role + " --repository " + to.Owner
	}
	return command
}

// executed says what the status means that a stack has after the execution of
// its change set.
// Source: CloudFormation user guide, "Stack status codes".
func executed(r Release, status string) (result, undo string) {
	_, stack, _ := r.Current()
	switch planning(status) {
	case planUpdate:
		if strings.Contains(status, "ROLLBACK") {
			return ResultRolledBack, ""
		}
		return ResultDeployed, ""
	case planGoOn:
		return ResultUndo, OperationContinue
	case planBack:
		if stack.Rollback.Disable {
			return ResultStuck, "" // evenkeel.yaml wants it left as it is
		}
		return ResultUndo, OperationRollback
	}
	if status == "ROLLBACK_COMPLETE" {
		return ResultRolledBack, ""
	}
	return ResultStuck, ""
}

// deletedRemains is for the status of a stack whose remains were deleted.
func deletedRemains(_ Release, status string) (result, undo string) {
	if status == "DELETE_COMPLETE" {
		return ResultPlanAgain, ""
	}
	return ResultStuck, ""
}

// wentBack is for the status of a stack that RollbackStack rolled back. It may
// delete a stack that never was complete.
// Source: CloudFormation API reference, RollbackStack.
func wentBack(r Release, status string) (result, undo string) {
	switch {
	case slices.Contains([]string{"UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}, status):
		return recovered(r), ""
	case status == "UPDATE_ROLLBACK_FAILED" && r.Plan.Failed:
		return ResultUndo, OperationContinue
	case status == "UPDATE_ROLLBACK_FAILED":
		return ResultPlanAgain, ""
	default:
		return ResultStuck, ""
	}
}

// wentOn is for the status of a stack whose rollback was continued.
func wentOn(r Release, status string) (result, undo string) {
	if status == "UPDATE_ROLLBACK_COMPLETE" {
		return recovered(r), ""
	}
	return ResultStuck, ""
}

// recovered is the result of a recovery that worked: the end, after a failed
// execution of this run; else the beginning.
func recovered(r Release) string {
	if r.Plan.Failed {
		return ResultRolledBack
	}
	return ResultPlanAgain
}
