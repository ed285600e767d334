package simulator

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// childFailed leaves a nested stack whose update failed to its parent's
// rollback, or as it is, and gives the resource's reason (CFN-71).
func (x *execution) childFailed(reason string, err error) error {
	if x.r.sim.ctx.Err() != nil {
		return errCancelled
	}
	status := types.StackStatusUpdateRollbackInProgress
	if x.op.onFailure == types.OnStackFailureDoNothing {
		status = types.StackStatusUpdateFailed
		x.leaveChildren()
		x.end(status, reason, true)
	} else {
		x.status(status, reason)
	}
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	x.s.undo = x
	if err != nil {
		return err
	}
	return fmt.Errorf("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", x.s.id, status, reason) //nolint:staticcheck // CloudFormation's own sentence
}

// leaveChildren ends the updates of nested stacks whose parent is left as it
// failed: they keep what is needed to roll them back.
func (x *execution) leaveChildren() {
	for _, id := range sortedKeys(x.children) {
		if child := x.children[id]; child.op.kind == types.OperationTypeUpdateStack && child.op.ended == nil {
			child.leaveChildren()
			child.end(types.StackStatusUpdateComplete, "", false)
		}
	}
}

// restoreChild rolls the nested stack of a resource back, if it was updated.
func (x *execution) restoreChild(ctx context.Context, old *resource, skip skipping) error {
	x.r.mu.Lock()
	was := x.children[old.logicalID]
	if was == nil || was.s.status == types.StackStatusUpdateRollbackComplete {
		x.r.mu.Unlock()
		return nil
	}
	cx := *was
	if cx.op.ended != nil {
		cx.op = newOperation(x.op.kind, x.op.token)
		cx.op.retainExceptOnCreate = x.op.retainExceptOnCreate
		x.r.begun(cx.s, cx.op)
	}
	x.children[old.logicalID] = &cx
	x.r.mu.Unlock()
	cx.rollbackUpdate(ctx, "", skip)
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	if cx.s.status != types.StackStatusUpdateRollbackComplete {
		return fmt.Errorf("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", cx.s.id, cx.s.status, cx.s.statusReason) //nolint:staticcheck // CloudFormation's own sentence
	}
	return nil
}

// deleteChild deletes the nested stack of a resource (CFN-73).
func (r *region) deleteChild(ctx context.Context, parent *operation, res *resource) error {
	r.mu.Lock()
	child := r.findStack(res.identifier)
	if child == nil || child.status == types.StackStatusDeleteComplete {
		r.mu.Unlock()
		return nil
	}
	for _, output := range child.outputs {
		name := aws.ToString(output.ExportName)
		if users := r.importers(name); name != "" && len(users) > 0 {
			r.mu.Unlock()
			return fmt.Errorf("Cannot delete export %s as it is in use by %s.", name, strings.Join(users, ", ")) //nolint:staticcheck,revive // CloudFormation's own sentence
		}
	}
	op := newOperation(types.OperationTypeDeleteStack, parent.token)
	op.force, op.retainExceptOnCreate = parent.force, parent.retainExceptOnCreate
	op.undoes = parent.undoes || parent.kind != types.OperationTypeDeleteStack
	r.begun(child, op)
	r.mu.Unlock()
	r.deleteEverything(ctx, child, op, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if child.status != types.StackStatusDeleteComplete {
		return fmt.Errorf("Embedded stack %s was not successfully deleted: %s", child.id, child.statusReason) //nolint:staticcheck // in the words of its siblings
	}
	return nil
}
